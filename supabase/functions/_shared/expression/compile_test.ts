import { Environment, type EvaluationError, Optional } from "@marcbachmann/cel-js";
import assert from "node:assert/strict";
import fc from "fast-check";
import { evaluateExpression } from "./evaluate.ts";
import { readSyntax } from "./syntax.ts";

const CONTEXT = {
  inputs: {
    n: 3,
    zero: 0,
    half: 0.5,
    text: "Hello",
    no: false,
    none: null,
    list: [1, 2, 3, 2],
    empty: [],
    people: [{ name: "Ann", age: 30 }, { name: "Bob" }, { name: "Cy", age: 8, tags: ["x"] }],
    map: { a: 1, b: { c: "deep" } },
  },
  index: 2,
};

const number = fc.constantFrom(
  "1",
  "2",
  "7",
  "2.5",
  "inputs.n",
  "inputs.half",
  "index",
  "size(inputs.list)",
  "inputs.list[1]",
  "inputs.map.a",
  "inputs.absent",
  "x",
);
const text = fc.constantFrom("'a'", "'Hello'", "inputs.text", "inputs.map.b.c", "inputs.absent");
const list = fc.constantFrom(
  "inputs.list",
  "inputs.people",
  "[1, 2]",
  "['a', inputs.n]",
  "inputs.empty",
);

/** Expressions of all kinds of nodes, many of them wrong in types or names. */
const expressions = fc.letrec<Record<"number" | "bool" | "text" | "list" | "any", string>>(
  (tie) => {
    const join = (parts: fc.Arbitrary<string>[], write: (...parts: string[]) => string) =>
      fc.tuple(...parts).map((values) => write(...values));
    const operator = (...names: string[]) => fc.constantFrom(...names);
    return {
      number: fc.oneof(
        { depthSize: "small", withCrossShrink: true },
        number,
        join(
          [tie("number"), operator("+", "-", "*"), tie("number")],
          (a, o, b) => `(${a} ${o} ${b})`,
        ),
        join([tie("number"), operator("/", "%")], (a, o) => `(${a} ${o} 2)`),
        join([tie("bool"), tie("number"), tie("number")], (c, a, b) => `(${c} ? ${a} : ${b})`),
        join([tie("number")], (a) => `-(${a})`),
        join([tie("list")], (a) => `size(${a})`),
        join([tie("number")], (a) => `inputs.map.?zz.orValue(${a})`),
        join([tie("number"), tie("number")], (a, b) => `cel.bind(x, ${a}, x + ${b})`),
      ),
      bool: fc.oneof(
        { depthSize: "small", withCrossShrink: true },
        fc.constantFrom("true", "false", "inputs.no", "has(inputs.n)", "has(inputs.absent)"),
        join(
          [tie("number"), operator("<", "<=", ">", ">=", "==", "!="), tie("number")],
          (a, o, b) => `${a} ${o} ${b}`,
        ),
        join([tie("bool"), operator("&&", "||"), tie("bool")], (a, o, b) => `(${a} ${o} ${b})`),
        join([tie("bool")], (a) => `!(${a})`),
        join([tie("any"), tie("list")], (a, b) => `${a} in ${b}`),
        join([tie("any"), operator("==", "!="), tie("any")], (a, o, b) => `${a} ${o} ${b}`),
        join(
          [tie("list"), operator("all", "exists", "exists_one"), tie("bool")],
          (a, m, b) => `${a}.${m}(x, ${b})`,
        ),
        join([operator("all", "exists", "exists_one")], (m) => `inputs.people.${m}(p, p.age > 9)`),
        join(
          [tie("text"), operator("contains", "startsWith", "endsWith"), tie("text")],
          (a, m, b) => `${a}.${m}(${b})`,
        ),
      ),
      text: fc.oneof(
        { depthSize: "small", withCrossShrink: true },
        text,
        join([tie("text"), tie("text")], (a, b) => `(${a} + ${b})`),
        join(
          [tie("text"), operator("lowerAscii()", "upperAscii()", "trim()", "substring(1)")],
          (a, m) => `${a}.${m}`,
        ),
        join([tie("number")], (a) => `string(${a})`),
        join([tie("text")], (a) => `${a}.split('l').join('-')`),
      ),
      list: fc.oneof(
        { depthSize: "small", withCrossShrink: true },
        list,
        join([tie("list"), tie("bool")], (a, b) => `${a}.filter(x, ${b})`),
        join([tie("list"), tie("any")], (a, b) => `${a}.map(x, ${b})`),
        join([tie("list"), tie("bool"), tie("any")], (a, b, c) => `${a}.map(x, ${b}, ${c})`),
        join([tie("any"), tie("any")], (a, b) => `[${a}, ${b}]`),
      ),
      any: fc.oneof(
        tie("number"),
        tie("bool"),
        tie("text"),
        tie("list"),
        join([tie("text"), tie("number")], (a, b) => `{${a}: ${b}}`),
        fc.constantFrom(
          "null",
          "inputs.none",
          "inputs.map",
          "inputs.people[2].?tags[?0].orValue('y')",
        ),
      ),
    };
  },
);

