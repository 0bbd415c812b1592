import assert from "node:assert/strict";
import fc from "fast-check";
import { findCallFault, nameAgent } from "./call_target.ts";

const policy = { allowedAgentHosts: ["agents.example.com", "localhost:8443"] };
const origin = "https://project.example.org";

Deno.test("paths of the project and https URLs on allowed hosts are accepted", () => {
  for (
    const call of [
      "/functions/v1/agent-proxy/snapshot",
      "/functions/v1/agent-proxy/clo/begin-week?mode=fast&x=%20",
      "/functions/v1/notify",
      "/rest/v1/rpc/anything",
      "https://agents.example.com",
      "https://agents.example.com/score?x=1",
      "https://AGENTS.example.com/score",
      "https://localhost:8443/a",
      "/a/..b/c...",
    ]
  ) assert.equal(findCallFault(call, policy), null, call);
});

Deno.test("calls that would leave the project or the allowed hosts are refused", () => {
  const faults: [string, RegExp][] = [
    ["functions/v1/a", /must start with \/ or https/],
    ["http://agents.example.com/a", /must start with \/ or https/],
    ["HTTPS://agents.example.com/a", /must start with \/ or https/],
    ["//evil.example.com/a", /one slash/],
    ["/\\evil.example.com/a", /one slash/],
    ["/functions/v1/../../auth/v1/admin", /the segment \.\./],
    ["/functions/v1/%2e%2E/x", /the segment \.\./],
    ["/functions/v1/./x", /the segment \./],
    ["/functions/v1/a%2F..%2Fx", /escape a slash/],
    ["/functions/v1/a%5cx", /escape a slash/],
    ["/functions/v1/a%00", /control character/],
    ["/functions/v1/a%zz", /bad percent escape/],
    ["/functions/v1/a b", /must not contain " "/],
    ["/functions/v1/a#part", /must not contain "#"/],
    ["/functions/v1/a\nX-Header: 1", /must not contain "\\n"/],
    ["/functions/v1/ä", /must not contain "ä"/],
    ["/functions/v1/", /must name a function/],
    ["/functions/v1//a", /must name a function/],
    ["/functions/v1/?a=1", /must name a function/],
    ["https://user:secret@agents.example.com/a", /credentials/],
    ["https://@agents.example.com/a", /credentials/],
    ["https://agents.example.com@evil.example.com/", /credentials/],
    ["https://agents.example.com/../a", /the segment \.\./],
    ["https://evil.example.com/a", /host evil\.example\.com, which the setting/],
    ["https://agents.example.com:8443/a", /host agents\.example\.com:8443/],
    ["https://", /must be a valid URL/],
    ["https://a:99999/", /must be a valid URL/],
  ];
  for (const [call, fault] of faults) assert.match(findCallFault(call, policy) ?? "", fault, call);
});

Deno.test("an accepted path stays on the project's origin and is not rewritten by the URL parser", () => {
  const piece = fc.constantFrom("/", "\\", ".", "..", "%2e", "%2f", "@", ":", "a", "?", "#", " ");
  fc.assert(fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
    const call = "/" + pieces.join("");
    if (findCallFault(call, policy) !== null) return;
    const url = new URL(call, origin);
    assert.equal(url.origin, origin);
    assert.equal(url.pathname, call.split("?", 1)[0]);
  }));
});

Deno.test("an accepted https URL goes to a listed host", () => {
  const piece = fc.constantFrom("agents.example.com", "evil.com", "/", "@", ":", "?", ".", "\\");
  fc.assert(fc.property(fc.array(piece, { maxLength: 6 }), (pieces) => {
    const call = "https://" + pieces.join("");
    if (findCallFault(call, policy) !== null) return;
    assert.ok(policy.allowedAgentHosts.includes(new URL(call).host), call);
  }));
});

Deno.test("the agent is named by the segment after the function, else by function or host", () => {
  assert.equal(nameAgent("/functions/v1/agent-proxy/clo/begin-week"), "clo");
  assert.equal(nameAgent("/functions/v1/agent-proxy/snapshot?x=1"), "snapshot");
  assert.equal(nameAgent("/functions/v1/notify"), "notify");
  assert.equal(nameAgent("/functions/v1/notify/?x=/a"), "notify");
  assert.equal(nameAgent("https://Agents.example.com:8443/score"), "agents.example.com:8443");
  assert.equal(nameAgent("/hooks/in"), "hooks");
  assert.equal(nameAgent("/"), "/");
});
