import assert from "node:assert/strict";
import fc from "fast-check";
import { isMap, isScalar, parseDocument, Scalar, stringify } from "yaml";
import { findRawOffset, type TextStyle } from "./text_position.ts";

/** The character of the file that a character of the value is found at. */
function locate(source: string, value: string, at: number, style: TextStyle): string {
  return source.slice(findRawOffset(source, value, at, style)).charAt(0);
}

Deno.test("quotes, escapes and doubled quotes lie between a value and its text", () => {
  assert.equal(findRawOffset("'a b'", "a b", 2, "single"), 3);
  assert.equal(findRawOffset("'it''s x'", "it's x", 5, "single"), 7);
  assert.equal(findRawOffset('"a\\u0041\\x42 c"', "aAB c", 4, "double"), 13);
  assert.equal(findRawOffset('"\\U0001F600 c"', "😀 c", 3, "double"), 12);
  assert.equal(findRawOffset('"a \\\n   b"', "a b", 2, "double"), 8);
});

Deno.test("folded and literal blocks are followed line by line", () => {
  const folded = ">-\n    one two\n    three";
  assert.equal(locate(folded, "one two three", 8, "block"), "t");
  assert.equal(findRawOffset(folded, "one two three", 8, "block"), folded.indexOf("three"));
  const literal = "|\n    one\n      two\n    x";
  assert.equal(findRawOffset(literal, "one\n  two\nx\n", 6, "block"), literal.indexOf("two"));
});

Deno.test("a text that does not fit its value is shown at its beginning", () => {
  assert.equal(findRawOffset("abc", "xyz", 2, "plain"), 0);
});

Deno.test("in whatever style a text is written, its letters are found", () => {
  const word = fc.string({
    unit: fc.constantFrom(..."abcXYZ.=&|'\"\\ é"),
    minLength: 1,
    maxLength: 30,
  });
  const style = fc.constantFrom(
    Scalar.QUOTE_DOUBLE,
    Scalar.QUOTE_SINGLE,
    Scalar.PLAIN,
    Scalar.BLOCK_FOLDED,
    Scalar.BLOCK_LITERAL,
  );
  fc.assert(
    fc.property(word, style, (text, type) => {
      const scalar = new Scalar(text);
      scalar.type = type;
      const source = stringify({ key: scalar }, { lineWidth: 20 });
      const { contents } = parseDocument(source);
      assert.ok(isMap(contents));
      const node = contents.items[0].value;
      assert.ok(isScalar(node) && node.range && typeof node.value === "string");
      const styles: Record<string, TextStyle> = {
        PLAIN: "plain",
        QUOTE_SINGLE: "single",
        QUOTE_DOUBLE: "double",
        BLOCK_FOLDED: "block",
        BLOCK_LITERAL: "block",
      };
      const raw = source.slice(node.range[0], node.range[1]);
      for (const [at, letter] of [...node.value].entries()) {
        if (!/[a-zX-Z]/.test(letter)) continue;
        assert.equal(
          locate(raw, node.value, at, styles[node.type!]),
          letter,
          JSON.stringify([source, at]),
        );
      }
    }),
    { numRuns: 500 },
  );
});
