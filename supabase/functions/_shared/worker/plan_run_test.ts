import assert from "node:assert/strict";
import type { StepConfig } from "../contract/compiled_workflow.ts";
import type { RunStatus } from "../contract/statuses.ts";
import type { LeasedJob, Parked } from "../database/rows.ts";
import { FakeOutputs } from "../outputs/fake_outputs.ts";
import { createScope, planAttempt } from "./fake_plan.ts";
import { createJob } from "./fake_queue.ts";

const RUN = "00000000-0000-7000-8000-0000000000c1";

function createStep(config: Partial<StepConfig> = {}, given: Partial<LeasedJob> = {}): LeasedJob {
  return createJob({
    step_id: "archive",
    config: { kind: "workflow", workflow: "lead_archive_v1", timeout_ms: 1, ...config },
    ...given,
  });
}

function createEnded(given: Partial<Extract<Parked, { for: "run" }>>): LeasedJob {
  return createStep({}, {
    parked: {
      for: "run",
      is_over: false,
      workflow_run_id: RUN,
      status: "success",
      outputs: {},
      others: null,
      ...given,
    },
  });
}

Deno.test("a sub-workflow is started with `with` as its payload, and an empty one without", async () => {
  const scoped = createStep({ scoped: true, with: { lead: "${{ inputs.lead.id }}" } }, {
    scope: createScope(),
  });
  assert.deepEqual(await planAttempt(scoped), {
    outcome: "park",
    parked: { for: "run" },
    start_run: { workflow_key: "lead_archive_v1", payload: { lead: "l-1" } },
  });
  const bare = await planAttempt(createStep({}, { inputs: { a: 1 } }));
  assert.deepEqual(bare.start_run?.payload, {});
});

Deno.test("a payload must be a map", async () => {
  for (const value of ["${{ [1] }}", "${{ null }}", "text"]) {
    const job = createStep({ scoped: true, with: value }, { scope: createScope() });
    const attempt = await planAttempt(job);
    assert.deepEqual([attempt.outcome, attempt.error_class], ["dead", "validation"]);
    assert.match(attempt.error_text!, /^step archive: with must be a map/);
  }
});

Deno.test("a payload that is too large ends the step", async () => {
  const job = createStep({ with: { text: "x".repeat(100) } });
  const attempt = await planAttempt(job, new FakeOutputs(), 100);
  assert.deepEqual([attempt.outcome, attempt.error_class], ["dead", "output_too_large"]);
});

Deno.test("the outputs of the run's last steps are the output", async () => {
  const outputs = new FakeOutputs();
  const job = createEnded({
    outputs: { a: 1, b: null },
    others: {
      c: { status: "success", output_ref: outputs.lay("c", ["large"]) },
      d: { status: "skipped" },
    },
  });
  assert.deepEqual(await planAttempt(job, outputs), {
    outcome: "success",
    output: { a: 1, b: null, c: ["large"] },
  });
});

Deno.test("outputs that are too large together end the step before anything is fetched", async () => {
  const outputs = new FakeOutputs();
  const output_ref = { ...outputs.lay("c", 1), bytes: 990 };
  const others = { c: { status: "success" as const, output_ref } };
  for (
    const job of [createEnded({ outputs: { a: "text" }, others }), createEnded({ outputs: null })]
  ) {
    const attempt = await planAttempt(job, outputs, 1_000);
    assert.deepEqual([attempt.outcome, attempt.error_class], ["dead", "output_too_large"]);
  }
  assert.deepEqual(outputs.reads, []);
});

Deno.test("a run that failed or was cancelled is the step's failure", async () => {
  for (const status of ["failed", "cancelled"] satisfies RunStatus[]) {
    const attempt = await planAttempt(createEnded({ status }));
    assert.deepEqual([attempt.outcome, attempt.error_class], ["dead", "sub_workflow"]);
    assert.equal(
      attempt.error_text,
      `step archive: run ${RUN} of lead_archive_v1 ended as ${status}`,
    );
  }
});

Deno.test("a run that was skipped is a success without an output", async () => {
  const attempt = await planAttempt(createEnded({ status: "skipped", outputs: null }));
  assert.deepEqual(attempt, { outcome: "success", output: null });
});

Deno.test("a run that still runs is waited for, and no second one started", async () => {
  const attempt = await planAttempt(createEnded({ status: "running" }));
  assert.deepEqual(attempt, { outcome: "park", parked: { for: "run" } });
});
