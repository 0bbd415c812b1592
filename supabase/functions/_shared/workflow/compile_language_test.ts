// What each key of the language becomes in the definition that the database runs.
import assert from "node:assert/strict";
import type { CompiledStep, CompiledWorkflow } from "../contract/compiled_workflow.ts";
import { readSettings } from "../contract/settings.ts";
import { compileWorkflow } from "./compile.ts";

const settings = readSettings(() => undefined, {});

/** Compiles steps (flow maps, one a line) below a head of `key` and a manual trigger. */
function compile(
  steps: string[],
  { head = "", tail = "", trigger = "{ type: manual }", templates = {} }: {
    head?: string;
    tail?: string;
    trigger?: string;
    templates?: Record<string, string>;
  } = {},
): CompiledWorkflow {
  const lines = steps.map((step) => `  - ${step}\n`).join("");
  const source = `key: sample\ntrigger: ${trigger}\n${head}steps:\n${lines}${tail}`;
  const result = compileWorkflow(source, {
    settings,
    templates: new Map(Object.entries(templates)),
  });
  assert.ok(result.ok, JSON.stringify(result, null, 1));
  return result.workflow;
}

/** A step by its id, with ids instead of numbers. */
function find({ steps }: CompiledWorkflow, id: string) {
  const step = steps.find(({ step_id }) => step_id === id);
  assert.ok(step !== undefined, `no step ${id} in ${steps.map((it) => it.step_id).join(", ")}`);
  const name = (no: number) => steps[no - 1].step_id;
  return {
    ...step,
    depends_on: step.depends_on.map(name),
    dependents: step.dependents.map(name),
    reads: step.reads.map(name),
  };
}

const join = ({ join_rule, join_min }: Pick<CompiledStep, "join_rule" | "join_min">) => [
  join_rule,
  join_min,
];

Deno.test("the founding example compiles to every kind of step", () => {
  const read = (name: string) =>
    Deno.readTextFileSync(new URL(`../../../../workflows/${name}.yml`, import.meta.url));
  const result = compileWorkflow(read("examples/lead_triage_v1"), {
    settings,
    templates: new Map([["slack_message", read("templates/slack_message")]]),
  });
  assert.ok(result.ok, JSON.stringify(result));
  const { workflow } = result;
  assert.deepEqual(
    workflow.steps.map(({ step_id, kind, phase }) => [step_id, kind, phase]),
    [
      ["$start", "start", "main"],
      ["enrich", "call", "main"],
      ["score", "call", "main"],
      ["approve", "wait", "main"],
      ["archive", "workflow", "main"],
      ["tell", "call", "main"],
      ["$failure", "failure", "main"],
      ["undo", "call", "on_failure"],
    ],
  );
  assert.deepEqual(workflow.inputs?.required, ["lead_id"]);
  assert.deepEqual(find(workflow, "score").config, {
    call: "/functions/v1/agent-proxy/score",
    method: "POST",
    timeout_ms: 15_000,
    retry_on: ["network", "timeout", "rate_limited", "http_5xx"],
    for_each: "steps.enrich.output.contacts",
    max_concurrency: 5,
    success: { at_least: 1 },
    with: { contact: "${{ item }}", n: "${{ index }}" },
    scoped: true,
  });
  assert.deepEqual(find(workflow, "approve").config.wait, {
    event: "lead.approved",
    match: "event.payload.lead_id == inputs.lead_id",
    timeout_ms: 86_400_000,
    on_timeout: "fail",
  });
  assert.deepEqual(find(workflow, "archive").config.unless, [
    "steps.score.output.exists(o, o != null && o.value >= inputs.min_score)",
  ]);
  const tell = find(workflow, "tell");
  assert.deepEqual([tell.agent, tell.depends_on, tell.reads, tell.is_result], [
    "notify",
    ["approve", "archive"],
    ["score"],
    true,
  ]);
  assert.equal(tell.config.params?.channel, "#leads");
});

// --- kinds

Deno.test("a step that calls nobody belongs to the orchestrator and keeps to a step's own time", () => {
  const workflow = compile([
    "{ id: nap, sleep: 1h30m }",
    "{ id: gate, wait: { event: a.b }, depends_on: [nap] }",
    "{ id: child, workflow: other_v1, depends_on: [gate] }",
  ]);
  const nap = find(workflow, "nap");
  assert.deepEqual([nap.kind, nap.agent, nap.config], ["sleep", "orchestrator", {
    kind: "sleep",
    timeout_ms: 15_000,
    sleep_ms: 5_400_000,
  }]);
  assert.deepEqual(find(workflow, "gate").config, {
    kind: "wait",
    timeout_ms: 15_000,
    wait: { event: "a.b", on_timeout: "fail" },
  });
  assert.deepEqual(find(workflow, "child").config, {
    kind: "workflow",
    timeout_ms: 15_000,
    workflow: "other_v1",
  });
  // Only an agent gets what the steps before it gave.
  assert.deepEqual(workflow.steps.map(({ reads }) => reads), [[], [], []]);
});

