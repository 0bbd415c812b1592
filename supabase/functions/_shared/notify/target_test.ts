import assert from "node:assert/strict";
import { isPublicAddress } from "./address.ts";
import { findAddresses, findTargetFault } from "./target.ts";

const NONE = { allowedWebhookHosts: [] };

Deno.test("an https:// URL of a public name or address is taken", () => {
  for (
    const url of [
      "https://hooks.example.com/in?token=1",
      "https://hooks.example.com:8443/",
      "https://hooks.example.com:443/",
      "https://hooks.example.com./",
      "https://8.8.8.8/",
      "https://[2606:4700::1111]/",
    ]
  ) assert.equal(findTargetFault(url, "webhook", NONE), null, url);
});

Deno.test("addresses of this machine and of networks nearby are refused, however they are spelled", () => {
  for (
    const host of [
      "127.0.0.1",
      "2130706433",
      "0x7f.1",
      "0177.0.0.1",
      "①②⑦.0.0.1",
      "0.0.0.0",
      "10.1.2.3",
      "172.31.255.255",
      "192.168.0.1",
      "100.64.0.1",
      "169.254.169.254",
      "224.0.0.1",
      "255.255.255.255",
      "[::1]",
      "[::]",
      "[::ffff:127.0.0.1]",
      "[::ffff:7f00:1]",
      "[64:ff9b::a9fe:a9fe]",
      "[64:ff9b:1::1]",
      "[fd00::1]",
      "[fe80::1]",
      "[ff02::1]",
      "[2002:7f00:1::]",
      "[2001:db8::1]",
      "localhost",
      "localhost.",
      "a.localhost",
      "metadata",
      "metadata.google.internal",
      "printer.local",
      "127.0.0.1,example.com",
      "127.0.0.1;example.com",
      "a..example.com",
    ]
  ) {
    const fault = findTargetFault(`https://${host}/`, "webhook", NONE);
    assert.match(fault ?? "taken", /^must not lead to .*, which is not a public/, host);
  }
});

Deno.test("the edges of closed networks are where the registries have them", () => {
  const closed = [
    "172.16.0.0",
    "100.127.255.255",
    "198.19.255.255",
    "::ffff:10.0.0.1",
    "3fff:fff::",
  ];
  const open = [
    "172.15.255.255",
    "172.32.0.0",
    "100.128.0.0",
    "198.20.0.0",
    "::ffff:1.1.1.1",
    "64:ff9b::101:101",
    "2000::",
    "3fff:1000::",
  ];
  assert.deepEqual(closed.filter(isPublicAddress), []);
  assert.deepEqual(open.filter((address) => !isPublicAddress(address)), []);
  for (const nonsense of ["", "fe80::1%eth0", "1.2.3", "256.1.1.1"]) {
    assert.equal(isPublicAddress(nonsense), false, nonsense);
  }
});

Deno.test("schemes, ports, credentials and fragments are held to, and Slack to its host", () => {
  const faults: [url: string, kind: "slack" | "webhook", fault: RegExp][] = [
    ["hooks.example.com", "webhook", /must be an https/],
    ["ftp://hooks.example.com/", "webhook", /must be an https/],
    ["http://hooks.example.com/", "webhook", /must begin with https/],
    ["https://hooks.example.com:22/", "webhook", /port 443 or 8443, got 22/],
    ["https://me@hooks.example.com/", "webhook", /credentials/],
    ["https://hooks.example.com/#x", "webhook", /fragment/],
    ["https://hooks.slack.com.evil.example/", "slack", /https:\/\/hooks\.slack\.com\//],
    ["https://hooks.slack.com:8443/", "slack", /https:\/\/hooks\.slack\.com\//],
  ];
  for (const [url, kind, fault] of faults) {
    assert.match(findTargetFault(url, kind, NONE) ?? "taken", fault, url);
  }
  assert.equal(findTargetFault("https://hooks.slack.com/services/T/B/x", "slack", NONE), null);
});

Deno.test("an allowed host is taken as it is, with its port, and no other", () => {
  const policy = { allowedWebhookHosts: ["127.0.0.1:8080"] };
  assert.equal(findTargetFault("http://127.0.0.1:8080/", "slack", policy), null);
  assert.notEqual(findTargetFault("http://127.0.0.1:8081/", "webhook", policy), null);
  assert.match(findTargetFault("http://a:b@127.0.0.1:8080/", "webhook", policy)!, /credentials/);
});

Deno.test("one address of a name that is not public closes it", async () => {
  const url = new URL("https://hooks.example.com/");
  const resolve = (...addresses: string[]) => () => Promise.resolve(addresses);
  const ask = (...addresses: string[]) => findAddresses(url, NONE, resolve(...addresses));
  assert.deepEqual(await ask("8.8.8.8", "2606:4700::1"), {
    addresses: ["8.8.8.8", "2606:4700::1"],
  });
  assert.deepEqual(await ask("8.8.8.8", "fd00::1"), {
    fault: "hooks.example.com leads to fd00::1, which is not a public address",
  });
});

Deno.test("where the name of an allowed host leads is the operator's matter, and of no other port", async () => {
  const policy = { allowedWebhookHosts: ["hooks.example.com:8443"] };
  const ask = (url: string) =>
    findAddresses(new URL(url), policy, () => Promise.resolve(["10.0.0.1"]));
  assert.deepEqual(await ask("https://hooks.example.com:8443/"), { addresses: ["10.0.0.1"] });
  assert.ok("fault" in await ask("https://hooks.example.com/"));
});
