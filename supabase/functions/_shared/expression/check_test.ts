import assert from "node:assert/strict";
import { checkExpression, checkTemplate, type ExpressionNames } from "./check.ts";

const NAMES: ExpressionNames = {
  steps: ["gather", "my-step"],
  allSteps: ["gather", "my-step", "later", "late-step"],
  variables: ["inputs", "event", "run"],
};

Deno.test("the names of the steps that are used are told, each once", () => {
  const source = "steps.gather.output.n > 3 && steps['my-step'].status == 'success' && " +
    "steps.?gather.?output.?x.orValue(0) == 1 && has(steps.gather.output.y)";
  assert.deepEqual(checkExpression(source, NAMES), { reads: ["gather", "my-step"], faults: [] });
});

Deno.test("everything the language document shows is accepted", () => {
  const names = { ...NAMES, steps: ["enrich", "score"], allSteps: ["enrich", "score"] };
  const sources = [
    'event.type == "cron.tick" || event.payload.source != "import"',
    "event.payload.?lead_id.orValue('all')",
    "inputs.lead_id",
    "steps.enrich.output.contacts",
    "steps.score.output.exists(o, o != null && o.value >= inputs.min_score)",
    "event.payload.lead_id == inputs.lead_id",
    "steps.score.output.filter(o, o != null).size()",
    "run.failed_steps",
    "steps.?score.?output.orValue(null)",
  ];
  for (const source of sources) assert.deepEqual(checkExpression(source, names).faults, [], source);
});

Deno.test("an unknown step comes with near names and its place", () => {
  assert.deepEqual(checkExpression("1 > steps.gathr.output.n", NAMES).faults, [
    { offset: 10, message: 'unknown step "gathr"', near: ["gather"] },
  ]);
  assert.deepEqual(checkExpression('steps["gathr"].output', NAMES).faults, [
    { offset: 6, message: 'unknown step "gathr"', near: ["gather"] },
  ]);
});

Deno.test("a step that exists but is no dependency is told from one that does not exist", () => {
  assert.deepEqual(checkExpression("steps.later.output", NAMES).faults, [
    {
      offset: 6,
      message: "steps.later is not a dependency of this step: add it to depends_on",
    },
  ]);
  assert.match(
    firstMessage('steps["late-step"].output'),
    /^steps\["late-step"\] is not a dependency/,
  );
});

Deno.test("an unknown name comes with near names and the names there are", () => {
  assert.deepEqual(checkExpression("input.x == 1", NAMES).faults, [
    {
      offset: 0,
      message: 'unknown name "input": the names here are inputs, event, run, steps',
      near: ["inputs"],
    },
  ]);
  const none: ExpressionNames = { steps: [], allSteps: [], variables: ["inputs"] };
  assert.match(checkExpression("event.x", none).faults[0].message, /the names here are inputs$/);
});

Deno.test("item and index are known only where they are declared", () => {
  assert.match(firstMessage("item.id"), /item is known only in the with of a step with for_each/);
  assert.match(firstMessage("index + 1"), /index is known only/);
  const names = { ...NAMES, variables: [...NAMES.variables, "item", "index"] };
  assert.deepEqual(checkExpression("item.id == index + 1", names).faults, []);
});

Deno.test("steps are named as they are: not computed, not all at once", () => {
  for (const source of ["steps[inputs.x].output", "steps['a' + 'b'].output", "steps[0].output"]) {
    assert.match(firstMessage(source), /a step is named as it is/, source);
  }
  for (
    const source of ["steps", "size(steps)", "steps == inputs.x", "steps.map(s, s)", "[steps]"]
  ) {
    assert.match(firstMessage(source), /steps cannot be used as a whole/, source);
  }
});

Deno.test("a step has output and status, and nothing else", () => {
  assert.deepEqual(checkExpression("steps.gather.outputs.n", NAMES).faults, [
    {
      offset: 13,
      message: 'steps.gather has output and status only, not "outputs"',
      near: ["output"],
    },
  ]);
  assert.match(firstMessage("steps.gather[inputs.x]"), /name one of them/);
  assert.match(
    firstMessage("steps.gather == null"),
    /write steps\.gather\.output or steps\.gather\.status/,
  );
  assert.deepEqual(checkExpression("has(steps.gather)", NAMES).reads, ["gather"]);
  assert.match(firstMessage("has(steps.gathr)"), /unknown step/);
});

