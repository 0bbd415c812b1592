import assert from "node:assert/strict";
import fc from "fast-check";
import { locateJsonError } from "./json_position.ts";

Deno.test("the first place that JSON does not allow is named by line and column", () => {
  const cases: [text: string, line: number, column: number][] = [
    ["hello", 1, 1],
    ["{user_id: 1}", 1, 2],
    ["{'a': 1}", 1, 2],
    ['{"a" 1}', 1, 6],
    ['{"a": }', 1, 7],
    ['{"a": 1,}', 1, 9],
    ['{"a": 1 "b": 2}', 1, 9],
    ["[1, 2", 1, 6],
    ["[1,]", 1, 4],
    ["[1}", 1, 3],
    ["01", 1, 1],
    ["[1.]", 1, 2],
    ["tru", 1, 1],
    ["{} {}", 1, 4],
    ['"never closed', 1, 1],
    ['{\n  "a": "tab\there"\n}', 2, 8],
    ['{\n  "a": 1\n  "b": 2\n}', 3, 3],
    ["user_id=1&workflow_key=a", 1, 1],
    ["", 1, 1],
  ];
  for (const [text, line, column] of cases) {
    assert.deepEqual(locateJsonError(text), { line, column }, text);
  }
});

Deno.test("cut JSON fails where it was cut or at the token that was cut through", () => {
  fc.assert(fc.property(fc.json(), fc.nat(), (json, cut) => {
    const text = json.slice(0, cut % json.length);
    let isJson = true;
    try {
      JSON.parse(text);
    } catch {
      isJson = false;
    }
    fc.pre(!isJson);
    const { line, column } = locateJsonError(text);
    const rest = text.split("\n").slice(line - 1).join("\n").slice(column - 1);
    assert.match(rest, /^(?:["\d-][^]*|[a-z]+)?$/);
  }));
});

Deno.test("a deep or endless text is located without running out of stack or time", () => {
  assert.equal(locateJsonError("[".repeat(1_000_000)).column, 1_000_001);
  assert.equal(locateJsonError(`["${"a".repeat(1_000_000)}`).column, 2);
  assert.equal(locateJsonError(`["${"\\n".repeat(500_000)}`).column, 2);
});