Deno.test("an asynchronous call knows how long to wait for its callback", () => {
  const workflow = compile([
    "{ id: a, call: /a, mode: async }",
    "{ id: b, call: /b, mode: async, callback_timeout: 2d, heartbeat: 5m, queue_timeout: 1m }",
    "{ id: c, call: /c, mode: sync }",
  ]);
  assert.equal(find(workflow, "a").config.callback_timeout_ms, 86_400_000);
  const { config } = find(workflow, "b");
  assert.deepEqual(
    [
      config.mode,
      config.callback_timeout_ms,
      config.callback_heartbeat_ms,
      config.queue_timeout_ms,
    ],
    ["async", 172_800_000, 300_000, 60_000],
  );
  assert.equal("mode" in find(workflow, "c").config, false);
});

Deno.test("retries come from the step, else from the defaults, else from the settings", () => {
  const workflow = compile([
    "{ id: a, call: /a }",
    "{ id: b, call: /b, timeout_ms: 5, retry: { on: [http_4xx], initial: 2m, jitter: none } }",
    "{ id: c, call: /c, retry: { max: 500ms } }",
    "{ id: d, call: /d, retry: { on: [] } }",
  ], { head: "defaults: { timeout_ms: 7, retry: { max_attempts: 9, on: [network], max: 5m } }\n" });
  const read = (id: string) => {
    const { max_attempts, retry_initial_ms, retry_max_ms, retry_jitter, config } = find(
      workflow,
      id,
    );
    const { retry_on, timeout_ms } = config;
    return [max_attempts, retry_initial_ms, retry_max_ms, retry_jitter, retry_on, timeout_ms];
  };
  assert.deepEqual(read("a"), [9, 1_000, 300_000, true, ["network"], 7]);
  assert.deepEqual(read("b"), [9, 120_000, 300_000, false, ["http_4xx"], 5]);
  assert.deepEqual(read("c"), [9, 500, 500, true, ["network"], 7]);
  assert.deepEqual(read("d")[4], []);
});

Deno.test("a first wait above the setting's cap raises the cap", () => {
  const { steps: [step] } = compile(["{ id: a, call: /a, retry: { initial: 5m } }"]);
  assert.deepEqual([step.retry_initial_ms, step.retry_max_ms], [300_000, 300_000]);
});

Deno.test("rate limits, continue_on_error and may_append are taken over", () => {
  const workflow = compile([
    "{ id: a, call: /a, rate_limit: 'agent:{agent}', continue_on_error: true, may_append: true }",
  ]);
  const { rate_limit, continue_on_error, config } = find(workflow, "a");
  assert.deepEqual([rate_limit, continue_on_error, config.may_append], [
    "agent:{agent}",
    true,
    true,
  ]);
});

// --- what a step reads

Deno.test("an agent without `with` gets its dependencies, and reads what its condition names beside", () => {
  const workflow = compile([
    "{ id: a, call: /a }",
    "{ id: b, call: /b, depends_on: [a] }",
    "{ id: c, call: /c, depends_on: [b], if: steps.a.output.ok }",
    "{ id: d, call: /d, depends_on: [c], if: steps.c.output.ok }",
  ]);
  assert.deepEqual(find(workflow, "b").reads, ["a"]);
  const c = find(workflow, "c");
  assert.deepEqual([c.reads, c.config.passes, c.config.scoped], [["a", "b"], ["b"], true]);
  const d = find(workflow, "d");
  assert.deepEqual([d.reads, d.config.passes], [["c"], undefined]);
});

Deno.test("an agent with `with` reads what that names and nothing else", () => {
  const workflow = compile([
    "{ id: a, call: /a }",
    "{ id: b, call: /b, depends_on: [a] }",
    "{ id: c, call: /c, depends_on: [b], with: { x: '${{ steps.a.output }}' } }",
    "{ id: d, call: /d, depends_on: [b], with: { x: 1 } }",
  ]);
  const c = find(workflow, "c");
  assert.deepEqual([c.reads, c.config.passes], [["a"], undefined]);
  // Its inputs are made of `with`, so that it is no plain call although it names nothing.
  const d = find(workflow, "d");
  assert.deepEqual([d.reads, d.config.scoped, d.config.with], [[], true, { x: 1 }]);
});

