// One test for each guard of the language document, and for its halves: publish and evaluation.
import assert from "node:assert/strict";
import { checkExpression, type ExpressionNames } from "./check.ts";
import { evaluateExpression, ExpressionError } from "./evaluate.ts";
import { FUNCTIONS, METHODS } from "./functions.ts";
import { MAX_ITEMS } from "./limits.ts";

const NAMES: ExpressionNames = {
  steps: ["gather", "my-step"],
  allSteps: ["gather", "my-step", "later"],
  variables: ["inputs", "event", "run"],
};

Deno.test("guard 1: matches is refused at publish, however it is spelt", () => {
  const spellings = [
    "inputs.text.matches('^(a+)+$')",
    "matches(inputs.text, '^(a+)+$')",
    "inputs . text . matches ( inputs.pattern )",
    "inputs.list.exists(x, x.matches(inputs.pattern))",
    "true ? 'a'.matches('b') : false",
    "{'a': ['b'.matches('c')]}",
    "cel.bind(x, 'a'.matches('b'), x)",
    "inputs.?text.orValue('a'.matches('b'))",
  ];
  for (const source of spellings) {
    const { faults } = checkExpression(source, NAMES);
    assert.match(faults.map(({ message }) => message).join(), /matches is not available/, source);
    assert.equal(source.slice(faults[0].offset, faults[0].offset + 7), "matches");
  }
  assert.deepEqual(messages("inputs.matches == 1"), []);
});

Deno.test("guard 1: matches does not exist at evaluation, even if nothing was checked", () => {
  const context = { inputs: { text: "a".repeat(40), pattern: "^(a+)+b$" } };
  for (const source of ["inputs.text.matches(inputs.pattern)", "matches('a', inputs.pattern)"]) {
    assert.throws(() => evaluateExpression(source, context), /matches is not available/);
  }
  assert.ok(!FUNCTIONS.has("matches") && !METHODS.has("matches"));
});

Deno.test("guard 2: JSON's numbers calculate and compare with literals and sizes", () => {
  const context = { inputs: { n: 3, half: 0.5, list: [1, 2] }, index: 4 };
  const results: [string, unknown][] = [
    ["inputs.n + 1", 4],
    ["1 + inputs.n", 4],
    ["2*inputs.n-1", 5],
    ["inputs.n / 2", 1.5],
    ["inputs.n % 2", 1],
    ["5 % inputs.n", 2],
    ["inputs.half * 3", 1.5],
    ["size(inputs.list) + inputs.n", 5],
    ["index + 1", 5],
    ["inputs.n >= 3 && inputs.n < 3.5 && 2 < inputs.n && inputs.n <= size('abc')", true],
    ["inputs.n == 3 && 3 == inputs.n && inputs.n != 4 && inputs.n == 3.0", true],
    ["3 in inputs.list || 2 in inputs.list", true],
    ["inputs.list[index - 3]", 2],
    ["5.5 % 2.5", 0.5],
    ["size(inputs.list) == 2.0 && 2.0 != size('abc')", true],
    ["7 / 2", 3],
    ["-inputs.n + -1", -4],
  ];
  for (const [source, value] of results) {
    const { faults } = checkExpression(source, { ...NAMES, variables: ["inputs", "index"] });
    assert.deepEqual(faults, [], source);
    assert.equal(evaluateExpression(source, context), value, source);
  }
});

Deno.test("guard 3: a macro may stand inside another one, but no deeper", () => {
  const two = "inputs.a.map(x, inputs.b.filter(y, y == x))";
  const three = "inputs.a.map(x, inputs.b.filter(y, inputs.c.exists(z, z == y)))";
  assert.deepEqual(messages(two), []);
  assert.match(messages(three).join(), /exists stands inside of 2 macros/);
  assert.throws(
    () => evaluateExpression(three, { inputs: { a: [1], b: [1], c: [1] } }),
    /exists stands inside of 2 macros/,
  );
  const chain = "inputs.a.filter(x, x > 1).map(x, x * 2).filter(x, x > 4).exists(x, x == 6)";
  assert.deepEqual(messages(chain), []);
  assert.equal(evaluateExpression(chain, { inputs: { a: [1, 2, 3] } }), true);
});

