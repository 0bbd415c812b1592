import assert from "node:assert/strict";
import { OrchestratorError } from "../contract/errors.ts";
import type { StepConfig } from "../contract/compiled_workflow.ts";
import type { LeasedJob } from "../database/rows.ts";
import { FakeOutputs } from "../outputs/fake_outputs.ts";
import { createJob } from "./fake_queue.ts";
import { isPlainCall, planJob } from "./plan.ts";
import { createScope, planAttempt } from "./fake_plan.ts";

const MAX_BYTES = 5_242_880;
const CALL = { call: "/functions/v1/agent", method: "POST", timeout_ms: 15_000 } as const;

function createStep(config: Partial<StepConfig>, given: Partial<LeasedJob> = {}): LeasedJob {
  return createJob({
    step_id: "enrich",
    config: { ...CALL, scoped: true, ...config },
    scope: createScope(),
    ...given,
  });
}

const plan = (job: LeasedJob, outputs = new FakeOutputs()) =>
  planJob(job, { outputs, outputMaxBytes: MAX_BYTES });

/** What the agent would get; fails if there is no call. */
async function readInputs(job: LeasedJob, outputs = new FakeOutputs()): Promise<unknown> {
  const planned = await plan(job, outputs);
  assert.equal(planned.do, "call", JSON.stringify(planned));
  return planned.do === "call" ? planned.inputs : null;
}

Deno.test("a plain call gets what its lease brought, and nothing is looked at", async () => {
  const job = createJob({ inputs: { a: { n: 1 } } });
  assert.equal(isPlainCall(job), true);
  assert.equal(await readInputs(job), job.inputs);
});

Deno.test("`with` replaces the inputs, and an expression that stands alone keeps its type", async () => {
  const job = createStep({
    with: {
      lead: "${{ inputs.lead }}",
      text: "Hi ${{ steps.a.output.n }}!",
      list: ["${{ 1 == 1 }}"],
    },
  }, { inputs: { a: { n: 7 } } });
  assert.deepEqual(await readInputs(job), { lead: { id: "l-1" }, text: "Hi 7!", list: [true] });
});

Deno.test("`with` without expressions replaces the inputs too", async () => {
  const job = createJob({ config: { ...CALL, with: { a: [1, "${"] } }, inputs: { b: 2 } });
  assert.deepEqual(await readInputs(job), { a: [1, "${"] });
});

Deno.test("`with` may be a single expression", async () => {
  const job = createStep({ with: "${{ steps.a.output }}" }, { inputs: { a: [1, 2] } });
  assert.deepEqual(await readInputs(job), [1, 2]);
});

Deno.test("the run's payload stands in for inputs that it does not have", async () => {
  const scope = { ...createScope(), inputs: null };
  const job = createStep({ with: "${{ inputs.topic }}" }, { scope, run_payload: { topic: "t" } });
  assert.equal(await readInputs(job), "t");
});

Deno.test("expressions see event and run", async () => {
  const job = createStep({
    with: ["${{ event.type }}", "${{ event.payload.source }}", "${{ run.failed_steps }}"],
  });
  assert.deepEqual(await readInputs(job), ["lead.created", "web", ["bad"]]);
});

Deno.test("a step that did not succeed has a status and the output null", async () => {
  const job = createStep({
    with: {
      statuses: ["${{ steps.a.status }}", "${{ steps.b.status }}", "${{ steps.c.status }}"],
      outputs: ["${{ steps.a.output }}", "${{ steps.b.output }}"],
    },
  }, { inputs: { a: 1 }, others: { b: { status: "dead" }, c: { status: "skipped" } } });
  assert.deepEqual(await readInputs(job), {
    statuses: ["success", "dead", "skipped"],
    outputs: [1, null],
  });
});

Deno.test("without `with` an agent gets the outputs of the steps that succeeded", async () => {
  const job = createJob({ inputs: { a: 1 }, others: { b: { status: "dead" } } });
  assert.deepEqual(await readInputs(job), { a: 1 });
});

Deno.test("steps that are read for an expression only are not passed on", async () => {
  const job = createStep(
    { if: "steps.b.output == 2", passes: ["a"] },
    { inputs: { a: 1, b: 2 } },
  );
  assert.deepEqual(await readInputs(job), { a: 1 });
});

Deno.test("an agent inside a template gets the outputs by the names of the template's file", async () => {
  const job = createStep({ names: { look: "tell.look" } }, {
    inputs: { "tell.look": 1, before: 2 },
  });
  assert.deepEqual(await readInputs(job), { look: 1, before: 2 });
});

Deno.test("a GET gets no inputs, and no output is fetched for it", async () => {
  const outputs = new FakeOutputs();
  const job = createJob({
    config: { ...CALL, method: "GET" },
    others: { a: { status: "success", output_ref: outputs.lay("a", 1) } },
  });
  assert.deepEqual(await readInputs(job, outputs), {});
  assert.deepEqual(outputs.reads, []);
});

