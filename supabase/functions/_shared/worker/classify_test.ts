import assert from "node:assert/strict";
import type { CallOutcome } from "./call.ts";
import {
  type AnswerRules,
  classifyCallback,
  classifyOutcome,
  cleanErrorText,
  ERROR_TEXT_MAX_CHARS,
} from "./classify.ts";

const NOW = Date.parse("2026-11-22T10:00:00Z");

type Received = Extract<CallOutcome, { kind: "received" }>;

function answer(
  status: number,
  body: unknown,
  more: Partial<Received> = {},
  rules?: AnswerRules,
) {
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
  return classifyOutcome(outcome, NOW, rules);
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
  assert.match(text, /^got Bearer \[redacted\] and \[redacted\] and \[redacted\] /);
  assert.ok(text.length <= ERROR_TEXT_MAX_CHARS);
  assert.ok(text.isWellFormed());
});

Deno.test("a 202 to a step that is not asynchronous is a success like any other", () => {
  assert.equal(brief(202, { ok: true }), "success");
  assert.equal(brief(202, ""), "dead invalid_response");
});

Deno.test("a 202 to an asynchronous step parks it for its callback, whatever its body says", () => {
  const rules: AnswerRules = { mode: "async", callback_timeout_ms: 60_000 };
  for (const body of ["", "garbage", { ok: false, error: "no" }]) {
    assert.deepEqual(answer(202, body, {}, rules), {
      status_code: 202,
      outcome: "park",
      parked: { for: "callback" },
      park_ms: 60_000,
    });
  }
  const beating = answer(202, "", {}, { ...rules, callback_heartbeat_ms: 500 });
  assert.deepEqual(beating.parked, { for: "callback", heartbeat_ms: 500 });
  assert.equal(beating.park_ms, 60_000);
});

Deno.test("an asynchronous step whose agent answers at once is done", () => {
  const rules: AnswerRules = { mode: "async", callback_timeout_ms: 60_000 };
  assert.deepEqual(answer(200, { ok: true, output: 1 }, {}, rules), {
    status_code: 200,
    outcome: "success",
    output: 1,
  });
  assert.equal(answer(500, "", {}, rules).error_class, "http_5xx");
});

Deno.test("steps in an answer are told apart from the output only where the step may append", () => {
  const steps = [{ id: "a" }];
  assert.deepEqual(answer(200, { ok: true, n: 1, steps }).output, { n: 1, steps });
  const appending = answer(200, { ok: true, n: 1, steps }, {}, { may_append: true });
  assert.deepEqual([appending.output, appending.steps], [{ n: 1 }, steps]);
  const both = answer(200, { ok: true, output: 7, steps }, {}, { may_append: true });
  assert.deepEqual([both.output, both.steps], [7, steps]);
  for (const body of [{ ok: true, output: 7 }, { ok: true, output: 7, steps: null }]) {
    assert.equal("steps" in answer(200, body, {}, { may_append: true }), false);
  }
});

Deno.test("steps that the database cannot hold are an invalid response", () => {
  const result = answer(200, { ok: true, steps: ["\u0000"] }, {}, { may_append: true });
  assert.equal(result.error_class, "invalid_response");
  assert.match(result.error_text!, /the list of steps .*u0000/);
});

Deno.test("a callback is classified as the answer of a call is", () => {
  const classify = (body: unknown, rules: AnswerRules = {}) =>
    classifyCallback(typeof body === "string" ? body : JSON.stringify(body), rules);
  assert.deepEqual(classify({ ok: true, output: 0 }), { outcome: "success", output: 0 });
  assert.equal(classify({ ok: false, error: "no" }).outcome, "dead");
  const retry = classify({ ok: false, error: "busy", retryable: true, retry_after_ms: 5 });
  assert.deepEqual([retry.outcome, retry.retry_after_ms], ["retry", 5]);
  for (const body of ["", "garbage", "[]", {}, { ok: "yes" }]) {
    assert.equal(classify(body).error_class, "invalid_response");
  }
  assert.deepEqual(classify({ ok: true, steps: [1] }, { may_append: true }).steps, [1]);
});