Deno.test("expressions without times have the value that the CEL package gives them", () => {
  const environment = createReference();
  let compared = 0;
  fc.assert(
    fc.property(expressions.any, (source) => {
      // Types that do not fit are refused by the package before it evaluates, and by us at publish.
      fc.pre(environment.check(source).valid && !("faults" in readSyntax(source)));
      const [expected, actual] = [
        attempt(() => plain(environment.evaluate(source, CONTEXT))),
        attempt(() => evaluateExpression(source, CONTEXT)),
      ];
      // The package takes a list's type from its first item and then refuses to mix kinds, such as
      // integers and doubles. JSON mixes them, so here such expressions have a value.
      fc.pre(expected !== "types");
      assert.deepEqual(actual, expected, source);
      compared++;
    }),
    // A seed of its own, because the package's types are refused in more ways than are told here.
    { numRuns: 5_000, seed: 1 },
  );
  assert.ok(compared >= 5_000);
});

Deno.test("what decides && and || is enough, even if the other side has no value", () => {
  assert.equal(evaluate("inputs.absent == 1 || true"), true);
  assert.equal(evaluate("true || inputs.absent == 1"), true);
  assert.equal(evaluate("inputs.absent == 1 && false"), false);
  assert.equal(evaluate("1 == 1.0 && inputs.n == 3"), true);
  assert.throws(() => evaluate("inputs.absent == 1 || false"), /no such key: absent/);
  assert.throws(() => evaluate("true && inputs.absent == 1"), /no such key: absent/);
  assert.throws(() => evaluate("inputs.n || false"), /\|\| needs true or false, got a double/);
});

Deno.test("exists and all need no value for the items that do not decide", () => {
  assert.equal(evaluate("inputs.people.exists(p, p.age == 8)"), true);
  assert.equal(evaluate("inputs.people.all(p, p.age > 9)"), false);
  assert.throws(() => evaluate("inputs.people.exists(p, p.age == 9)"), /no such key: age/);
  assert.throws(() => evaluate("inputs.people.all(p, p.age > 1)"), /no such key: age/);
  assert.throws(() => evaluate("inputs.people.filter(p, p.age > 1)"), /no such key: age/);
});

Deno.test("only the chosen side of a condition is evaluated", () => {
  assert.equal(evaluate("inputs.n == 3 ? 'yes' : inputs.absent"), "yes");
  assert.equal(evaluate("inputs.n == 4 ? inputs.absent : 'no'"), "no");
  assert.throws(() => evaluate("inputs.n ? 1 : 2"), /the condition of \?: needs true or false/);
});

Deno.test("optional access takes what is missing for none, at every step of the way", () => {
  assert.equal(evaluate("inputs.?absent.orValue('default')"), "default");
  assert.equal(evaluate("inputs.?map.?b.?c.orValue('default')"), "deep");
  assert.equal(evaluate("inputs.?map.b.absent.deeper.orValue('default')"), "default");
  assert.equal(evaluate("inputs.none.?x.orValue('default')"), "default");
  assert.equal(evaluate("inputs.list[?9].orValue(0)"), 0);
  assert.equal(evaluate("inputs.list[?0].orValue(0)"), 1);
  assert.equal(evaluate("inputs.?absent.or(inputs.?n).orValue(0)"), 3);
  assert.equal(evaluate("optional.of(4).value() + optional.none().orValue(1)"), 5);
  assert.equal(evaluate("inputs.?n.hasValue() && !inputs.?absent.hasValue()"), true);
  assert.throws(() => evaluate("inputs.?absent.value()"), /write \.orValue/);
  assert.throws(() => evaluate("inputs.?n + 1"), /write \.orValue/);
  assert.throws(() => evaluate("inputs.?n == 3"), /write \.orValue/);
});

