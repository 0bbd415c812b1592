import assert from "node:assert/strict";
import fc from "fast-check";
import { formatDuration, MAX_DURATION_MS, parseDuration } from "./duration.ts";

Deno.test("durations are numbers with units, largest first", () => {
  const cases: [string, number][] = [
    ["500ms", 500],
    ["30s", 30_000],
    ["10m", 600_000],
    ["2h", 7_200_000],
    ["7d", 604_800_000],
    ["1h30m", 5_400_000],
    ["1d2h3m4s5ms", 93_784_005],
    ["0s", 0],
  ];
  for (const [text, ms] of cases) assert.equal(parseDuration(text), ms, text);
});

Deno.test("a bare number, a unit alone, units out of order and spaces are no durations", () => {
  for (
    const text of ["", "30", "s", "1m1h", "1h1h", "1 h", "1.5h", "-1s", "1w", "1H", "1h ", "1e3s"]
  ) {
    assert.equal(parseDuration(text), null, text);
  }
});

Deno.test("a span is written so that it is read back", () => {
  assert.equal(formatDuration(90_000), "1m30s");
  assert.equal(formatDuration(0), "0ms");
  fc.assert(fc.property(fc.nat(MAX_DURATION_MS), (ms) => {
    assert.equal(parseDuration(formatDuration(ms)), ms);
  }));
});
