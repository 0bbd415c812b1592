import assert from "node:assert/strict";
import type { StepConfig } from "../contract/compiled_workflow.ts";
import type { LeasedJob } from "../database/rows.ts";
import { createScope, planAttempt } from "./fake_plan.ts";
import { createJob } from "./fake_queue.ts";

type Start = NonNullable<StepConfig["start"]>;

const SCHEMA = {
  type: "object",
  required: ["lead_id"],
  properties: {
    lead_id: { type: "string" },
    min_score: { type: "integer", default: 50 },
  },
};

const SLOT = { key: "inputs.lead_id", max: 1, on_conflict: "queue" } as const;

function createStart(start: Start, given: Partial<LeasedJob> = {}): LeasedJob {
  return createJob({
    step_id: "$start",
    config: { kind: "start", timeout_ms: 1, scoped: true, start },
    scope: { ...createScope(), inputs: null },
    run_payload: { lead_id: "l-1" },
    ...given,
  });
}

Deno.test("a trigger whose condition is false skips the whole run", async () => {
  const attempt = await planAttempt(createStart({ if: "event.payload.source == 'import'" }));
  assert.deepEqual(attempt, {
    outcome: "skip_run",
    skip_reason: "condition",
    condition: { expression: "event.payload.source == 'import'", result: false },
  });
});

Deno.test("a trigger whose condition is true starts the run, and keeps it", async () => {
  const attempt = await planAttempt(createStart({ if: "event.type == 'lead.created'" }));
  assert.deepEqual(attempt, {
    outcome: "success",
    output: null,
    condition: { expression: "event.type == 'lead.created'", result: true },
  });
});

Deno.test("the payload is the inputs, with the schema's defaults", async () => {
  const attempt = await planAttempt(createStart({ schema: SCHEMA }));
  assert.deepEqual(attempt, {
    outcome: "success",
    output: null,
    run_inputs: { lead_id: "l-1", min_score: 50 },
  });
});

Deno.test("trigger.inputs make the inputs out of the event", async () => {
  const inputs = { lead_id: "${{ event.payload.?lead_id.orValue('all') }}", min_score: 10 };
  const attempt = await planAttempt(createStart({ schema: SCHEMA, inputs }));
  assert.deepEqual(attempt.run_inputs, { lead_id: "all", min_score: 10 });
  const unchecked = await planAttempt(createStart({ inputs: { from: "${{ event.type }}" } }));
  assert.deepEqual(unchecked.run_inputs, { from: "lead.created" });
});

Deno.test("inputs that do not fit end the run, with every problem and its path", async () => {
  const job = createStart({ schema: SCHEMA }, { run_payload: { min_score: "high" } });
  const attempt = await planAttempt(job);
  assert.deepEqual([attempt.outcome, attempt.error_class], ["dead", "validation"]);
  assert.match(attempt.error_text!, /^the run's inputs do not fit: /);
  assert.match(attempt.error_text!, /lead_id/);
  assert.match(attempt.error_text!, /min_score/);
});

Deno.test("a run without a payload is checked like any other", async () => {
  const attempt = await planAttempt(createStart({ schema: SCHEMA }, { run_payload: null }));
  assert.equal(attempt.error_class, "validation");
});

Deno.test("a concurrency key parks the run for a slot, with its inputs", async () => {
  const attempt = await planAttempt(createStart({ schema: SCHEMA, concurrency: SLOT }));
  assert.deepEqual(attempt, {
    outcome: "park",
    parked: { for: "slot" },
    concurrency: { key: '"l-1"', max: 1, on_conflict: "queue" },
    run_inputs: { lead_id: "l-1", min_score: 50 },
  });
});

Deno.test('a key is the JSON text of its value: 1 and "1" are two keys', async () => {
  const keyOf = async (key: string) => {
    const concurrency = { ...SLOT, key };
    return (await planAttempt(createStart({ concurrency }))).concurrency?.key;
  };
  assert.equal(await keyOf("1"), "1");
  assert.equal(await keyOf("'1'"), '"1"');
  assert.equal(await keyOf("[event.type, inputs.lead_id]"), '["lead.created","l-1"]');
  assert.equal(await keyOf("null"), "null");
});

Deno.test("a key of more than 500 characters is refused", async () => {
  const attempt = async (length: number) =>
    await planAttempt(
      createStart({ concurrency: SLOT }, { run_payload: { lead_id: "x".repeat(length) } }),
    );
  assert.equal((await attempt(498)).outcome, "park");
  const refused = await attempt(499);
  assert.deepEqual([refused.outcome, refused.error_class], ["dead", "validation"]);
  assert.match(refused.error_text!, /concurrency\.key .* 500 characters, got 501/);
});

Deno.test("a run that was granted its slot begins, and nothing is evaluated again", async () => {
  const job = createStart({ if: "inputs.none", concurrency: SLOT }, {
    parked: { for: "slot", is_over: false, granted: true },
  });
  assert.deepEqual(await planAttempt(job), { outcome: "success", output: null });
});

Deno.test("a run that was woken without a slot goes on waiting for it", async () => {
  const job = createStart({ concurrency: SLOT }, { parked: { for: "slot", is_over: false } });
  const attempt = await planAttempt(job);
  assert.deepEqual([attempt.outcome, attempt.parked], ["park", { for: "slot" }]);
});

Deno.test("an expression of the trigger that fails is told with its place", async () => {
  const cases: [Start, RegExp][] = [
    [{ if: "event.payload.gone == 1" }, /^starting the run, trigger\.if: .*gone/],
    [{ inputs: { a: "${{ event.gone }}" } }, /^starting the run, trigger\.inputs\.a: .*gone/],
    [
      { concurrency: { ...SLOT, key: "inputs.gone" } },
      /^starting the run, concurrency\.key: .*gone/,
    ],
  ];
  for (const [start, text] of cases) {
    const attempt = await planAttempt(createStart(start));
    assert.deepEqual([attempt.outcome, attempt.error_class], ["dead", "expression"]);
    assert.match(attempt.error_text!, text);
  }
});
