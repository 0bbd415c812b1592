import assert from "node:assert/strict";
import {
  evaluateCondition,
  evaluateExpression,
  evaluateTemplate,
  type ExpressionContext,
  ExpressionError,
} from "./evaluate.ts";

const CONTEXT: ExpressionContext = {
  inputs: { lead: "L1", n: 3, list: [1, 2], none: null, text: "a" },
  event: { type: "lead.created", payload: { lead_id: "L1" } },
  run: { id: "r1", failed_steps: ["a"] },
  item: { id: 7 },
  index: 2,
  steps: {
    score: { status: "success", output: [{ value: 60 }, null] },
    "my-step": { status: "dead", output: null },
  },
};

Deno.test("every name of the language can be used", () => {
  const results: [string, unknown][] = [
    ["inputs.lead", "L1"],
    ["event.payload.lead_id", "L1"],
    ["run.failed_steps", ["a"]],
    ["item.id", 7],
    ["index", 2],
    ["steps.score.output[0].value", 60],
    ["steps['my-step'].status", "dead"],
    ["steps.?absent.?output.orValue('none')", "none"],
    ["steps['my-step'].output.?x.orValue('none')", "none"],
    [" inputs.lead\n", "L1"],
  ];
  for (const [source, value] of results) {
    assert.deepEqual(evaluateExpression(source, CONTEXT), value, source);
  }
});

Deno.test("a name that is not given is an error that names it", () => {
  assert.throws(() => evaluateExpression("item.id", {}), {
    name: "ExpressionError",
    message: "evaluating item.id: unknown name: item is not given here",
  });
});

Deno.test("an error says the expression, what lacks and of what", () => {
  const messages: [string, string][] = [
    ["inputs.leat", "evaluating inputs.leat: no such key: leat, did you mean lead?"],
    ["inputs.none.x", "evaluating inputs.none.x: no such key: x, the value is null"],
    ["inputs.text.x", "evaluating inputs.text.x: no such key: x, the value is a string"],
    ["inputs.list[2]", "evaluating inputs.list[2]: no such item: 2 in a list of 2"],
    ["inputs.list[-1]", "evaluating inputs.list[-1]: no such item: -1 in a list of 2"],
    ["inputs.list[0.5]", "evaluating inputs.list[0.5]: no such item: 0.5 in a list of 2"],
    [
      "inputs.list.length",
      "evaluating inputs.list.length: no such key: length, the value is a list",
    ],
    ["inputs[1]", "evaluating inputs[1]: no such key: 1, keys of a map are strings"],
    ["steps.absent.output", "evaluating steps.absent.output: no such key: absent"],
    [
      "'a' + inputs.n",
      "evaluating 'a' + inputs.n: + does not take a string and a double: write string(…)",
    ],
    ["inputs.n > 'a'", "evaluating inputs.n > 'a': > does not take a double and a string"],
    ["inputs.n / 0", "evaluating inputs.n / 0: division by zero"],
    ["7 % 0", "evaluating 7 % 0: division by zero"],
    ["!inputs.n", "evaluating !inputs.n: ! needs true or false, got a double"],
    ["-inputs.text", "evaluating -inputs.text: - needs a number, got a string"],
    [
      "1 in inputs.n",
      "evaluating 1 in inputs.n: in needs a list or a map on its right, got a double",
    ],
  ];
  for (const [source, message] of messages) {
    assert.throws(() => evaluateExpression(source, CONTEXT), { message });
  }
});

Deno.test("a long expression is cut in messages and whole in the error", () => {
  const source = `inputs.absent == '${"x".repeat(500)}'`;
  assert.throws(() => evaluateExpression(source, CONTEXT), (error) => {
    assert.ok(error instanceof ExpressionError);
    assert.equal(error.expression, source);
    assert.ok(error.message.length < 300);
    return true;
  });
});