Deno.test("an output in Storage is fetched for the body", async () => {
  const outputs = new FakeOutputs();
  const job = createJob({
    inputs: { b: 2 },
    others: { a: { status: "success", output_ref: outputs.lay("a", ["large"]) } },
  });
  assert.deepEqual(await readInputs(job, outputs), { a: ["large"], b: 2 });
});

Deno.test("an output in Storage is fetched only once an expression that names it is evaluated", async () => {
  const outputs = new FakeOutputs();
  const others = Object.fromEntries(
    ["a", "b", "c"].map((id) => [
      id,
      { status: "success" as const, output_ref: outputs.lay(id, { n: 1 }) },
    ]),
  );
  const job = (config: Partial<StepConfig>) => createStep(config, { others });
  await planAttempt(job({ if: "steps.a.output.n > 1", with: "${{ steps.b.output }}" }), outputs);
  assert.deepEqual(outputs.reads, ["a"], "a skipped step needs nothing for its agent");
  outputs.reads.length = 0;
  assert.equal(await readInputs(job({ with: "${{ steps.b.output.n }}" }), outputs), 1);
  assert.deepEqual(outputs.reads, ["b"]);
});

Deno.test("an output is fetched once, however many expressions name it", async () => {
  const outputs = new FakeOutputs();
  const job = createStep({
    unless: ["steps.a.output.n == 0"],
    if: "steps.a.output.n == 1",
    with: ["${{ steps.a.output.n }}", "${{ steps.a.output }}"],
  }, { others: { a: { status: "success", output_ref: outputs.lay("a", { n: 1 }) } } });
  assert.deepEqual(await readInputs(job, outputs), [1, { n: 1 }]);
  assert.deepEqual(outputs.reads, ["a"]);
});

Deno.test("an output that Storage does not give is a passing failure", async () => {
  const outputs = new FakeOutputs();
  const output_ref = outputs.lay("a", 1);
  outputs.outage = new OrchestratorError("unavailable", "Storage is away", { retryAfterMs: 2_000 });
  const others = { a: { status: "success" as const, output_ref } };
  for (
    const job of [
      createJob({ others }),
      createStep({ with: "${{ steps.a.output }}" }, { others }),
      createStep({ if: "steps.a.output == 1" }, { others }),
    ]
  ) {
    const attempt = await planAttempt(job, outputs);
    assert.deepEqual([attempt.outcome, attempt.error_class], ["retry", "network"]);
    assert.match(attempt.error_text!, /fetching the output of a: Storage is away/);
    assert.equal(attempt.retry_after_ms, 2_000);
  }
});

Deno.test("a false condition skips the step and is kept", async () => {
  const attempt = await planAttempt(createStep({ if: "inputs.lead.id == 'other'" }));
  assert.deepEqual(attempt, {
    outcome: "skip",
    skip_reason: "condition",
    condition: { expression: "inputs.lead.id == 'other'", result: false },
  });
});

Deno.test("a true condition goes with the call", async () => {
  const planned = await plan(createStep({ if: "inputs.lead.id == 'l-1'" }));
  assert.deepEqual(planned, {
    do: "call",
    inputs: {},
    condition: { expression: "inputs.lead.id == 'l-1'", result: true },
  });
});

Deno.test("the else of a step runs only if all conditions before it were false", async () => {
  const chain = { unless: ["inputs.n > 10", "inputs.n > 5"], if: "inputs.n > 1" };
  const decide = async (n: number) => {
    const planned = await plan(createStep(chain, { scope: { ...createScope(), inputs: { n } } }));
    const { condition } = planned.do === "call" ? planned : planned.attempt;
    return [planned.do === "call", condition?.expression, condition?.result];
  };
  assert.deepEqual(await decide(20), [false, "inputs.n > 10", true]);
  assert.deepEqual(await decide(7), [false, "inputs.n > 5", true]);
  assert.deepEqual(await decide(3), [true, "inputs.n > 1", true]);
  assert.deepEqual(await decide(0), [false, "inputs.n > 1", false]);
});

Deno.test("an else without a condition of its own shows the one that let it run", async () => {
  const planned = await plan(createStep({ unless: ["inputs.lead.id == ''"] }));
  assert.ok(planned.do === "call");
  assert.deepEqual(planned.condition, { expression: "inputs.lead.id == ''", result: false });
});

Deno.test("an expression that fails is dead at once, and tells step, key, expression and name", async () => {
  const cases: [Partial<StepConfig>, RegExp][] = [
    [{ if: "inputs.lead.scor > 1" }, /^step enrich, if: .*inputs\.lead\.scor > 1.*scor/],
    [{ unless: ["inputs.gone"] }, /^step enrich, else_of: .*inputs\.gone.*gone/],
    [
      { with: { a: 1, lead: { ids: ["x", "${{ inputs.idd }}"] } } },
      /^step enrich, with\.lead\.ids\[1\]: .*inputs\.idd/,
    ],
    [{ for_each: "inputs.contacts" }, /^step enrich, for_each: .*inputs\.contacts/],
    [{ with: "${{ inputs.none }}" }, /^step enrich, with: .*inputs\.none/],
  ];
  for (const [config, text] of cases) {
    const attempt = await planAttempt(createStep(config));
    assert.deepEqual([attempt.outcome, attempt.error_class], ["dead", "expression"]);
    assert.match(attempt.error_text!, text);
  }
});

