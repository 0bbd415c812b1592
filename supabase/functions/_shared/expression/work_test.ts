// The worst that was found for each way to be slow. On the machine where the limits were set, none
// took more than 130 ms of the processor's time, and twice that when run for the first time; data of
// the same 5 MB are read by JSON.parse in up to 330 ms. The bound below is for slower machines:
// without the limits these expressions take seconds to hours. Time of the processor is measured,
// because other processes do not lengthen it.
import assert from "node:assert/strict";
import process from "node:process";
import { checkExpression } from "./check.ts";
import { evaluateExpression, evaluateTemplate, ExpressionError } from "./evaluate.ts";
import { MAX_EXPRESSION_CHARS } from "./limits.ts";

const MAX_MS = 1_000;

const repeat = (part: string, times: number, between = " + ") =>
  Array(times).fill(part).join(between);
const nest = (body: string) => `inputs.n.map(x, inputs.n.map(y, ${body})).size()`;

const SLOW: Record<string, string[]> = {
  "loops in loops": [
    "inputs.l.map(x, inputs.l.map(y, 1))",
    "inputs.l.all(x, inputs.l.all(y, y in inputs.l))",
    "inputs.l.filter(x, inputs.l.exists(y, y.s == x.s)).size()",
    nest(repeat("x*y", 40)),
    nest(repeat("(3*7)", 60)),
    nest(repeat("9223372036*7", 60)),
    nest(repeat("x.?y.?z.orValue(1.0)", 30)),
    nest(repeat("string(x*y)", 30)),
    nest(repeat("double('1.234567')", 30)),
    nest(repeat("int('12345678')", 30)),
    nest(`[${repeat("x", 100, ", ")}]`),
    nest(`{${Array.from({ length: 60 }, (_, index) => `'k${index}': x`).join()}}`),
  ],
  "errors that are swallowed": [
    "inputs.l.exists(x, inputs.l.exists(y, y.k == 1))",
    "inputs.l.all(x, inputs.l.exists(y, (y.k == 1 || y.j == 2) && y.z == 3) || true)",
    "inputs.l.all(x, inputs.l.all(y, int('x') > 1))",
  ],
  "long texts": [
    "inputs.a.contains(inputs.needle)",
    "inputs.a.lastIndexOf('aaab')",
    "inputs.l.all(x, inputs.a.contains('b') || true)",
    "inputs.a.split('').size()",
    "inputs.u.split('ä').size()",
    "inputs.l.map(x, inputs.u.upperAscii()).size()",
    "inputs.l.map(x, inputs.a.size()).size()",
    "inputs.l.map(x, inputs.a + inputs.a).size()",
    "inputs.l.map(x, inputs.a < inputs.b).size()",
    "inputs.l.map(x, inputs.a == inputs.b).size()",
    "inputs.l.map(x, inputs.words.join(',')).size()",
    "inputs.l.all(x, double(inputs.a) > 1.0)",
  ],
  "doubling": [
    doubleTimes("inputs.a", 10),
    doubleTimes("inputs.l", 10),
    doubleTimes("inputs.needle", 10),
    doubleTimes("inputs.flat", 10),
  ],
  "large data": [
    "inputs.nested == inputs.nested2",
    "inputs.l.map(x, inputs.nested == inputs.nested2).size()",
    "inputs.keys == inputs.keys2",
    "inputs.l.map(x, size(inputs.keys)).size()",
    "inputs.keys.all(k, true)",
    "inputs.keys.absent",
    "inputs.flat + inputs.flat + inputs.flat",
    "1.5 in inputs.flat",
  ],
  "large results": [
    "inputs.l.map(x, inputs.a)",
    "inputs.l.map(x, inputs.flat)",
    "inputs.l.map(x, inputs.keys)",
    "inputs.l.map(x, inputs.l.map(y, inputs))",
    "[inputs.nested, inputs.nested, inputs.nested, inputs.nested]",
  ],
  "times": [
    "inputs.l.map(x, timestamp('2026-01-01T00:00:00Z').getHours('Europe/Berlin')).size()",
    "inputs.l.map(x, inputs.l.map(y, timestamp('2026-01-01T00:00:00Z'))).size()",
    `inputs.l.map(x, inputs.l.map(y, duration('${"1h1m1s1ms".repeat(8)}'))).size()`,
    "inputs.l.all(x, inputs.l.all(y, timestamp(0).getHours('Nowhere') > 1))",
  ],
};

for (const [what, sources] of Object.entries(SLOW)) {
  Deno.test(`no expression holds the worker up: ${what}`, () => {
    const context = { inputs: readLargeData() };
    for (const source of sources) {
      const ms = measure(() => evaluateExpression(source, context));
      assert.ok(ms < MAX_MS, `${ms} ms: ${source}`);
    }
  });
}

