import assert from "node:assert/strict";
import { checkExpression } from "./check.ts";
import { evaluateExpression } from "./evaluate.ts";

const CONTEXT = {
  inputs: { text: "Hello, World", n: 3.7, list: ["a", "b"], map: { a: 1 }, none: null },
  event: { created_at: "2026-11-22T23:30:00Z" },
};

Deno.test("functions of text", () => {
  expectAll([
    ["inputs.text.contains('World') && !inputs.text.contains('world')", true],
    ["inputs.text.startsWith('Hell') && inputs.text.endsWith('ld')", true],
    ["inputs.text.indexOf('o') + inputs.text.lastIndexOf('o')", 12],
    ["inputs.text.indexOf('o', 5)", 8],
    ["inputs.text.indexOf('zz')", -1],
    ["inputs.text.lowerAscii() + inputs.text.upperAscii()", "hello, worldHELLO, WORLD"],
    ["' a '.trim()", "a"],
    ["inputs.text.substring(7) + inputs.text.substring(0, 2)", "WorldHe"],
    ["inputs.text.split(', ')", ["Hello", "World"]],
    ["'a,b,c'.split(',', 2)", ["a", "b,c"]],
    ["'a,b,c'.split(',', 0)", []],
    ["'a,b,c'.split(',', -1)", ["a", "b", "c"]],
    ["inputs.list.join() + inputs.list.join('-')", "aba-b"],
    ["size(inputs.text) + 'añ😀'.size()", 15],
    ["'b' > 'a' && 'a' < 'aa'", true],
  ]);
});

Deno.test("functions of size and conversion", () => {
  expectAll([
    ["size(inputs.list) + inputs.map.size()", 3],
    ["string(1) + string(1.5) + string(true) + string('x')", "11.5truex"],
    ["string(inputs.n)", "3.7"],
    ["int(inputs.n) + int('42') + int(-1.9)", 44],
    ["double('1.5') + double(2)", 3.5],
    ["bool('true') && !bool('0')", true],
    ["dyn(inputs.n) == 3.7", true],
  ]);
  expectFailures([
    ["int('4.5')", /int cannot read a string/],
    ["int('0x10')", /int cannot read a string/],
    ["int(inputs.none)", /int cannot read null/],
    ["double('')", /double cannot read a string that is no number/],
    ["double('inf')", /double cannot read/],
    ["bool('yes')", /bool cannot read a string/],
    ["string(inputs.list)", /string cannot write a list/],
    ["size(inputs.n)", /size needs a string, a list or a map, got a double/],
    ["inputs.n.contains('a')", /contains needs a string, got a double/],
    ["inputs.text.substring(99)", /substring got 99, which is not between 0 and 12/],
    ["inputs.text.substring(5, 2)", /substring cannot end at 2, before its start 5/],
    ["inputs.text.substring(0.5)", /substring needs a whole number/],
    ["[1].join(',')", /join needs strings, got an int: write \.map\(x, string\(x\)\)/],
  ]);
});

Deno.test("types tell what data are: JSON's numbers are doubles", () => {
  expectAll([
    ["type(inputs.n) == double && type(1) == int && type(inputs.text) == string", true],
    ["type(inputs.list) == list && type(inputs.map) == map && type(true) == bool", true],
    ["type(inputs.none) == null_type && type(inputs.none) != string", true],
  ]);
});

Deno.test("times and spans: compared, added, in a zone", () => {
  expectAll([
    ["timestamp(event.created_at) + duration('1h')", "2026-11-23T00:30:00.000Z"],
    ["timestamp(event.created_at) - timestamp('2026-11-22T00:00:00Z')", "84600s"],
    ["timestamp(event.created_at) - duration('90m') < timestamp(event.created_at)", true],
    ["timestamp(event.created_at) - timestamp('2026-11-21T00:00:00Z') > duration('24h')", true],
    ["duration('1h') + duration('30m') == duration('90m')", true],
    ["timestamp(event.created_at) == timestamp('2026-11-23T00:30:00+01:00')", true],
    ["timestamp(event.created_at).getDayOfWeek()", 0],
    ["timestamp(event.created_at).getDayOfWeek('Europe/Berlin')", 1],
    ["timestamp(event.created_at).getHours('Europe/Berlin')", 0],
    ["timestamp(event.created_at).getFullYear()", 2026],
    ["duration('90m').getMinutes()", 90],
    ["string(timestamp(0)) + ' ' + string(duration('1500ms'))", "1970-01-01T00:00:00.000Z 1.5s"],
  ]);
  expectFailures([
    ["timestamp('tomorrow')", /timestamp needs a string such as 2026-11-22T10:00:00Z/],
    ["timestamp(inputs.none)", /timestamp needs a string .* got null/],
    ["duration('soon')", /duration needs a string such as 90m or 1h30m, got a string/],
    [`duration('${"1h".repeat(60)}')`, /duration needs a string such as 90m/],
    ["timestamp(event.created_at).getHours('Nowhere')", /getHours does not know this time zone/],
    ["duration('1h').getDayOfWeek()", /a duration has no getDayOfWeek/],
    ["inputs.text.getHours()", /getHours needs a timestamp, got a string/],
    ["timestamp(0) + timestamp(0)", /a timestamp \+ a timestamp gives no time/],
    ["timestamp(0) + duration('9000000000h')", /a timestamp \+ a duration gives no time/],
  ]);
});

Deno.test("equality goes through lists and maps, and is false between kinds", () => {
  expectAll([
    ["[1, {'a': [2.0]}] == [1.0, {'a': [2]}]", true],
    ["{'a': 1, 'b': 2} == {'b': 2, 'a': 1}", true],
    ["{'a': 1} == {'b': 1} || {'a': 1} == {'a': 1, 'b': 1} || [1] == [1, 1]", false],
    ["dyn(1) == '1' || dyn(inputs.none) == false || dyn(inputs.map) == inputs.list", false],
    ["inputs.none == null && inputs.map != null", true],
    ["{'a': [1]} in [{'a': [1]}] && 'a' in inputs.map && !(1 in inputs.map)", true],
  ]);
});

function expectAll(results: [string, unknown][]): void {
  const names = { steps: [], allSteps: [], variables: ["inputs", "event"] };
  for (const [source, value] of results) {
    assert.deepEqual(checkExpression(source, names).faults, [], source);
    assert.deepEqual(evaluateExpression(source, CONTEXT), value, source);
  }
}

function expectFailures(failures: [string, RegExp][]): void {
  for (const [source, message] of failures) {
    assert.throws(() => evaluateExpression(source, CONTEXT), { name: "ExpressionError", message });
  }
}
