// POST /http: one guarded call with the service's credentials, and where those may not go.
import assert from "node:assert/strict";
import { expectProblem, type Json, openHttpStack } from "./http_stack.ts";

const it = await openHttpStack();
Deno.test.afterAll(() => it.stop());

const call = (body: unknown) => it.ask("POST", "/orchestrator/http", { body });
const AGENTS = "/functions/v1/agent-proxy";

Deno.test("an agent is called with service credentials, the idempotency key and the body", async () => {
  const { status, body, text } = await call({
    call: `${AGENTS}/echo`,
    body: { user_id: "u", deep: { a: [1] } },
    idempotency_key: "call-1",
  });
  assert.equal(status, 200, text);
  assert.deepEqual([body.status, body.ok], [200, true]);
  const output = body.output as Json;
  assert.deepEqual(output.sent, { user_id: "u", deep: { a: [1] } });
  assert.deepEqual([output.has_authorization, output.has_apikey], [true, true]);
  const headers = output.headers as Json;
  assert.deepEqual([headers["x-idempotency-key"], headers["idempotency-key"]], [
    "call-1",
    "call-1",
  ]);
});

Deno.test("a GET is called without a body", async () => {
  const { body } = await call({ call: `${AGENTS}/snapshot?user_id=u7`, method: "GET" });
  assert.deepEqual([body.ok, (body.output as Json).user_id], [true, "u7"]);
});

Deno.test("what went wrong with the agent is an answer, told as a step would be", async () => {
  const failing = (script: Json, more: Json = {}) =>
    call({ call: `${AGENTS}/notify`, body: { payload: { agents: { notify: script } } }, ...more });
  const cases: [answer: Promise<{ status: number; body: Json }>, expected: Json][] = [
    [failing({ fail_with: "http_500" }), { status: 500, error_class: "http_5xx" }],
    [failing({ fail_with: "http_400" }), { status: 400, error_class: "http_4xx" }],
    [failing({ fail_with: "not_ok" }), { status: 200, error_class: "agent_error" }],
    [failing({ fail_with: "html" }), { status: 200, error_class: "invalid_response" }],
    [failing({ fail_with: "endless" }), { status: 200, error_class: "output_too_large" }],
    [failing({ fail_with: "drop" }), { status: null, error_class: "network" }],
    [failing({ fail_with: "timeout" }, { timeout_ms: 50 }), {
      status: null,
      error_class: "timeout",
    }],
    [failing({ fail_with: "http_429", retry_after_ms: 7000 }), {
      status: 429,
      error_class: "rate_limited",
      retry_after_ms: 7000,
    }],
    [call({ call: `${AGENTS}/nothing` }), { status: 404, error_class: "http_4xx" }],
  ];
  for (const [answer, expected] of cases) {
    const { status, body } = await answer;
    assert.equal(status, 200);
    assert.equal(body.ok, false, JSON.stringify(body));
    for (const [name, value] of Object.entries(expected)) {
      assert.equal(body[name], value, JSON.stringify(body));
    }
  }
});

Deno.test("a call that leads out of the project is refused, and nothing is sent", async () => {
  const calls: [call: string, message: RegExp][] = [
    ["https://example.com/agent", /names the host example\.com, which the setting/],
    ["http://example.com/agent", /must start with \/ or https:\/\//],
    ["//example.com/agent", /must start with one slash/],
    ["/\\example.com/agent", /must start with one slash/],
    ["functions/v1/agent-proxy/echo", /must start with \/ or https:\/\//],
    ["/functions/v1/../../auth/v1/admin", /must not contain the segment \.\./],
    ["/functions/v1/%2e%2e/x", /must not contain the segment/],
    ["/functions/v1/a%2fb", /must not escape a slash/],
    ["/functions/v1/", /must name a function/],
    ["/functions/v1/echo#x", /must not contain "#"/],
    ["https://user:pw@example.com/", /must not contain credentials/],
  ];
  for (const [target, message] of calls) {
    const answer = await call({ call: target });
    expectProblem(answer, { status: 400, kind: "invalid", path: "call", message }, target);
  }
});

Deno.test("a wrong body is a 400 that names the field", async () => {
  const echo = { call: `${AGENTS}/echo` };
  const bodies: [body: unknown, path: string | undefined, message: RegExp, near?: string][] = [
    ["", undefined, /empty, expected JSON/],
    ["[", undefined, /not valid JSON/],
    [{}, "call", /a text/],
    [{ call: 5 }, "call", /a text/],
    [{ ...echo, method: "HEAD" }, "method", /GET or POST/],
    [{ ...echo, method: "GET", body: {} }, "body", /a GET call has no body/],
    [{ ...echo, timeout_ms: 0 }, "timeout_ms", /at least 1$/],
    [{ ...echo, timeout_ms: 10_000_000 }, "timeout_ms", /at most 145000$/],
    [{ ...echo, idempotency_key: "two words" }, "idempotency_key", /visible characters/],
    [{ ...echo, idempotency_key: "a\r\nx-evil: 1" }, "idempotency_key", /visible characters/],
    [{ ...echo, headers: { authorization: "x" } }, "headers", /unknown field/],
    [{ url: "/x" }, "url", /unknown field/],
    [{ ...echo, timeout: 5 }, "timeout", /unknown field/, "timeout_ms"],
  ];
  for (const [body, path, message, near] of bodies) {
    const answer = await call(body);
    expectProblem(answer, { status: 400, kind: "invalid", path, message, near }, String(path));
  }
});