Deno.test("guard 3: macros and in go through lists of 1,000 items at most", () => {
  const fits = { inputs: { list: Array.from({ length: MAX_ITEMS }, (_, index) => index) } };
  const isLong = { inputs: { list: [...fits.inputs.list, 1] } };
  const sources = [
    "inputs.list.all(x, x >= 0)",
    "inputs.list.exists(x, x == 999)",
    "inputs.list.exists_one(x, x == 999)",
    "inputs.list.filter(x, x > 0).size() == 999",
    "inputs.list.map(x, x + 1).size() == 1000",
    "999 in inputs.list",
  ];
  for (const source of sources) {
    assert.equal(evaluateExpression(source, fits), true, source);
    assert.throws(() => evaluateExpression(source, isLong), /a list of 1001 items/);
    // A limit is final: no other side of || makes up for it.
    assert.throws(() => evaluateExpression(`${source} || true`, isLong), ExpressionError);
  }
  const keys = Object.fromEntries(isLong.inputs.list.map((_, index) => [`k${index}`, index]));
  assert.throws(() => evaluateExpression("inputs.all(k, true)", { inputs: keys }), /1001 items/);
});

Deno.test("guard 3: a plain path may give a list of 10,000 items", () => {
  const contacts = Array.from({ length: 10_000 }, (_, id) => ({ id }));
  const context = { steps: { enrich: { status: "success", output: { contacts } } } };
  assert.equal(evaluateExpression("steps.enrich.output.contacts", context), contacts);
  assert.equal(evaluateExpression("size(steps.enrich.output.contacts)", context), 10_000);
  assert.equal(evaluateExpression("steps.enrich.output.contacts[9999].id", context), 9_999);
});

Deno.test("guard 3: syntax trees have 500 nodes and 24 levels at most", () => {
  const wide = Array(260).fill("1").join(" + ");
  const deep = `${"(".repeat(24)}1${")".repeat(24)}`;
  for (const source of [wide, deep]) {
    assert.match(messages(source).join(), /make it simpler/);
    assert.throws(() => evaluateExpression(source, {}), /make it simpler/);
  }
  assert.equal(evaluateExpression(Array(240).fill("1").join(" + "), {}), 240);
  const long = `'${"x".repeat(10_000)}'`;
  assert.match(messages(long).join(), /10000 characters at most/);
  // The parser counts no levels here, and its stack is not endless.
  for (const sign of ["-", "!"]) {
    assert.match(messages(`${sign.repeat(9_990)}1`).join(), /make it simpler/);
  }
});

Deno.test("guard 4: integers become numbers, beyond 2^53 an error", () => {
  assert.equal(evaluateExpression("9007199254740992", {}), 2 ** 53);
  assert.equal(evaluateExpression("-9007199254740992", {}), -(2 ** 53));
  assert.deepEqual(evaluateExpression("{'n': [1, 2]}", {}), { n: [1, 2] });
  for (const source of ["9007199254740993", "[-9007199254740993]", "9007199254740992 + 1"]) {
    assert.throws(() => evaluateExpression(source, {}), /beyond 2\^53/);
  }
  assert.throws(() => evaluateExpression("9223372036854775807 + 1", {}), /integer overflow/);
  assert.throws(() => evaluateExpression("99999999999999999999 * 1", {}), /integer overflow/);
});

Deno.test("guard 5: publish knows every name; a missing key at run time is an ExpressionError", () => {
  assert.match(messages("input.x").join(), /unknown name "input"/);
  assert.match(messages("steps.gathr.output").join(), /unknown step "gathr"/);
  assert.match(messages("steps.later.output").join(), /add it to depends_on/);
  assert.throws(
    () => evaluateExpression("inputs.min_scor", { inputs: { min_score: 50 } }),
    (error) => {
      assert.ok(error instanceof ExpressionError);
      assert.equal(error.expression, "inputs.min_scor");
      const expected = "evaluating inputs.min_scor: no such key: min_scor, did you mean min_score?";
      assert.equal(error.message, expected);
      return true;
    },
  );
});

Deno.test("guard 6: an empty expression and one that is only space are refused", () => {
  for (const source of ["", " ", "\n\t"]) {
    assert.match(messages(source).join(), /the expression is empty/);
    assert.throws(() => evaluateExpression(source, {}), /the expression is empty/);
  }
});

function messages(source: string): string[] {
  return checkExpression(source, NAMES).faults.map(({ message }) => message);
}
