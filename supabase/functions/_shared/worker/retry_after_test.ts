import assert from "node:assert/strict";
import { parseRetryAfter, readRetryAfterMs, RETRY_AFTER_MAX_MS } from "./retry_after.ts";

const NOW = Date.parse("2026-11-22T10:00:00Z");

Deno.test("seconds", () => {
  assert.equal(parseRetryAfter("0", NOW), 0);
  assert.equal(parseRetryAfter(" 120 ", NOW), 120_000);
  assert.equal(parseRetryAfter("1.5", NOW), 1_500);
});

Deno.test("an HTTP date, counted from now", () => {
  assert.equal(parseRetryAfter("Sun, 22 Nov 2026 10:00:30 GMT", NOW), 30_000);
  assert.equal(parseRetryAfter("Sunday, 22-Nov-26 10:00:30 GMT", NOW), 30_000);
  assert.equal(parseRetryAfter("Sun Nov 22 10:00:30 2026", NOW), 30_000);
});

Deno.test("a date in the past means at once", () => {
  assert.equal(parseRetryAfter("Sun, 22 Nov 2026 09:59:00 GMT", NOW), 0);
});

Deno.test("anything else is no wait at all", () => {
  for (
    const header of [null, "", "soon", "-1", "1e3", "Infinity", "2026-11-22", "Sun, nonsense 1"]
  ) {
    assert.equal(parseRetryAfter(header, NOW), undefined, String(header));
  }
});

Deno.test("a wait is capped", () => {
  assert.equal(parseRetryAfter("99999999999", NOW), RETRY_AFTER_MAX_MS);
  assert.equal(readRetryAfterMs(1e300), RETRY_AFTER_MAX_MS);
});

Deno.test("retry_after_ms must be a number that is not negative", () => {
  assert.equal(readRetryAfterMs(250.2), 251);
  for (const value of [-1, NaN, "5", null, undefined, {}]) {
    assert.equal(readRetryAfterMs(value), undefined);
  }
});
