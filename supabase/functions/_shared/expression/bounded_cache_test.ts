import assert from "node:assert/strict";
import { BoundedCache } from "./bounded_cache.ts";

Deno.test("a value is made once and kept", () => {
  const cache = new BoundedCache<number>(10, 1_000);
  let made = 0;
  const make = () => ++made;
  assert.deepEqual([cache.get("a", make), cache.get("a", make), cache.get("b", make)], [1, 1, 2]);
});

Deno.test("the entry that was not used for longest goes first", () => {
  const cache = new BoundedCache<string>(2, 1_000);
  const make = (text: string) => text;
  cache.get("a", make);
  cache.get("b", make);
  cache.get("a", make);
  cache.get("c", make);
  assert.equal(cache.size, 2);
  assert.equal(cache.get("a", () => "made again"), "a");
  assert.equal(cache.get("b", () => "made again"), "made again");
});

Deno.test("room is bounded in characters; a text that is too large for it is never kept", () => {
  const cache = new BoundedCache<string>(1_000, 100);
  for (let index = 0; index < 50; index++) cache.get(`text ${index}`.slice(0, 5), (text) => text);
  cache.get("x".repeat(6), (text) => text);
  assert.equal(cache.get("x".repeat(6), () => "made again"), "made again");
  const small = new BoundedCache<string>(1_000, 100);
  for (let index = 10; index < 99; index++) small.get(`abc${index}`, (text) => text);
  assert.equal(small.size, 20);
});

Deno.test("what could not be made is not kept", () => {
  const cache = new BoundedCache<number>(10, 1_000);
  assert.throws(() =>
    cache.get("a", () => {
      throw new Error("broken");
    })
  );
  assert.equal(cache.get("a", () => 1), 1);
});
