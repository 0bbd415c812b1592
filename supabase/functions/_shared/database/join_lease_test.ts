import assert from "node:assert/strict";
import { joinLease } from "./join_lease.ts";
import type { RunScope, SentJob, SentLease } from "./rows.ts";

const createJob = (given: Partial<SentJob>): SentJob => ({
  job_id: 1,
  workflow_run_id: "a",
  definition_id: 7,
  step_no: 1,
  item_index: -1,
  attempt: 1,
  max_attempts: 3,
  generation: 0,
  more: null,
  ...given,
});

const config = { timeout_ms: 1 };

const createLease = (given: Partial<SentLease>): SentLease => ({
  jobs: [],
  runs: ["a", "b"].map((id) => ({
    workflow_run_id: id,
    workflow_key: `key of ${id}`,
    user_id: `user of ${id}`,
    intent_id: null,
    payload: { of: id },
  })),
  configs: [
    { definition_id: 7, step_no: 1, is_item: false, step_id: "call", agent: "one", config },
    { definition_id: 7, step_no: 1, is_item: true, step_id: "call", agent: "one", config },
  ],
  reads: [],
  lease_token: "t",
  leased_us: 5,
  next_due_ms: null,
  deferred: 0,
  ...given,
});

Deno.test("a leased job gets what the answer holds once a run and once a step", () => {
  const scope = { event: { type: "api.dispatch" } } as RunScope;
  const { jobs: [first, second] } = joinLease(createLease({
    jobs: [
      createJob({}),
      createJob({
        workflow_run_id: "b",
        item_index: 4,
        more: { input: 9, scope, queued_ms: null, parked: null },
      }),
    ],
  }));
  assert.deepEqual(
    [first.workflow_key, first.user_id, first.step_id, first.agent, first.run_payload],
    ["key of a", "user of a", "call", "one", { of: "a" }],
  );
  assert.deepEqual([first.lease_token, first.idempotency_key, first.input, first.scope], [
    "t",
    "a:call:0",
    null,
    null,
  ]);
  assert.deepEqual([second.idempotency_key, second.input, second.scope?.event.payload], [
    "b:call:4:0",
    9,
    { of: "b" },
  ]);
});

Deno.test("a leased job gets the steps that it reads, outputs apart from what has none", () => {
  const skipped = { status: "skipped" as const, output_ref: null };
  const { jobs: [first, second] } = joinLease(createLease({
    jobs: [createJob({ job_id: 1 }), createJob({ job_id: 2 })],
    reads: [
      { job_id: 1, step_id: "made", output: { n: 1 }, other: null },
      { job_id: 1, step_id: "__proto__", output: null, other: null },
      { job_id: 1, step_id: "left", output: null, other: skipped },
    ],
  }));
  assert.equal(JSON.stringify(first.inputs), '{"made":{"n":1},"__proto__":null}');
  assert.deepEqual(first.others, { left: skipped });
  assert.deepEqual([second.inputs, second.others], [{}, null]);
});

Deno.test("a call that is only described belongs to no trace", () => {
  const join = (leased_us?: number) => joinLease(createLease({ jobs: [createJob({})], leased_us }));
  assert.equal(join(5).jobs[0].trace?.leased_us, 5);
  assert.equal(join(undefined).jobs[0].trace, undefined);
});
