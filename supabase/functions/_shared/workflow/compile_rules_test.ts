// Every rule of the language beyond a value's shape, by a file that breaks it: where it is told, and
// how. The steps stand from line 3 on, one a line.
import assert from "node:assert/strict";
import { readSettings } from "../contract/settings.ts";
import { compileWorkflow } from "./compile.ts";

const settings = readSettings(() => undefined, {});

const NOTIFY = `template: notify
inputs:
  type: object
  required: [text]
  properties: { text: { type: string }, channel: { type: string, default: general } }
steps:
  - { id: post, call: /a, with: { t: "\${{ inputs.text }}" } }
`;
const PAIR = `template: pair
steps:
  - { id: one, call: /a, compensate: { call: /b } }
  - { id: two, call: /a, depends_on: [one] }
`;
const templates = new Map([["notify", NOTIFY], ["pair", PAIR]]);

function findProblems(source: string): string[] {
  const result = compileWorkflow(source, { settings, templates });
  assert.ok(!result.ok, `accepted:\n${source}`);
  return result.problems.map(({ file, line, column, message, near }) =>
    `${file === undefined ? "" : `${file}:`}${line}:${column} ${message}${
      near === undefined ? "" : ` (near: ${near.join(", ")})`
    }`
  );
}

/** A file whose steps are flow maps, and what follows them. */
const write = (steps: string[], more = "") =>
  `key: sample\nsteps:\n${steps.map((step) => `  - ${step}\n`).join("")}${
    more.includes("trigger:") ? "" : "trigger: { type: manual }\n"
  }${more}`;

/** Steps, what follows them, and the problems: all of them, in order. */
type Case = [name: string, steps: string[], expected: string[], more?: string];

const A = "{ id: a, call: /a }";

