import assert from "node:assert/strict";
import type { CallOutcome } from "./call.ts";
import { classifyOutcome, cleanErrorText, ERROR_TEXT_MAX_CHARS } from "./classify.ts";

const NOW = Date.parse("2026-11-22T10:00:00Z");

type Received = Extract<CallOutcome, { kind: "received" }>;

function answer(status: number, body: unknown, more: Partial<Received> = {}) {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  const outcome: Received = {
    kind: "received",
    status,
    retryAfter: null,
    location: null,
    text,
    bytes: text.length,
    isCut: false,
    durationMs: 1,
    ...more,
  };
  return classifyOutcome(outcome, NOW);
}

const brief = (status: number, body: unknown, more: Partial<Received> = {}) => {
  const { outcome, error_class } = answer(status, body, more);
  return `${outcome} ${error_class ?? ""}`.trim();
};

Deno.test("the member output is the output, whatever its value", () => {
  for (const output of [0, false, "", null, [], { a: 1 }, "text"]) {
    assert.deepEqual(answer(200, { ok: true, output, other: 1 }), {
      status_code: 200,
      outcome: "success",
      output,
    });
  }
});

Deno.test("without the member output the rest of the body is the output", () => {
  assert.deepEqual(answer(201, { ok: true, plan: [1], n: 0 }).output, { plan: [1], n: 0 });
  assert.deepEqual(answer(200, { ok: true }).output, {});
});

Deno.test("2xx without JSON or without a boolean ok is an invalid response", () => {
  for (const body of ["", "<html>", "[]", "null", "1", '{"ok":"yes"}', "{}", '{"ok":true']) {
    assert.equal(brief(200, body), "dead invalid_response", body);
  }
  assert.equal(brief(204, ""), "dead invalid_response");
});

Deno.test("an answer that was cut is too large", () => {
  assert.equal(brief(200, '{"ok":true,', { isCut: true }), "dead output_too_large");
});

Deno.test("an output that the database cannot hold is an invalid response", () => {
  const result = answer(200, '{"ok":true,"output":{"a":"\\u0000"}}');
  assert.equal(result.error_class, "invalid_response");
  assert.match(result.error_text!, /u0000.* at a/);
  const deep = `{"ok":true,"output":${"[".repeat(2_000)}${"]".repeat(2_000)}}`;
  assert.equal(brief(200, deep), "dead invalid_response");
});

Deno.test("ok: false is dead unless it says retryable", () => {
  assert.deepEqual(answer(200, { ok: false, error: "no credit" }), {
    status_code: 200,
    outcome: "dead",
    error_class: "agent_error",
    error_text: "no credit",
  });
  assert.equal(answer(200, { ok: false, error: { message: "m" } }).error_text, "m");
  assert.equal(brief(200, { ok: false }), "dead agent_error");
  assert.equal(brief(200, { ok: false, retryable: "true" }), "dead agent_error");
  const retry = answer(200, { ok: false, retryable: true, retry_after_ms: 250 });
  assert.deepEqual([retry.outcome, retry.retry_after_ms], ["retry", 250]);
  assert.equal(retry.hold_key_ms, undefined);
});

Deno.test("statuses follow the agent contract", () => {
  const expected: Record<number, string> = {
    301: "dead invalid_response",
    307: "dead invalid_response",
    400: "dead http_4xx",
    401: "dead http_4xx",
    404: "dead http_4xx",
    408: "retry timeout",
    409: "dead http_4xx",
    422: "dead http_4xx",
    425: "retry http_4xx",
    429: "retry rate_limited",
    500: "retry http_5xx",
    502: "retry http_5xx",
    503: "retry http_5xx",
  };
  for (const [status, result] of Object.entries(expected)) {
    assert.equal(brief(Number(status), "x"), result, status);
  }
});

Deno.test("409 with the code in_progress means later", () => {
  assert.equal(brief(409, { ok: false, error: { code: "in_progress" } }), "retry in_progress");
  assert.equal(brief(409, { code: "in_progress" }), "retry in_progress");
  assert.equal(brief(409, { error: { code: "other" } }), "dead http_4xx");
  assert.equal(answer(409, { code: "in_progress" }, { retryAfter: "2" }).retry_after_ms, 2_000);
});

Deno.test("429 and 503 that say when hold the agent's key, other errors do not", () => {
  for (const status of [429, 503]) {
    const result = answer(status, "", { retryAfter: "3" });
    assert.deepEqual([result.retry_after_ms, result.hold_key_ms], [3_000, 3_000]);
    const byBody = answer(status, { ok: false, retry_after_ms: 70 });
    assert.deepEqual([byBody.retry_after_ms, byBody.hold_key_ms], [70, 70]);
    assert.equal(answer(status, "").hold_key_ms, undefined);
  }
  const other = answer(500, "", { retryAfter: "3" });
  assert.deepEqual([other.retry_after_ms, other.hold_key_ms], [3_000, undefined]);
});

Deno.test("a Retry-After that is a date counts from now", () => {
  const result = answer(429, "", { retryAfter: "Sun, 22 Nov 2026 10:00:05 GMT" });
  assert.equal(result.retry_after_ms, 5_000);
});

Deno.test("outcomes without an answer", () => {
  const classify = (outcome: CallOutcome) => {
    const { outcome: result, error_class } = classifyOutcome(outcome, NOW);
    return `${result} ${error_class}`;
  };
  assert.equal(classify({ kind: "timeout", timeoutMs: 5, durationMs: 5 }), "retry timeout");
  assert.equal(classify({ kind: "network", message: "m", durationMs: 5 }), "retry network");
  assert.equal(classify({ kind: "refused", message: "m", durationMs: 0 }), "dead internal");
});

Deno.test("an error's text is cut, storable and without credentials", () => {
  const text = cleanErrorText(
    `got Bearer abc.def-ghi and eyJhbGciOi.eyJyb2xl.c2ln and sb_secret_abc_DEF\u0000 ${
      "😀".repeat(2_000)
    }`,
  );
  assert.match(text, /^got Bearer \[key\] and \[key\] and \[key\] /);
  assert.ok(text.length <= ERROR_TEXT_MAX_CHARS);
  assert.ok(text.isWellFormed());
});
