import assert from "node:assert/strict";
import process from "node:process";
import fc from "fast-check";
import { evaluateTemplate } from "./evaluate.ts";
import { readTemplate } from "./template.ts";

Deno.test("a string is cut at its expressions, with the places of their sources", () => {
  assert.deepEqual(readTemplate("a ${{ x }} b${{y}}"), {
    segments: ["a ", { source: " x ", offset: 5 }, " b", { source: "y", offset: 15 }],
  });
  assert.deepEqual(readTemplate("${{ x }}"), { segments: [{ source: " x ", offset: 3 }] });
  assert.deepEqual(readTemplate("no } or }} or {{ or $"), {
    segments: ["no } or }} or {{ or $"],
  });
  assert.deepEqual(readTemplate(""), { segments: [] });
});

Deno.test("braces and quotes inside of an expression do not end it", () => {
  const results: [string, unknown][] = [
    ["${{ '}}' }}", "}}"],
    ["${{ \"}}\" + '}}' }}", "}}}}"],
    ["${{ '${{' }}", "${{"],
    ["${{ '${{' }} inputs.x }}", "${{ inputs.x }}"],
    ["${{ {'a': {'b': 1}} }}", { a: { b: 1 } }],
    ["${{ {'a': {'b': 1}}}}", { a: { b: 1 } }],
    ["${{ {} }}", {}],
    ["${{ 'it\\'s }}' }}", "it's }}"],
    ["${{ '''a ' }} b''' }}", "a ' }} b"],
    ['${{ """a " }} b""" }}', 'a " }} b'],
    ["${{ r'\\d}}' }}", "\\d}}"],
    ["${{ '' }}", ""],
    ["${{ 1 // it's one }}", 1],
    ["${{ 1 // one {\n + 1 }}", 2],
    ["${{ 4 / 2 }}", 2],
    ["${{ 1 }} }}", "1 }}"],
    ["it's ${{ 'b' }}", "it's b"],
  ];
  for (const [text, value] of results) assert.deepEqual(evaluateTemplate(text, {}), value, text);
});

Deno.test("what is not closed is told at its place", () => {
  const faults: [string, number, RegExp][] = [
    ["ab ${{ x }", 3, /add }} behind the expression/],
    ["${{", 0, /add }}/],
    ["${{ x }} ${{ {'a': 1 }}", 9, /add }}/],
    ["${{ 'a }}", 4, /string is not closed: add '/],
    ['${{ a + "b }}', 8, /string is not closed: add "/],
    ["${{ it's }}\nand ${{ 'x' }}", 6, /string is not closed/],
    ["${{ '''a }}", 4, /string is not closed/],
    ["${{ x // }", 0, /add }}/],
  ];
  for (const [text, offset, message] of faults) {
    const { fault } = readTemplate(text);
    assert.match(fault?.message ?? "", message, text);
    assert.equal(fault?.offset, offset, text);
  }
});

Deno.test("a text is put together again of its parts, whatever stands around them", () => {
  const plain = fc.string({ unit: fc.constantFrom("a", "$", "{", "}", "'", '"', "/", " ", "\n") })
    .filter((text) => !text.includes("${{") && !text.endsWith("$") && !text.endsWith("${"));
  const literal = fc.string({ unit: fc.constantFrom("a", "$", "{", "}", "/", '"', " ") });
  fc.assert(fc.property(fc.array(fc.tuple(plain, literal)), plain, (pairs, last) => {
    const text = pairs.map(([before, value]) => `${before}\${{ '${value}' }}`).join("") + last;
    const expected = pairs.map(([before, value]) => before + value).join("") + last;
    assert.equal(evaluateTemplate(text, {}), expected);
  }));
});

Deno.test("cutting takes one pass, however often a text opens and never closes", () => {
  const texts = ["${{ ", "${{ '", "${{ //\n", "${{ {", "}}", "'", "${{ 1 }}"];
  for (const text of texts) {
    const before = process.cpuUsage();
    readTemplate(text.repeat(300_000));
    assert.ok(process.cpuUsage(before).user < 2_000_000, text);
  }
});
