// What holds for every text and every data: an end in time, and no error but ExpressionError.
import assert from "node:assert/strict";
import fc from "fast-check";
import { checkExpression, checkTemplate } from "./check.ts";
import { evaluateExpression, evaluateTemplate, ExpressionError } from "./evaluate.ts";
import { FUNCTIONS, LIST_MACROS, METHODS } from "./functions.ts";

const NAMES = { steps: ["a", "b-c"], allSteps: ["a", "b-c", "d"], variables: ["inputs", "event"] };

const fragments = [
  ...["inputs", "event", "steps", "item", "index", "run", "x", "y", "a", "b-c", "list", "cel"],
  ...["optional", "bind", "of", "none", "has", "matches", "constructor", "__proto__", "string"],
  ...FUNCTIONS.keys(),
  ...METHODS.keys(),
  ...LIST_MACROS.keys(),
  ...["(", ")", "[", "]", "{", "}", ".", ".?", "[?", ",", ":", "?", "(x, ", "()", "// ", "\n", " "],
  ...["+", "-", "*", "/", "%", "==", "!=", "<", ">=", "&&", "||", "!", "in", " in ", "=", "$"],
  ...["1", "0", "2.5", "-1", "1e308", "9223372036854775807", "0xff", "1u", "true", "null", "b'a'"],
  ...["'text'", '"k"', "''", "'\\n'", "'\\", "'''", "r'\\d'", "\u{1f600}", "\u0000", "'\u{1f600}'"],
];

/** Texts that look like expressions to the parser, for a while. */
const texts = fc.oneof(
  fc.string({ maxLength: 40 }),
  fc.string({ unit: "binary", maxLength: 40 }),
  fc.array(fc.constantFrom(...fragments), { maxLength: 15 }).map((parts) => parts.join("")),
  fc.array(fc.constantFrom(...fragments), { maxLength: 15 }).map((parts) => parts.join(" ")),
);

const keys = fc.oneof(
  fc.constantFrom("x", "list", "constructor", "__proto__", "toString", "length", "a", ""),
  fc.string({ maxLength: 5 }),
);

const data = fc.letrec<Record<"value", unknown>>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    fc.constantFrom(null, true, false, 0, 1, -1.5, 1e300, "", "text", "\u{1f600}", "2026-01-01"),
    fc.array(tie("value"), { maxLength: 3 }),
    fc.array(fc.tuple(keys, tie("value")), { maxLength: 3 }).map(Object.fromEntries),
  ),
})).value;

const contexts = fc.record({ inputs: data, event: data, item: data, index: fc.nat(5) }, {
  requiredKeys: [],
});

/** Expressions of valid syntax over whatever data: methods on the wrong kinds above all. */
const calls = fc.tuple(
  fc.constantFrom(
    "inputs",
    "inputs.x",
    "inputs.list",
    "event",
    "item",
    "index",
    "'text'",
    "1",
    "[]",
  ),
  fc.constantFrom(...METHODS.keys()),
  fc.array(fc.constantFrom("inputs", "item", "index", "'a'", "1", "-1", "2.5", "null"), {
    maxLength: 2,
  }),
).map(([owner, method, args]) => `${owner}.${method}(${args.join(", ")})`);

const operations = fc.tuple(
  fc.constantFrom(
    "inputs",
    "inputs.?x",
    "item",
    "1",
    "2.5",
    "'a'",
    "timestamp(0)",
    "duration('1h')",
  ),
  fc.constantFrom("+", "-", "*", "/", "%", "==", "!=", "<", "<=", ">", ">=", "in", "&&", "||"),
  fc.constantFrom("inputs", "inputs.?x", "event", "1", "0.0", "'a'", "null", "duration('1h')"),
).map((parts) => parts.join(" "));

Deno.test("evaluating any text over any data gives JSON or an ExpressionError", () => {
  fc.assert(
    fc.property(fc.oneof(texts, calls, operations), contexts, (source, context) => {
      const before = JSON.stringify(context);
      const result = attempt(() => evaluateExpression(source, context));
      if (result !== undefined) {
        assert.deepEqual(JSON.parse(JSON.stringify(result)), result, source);
      }
      assert.equal(JSON.stringify(context), before, source);
    }),
    { numRuns: 20_000 },
  );
});

Deno.test("evaluating any template gives JSON or an ExpressionError", () => {
  const templates = fc.array(fc.oneof(texts, texts.map((text) => `\${{ ${text} }}`)), {
    maxLength: 3,
  }).map((parts) => parts.join(""));
  fc.assert(
    fc.property(fc.oneof(templates, fc.dictionary(keys, templates)), contexts, (value, context) => {
      const result = attempt(() => evaluateTemplate(value, context));
      if (result !== undefined) assert.deepEqual(JSON.parse(JSON.stringify(result)), result);
      checkTemplate(value, NAMES);
    }),
    { numRuns: 10_000 },
  );
});

Deno.test("checking any text tells places that it has", () => {
  fc.assert(
    fc.property(fc.oneof(texts, calls, operations), (source) => {
      const { reads, faults } = checkExpression(source, NAMES);
      assert.ok(reads.every((name) => NAMES.steps.includes(name)));
      for (const { offset, message } of faults) {
        assert.ok(offset >= 0 && offset <= source.length, `${offset} of ${source.length}`);
        assert.ok(message.length > 0 && message.length < 400, message);
      }
    }),
    { numRuns: 20_000 },
  );
});

Deno.test("what passes the check never fails for its syntax", () => {
  const sources = fc.oneof(texts, calls, operations);
  fc.assert(
    fc.property(sources, contexts, (source, context) => {
      fc.pre(checkExpression(source, NAMES).faults.length === 0);
      try {
        evaluateExpression(source, context);
      } catch (error) {
        assert.doesNotMatch(String(error), /no valid expression|unknown function|broke off/);
      }
    }),
    { numRuns: 2_000, maxSkipsPerRun: 1_000 },
  );
});

function attempt(evaluate: () => unknown): unknown {
  try {
    return evaluate();
  } catch (error) {
    assert.ok(error instanceof ExpressionError, String(error));
    assert.doesNotMatch(error.message, /broke off/);
    return undefined;
  }
}
