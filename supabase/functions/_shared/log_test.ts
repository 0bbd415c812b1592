import assert from "node:assert/strict";
import { formatEvent, logEvent } from "./log.ts";

const AT = new Date("2026-11-22T10:00:00Z");
const JWT = "eyJhbGciOiJIUzI1NiJ9.eyJyb2xlIjoic2VydmljZV9yb2xlIn0.c2lnbmF0dXJl";

function format(fields: Record<string, unknown>): Record<string, unknown> {
  return JSON.parse(formatEvent("info", "step.called", fields, AT));
}

Deno.test("an event is one line of JSON with its time, level and name", () => {
  const line = formatEvent("warn", "queue.swept", { jobs: 3, note: "two\nlines" }, AT);
  assert.equal(line.includes("\n"), false);
  assert.deepEqual(JSON.parse(line), {
    time: "2026-11-22T10:00:00.000Z",
    level: "warn",
    event: "queue.swept",
    jobs: 3,
    note: "two\nlines",
  });
});

Deno.test("no text breaks a line, moves a terminal or turns the text behind it, and all of it is there", () => {
  const text =
    'a\r\n{"level":"error"}\u001b[2J\u009b31m\u007f\u0000\u2028\u2029\u202e\u200b\ud800 ü 😀';
  const error = new TypeError(text, { cause: text });
  const line = formatEvent("warn", "step.failed", { [text]: text, deep: [{ text }], error }, AT);
  assert.match(line, /^[\x20-\x7e\u00a1-\u00ac\u00ae-\u1fff\p{Extended_Pictographic}]*$/u);
  const record = JSON.parse(line);
  assert.equal(record.level, "warn");
  assert.equal(record[text], text);
  assert.deepEqual([record.deep[0].text, record.error.message, record.error.cause], [
    text,
    text,
    text,
  ]);
});

Deno.test("fields that name secrets or contents are redacted at any depth and in any spelling", () => {
  const names = [
    "authorization",
    "Authorization",
    "apikey",
    "apiKey",
    "X-Api-Key",
    "service_token",
    "leaseToken",
    "tokens",
    "client_secret",
    "secrets",
    "password",
    "cookie",
    "set-cookie",
    "payload",
    "run_payload",
    "headers",
    "requestHeaders",
    "header",
  ];
  for (const name of names) {
    assert.deepEqual(format({ [name]: "x" })[name], "[redacted]", name);
    assert.deepEqual(format({ deep: [{ [name]: { a: "x" } }] }).deep, [{ [name]: "[redacted]" }]);
  }
});

Deno.test("numbers are kept under such names, and harmless names are left alone", () => {
  const fields = { token_count: 3, has_payload: true, step_id: "a", broken: null, keyword: "b" };
  const { time: _time, level: _level, event: _event, ...kept } = format(fields);
  assert.deepEqual(kept, fields);
});

Deno.test("keys and JWTs are scrubbed out of longer texts and error messages", () => {
  const error = new Error(`refused ${JWT}`, { cause: new Error("Bearer abcdefgh12345678") });
  const line = JSON.stringify(format({ detail: "key sb_secret_abc-123 is old", error }));
  for (const secret of [JWT, "sb_secret_abc", "abcdefgh12345678"]) {
    assert.equal(line.includes(secret), false, secret);
  }
  assert.match(line, /key \[redacted\] is old/);
  assert.match(line, /refused \[redacted\]/);
});

Deno.test("a field cannot replace the event's own members", () => {
  assert.equal(format({ event: "other.name", level: "error" }).event, "step.called");
});

Deno.test("what cannot be written costs the fields, never the line or the caller", () => {
  const circle: Record<string, unknown> = {};
  circle.self = circle;
  assert.doesNotThrow(() => format({ circle, big: 10n }));
  const throwing = {
    get bad(): string {
      throw new Error("no");
    },
  };
  assert.deepEqual(format({ throwing }).fields_dropped, ["throwing"]);
  const many = Array.from({ length: 100 }, () => "x".repeat(1_000));
  const line = formatEvent("info", "step.called", { many }, AT);
  assert.ok(line.length < 10_000);
  assert.deepEqual(JSON.parse(line).fields_dropped, ["many"]);
});

Deno.test("errors go to the console's error channel", () => {
  const lines: unknown[] = [];
  const original = console.error;
  console.error = (line: unknown) => lines.push(line);
  try {
    logEvent("error", "step.failed", { error: new TypeError("bad") });
  } finally {
    console.error = original;
  }
  assert.equal(lines.length, 1);
  assert.equal(JSON.parse(String(lines[0])).error.name, "TypeError");
});