Deno.test("limits hold for all expressions of a template together", () => {
  const context = { inputs: readLargeData() };
  const value = Array(1_000).fill("${{ inputs.flat }}");
  assert.throws(() => evaluateTemplate(value, context), /units of work|larger than 16 MiB/);
  assert.ok(measure(() => evaluateTemplate(value, context)) < MAX_MS);
  const text = "${{ inputs.a }}".repeat(1_000);
  assert.throws(() => evaluateTemplate(text, context), /larger than 16 MiB/);
});

Deno.test("an output of 5 MB passes through, and several smaller ones together", () => {
  const { a, flat, nested } = readLargeData();
  const small = nested.slice(0, 50_000);
  const context = { inputs: { a, flat, nested, small } };
  for (const name of ["a", "flat", "nested"]) {
    assert.doesNotThrow(() => evaluateTemplate(`\${{ inputs.${name} }}`, context));
  }
  assert.doesNotThrow(() => evaluateTemplate(Array(5).fill("${{ inputs.small }}"), context));
});

Deno.test("two lists of 1,000 can be joined by a key", () => {
  const left = Array.from({ length: 1_000 }, (_, id) => ({ id }));
  const right = Array.from({ length: 1_000 }, (_, id) => ({ id: id * 2 }));
  const source = "inputs.left.filter(l, inputs.right.exists(r, r.id == l.id)).size()";
  assert.throws(() => evaluateExpression(source, { inputs: { left, right } }), ExpressionError);
  const same = { inputs: { left, right: left } };
  assert.equal(evaluateExpression(source, same), 1_000);
});

Deno.test("the largest expressions are checked in time as well", () => {
  const sources = [
    `'${"x".repeat(MAX_EXPRESSION_CHARS - 2)}'`,
    repeat("inputs.absent", 160),
    "-".repeat(MAX_EXPRESSION_CHARS - 1) + "1",
    "(".repeat(MAX_EXPRESSION_CHARS),
    "[".repeat(23) + "1" + "]".repeat(23),
    `{${Array.from({ length: 200 }, (_, index) => `'k${index}': [${index}]`).join()}}`,
    repeat("unknown", 249),
    `steps.${"a-".repeat(MAX_EXPRESSION_CHARS / 2 - 5)}a`,
  ];
  const allSteps = Array.from({ length: 5_000 }, (_, index) => `step_${index}`);
  const names = { steps: allSteps, allSteps, variables: ["inputs"] };
  for (const source of sources) {
    const ms = measure(() => checkExpression(source, names));
    assert.ok(ms < MAX_MS, `${ms} ms: ${source.slice(0, 80)}`);
  }
});

Deno.test("a small expression takes microseconds", () => {
  const context = { inputs: { min: 50, tag: "a" }, item: { value: 60 } };
  const evaluate = () => {
    for (let round = 0; round < 10_000; round++) {
      evaluateExpression("item.value >= inputs.min && inputs.tag == 'a'", context);
    }
  };
  // Measured: 2 µs each.
  assert.ok(measure(evaluate) < 1_000);
});

/** The shorter of two runs, in milliseconds; an error other than ExpressionError is one. */
function measure(evaluate: () => unknown): number {
  const runs = [0, 1].map(() => {
    const before = process.cpuUsage();
    try {
      evaluate();
    } catch (error) {
      assert.ok(error instanceof ExpressionError, String(error));
    }
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1_000;
  });
  return Math.min(...runs);
}

/** `cel.bind(a, start, cel.bind(b, a + a, … b + b))`. */
function doubleTimes(start: string, times: number): string {
  const open = Array.from(
    { length: times },
    (_, index) => `cel.bind(v${index + 1}, v${index} + v${index}, `,
  );
  return `cel.bind(v0, ${start}, ${open.join("")}v${times}${")".repeat(times)}).size()`;
}

let largeData: ReturnType<typeof makeLargeData> | undefined;

function readLargeData(): ReturnType<typeof makeLargeData> {
  return largeData ??= makeLargeData();
}

/** Data as agents could answer them: each near the largest output of 5 MB. */
function makeLargeData() {
  const indexes = Array.from({ length: 1_000 }, (_, index) => index);
  const nested = JSON.parse(`[${'{"a":1,"b":[1,2]},'.repeat(250_000)}0]`) as unknown[];
  const entries = Array.from({ length: 450_000 }, (_, index) => `"k${index}":1`);
  const keys = JSON.parse(`{${entries.join()}}`) as Record<string, number>;
  return {
    l: indexes.map((index) => ({ s: `s${index}` })),
    n: indexes.map((index) => index * 1.1),
    a: "a".repeat(5_000_000),
    b: `${"a".repeat(4_999_999)}b`,
    u: "ä€".repeat(2_500_000),
    needle: `${"a".repeat(50_000)}b${"a".repeat(50_000)}`,
    words: indexes.map(() => "x".repeat(5_000)),
    flat: JSON.parse(`[${"0,".repeat(2_500_000)}0]`) as number[],
    nested,
    nested2: structuredClone(nested),
    keys,
    keys2: { ...keys },
  };
}