Deno.test("a condition that is neither true nor false is an error", async () => {
  const attempt = await planAttempt(createStep({ if: "inputs.lead" }));
  assert.deepEqual([attempt.outcome, attempt.error_class], ["dead", "expression"]);
});

Deno.test("a condition is kept also where what follows it fails", async () => {
  const attempt = await planAttempt(createStep({ if: "true", with: "${{ inputs.none }}" }));
  assert.equal(attempt.outcome, "dead");
  assert.deepEqual(attempt.condition, { expression: "true", result: true });
});

Deno.test("inside a template inputs are its arguments, which see the names outside", async () => {
  const job = createStep({
    params: { text: "Lead ${{ inputs.lead.id }}: ${{ steps.a.output }}", channel: "#leads" },
    names: { a: "tell.a" },
    if: "steps.a.output == 'inner'",
    with: { text: "${{ inputs.text }}", to: "${{ inputs.channel }}", a: "${{ steps.a.output }}" },
  }, { inputs: { a: "outer", "tell.a": "inner" } });
  assert.deepEqual(await readInputs(job), {
    text: "Lead l-1: outer",
    to: "#leads",
    a: "inner",
  });
});

Deno.test("an argument of a template that fails is told as the using step's `with`", async () => {
  const job = createStep({ params: { text: "${{ inputs.none }}" }, with: "${{ inputs.text }}" });
  const attempt = await planAttempt(job);
  assert.match(attempt.error_text!, /^step enrich, with\.text: .*inputs\.none/);
});

Deno.test("outputs in Storage are fetched for a template's arguments and by inner names", async () => {
  const outputs = new FakeOutputs();
  const others = {
    a: { status: "success" as const, output_ref: outputs.lay("outer", 1) },
    "tell.a": { status: "success" as const, output_ref: outputs.lay("inner", 2) },
  };
  const config = { params: { n: "${{ steps.a.output }}" }, names: { a: "tell.a" } };
  const both = createStep({ ...config, with: ["${{ inputs.n }}", "${{ steps.a.output }}"] }, {
    others,
  });
  assert.deepEqual(await readInputs(both, outputs), [1, 2]);
  assert.deepEqual(outputs.reads, ["outer", "inner"]);
});

Deno.test("a step may have the name of something that every object has", async () => {
  const outputs = new FakeOutputs();
  const others = { constructor: { status: "success" as const, output_ref: outputs.lay("c", 1) } };
  const job = createStep({ names: { a: "b" }, with: "${{ steps.constructor.output }}" }, {
    others,
  });
  assert.equal(await readInputs(job, outputs), 1);
  assert.deepEqual(outputs.reads, ["c"]);
});

Deno.test("a job that waited too long in the queue is dead, and tells how long", async () => {
  const config = { ...CALL, queue_timeout_ms: 5_000 };
  assert.equal((await plan(createJob({ config, queued_ms: 5_000 }))).do, "call");
  const attempt = await planAttempt(createJob({ step_id: "enrich", config, queued_ms: 5_001 }));
  assert.deepEqual([attempt.outcome, attempt.error_class], ["dead", "timeout"]);
  assert.equal(attempt.error_text, "step enrich: waited 5001 ms in the queue, 5000 ms are allowed");
});

Deno.test("the time in the queue counts for items too, and not once a job was parked", async () => {
  const config = { ...CALL, for_each: "inputs", queue_timeout_ms: 10, scoped: true } as const;
  const late = { config, queued_ms: 11, scope: createScope() };
  assert.equal(
    (await planAttempt(createJob({ ...late, item_index: 3, input: 1 }))).outcome,
    "dead",
  );
  const collected = await planAttempt(createJob({
    ...late,
    parked: {
      for: "items",
      is_over: false,
      total: 0,
      succeeded: 0,
      failed: 0,
      needed: 0,
      items: [],
    },
  }));
  assert.equal(collected.outcome, "success");
});

Deno.test("an item's agent gets the item's input; no condition is asked again", async () => {
  const job = createStep({ if: "false", for_each: "inputs.none", with: { x: "${{ item }}" } }, {
    item_index: 2,
    input: { x: "third" },
  });
  assert.deepEqual(await readInputs(job), { x: "third" });
});

Deno.test("the failure step begins the handlers", async () => {
  const config = { kind: "failure", timeout_ms: 1 } as const;
  assert.deepEqual(await planAttempt(createJob({ step_id: "$failure", config })), {
    outcome: "handle",
  });
});