Deno.test("a step's name with hyphens is no subtraction: the message says how it is written", () => {
  assert.deepEqual(checkExpression("steps.my-step.output.n > 1", NAMES), {
    reads: [],
    faults: [
      { offset: 6, message: 'steps.my-step is a subtraction: write steps["my-step"]' },
    ],
  });
  assert.deepEqual(checkExpression("1 + steps.my-stp.output", NAMES).faults, [
    {
      offset: 10,
      message: 'unknown step "my-stp"; a step with a hyphen is written steps["<id>"]',
      near: ["my-step"],
    },
  ]);
  assert.match(firstMessage("inputs.my-key"), /a key with a hyphen is written \["my-key"\]/);
  assert.deepEqual(
    checkExpression("steps.gather.output-steps.gather.output", NAMES).faults,
    [],
  );
});

Deno.test("macros' variables are known in their bodies, and nowhere else", () => {
  assert.deepEqual(checkExpression("inputs.list.map(x, x.id)", NAMES).faults, []);
  assert.deepEqual(checkExpression("cel.bind(x, inputs.n, x + x)", NAMES).faults, []);
  assert.deepEqual(checkExpression("inputs.list.map(steps, steps.id)", NAMES).faults, []);
  assert.match(firstMessage("inputs.list.map(x, x.id) == x"), /unknown name "x"/);
  assert.match(firstMessage("x.map(x, x.id)"), /unknown name "x"/);
  assert.match(firstMessage("cel.bind(x, x, 1)"), /unknown name "x"/);
  const { faults } = checkExpression("inputs.people.filter(person, persn.age > 3)", NAMES);
  assert.deepEqual(faults[0].near, ["person"]);
});

Deno.test("every wrong name is told, in the order of the text", () => {
  const { faults } = checkExpression("input.a == steps.gathr.output && evnt.x == runs.y", NAMES);
  assert.deepEqual(faults.map(({ offset }) => offset), [0, 17, 33, 43]);
});

Deno.test("only the language's functions are known, with as many arguments as they take", () => {
  assert.deepEqual(checkExpression("inputs.text.containz('a')", NAMES).faults, [
    { offset: 12, message: 'unknown function "containz"', near: ["contains"] },
  ]);
  assert.match(firstMessage("eval('1')"), /unknown function "eval"/);
  assert.match(firstMessage("bytes('a')"), /unknown function "bytes"/);
  assert.match(firstMessage("uint(1)"), /unknown function "uint"/);
  assert.equal(firstMessage("size(1, 2)"), "size takes 1 argument, got 2");
  assert.equal(firstMessage("inputs.list.map(x)"), "map takes 2 or 3 arguments, got 1");
  assert.equal(firstMessage("has()"), "has takes 1 argument, got 0");
  assert.equal(firstMessage("optional.none(1)"), "none takes 0 arguments, got 1");
  assert.match(firstMessage("cel.blind(x, 1, x)"), /unknown function "blind"/);
});

Deno.test("what JSON cannot hold is refused where it is written", () => {
  assert.match(firstMessage("b'abc'"), /bytes are no JSON value/);
  assert.match(firstMessage("inputs.n + 1u"), /unsigned integers are no JSON value/);
});

Deno.test("types that cannot fit are refused, with the way out", () => {
  assert.match(firstMessage("'Lead ' + 3"), /string \+ int: write string\(…\)/);
  assert.match(firstMessage("inputs.?x == 3"), /write \.orValue\(…\)/);
  assert.match(firstMessage("true ? 'a' : null"), /wrap one of them in dyn\(…\)/);
  assert.match(firstMessage("has(inputs)"), /has takes names with dots/);
  assert.deepEqual(checkExpression("'Lead ' + inputs.name", NAMES).faults, []);
  assert.deepEqual(checkExpression("true ? dyn('a') : null", NAMES).faults, []);
  assert.deepEqual(checkExpression("[1, 'a', null, 2.5]", NAMES).faults, []);
});

