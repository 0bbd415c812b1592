import assert from "node:assert/strict";
import type { HookScheme } from "../contract/hooks.ts";
import { OrchestratorError } from "../contract/errors.ts";
import { identifyDelivery, readContents } from "./contents.ts";
import { API_KEY_SETTINGS, HMAC_SETTINGS } from "./fake_senders.ts";

const GITHUB: HookScheme = { preset: "github", settings: {} };
const SLACK: HookScheme = { preset: "slack", settings: {} };

const deliver = (body: string, headers: Record<string, string> = {}) => ({
  headers: new Headers(headers),
  raw: new TextEncoder().encode(body),
});
const read = (body: string, type?: string, scheme = GITHUB) =>
  readContents(deliver(body, type === undefined ? {} : { "content-type": type }), scheme, "s").body;

const FORM = "application/x-www-form-urlencoded";

Deno.test("a body is JSON whatever it is called, else a form, else the text that it says it is", () => {
  assert.deepEqual(read('{"a":1}', "application/json; charset=utf-8"), { a: 1 });
  assert.deepEqual(read('{"a":1}', FORM), { a: 1 });
  assert.deepEqual(read('{"a":1}'), { a: 1 });
  assert.deepEqual(read("a=1&b=x+y", FORM), { a: "1", b: "x y" });
  assert.equal(read("<a/>", "text/xml"), "<a/>");
  assert.equal(read(""), null);
});

Deno.test("JSON that is the one field of a form is the body", () => {
  const form = new URLSearchParams({ payload: '{"action":"opened"}' }).toString();
  assert.deepEqual(read(form, FORM), { action: "opened" });
  assert.deepEqual(read(`${form}&more=1`, FORM), { payload: '{"action":"opened"}', more: "1" });
  assert.deepEqual(read("payload=plain", FORM), { payload: "plain" });
});

Deno.test("a body that is broken is refused with its place, and without its text", () => {
  const refusals: [body: string | Uint8Array<ArrayBuffer>, kind: string, message: RegExp][] = [
    ['{"secret_thing": tru', "invalid", /not valid JSON at line 1, column 18/],
    ["Hello, World!", "invalid", /not valid JSON/],
    [new Uint8Array([0x22, 0xff, 0x22]), "invalid", /not UTF-8/],
    ['{"a":{"b":"\\u0000"}}', "unprocessable", /\\u0000.* at a\.b/],
    [`${"[".repeat(600)}${"]".repeat(600)}`, "unprocessable", /nested deeper than/],
  ];
  for (const [body, kind, message] of refusals) {
    const raw = typeof body === "string" ? new TextEncoder().encode(body) : body;
    assert.throws(
      () => readContents({ headers: new Headers(), raw }, GITHUB, "s"),
      (error: OrchestratorError) => {
        assert.equal(error.kind, kind);
        assert.match(error.message, message);
        assert.doesNotMatch(Deno.inspect(error), /secret_thing|Hello/);
        return true;
      },
    );
  }
});

Deno.test("headers are kept in lower case, without credentials and without those of the way", () => {
  const kept = {
    "content-type": "application/json",
    "x-github-event": "push",
    "webhook-id": "m",
    "x-shopify-topic": "orders/paid",
    "user-agent": "a",
    "x-monkey-business": "yes",
  };
  const dropped = {
    authorization: "Bearer a",
    apikey: "a",
    cookie: "a",
    "x-api-key": "a",
    "x-hub-signature": "a",
    "x-hub-signature-256": "a",
    "webhook-signature": "a",
    "x-gitlab-token": "a",
    "x-shopify-hmac-sha256": "a",
    "x-my-secret": "a",
    host: "a",
    "content-length": "2",
    "x-forwarded-for": "1.2.3.4",
    "accept-encoding": "gzip",
  };
  const delivery = deliver("{}", { ...kept, ...dropped });
  assert.deepEqual(readContents(delivery, GITHUB, "s").headers, kept);
});

Deno.test("the header that a source names for its signature or key is no part of the event", () => {
  const settings = { ...HMAC_SETTINGS, header: "x-proof" };
  const delivery = deliver("{}", { "x-proof": "a", "x-own-time": "1" });
  const { headers } = readContents(delivery, { preset: "hmac", settings }, "s");
  assert.deepEqual(headers, { "x-own-time": "1" });
});

Deno.test("Slack's verification token is no part of the event", () => {
  assert.deepEqual(read('{"token":"a","type":"event_callback"}', undefined, SLACK), {
    type: "event_callback",
  });
  assert.deepEqual(read("token=a&text=b", FORM, SLACK), { text: "b" });
  assert.deepEqual(read('{"token":"a"}'), { token: "a" });
});

Deno.test("a delivery's id is the sender's, else the digest of the body", async () => {
  const identify = (
    scheme: HookScheme,
    body: string,
    headers: Record<string, string> = {},
  ) => {
    const delivery = deliver(body, headers);
    return identifyDelivery(delivery, scheme, readContents(delivery, scheme, "s"));
  };
  const standard: HookScheme = { preset: "standard", settings: {} };
  const stripe: HookScheme = { preset: "stripe", settings: {} };
  assert.equal(await identify(standard, "{}", { "webhook-id": "msg_1" }), "msg_1");
  assert.equal(await identify(GITHUB, "{}", { "X-GitHub-Delivery": "guid" }), "guid");
  assert.equal(await identify(stripe, '{"id":"evt_1"}'), "evt_1");
  assert.equal(await identify(SLACK, '{"event_id":"Ev1"}'), "Ev1");
  for (
    const scheme of [
      { preset: "hmac", settings: HMAC_SETTINGS },
      { preset: "api_key", settings: API_KEY_SETTINGS },
    ] satisfies HookScheme[]
  ) {
    assert.equal(await identify(scheme, "{}", { "x-own-id": "7" }), "7");
  }
  const digest = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
  assert.equal(await identify(GITHUB, "{}"), digest);
  assert.equal(await identify(stripe, "{}"), digest);
  assert.notEqual(await identify(stripe, '{"id":7}'), digest);
  assert.match(await identify(GITHUB, "{}", { "x-github-delivery": "x".repeat(201) }), /^sha256:/);
});