const CASES: Case[] = [
  // What a step does.
  ["a step does one thing", ["{ id: a, call: /a, sleep: 1m }"], [
    "3:24 steps[0] has call and sleep: a step does one thing",
  ]],
  ["a step that sleeps has no agent's keys", ["{ id: a, sleep: 1m, with: { x: 1 }, retry: {} }"], [
    "3:25 steps[0].with has no effect: a step that sleeps calls no agent",
    "3:41 steps[0].retry has no effect: a step that sleeps calls no agent",
  ]],
  ["a step that waits is no fan-out", ["{ id: a, wait: { event: e }, for_each: '[1]' }"], [
    "3:34 steps[0].for_each has no effect: a step that waits calls no agent",
  ]],
  ["a sub-workflow is not retried", ["{ id: a, workflow: w, retry: { max_attempts: 2 } }"], [
    "3:27 steps[0].retry has no effect: a step with workflow calls no agent itself",
  ]],
  ["a step with a template says only where it stands", [
    "{ id: a, use: notify, with: { text: x }, timeout_ms: 5 }",
  ], [
    "3:46 steps[0].timeout_ms has no effect: the template's own steps say that",
  ]],
  ["a callback needs an asynchronous call", [
    "{ id: a, call: /a, callback_timeout: 1m, mode: sync }",
  ], [
    "3:24 steps[0].callback_timeout has no effect: only a step with mode: async is called back",
  ]],
  ["items need a fan-out", ["{ id: a, call: /a, max_concurrency: 2, success: any }"], [
    "3:24 steps[0].max_concurrency has no effect: only a step with for_each has items",
    "3:44 steps[0].success has no effect: only a step with for_each has items",
  ]],
  ["a GET carries no inputs", ["{ id: a, call: /a, method: GET, with: { x: 1 } }"], [
    "3:37 steps[0].with has no effect: a GET has no body to send inputs in; use POST",
  ]],
  ["items append no steps", ["{ id: a, call: /a, for_each: '[1]', may_append: true }"], [
    "3:41 steps[0].may_append has no effect: the items of a fan-out cannot append steps",
  ]],
  ["an end of time needs a time", ["{ id: a, wait: { event: e, on_timeout: continue } }"], [
    "3:32 steps[0].wait.on_timeout has no effect: without a timeout the wait never ends by time",
  ]],
  ["a call is one address", ["{ id: a, call: '/a/${{ inputs.x }}' }"], [
    "3:20 steps[0].call must be one address: what changes from run to run belongs into `with`, got " +
    '"/a/${{ inputs.x }}"',
  ]],
  ["what undoes a step is a call like others", ["{ id: a, call: /a, compensate: { call: //x } }"], [
    '3:44 steps[0].compensate.call must start with one slash: // would name another host, got "//x"',
  ]],
  ["inputs are a map or one expression", ["{ id: a, call: /a, with: 'x ${{ event.id }}' }"], [
    '3:30 steps[0].with must be a map, or one text of the form ${{ … }}, got "x ${{ event.id }}"',
  ]],
  ["a workflow does not start itself for ever", ["{ id: a, workflow: sample }"], [
    '3:24 the workflow "sample" would start itself without end: give the step an `if`',
  ]],

  ["a public workflow says what it takes", [A], [
    "5:1 public needs inputs: they say what may be sent; `{type: object, " +
    "additionalProperties: false}` takes nothing",
  ], "public: true\n"],
  [
    "what is sent to a public workflow is what it takes",
    [A],
    [
      "4:26 trigger.inputs does not go with public: the inputs would be made of what was sent, which nobody " +
      "could check before the run; start this workflow as a step of a public one",
    ],
    "trigger: { type: manual, inputs: { x: 1 } }\ninputs: { type: object, properties: { x: {} } }\npublic: true\n",
  ],
  ["a workflow is public or not", [A], [
    '5:9 public must be true or false, got "yes"',
  ], "public: yes\n"],

  // Values.
  ["a duration has a unit", ["{ id: a, sleep: 30 }", "{ id: b, sleep: 30 min }"], [
    "3:21 steps[0].sleep must be a duration such as 30s, 10m or 1h30m, got 30",
    '4:21 steps[1].sleep must be a duration such as 30s, 10m or 1h30m, got "30 min"',
  ]],
  [
    "a duration is neither nothing nor for ever",
    ["{ id: a, sleep: 0s }", "{ id: b, sleep: 366d }"],
    [
      '3:21 steps[0].sleep must be a duration from 1ms to 365d, got "0s"',
      '4:21 steps[1].sleep must be a duration from 1ms to 365d, got "366d"',
    ],
  ],
  ["a backoff is no longer than a day", ["{ id: a, call: /a, retry: { max: 25h } }"], [
    '3:38 steps[0].retry.max must be a duration from 1ms to 24h, got "25h"',
  ]],
  ["a backoff's bounds are in order", ["{ id: a, call: /a, retry: { initial: 5m, max: 1m } }"], [
    "3:51 steps[0].retry.max must not be below initial, got 1m and 5m",
  ]],
  ["a retry class is known, and named once", [
    "{ id: a, call: /a, retry: { on: [netwrk, timeout, timeout] } }",
  ], [
    "3:38 steps[0].retry.on[0] must be network or timeout or rate_limited or http_5xx or http_4xx or " +
    'agent_error or invalid_response, got "netwrk" (near: network)',
    '3:55 "timeout" is named twice',
  ]],
  ["a choice is told with its map", [A, "{ id: b, call: /a, depends_on: [a], join: any_sucess }"], [
    "4:47 steps[1].join must be all_success or none_failed or any_success or all_done or {at_least: n}, " +
    'got "any_sucess" (near: any_success, all_success)',
  ]],
  ["a map of a choice has its own keys", [
    "{ id: a, call: /a, for_each: '[1]', success: { atleast: 1 } }",
  ], [
    '3:52 unknown key "atleast": expected one of at_least, percent (near: at_least)',
  ]],
  ["a rule for items is one rule", ["{ id: a, call: /a, for_each: '[1]', success: {} }"], [
    "3:50 steps[0].success must have one of at_least or percent",
  ]],
  ["a bucket's name knows two placeholders", ["{ id: a, call: /a, rate_limit: 'x:{user}' }"], [
    "3:36 steps[0].rate_limit must be a bucket's name of letters, digits, _ . : % and -, with {user_id} " +
    'and {agent} at most, got "x:{user}"',
  ]],
  ["a number keeps its digits", ["{ id: a, call: /a, with: { id: 12345678901234567890 } }"], [
    "3:36 steps[0].with.id is a number that would lose digits: write it in quotes",
  ]],
  ["a number is one of JSON's", ["{ id: a, call: /a, with: { x: .inf } }"], [
    "3:35 steps[0].with.x must be a number that JSON knows, got Infinity",
  ]],
  ["a text can be stored wherever it stands", [
    '{ id: a, call: /a, with: { "x\\0": 1, y: "\\ud800" } }',
  ], [
    "3:32 a key must be text that can be stored, without NUL and lone surrogates",
    "3:45 steps[0].with.y must be text that can be stored, without NUL and lone surrogates",
  ]],
  [
    "a tag of YAML's own is none either",
    ["{ id: a, call: /a, with: { x: !!str 5 } }"],
    [
      "3:35 !!str is a tag to YAML, and no part of the value: write the value in quotes",
    ],
  ],

  // The graph.
  ["an else needs an if", [A, "{ id: b, call: /a, else_of: a }"], [
    '4:33 step "a" has no `if`, so it has no else',
  ]],
  ["an else names another step", [
    "{ id: a, call: /a, else_of: a }",
    "{ id: b, call: /a, else_of: c }",
  ], [
    '3:33 step "a" is the else of itself',
    '4:33 unknown step "c" (near: a, b)',
  ]],
  ["an else does not wait for its if", [
    "{ id: a, call: /a, if: 'true' }",
    "{ id: b, call: /b, depends_on: [a] }",
    "{ id: c, call: /c, depends_on: [b], else_of: a }",
  ], [
    '5:50 step "c" depends on "a", of which it is the else: it would be skipped whenever that one is',
  ]],
  ["elses in a circle are no branches", [
    "{ id: a, call: /a, if: 'true', else_of: b }",
    "{ id: b, call: /b, if: 'true', else_of: a }",
  ], [
    "3:45 the steps are the else of each other: a → b → a",
    "4:45 the steps are the else of each other: b → a → b",
  ]],
  ["dependencies that an else takes over can close a circle", [
    "{ id: a, call: /a, if: 'true', depends_on: [c] }",
    "{ id: b, call: /b, else_of: a }",
    "{ id: c, call: /c, depends_on: [b] }",
  ], ["4:33 the steps wait for each other: b → c → b"]],
  ["a join needs dependencies", ["{ id: a, call: /a, join: any_success }"], [
    "3:24 steps[0].join has no effect: the step depends on no other",
  ]],
  ["a join is met by the dependencies that there are", [
    A,
    "{ id: b, call: /a, depends_on: [a], join: { at_least: 2 } }",
  ], [
    "4:59 the join waits for 2 successes, but the step has 1 dependency",
  ]],
  ["ids are unique over both lists", [A], [
    '6:11 step id "a" is taken by steps[0]',
  ], "on_failure:\n  - { id: a, call: /b }\n"],
  ["steps and handlers do not depend on each other", ["{ id: a, call: /a, depends_on: [h] }"], [
    '3:37 "h" is a step of on_failure, which runs only after a failure',
    '6:37 "a" is no step of on_failure: these wait for the end of all others anyway, and may read ' +
    "them in expressions",
  ], "on_failure:\n  - { id: h, call: /b, depends_on: [a] }\n"],
  ["handlers are not undone and append nothing", [A], [
    "6:24 on_failure[0].compensate has no effect: nothing undoes the steps of on_failure",
    "6:50 on_failure[0].may_append has no effect: nothing can be appended once the run has failed",
  ], "on_failure:\n  - { id: h, call: /b, compensate: { call: /b }, may_append: true }\n"],

  // Expressions.
  ["an expression is checked at its place", [
    "{ id: a, call: /a, if: 'event.payload.n >= inpts.min' }",
  ], [
    '3:48 steps[0].if: unknown name "inpts": the names here are inputs, event, run, steps (near: inputs)',
  ]],
  ["only dependencies can be read", [A, "{ id: b, call: /b, if: steps.a.output.ok }"], [
    "4:34 steps[1].if: steps.a is not a dependency of this step: add it to depends_on",
  ]],
  ["a step that does not exist is told with one that does", [
    "{ id: score, call: /a }",
    "{ id: b, call: /b, depends_on: [score], if: steps.scroe.output.ok }",
  ], [
    '4:55 steps[1].if: unknown step "scroe" (near: score)',
  ]],
  ["only a fan-out has items, and only in its inputs", [
    "{ id: a, call: /a, with: { x: '${{ item }}' } }",
    "{ id: b, call: /b, for_each: '[index]', with: { x: '${{ index }}' } }",
  ], [
    "3:40 steps[0].with.x: item is known only in the with of a step with for_each",
    "4:36 steps[1].for_each: index is known only in the with of a step with for_each",
  ]],
  ["a condition is true or false, a fan-out goes over a list", [
    "{ id: a, call: /a, if: '1 + 1' }",
    "{ id: b, call: /b, for_each: '\"abc\"' }",
  ], [
    "3:29 steps[0].if: a condition must be true or false, this is of type int",
    "4:35 steps[1].for_each: a list is needed here, this is of type string",
  ]],
  ["an unclosed expression is no text", ["{ id: a, call: /a, with: { x: 'a ${{ event.id' } }"], [
    "3:38 steps[0].with.x: ${{ is not closed: add }} behind the expression",
  ]],
  [
    "nothing is known of steps when a run starts",
    [A],
    [
      '4:36 trigger.if: unknown step "a"',
      '4:64 trigger.inputs.y: unknown name "inputs": the names here are event',
      '5:22 concurrency.key: unknown name "run": the names here are inputs, event',
    ],
    "trigger: { type: manual, if: steps.a.output, inputs: { y: '${{ inputs.z }}' } }\nconcurrency: { key: 'run.id' }\n",
  ],
  ["an empty condition is a mistake", ['{ id: a, call: /a, if: "" }', "{ id: b, call: /b, if: }"], [
    "3:28 steps[0].if must be a text with a length of at least 1, got 0",
    "4:24 steps[1].if must be a text, got null",
  ]],
  ["what event and run hold is known", [
    "{ id: a, call: /a, if: event.typ == 'a' && run.workflow == 'b' }",
  ], [
    '3:34 steps[0].if: event has no "typ": it has type, id, payload, user_id, intent_id, created_at ' +
    "(near: type)",
    '3:52 steps[0].if: run has no "workflow": it has id, workflow_key, user_id, intent_id, failed_steps ' +
    "(near: workflow_key)",
  ]],
  ["the candidate of a wait is less than the run's event", [
    "{ id: a, wait: { event: e, match: event.intent_id == '' } }",
  ], [
    '3:45 steps[0].wait.match: event has no "intent_id": it has type, id, payload, user_id',
  ]],
  [
    "an input is one of the schema's",
    ["{ id: a, call: /a, with: { x: '${{ inputs.led_id }}' } }"],
    [
      '3:47 steps[0].with.x: "led_id" is not among the inputs (near: lead_id)',
    ],
    "inputs: { type: object, properties: { lead_id: {} } }\n",
  ],
  ["what undoes a step sees it, and not what runs behind it", [
    "{ id: a, call: /a, compensate: { call: /b, with: { x: '${{ steps.a.output.x + steps.b.output.x }}' } } }",
    "{ id: b, call: /b, depends_on: [a] }",
  ], [
    "3:89 steps[0].compensate.with.x: steps.b is not a dependency of this step: add it to depends_on",
  ]],

  // Inputs.
  [
    "a schedule gives a run its inputs",
    [A],
    [
      '4:10 trigger.inputs is missing: a run of the schedule has no "x", which the workflow\'s inputs ' +
      "require; give it here, or give it a default",
    ],
    'trigger: { type: cron, cron: "0 7 * * *" }\ninputs: { type: object, required: [x, y], properties: { x: {}, y: { default: 1 } } }\n',
  ],
  [
    "a trigger gives all inputs, and no others",
    [A],
    [
      '4:26 trigger.inputs does not give "x", which the workflow\'s inputs require',
      '4:36 "z" is not among the workflow\'s inputs (near: x)',
    ],
    "trigger: { type: manual, inputs: { z: 1 } }\ninputs: { type: object, required: [x], properties: { x: {} } }\n",
  ],

  // Templates.
  ["a template exists", ["{ id: a, use: notfy, with: { text: x } }"], [
    '3:19 there is no template "notfy" in workflows/templates/ (near: notify)',
  ]],
  ["a template gets what it needs, and nothing else", [
    "{ id: a, use: notify, with: { txt: x, channel: 5 } }",
  ], [
    '3:27 the template notify needs the argument "text"',
    '3:35 the template notify has no argument "txt" (near: text)',
    "3:52 the template notify: channel must be a text, got 5",
  ]],
  ["a template that needs arguments is not used without", ["{ id: a, use: notify }"], [
    '3:5 the template notify needs the argument "text"',
  ]],
  ["a template's arguments are a map", ["{ id: a, use: notify, with: '${{ event.payload }}' }"], [
    '3:33 steps[0].with must be a map of arguments, got "${{ event.payload }}"',
  ]],
  ["a template of several steps does not fail as one", [
    "{ id: a, use: pair, continue_on_error: true }",
  ], [
    "3:25 steps[0].continue_on_error is for templates of one step, and pair has 2: set it on those of " +
    "them that may fail",
  ]],
  ["a template in on_failure has nothing to undo", [A], [
    "6:19 the template pair has a step with compensate, which on_failure cannot use",
  ], "on_failure:\n  - { id: h, use: pair }\n"],
];