Deno.test("ids with hyphens are read by their names in brackets", () => {
  const workflow = compile([
    "{ id: my-step, call: /a }",
    "{ id: b, call: /b, depends_on: [my-step], if: 'steps[\"my-step\"].output.n-1 > 0' }",
  ]);
  assert.deepEqual(find(workflow, "b").reads, ["my-step"]);
});

// --- joins

Deno.test("joins become the database's rules", () => {
  const on = "depends_on: [a, b, c]";
  const workflow = compile([
    "{ id: a, call: /a }",
    "{ id: b, call: /b }",
    "{ id: c, call: /c }",
    `{ id: plain, call: /x, ${on} }`,
    `{ id: all, call: /x, ${on}, join: all_success }`,
    `{ id: none, call: /x, ${on}, join: none_failed }`,
    `{ id: any, call: /x, ${on}, join: any_success }`,
    `{ id: two, call: /x, ${on}, join: { at_least: 2 } }`,
    `{ id: done, call: /x, ${on}, join: all_done }`,
  ]);
  assert.deepEqual(
    ["plain", "all", "none", "any", "two", "done"].map((id) => join(find(workflow, id))),
    [
      [null, null],
      ["all", 3],
      ["all", 0],
      ["early", 1],
      ["early", 2],
      ["done", 0],
    ],
  );
});

Deno.test("a run waits by itself for what an early join does not wait for, and keeps its output", () => {
  const workflow = compile([
    "{ id: a, call: /a }",
    "{ id: b, call: /b }",
    "{ id: first, call: /x, depends_on: [a, b], join: any_success }",
    "{ id: after_a, call: /x, depends_on: [a] }",
  ]);
  const read = (id: string) => {
    const { is_sink, is_result } = find(workflow, id);
    return [is_sink, is_result];
  };
  assert.deepEqual(read("a"), [true, false]);
  assert.deepEqual(read("b"), [true, true]);
  assert.deepEqual(read("first"), [true, true]);
});

// --- branches

Deno.test("an else runs unless the condition holds, behind the same steps, by the same join", () => {
  const workflow = compile([
    "{ id: a, call: /a }",
    "{ id: b, call: /b }",
    "{ id: big, call: /x, depends_on: [a, b], join: none_failed, if: steps.a.output.n > 10 }",
    "{ id: middle, call: /x, else_of: big, if: steps.b.output.n > 5 }",
    "{ id: small, call: /x, else_of: middle }",
    "{ id: other, call: /x, depends_on: [b], else_of: big, join: all_done }",
    "{ id: after, call: /x, depends_on: [big, middle, small] }",
  ]);
  const middle = find(workflow, "middle");
  assert.deepEqual([middle.depends_on, join(middle)], [["a", "b"], ["all", 0]]);
  assert.deepEqual([middle.config.unless, middle.config.if], [
    ["steps.a.output.n > 10"],
    "steps.b.output.n > 5",
  ]);
  const small = find(workflow, "small");
  assert.deepEqual(small.config.unless, ["steps.a.output.n > 10", "steps.b.output.n > 5"]);
  assert.deepEqual([small.depends_on, small.reads], [["a", "b"], ["a", "b"]]);
  assert.deepEqual(join(find(workflow, "other")), ["done", 0]);
  assert.deepEqual(find(workflow, "after").depends_on, ["big", "middle", "small"]);
});

// --- the steps that the compiler adds

Deno.test("a workflow without rules for its start begins with its own steps", () => {
  const workflow = compile(["{ id: a, call: /a }"], { head: "timeout: 1h\n" });
  assert.deepEqual(workflow.steps.map(({ step_id }) => step_id), ["a"]);
  assert.equal(workflow.timeout_ms, 3_600_000);
});