Deno.test("a value that is null is there: optional access and has find it", () => {
  assert.equal(evaluate("inputs.?none.orValue('default')"), null);
  assert.equal(evaluate("has(inputs.none)"), true);
});

Deno.test("has tells whether a key is there, and fails if the way to it is not", () => {
  assert.equal(evaluate("has(inputs.n)"), true);
  assert.equal(evaluate("has(inputs.absent)"), false);
  assert.equal(evaluate("has(inputs.map.b.c) && !has(inputs.map.b.d)"), true);
  assert.equal(evaluate("has(inputs.?absent.deeper)"), false);
  assert.throws(() => evaluate("has(inputs.absent.deeper)"), /no such key: absent/);
});

Deno.test("macros go through a list's items or a map's keys, and nest with their own names", () => {
  assert.deepEqual(evaluate("inputs.map.filter(k, k != 'a')"), ["b"]);
  assert.deepEqual(evaluate("inputs.list.map(x, inputs.list.filter(y, y > x).size())"), [
    3,
    1,
    0,
    1,
  ]);
  assert.deepEqual(evaluate("inputs.list.map(x, x > 1, x * 10)"), [20, 30, 20]);
  assert.equal(evaluate("inputs.list.exists_one(x, x == 3)"), true);
  assert.equal(evaluate("inputs.list.exists_one(x, x == 2)"), false);
  assert.deepEqual(evaluate("[1, 2].map(inputs, inputs + 1)"), [2, 3]);
  assert.equal(evaluate("cel.bind(x, inputs.n * 2, x * x + inputs.list.map(x, x).size())"), 40);
  assert.throws(() => evaluate("inputs.n.map(x, x)"), /map needs a list or a map, got a double/);
});

Deno.test("lists and maps are made of what they are written with", () => {
  assert.deepEqual(evaluate("[1, 'a', null, [inputs.n]]"), [1, "a", null, [3]]);
  assert.deepEqual(evaluate("{'a': 1, inputs.text: {'b': [true]}}"), {
    a: 1,
    Hello: { b: [true] },
  });
  assert.deepEqual(evaluate("[1, 2] + inputs.list"), [1, 2, 1, 2, 3, 2]);
  assert.throws(() => evaluate("{1: 2}"), /keys of a map are strings, got an int/);
  assert.throws(() => evaluate("{'a': 1, 'a': 2}"), /a map has the key a twice/);
});

function evaluate(source: string): unknown {
  return evaluateExpression(source, CONTEXT);
}

/** The package as it is, with the overloads for JSON's numbers. */
function createReference(): Environment {
  const environment = new Environment({
    unlistedVariablesAreDyn: true,
    enableOptionalTypes: true,
    homogeneousAggregateLiterals: false,
  });
  const operations: Record<string, (a: number, b: number) => number> = {
    "+": (a, b) => a + b,
    "-": (a, b) => a - b,
    "*": (a, b) => a * b,
    "/": (a, b) => a / b,
    "%": (a, b) => a % b,
  };
  for (const [operator, operate] of Object.entries(operations)) {
    const handle = (a: number | bigint, b: number | bigint) => operate(Number(a), Number(b));
    environment.registerOperator(`double ${operator} int: double`, handle);
    environment.registerOperator(`int ${operator} double: double`, handle);
  }
  environment.registerOperator("double % double: double", operations["%"]);
  environment.registerOperator("int == double", (a, b) => Number(a) === Number(b));
  return environment;
}

/** The package's result as JSON. */
function plain(value: unknown): unknown {
  if (typeof value === "bigint") return Number(value);
  if (value instanceof Optional) return plain(value.hasValue() ? value.value() : null);
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value === 0 ? 0 : value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item)]));
}

const TYPE_ERRORS = ["no_such_overload", "no_matching_overload", "variable_type_mismatch"];

function attempt(evaluate: () => unknown): unknown {
  try {
    return { value: evaluate() };
  } catch (error) {
    return TYPE_ERRORS.includes((error as EvaluationError).code) ? "types" : "no value";
  }
}