for (const [name, steps, expected, more] of CASES) {
  Deno.test(name, () => assert.deepEqual(findProblems(write(steps, more)), expected));
}

Deno.test("a fault is shown at its word, however the text is written", () => {
  const write = (condition: string) =>
    `key: a\ntrigger: { type: manual }\nsteps:\n  - id: a\n    call: /a\n    if: ${condition}\n`;
  const places: [string, string][] = [
    ["event.id == nope", "6:21"],
    ['"event.id == nope"', "6:22"],
    ["'event.id == ''x'' || nope'", "6:31"],
    ['"event.id == \\"x\\" || nope"', "6:31"],
    [">-\n      event.id == 'x' ||\n      nope", "8:7"],
    ["|\n      event.id == 'x' ||\n        nope", "8:9"],
    ["event.id == 'x' ||\n      nope", "7:7"],
    ["'event.id == 1 ||\n\n      nope'", "8:7"],
  ];
  for (const [condition, place] of places) {
    const [problem] = findProblems(write(condition));
    assert.match(problem, /unknown name "nope"/, condition);
    assert.equal(problem.split(" ", 1)[0], place, condition);
  }
});

Deno.test("problems inside of a template name the template's file, once for all steps that use it", () => {
  const source = write(["{ id: a, use: broken }", "{ id: b, use: broken }"]);
  const result = compileWorkflow(source, {
    file: "workflows/sample.yml",
    settings,
    templates: new Map([["broken", "template: broken\nsteps:\n  - { id: a, cal: /a }\n"]]),
  });
  assert.ok(!result.ok);
  assert.deepEqual(result.problems, [
    {
      message: "steps[0] does nothing: it needs one of call, workflow, wait, sleep or use",
      path: "steps[0]",
      file: "templates/broken.yml",
      line: 3,
      column: 5,
    },
    {
      message: 'unknown key "cal"',
      path: "steps[0].cal",
      file: "templates/broken.yml",
      line: 3,
      column: 14,
      near: ["call"],
    },
  ]);
});

