import assert from "node:assert/strict";
import { isEqualInConstantTime } from "./constant_time.ts";

const KEY = "sb_secret_0123456789abcdef";

/** A text that counts how often somebody looks at one of its characters. */
function watch(text: string): { text: string; countLooks: () => number } {
  let looks = 0;
  const watched = {
    length: text.length,
    charCodeAt: (index: number) => (looks++, text.charCodeAt(index)),
  };
  return { text: watched as unknown as string, countLooks: () => looks };
}

Deno.test("texts are equal where every character is, and not otherwise", () => {
  assert.equal(isEqualInConstantTime(KEY, KEY), true);
  for (let index = 0; index < KEY.length; index++) {
    const changed = `${KEY.slice(0, index)}!${KEY.slice(index + 1)}`;
    assert.equal(isEqualInConstantTime(changed, KEY), false, changed);
    assert.equal(isEqualInConstantTime(KEY.slice(0, index), KEY), false, `${index} characters`);
    assert.equal(isEqualInConstantTime(KEY, KEY.slice(0, index)), false, `${index} characters`);
  }
  assert.equal(isEqualInConstantTime(KEY + KEY, KEY), false);
  assert.equal(isEqualInConstantTime(KEY, KEY + KEY), false);
});

Deno.test("every character of what was presented is looked at, wherever the first difference is", () => {
  const presented = [
    KEY,
    `!${KEY.slice(1)}`,
    `${KEY.slice(0, -1)}!`,
    "!".repeat(KEY.length),
    KEY.slice(0, 5),
    `${KEY}${KEY}`,
  ];
  for (const text of presented) {
    const watched = watch(text);
    isEqualInConstantTime(watched.text, KEY);
    assert.equal(watched.countLooks(), text.length, text);
  }
});
