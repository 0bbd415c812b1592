import assert from "node:assert/strict";
import fc from "fast-check";
import { findNearNames, measureDistance } from "./near.ts";

Deno.test("a misspelt name finds the one that was meant", () => {
  const steps = ["gather_signals", "create_plan", "notify"];
  assert.deepEqual(findNearNames("gather_signal", steps), ["gather_signals"]);
  assert.deepEqual(findNearNames("craete_plan", steps), ["create_plan"]);
  assert.deepEqual(findNearNames("Notify", steps), ["notify"]);
});

Deno.test("a name cut at a word's end finds the whole one", () => {
  assert.deepEqual(findNearNames("timeout", ["call", "timeout_ms"]), ["timeout_ms"]);
  assert.deepEqual(findNearNames("depends", ["id", "depends_on"]), ["depends_on"]);
});

Deno.test("names that have nothing in common are not offered", () => {
  assert.deepEqual(findNearNames("retry", ["id", "call", "method"]), []);
  assert.deepEqual(findNearNames("x", ["abc", "def"]), []);
  assert.deepEqual(findNearNames("", ["abc"]), []);
});

Deno.test("near names come nearest first, ties in the candidates' order, at most three", () => {
  assert.deepEqual(findNearNames("step_10", ["step_12", "step_9", "step_1", "step_11", "step_0"]), [
    "step_12",
    "step_1",
    "step_11",
  ]);
});

Deno.test("the distance counts insertions, deletions, replacements and swapped neighbours", () => {
  assert.equal(measureDistance("kitten", "sitting", 9), 3);
  assert.equal(measureDistance("ab", "ba", 9), 1);
  assert.equal(measureDistance("", "abc", 9), 3);
  assert.equal(measureDistance("abcdef", "uvwxyz", 2), 3);
});

Deno.test("the distance is symmetric, zero only for equals, and right up to its limit", () => {
  const word = fc.string({ unit: fc.constantFrom("a", "b", "c"), maxLength: 8 });
  fc.assert(fc.property(word, word, fc.integer({ min: 0, max: 9 }), (a, b, limit) => {
    const exact = measureDistance(a, b, 99);
    assert.equal(exact, measureDistance(b, a, 99));
    assert.equal(exact === 0, a === b);
    assert.equal(measureDistance(a, b, limit), Math.min(exact, limit + 1));
  }));
});