Deno.test("a template has its own rules", () => {
  const find = (template: string) => {
    const result = compileWorkflow(write(["{ id: a, use: t }"]), {
      settings,
      templates: new Map([["t", template]]),
    });
    return result.ok ? [] : result.problems.map(({ message }) => message);
  };
  assert.deepEqual(find("template: t\nsteps: [{ id: a, call: /a }]\n"), []);
  assert.deepEqual(find("template: u\nsteps: [{ id: a, call: /a }]\n"), [
    "the file must be named after its template: u.yml",
  ]);
  assert.deepEqual(find("template: t\nsteps: [{ id: a, use: t }]\n"), [
    "steps[0].use must not be here: a template uses no other template",
  ]);
  assert.match(
    find("template: t\nsteps: [{ id: a, call: /a }, { id: b, call: /b }]\n")[0],
    /^exactly one step of a template has no other depending on it.*"a", "b" have none$/,
  );
  assert.deepEqual(find("template: t\ntrigger: {}\nsteps: [{ id: a, call: /a }]\n"), [
    'unknown key "trigger": expected one of template, description, inputs, steps',
  ]);
  assert.deepEqual(
    find(
      "template: t\ninputs: { type: object, properties: { a: {} } }\nsteps: [{ id: a, call: /a, if: inputs.b }]\n",
    ),
    ['steps[0].if: "b" is not among the inputs'],
  );
});

Deno.test("a workflow without its templates at hand says that they are missing", () => {
  const result = compileWorkflow(write(["{ id: a, use: notify }"]), { settings });
  assert.ok(!result.ok);
  assert.match(result.problems[0].message, /^there is no template "notify"/);
});