Deno.test("no value of the data stands in a message", () => {
  const context = { inputs: { secret: "hunter2", list: ["hunter2"], n: 3 } };
  const sources = [
    "inputs.secret + 1",
    "int(inputs.secret)",
    "double(inputs.secret)",
    "bool(inputs.secret)",
    "timestamp(inputs.secret)",
    "duration(inputs.secret)",
    "timestamp(0).getHours(inputs.secret)",
    "inputs.list.join(inputs.n)",
    "inputs[inputs.list]",
    "inputs.secret > inputs.n",
  ];
  for (const source of sources) {
    assert.throws(() => evaluateExpression(source, context), (error) => {
      assert.doesNotMatch((error as Error).message, /hunter2/);
      return true;
    });
  }
});

Deno.test("a condition is true or false, and nothing that resembles it", () => {
  assert.equal(evaluateCondition("inputs.n == 3", CONTEXT), true);
  assert.equal(evaluateCondition("inputs.n == 4", CONTEXT), false);
  for (
    const source of ["inputs.n", "inputs.none", "inputs.text", "'true'", "1", "inputs.?absent"]
  ) {
    assert.throws(() => evaluateCondition(source, CONTEXT), /a condition must be true or false/);
  }
});

Deno.test("results are JSON: integers, optionals, times and spans are converted", () => {
  const source =
    "{'int': 1, 'some': inputs.?n, 'none': inputs.?absent, 'list': [optional.of([2])], " +
    "'at': timestamp('2026-11-22T10:00:00+01:00'), 'span': duration('1h30m'), 'zero': -0.0}";
  assert.deepEqual(evaluateExpression(source, CONTEXT), {
    int: 1,
    some: 3,
    none: null,
    list: [[2]],
    at: "2026-11-22T09:00:00.000Z",
    span: "5400s",
    zero: 0,
  });
});

Deno.test("what JSON does not have is refused with the reason", () => {
  const big = { inputs: { big: 1e308 } };
  assert.throws(() => evaluateExpression("inputs.big * 10", big), /the result is Infinity/);
  assert.throws(
    () => evaluateExpression("inputs.big * 10 - inputs.big * 10", big),
    /the result is NaN/,
  );
  assert.throws(() => evaluateExpression("[type(1)]", {}), /the result is a type.*compare it/);
  assert.throws(() => evaluateExpression("string", {}), /the result is a type/);
});

Deno.test("what is JSON already is given as it is, not as a copy", () => {
  const steps = CONTEXT.steps!;
  assert.equal(evaluateExpression("steps.score.output", CONTEXT), steps.score.output);
  const [first] = evaluateExpression("[steps.score.output, 1]", CONTEXT) as unknown[];
  assert.equal(first, steps.score.output);
});

Deno.test("evaluating changes nothing in the data", () => {
  const before = structuredClone(CONTEXT);
  evaluateExpression("inputs.list + [1]", CONTEXT);
  evaluateExpression("inputs.list.map(x, {'x': x}).filter(y, y.x > 1)", CONTEXT);
  evaluateTemplate({ a: ["${{ inputs.list }}"], b: "${{ inputs }} and" }, CONTEXT);
  assert.deepEqual(CONTEXT, before);
});

Deno.test("a string that is exactly one expression keeps its type", () => {
  const value = {
    map: "${{ item }}",
    number: "${{ index }}",
    bool: "${{ inputs.n == 3 }}",
    none: "${{ inputs.none }}",
    text: "${{inputs.text}}",
    deep: [["${{ inputs.list }}"]],
    plain: [1, true, null, "text"],
  };
  assert.deepEqual(evaluateTemplate(value, CONTEXT), {
    map: { id: 7 },
    number: 2,
    bool: true,
    none: null,
    text: "a",
    deep: [[[1, 2]]],
    plain: [1, true, null, "text"],
  });
});

Deno.test("in other strings values become text: strings as they are, the rest as JSON", () => {
  const text = "${{ inputs.lead }}|${{ inputs.n }}|${{ 1.5 }}|${{ true }}|${{ inputs.none }}|" +
    "${{ inputs.list }}|${{ {'a': 'b'} }}|${{ duration('1m') }}";
  assert.equal(evaluateTemplate(text, CONTEXT), 'L1|3|1.5|true|null|[1,2]|{"a":"b"}|60s');
  assert.equal(evaluateTemplate(" ${{ index }}", CONTEXT), " 2");
  assert.equal(evaluateTemplate("${{ index }}\n", CONTEXT), "2\n");
  assert.equal(evaluateTemplate("${{ index }}${{ index }}", CONTEXT), "22");
});