Deno.test("inputs, the trigger's rules or concurrency put a step before all others", () => {
  const heads = [
    "inputs: { type: object }\n",
    "concurrency: { key: event.user_id }\n",
  ];
  const triggers = ["{ type: manual, if: event.payload.ok }", "{ type: manual, inputs: { a: 1 } }"];
  const starts = [
    ...heads.map((head) => compile(["{ id: a, call: /a }", "{ id: b, call: /b }"], { head })),
    ...triggers.map((trigger) =>
      compile(["{ id: a, call: /a }", "{ id: b, call: /b }"], { trigger })
    ),
  ];
  for (const workflow of starts) {
    const [start, a] = workflow.steps;
    assert.deepEqual([start.step_no, start.step_id, start.kind, start.dependents], [
      1,
      "$start",
      "start",
      [2, 3],
    ]);
    assert.deepEqual([start.is_sink, start.is_result, start.config.scoped], [false, false, true]);
    // It gives the agents nothing.
    assert.deepEqual([a.depends_on, a.reads, a.config.passes], [[1], [], undefined]);
  }
  assert.deepEqual(starts.map(({ steps: [{ config }] }) => config.start), [
    { schema: { type: "object" } },
    { concurrency: { key: "event.user_id", max: 1, on_conflict: "queue" } },
    { if: "event.payload.ok" },
    { inputs: { a: 1 } },
  ]);
});

Deno.test("on_failure puts a step behind all that can fail", () => {
  const workflow = compile([
    "{ id: a, call: /a }",
    "{ id: b, call: /b }",
    "{ id: tolerant, call: /x, depends_on: [a], join: all_done }",
    "{ id: strict, call: /x, depends_on: [b] }",
  ], {
    tail: "on_failure:\n" +
      "  - { id: tell, call: /t, with: { failed: '${{ run.failed_steps }}', a: '${{ steps.a.status }}' } }\n" +
      "  - { id: log, call: /l, depends_on: [tell] }\n",
  });
  const failure = find(workflow, "$failure");
  assert.deepEqual([failure.step_no, failure.kind, join(failure)], [5, "failure", ["failed", 0]]);
  assert.deepEqual(failure.depends_on, ["a", "tolerant", "strict"]);
  assert.deepEqual([failure.is_sink, failure.is_result, failure.dependents], [true, false, []]);
  // The outputs of the last steps stay the run's.
  const strict = find(workflow, "strict");
  assert.deepEqual([strict.is_sink, strict.is_result], [false, true]);
  const tell = find(workflow, "tell");
  assert.deepEqual([tell.phase, tell.depends_on, tell.reads, tell.is_result], [
    "on_failure",
    [],
    ["a"],
    false,
  ]);
  assert.deepEqual(find(workflow, "log").reads, ["tell"]);
});

Deno.test("what undoes a step is a step of its own, and gets that step's output", () => {
  const workflow = compile([
    "{ id: a, call: /a }",
    "{ id: book, call: /b, depends_on: [a], compensate: { call: /cancel } }",
    "{ id: pay, call: /p, depends_on: [book], compensate: { call: /refund, timeout_ms: 9, " +
    "retry: { max_attempts: 2 }, with: { id: '${{ steps.pay.output.id }}', a: '${{ steps.a.output }}' } } }",
  ]);
  assert.deepEqual(workflow.steps.map(({ step_id, phase }) => [step_id, phase]), [
    ["a", "main"],
    ["book", "main"],
    ["pay", "main"],
    ["$failure", "main"],
    ["book.$compensate", "compensate"],
    ["pay.$compensate", "compensate"],
  ]);
  const cancel = find(workflow, "book.$compensate");
  assert.deepEqual([cancel.compensates, cancel.depends_on, cancel.reads, cancel.agent], [
    2,
    [],
    ["book"],
    "cancel",
  ]);
  assert.equal(cancel.config.scoped, undefined);
  const refund = find(workflow, "pay.$compensate");
  assert.deepEqual([refund.compensates, refund.reads, refund.max_attempts], [3, ["a", "pay"], 2]);
  assert.deepEqual([refund.config.timeout_ms, refund.config.scoped], [9, true]);
});

// --- templates

const NOTIFY = `template: notify
inputs:
  type: object
  required: [text]
  properties: { text: { type: string }, channel: { type: string, default: general } }
steps:
  - { id: post, call: /functions/v1/agent/post, with: { t: "\${{ inputs.text }}" } }
`;

const RESEARCH = `template: research
inputs: { type: object, properties: { topic: { type: string } } }
steps:
  - { id: plan, call: /functions/v1/agent/plan, with: { topic: "\${{ inputs.topic }}" } }
  - { id: deep, call: /functions/v1/agent/deep, depends_on: [plan], if: steps.plan.output.deep }
  - { id: flat, call: /functions/v1/agent/flat, else_of: deep }
  - { id: sum, call: /functions/v1/agent/sum, depends_on: [deep, flat], compensate: { call: /functions/v1/agent/drop } }
`;

