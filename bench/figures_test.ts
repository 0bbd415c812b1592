import assert from "node:assert/strict";
import { Figures, percentile, round } from "./figures.ts";

Deno.test("a ratio is the median of the ratios within the repeats, not the ratio of medians", () => {
  const figures = new Figures();
  for (const value of [100, 10, 30]) figures.add("bare", value);
  for (const value of [50, 9, 3]) figures.add("core", value);
  assert.equal(figures.ratio("core", "bare"), 0.5);
});

Deno.test("figures that were not measured in turn are not compared", () => {
  const figures = new Figures();
  for (const value of [1, 2]) figures.add("core", value);
  figures.add("bare", 1);
  assert.throws(() => figures.ratio("core", "bare"), /cannot compare core with bare/);
});

Deno.test("a percentile between two values is interpolated", () => {
  assert.equal(percentile([4, 1, 3, 2], 50), 2.5);
  assert.equal(percentile([10], 99), 10);
  assert.throws(() => percentile([], 50), /no values/);
});

Deno.test("figures are told with three digits, and without decimals above a hundred", () => {
  assert.deepEqual([0.012345, 5.4321, 123.4, 28057.9].map(round), [0.0123, 5.43, 123, 28058]);
});