Deno.test("an error in a template names the expression at fault", () => {
  const value = { a: "${{ inputs.n }}", b: ["x ${{ inputs.absent }}"] };
  assert.throws(() => evaluateTemplate(value, CONTEXT), {
    message: "evaluating inputs.absent: no such key: absent",
  });
  assert.throws(() => evaluateTemplate("a ${{ inputs.n", CONTEXT), {
    name: "ExpressionError",
    message: /\$\{\{ is not closed/,
  });
});

Deno.test("keys of a template are kept as they are, whatever they are called", () => {
  const value = JSON.parse('{"__proto__": {"x": "${{ index }}"}, "constructor": "${{ index }}"}');
  const filled = evaluateTemplate(value, CONTEXT) as Record<string, unknown>;
  assert.equal(JSON.stringify(filled), '{"__proto__":{"x":2},"constructor":2}');
  assert.equal(Object.getPrototypeOf(filled), Object.prototype);
});

Deno.test("nothing that an object inherits can be reached", () => {
  const inherited = ["constructor", "__proto__", "toString", "hasOwnProperty", "valueOf"];
  for (
    const owner of ["inputs", "inputs.list", "inputs.text", "inputs.n", "steps", "item", "run"]
  ) {
    for (const name of inherited) {
      for (const source of [`${owner}.${name}`, `${owner}["${name}"]`]) {
        assert.throws(() => evaluateExpression(source, CONTEXT), /no such key/, source);
      }
      assert.equal(evaluateExpression(`${owner}.?${name}.hasValue()`, CONTEXT), false);
      assert.equal(evaluateExpression(`has(${owner}.${name})`, CONTEXT), false);
    }
  }
  assert.equal(evaluateExpression("'constructor' in inputs", CONTEXT), false);
  for (const source of ["duration('1s').seconds", "timestamp(0).getTime", "(inputs.?n).value.x"]) {
    assert.doesNotMatch(String(attempt(source)), /function/);
  }
});

Deno.test("data may have keys such as constructor and __proto__, and they are only data", () => {
  const payload = JSON.parse(
    '{"constructor": "Ferrari", "__proto__": {"admin": true}, "toString": 1, "n": 2}',
  );
  const context = { event: { payload }, inputs: { other: { n: 2 }, empty: {} } };
  const evaluate = (source: string) => evaluateExpression(source, context);
  assert.equal(evaluate("event.payload.constructor"), "Ferrari");
  assert.equal(evaluate("event.payload.n"), 2);
  assert.equal(evaluate("event.payload.__proto__.admin"), true);
  assert.equal(evaluate("has(event.payload.admin)"), false);
  assert.equal(evaluate("size(event.payload)"), 4);
  assert.deepEqual(evaluate("event.payload.filter(k, k.startsWith('__'))"), ["__proto__"]);
  assert.equal(evaluate("event.payload == event.payload && event.payload != inputs.other"), true);
  assert.equal(evaluate("{'__proto__': {}} == {'x': 1}"), false);
  const made = evaluate("{'__proto__': {'admin': true}, 'constructor': 1, 'x': [1]}");
  assert.equal(JSON.stringify(made), '{"__proto__":{"admin":true},"constructor":1,"x":[1]}');
  assert.equal((made as { admin?: boolean }).admin, undefined);
  assert.equal(({} as { admin?: boolean }).admin, undefined);
});

Deno.test("data nested without end are refused where they would be followed", () => {
  const deep = JSON.parse(`${"[".repeat(3_000)}${"]".repeat(3_000)}`);
  const context = { inputs: { deep, other: structuredClone(deep) } };
  for (const source of ["inputs.deep", "[inputs.deep]", "inputs.deep == inputs.other"]) {
    assert.throws(() => evaluateExpression(source, context), /nested deeper than 200 levels/);
  }
  assert.throws(() => evaluateTemplate(deep, {}), /nested deeper than 200 levels/);
});

function attempt(source: string): unknown {
  try {
    return evaluateExpression(source, CONTEXT);
  } catch (error) {
    assert.ok(error instanceof ExpressionError, source);
    return null;
  }
}