Deno.test("a condition must be able to be true or false, a list to be a list", () => {
  const check = (source: string, wanted: "bool" | "list") =>
    checkExpression(source, NAMES, wanted).faults.map(({ message }) => message).join();
  for (const source of ["inputs.x", "inputs.x == 1", "!inputs.x", "inputs.?x.orValue(false)"]) {
    assert.equal(check(source, "bool"), "", source);
  }
  assert.match(check("'yes'", "bool"), /a condition must be true or false, .* type string/);
  assert.match(check("size(inputs.x)", "bool"), /type int/);
  assert.match(check("inputs.?x", "bool"), /type optional: write \.orValue/);
  for (const source of ["inputs.x", "[1]", "inputs.x.map(y, y.id)", "inputs.x.split(',')"]) {
    assert.equal(check(source, "list"), "", source);
  }
  assert.match(check("inputs.x == 1", "list"), /a list is needed here, .* type bool/);
});

Deno.test("broken syntax is told with its place and in signs, not in the parser's words", () => {
  const cases: [string, number, RegExp][] = [
    ["(inputs.x", 9, /expected \), got the end/],
    ["inputs.x = 1", 9, /unexpected character: =: write ==, && or \|\|/],
    ["inputs.x & true", 9, /unexpected character: &: write ==/],
    ["inputs.", 7, /expected a name, got the end/],
    ["inputs.x ==", 11, /the end/],
    ["'abc", 0, /unterminated string/],
    ["inputs.list.map(1, x)", 16, /iteration variable/],
    ["return 1", 0, /reserved identifier: return/],
    ["${{ inputs.x }}", 0, /leave \$\{\{ and \}\} out/],
    [" ${{ inputs.x }}", 1, /leave \$\{\{ and \}\} out/],
  ];
  for (const [source, offset, message] of cases) {
    const { faults } = checkExpression(source, NAMES);
    assert.equal(faults.length, 1, source);
    assert.match(faults[0].message, message);
    assert.equal(faults[0].offset, offset, source);
  }
});

Deno.test("a template's faults come with the path of the string and the place in it", () => {
  const value = {
    text: "Lead ${{ inputs.id }}: ${{ steps.gathr.output }}",
    list: ["plain", { deep: "${{ input.x }}" }],
    fine: "${{ steps.gather.output.n }} and ${{ steps['my-step'].status }}",
  };
  assert.deepEqual(checkTemplate(value, NAMES), {
    reads: ["gather", "my-step"],
    hasExpressions: true,
    faults: [
      { path: ["text"], offset: 33, message: 'unknown step "gathr"', near: ["gather"] },
      {
        path: ["list", 1, "deep"],
        offset: 4,
        message: 'unknown name "input": the names here are inputs, event, run, steps',
        near: ["inputs"],
      },
    ],
  });
});

Deno.test("a value without expressions has none, whatever it holds", () => {
  const value = { a: [1, null, true, "}} {{ $ {}"], b: {} };
  assert.deepEqual(checkTemplate(value, NAMES), { reads: [], hasExpressions: false, faults: [] });
  assert.deepEqual(checkTemplate(null, NAMES), { reads: [], hasExpressions: false, faults: [] });
});

Deno.test("unclosed expressions and strings, and empty expressions in a template are refused", () => {
  const check = (text: string) => checkTemplate(text, NAMES).faults;
  assert.deepEqual(check("a ${{ inputs.x }"), [
    { path: [], offset: 2, message: "${{ is not closed: add }} behind the expression" },
  ]);
  assert.deepEqual(check("a ${{ 'b }}"), [
    { path: [], offset: 6, message: "the string is not closed: add '" },
  ]);
  assert.match(check("${{ }}")[0].message, /the expression is empty/);
  assert.match(check("${{}}")[0].message, /the expression is empty/);
  assert.equal(checkTemplate("${{", NAMES).hasExpressions, true);
});

Deno.test("keys of a map are not evaluated, and say so", () => {
  const { faults } = checkTemplate({ "${{ inputs.x }}": 1 }, NAMES);
  assert.match(faults[0].message, /keys are not evaluated/);
  assert.deepEqual(faults[0].path, ["${{ inputs.x }}"]);
});

Deno.test("a value nested without end is refused, not followed", () => {
  const deep = JSON.parse(`${"[".repeat(5_000)}${"]".repeat(5_000)}`);
  assert.match(checkTemplate(deep, NAMES).faults[0].message, /nested deeper than 200 levels/);
});

function firstMessage(source: string): string {
  return checkExpression(source, NAMES).faults[0]?.message ?? "";
}
