// Where a text stops being JSON. JSON.parse tells it in some of its messages only.

const WHITESPACE = /[ \t\n\r]*/y;
// Unrolled, so that a long text that never closes costs one pass and no stack.
const STRING = new RegExp(
  String
    .raw`"[^"\\\u0000-\u001f]*(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\\u0000-\u001f]*)*"`,
  "y",
);
const SCALAR = /(?:-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)(?![\w.+-])/y;

export interface TextPosition {
  line: number;
  column: number;
}

/** The first place (from 1) that JSON's grammar does not allow, in a text that is not JSON. */
export function locateJsonError(text: string): TextPosition {
  const lines = text.slice(0, findErrorOffset(text)).split("\n");
  return { line: lines.length, column: lines[lines.length - 1].length + 1 };
}

type Expected =
  | "value"
  | "value or ]"
  | "name"
  | "name or }"
  | "colon"
  | "comma or end";

/** A loop over an explicit stack: the text may be nested deeper than calls can be. */
function findErrorOffset(text: string): number {
  const closers: ("]" | "}")[] = [];
  let expected: Expected = "value";
  let offset = 0;
  const take = (pattern: RegExp): boolean => {
    pattern.lastIndex = offset;
    const match = pattern.exec(text);
    if (match === null) return false;
    offset += match[0].length;
    return true;
  };
  while (take(WHITESPACE) && offset < text.length) {
    const character = text[offset];
    if (expected === "comma or end") {
      const closer = closers[closers.length - 1];
      if (closer !== undefined && character === closer) closers.pop();
      else if (closer !== undefined && character === ",") {
        expected = closer === "]" ? "value" : "name";
      } else return offset;
      offset += 1;
    } else if (expected === "colon") {
      if (character !== ":") return offset;
      expected = "value";
      offset += 1;
    } else if (expected === "name" || expected === "name or }") {
      if (character === "}" && expected === "name or }") {
        closers.pop();
        expected = "comma or end";
        offset += 1;
      } else if (take(STRING)) expected = "colon";
      else return offset;
    } else if (character === "[" || character === "{") {
      closers.push(character === "[" ? "]" : "}");
      expected = character === "[" ? "value or ]" : "name or }";
      offset += 1;
    } else if (character === "]" && expected === "value or ]") {
      closers.pop();
      expected = "comma or end";
      offset += 1;
    } else if (take(STRING) || take(SCALAR)) expected = "comma or end";
    else return offset;
  }
  return offset;
}