Deno.test("a template of one step takes the using step's place", () => {
  const workflow = compile([
    "{ id: a, call: /a }",
    "{ id: tell, depends_on: [a], use: notify, with: { text: 'n: ${{ steps.a.output.n }}' }, " +
    "continue_on_error: true, join: all_done }",
    "{ id: b, call: /b, depends_on: [tell] }",
  ], { templates: { notify: NOTIFY } });
  const tell = find(workflow, "tell");
  assert.deepEqual(
    [tell.agent, tell.depends_on, tell.reads, tell.dependents],
    [
      "agent",
      ["a"],
      ["a"],
      ["b"],
    ].with(0, "post"),
  );
  assert.deepEqual(tell.config.params, { text: "n: ${{ steps.a.output.n }}", channel: "general" });
  assert.deepEqual([tell.continue_on_error, join(tell)], [true, ["done", 0]]);
  assert.equal(tell.config.names, undefined);
  assert.deepEqual(find(workflow, "b").reads, ["tell"]);
});

Deno.test("a template of several steps has them under the using step's id", () => {
  const workflow = compile([
    "{ id: a, call: /a }",
    "{ id: look, depends_on: [a], use: research, with: { topic: '${{ steps.a.output.topic }}' } }",
  ], { templates: { research: RESEARCH } });
  assert.deepEqual(workflow.steps.map(({ step_id }) => step_id), [
    "a",
    "look.plan",
    "look.deep",
    "look.flat",
    "look",
    "$failure",
    "look.$compensate",
  ]);
  assert.deepEqual(find(workflow, "look.plan").depends_on, ["a"]);
  assert.deepEqual(find(workflow, "look.plan").reads, ["a"]);
  const deep = find(workflow, "look.deep");
  assert.deepEqual(deep.config.names, { plan: "look.plan" });
  // Its condition is evaluated with the arguments at hand, and these read the outer step.
  assert.deepEqual([deep.reads, deep.config.passes], [["a", "look.plan"], ["look.plan"]]);
  const flat = find(workflow, "look.flat");
  assert.deepEqual([flat.depends_on, flat.config.unless], [["look.plan"], [
    "steps.plan.output.deep",
  ]]);
  assert.deepEqual(flat.config.names, { plan: "look.plan" });
  const look = find(workflow, "look");
  assert.deepEqual([look.depends_on, look.reads, look.config.params], [
    ["look.deep", "look.flat"],
    ["look.deep", "look.flat"],
    undefined,
  ]);
  assert.equal(find(workflow, "look.$compensate").compensates, look.step_no);
});

Deno.test("the condition of a step that uses a template is a step before the template's first ones", () => {
  const workflow = compile([
    "{ id: a, call: /a }",
    "{ id: tell, depends_on: [a], use: notify, with: { text: x }, if: steps.a.output.ok, join: none_failed }",
    "{ id: look, else_of: tell, use: research }",
  ], { templates: { notify: NOTIFY, research: RESEARCH } });
  const gate = find(workflow, "tell.$if");
  assert.deepEqual([gate.kind, gate.depends_on, gate.reads, join(gate)], [
    "sleep",
    ["a"],
    ["a"],
    ["all", 0],
  ]);
  assert.deepEqual([gate.config.if, gate.config.sleep_ms, gate.config.params], [
    "steps.a.output.ok",
    1,
    undefined,
  ]);
  const tell = find(workflow, "tell");
  assert.deepEqual([tell.depends_on, tell.config.if, join(tell)], [["tell.$if"], undefined, [
    null,
    null,
  ]]);
  const other = find(workflow, "look.$if");
  assert.deepEqual([other.depends_on, other.config.unless], [["a"], ["steps.a.output.ok"]]);
  assert.deepEqual(find(workflow, "look.plan").depends_on, ["look.$if"]);
});

Deno.test("a template in on_failure runs there, and may read every step", () => {
  const workflow = compile(["{ id: a, call: /a }"], {
    templates: { notify: NOTIFY },
    tail: "on_failure:\n  - { id: tell, use: notify, with: { text: '${{ steps.a.status }}' } }\n",
  });
  const tell = find(workflow, "tell");
  assert.deepEqual([tell.phase, tell.reads], ["on_failure", ["a"]]);
});

Deno.test("maps of the definition are plain ones, and keys named like members of them are only keys", () => {
  const { steps: [step] } = compile([
    "{ id: a, call: /a, with: { constructor: x, toString: y, hasOwnProperty: { valueOf: z } } }",
  ]);
  const values = step.config.with as Record<string, unknown>;
  assert.deepEqual(Object.keys(values), ["constructor", "toString", "hasOwnProperty"]);
  assert.equal(Object.getPrototypeOf(values), Object.prototype);
});
