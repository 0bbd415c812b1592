import assert from "node:assert/strict";
import { findUnstorable, MAX_JSON_DEPTH } from "./storable.ts";

const nest = (depth: number) => JSON.parse("[".repeat(depth) + "]".repeat(depth));

Deno.test("ordinary JSON can be stored", () => {
  for (const value of [null, 0, false, "", "😀", [], {}, { a: [1, { b: "c" }] }]) {
    assert.equal(findUnstorable(value), null);
  }
});

Deno.test("the character \\u0000 is found in values and names, with its place", () => {
  assert.match(findUnstorable("a\u0000")!, /u0000/);
  assert.match(findUnstorable({ a: [{ b: "\u0000" }] })!, /at a\.0\.b/);
  assert.match(findUnstorable({ a: { "\u0000": 1 } })!, /name at a/);
});

Deno.test("half a surrogate pair is found", () => {
  assert.match(findUnstorable({ a: "\ud83d" })!, /surrogate/);
});

Deno.test("depth is limited without recursion", () => {
  assert.equal(findUnstorable(nest(MAX_JSON_DEPTH)), null);
  assert.match(findUnstorable(nest(MAX_JSON_DEPTH + 1))!, /nested deeper/);
  assert.match(findUnstorable(nest(100_000))!, /nested deeper/);
});
