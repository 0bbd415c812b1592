import assert from "node:assert/strict";
import { joinLease } from "./join_lease.ts";
import { writeColumns } from "./columns.ts";
import type { RunScope, SentJob, SentLease, SentRead } from "./rows.ts";

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

const createLease = (
  { jobs, reads, ...given }: Partial<Omit<SentLease, "jobs" | "reads">> & {
    jobs: SentJob[];
    reads?: SentRead[];
  },
): SentLease => ({
  jobs: writeColumns(jobs),
  runs: writeColumns(["a", "b"].map((id) => ({
    workflow_run_id: id,
    workflow_key: `key of ${id}`,
    user_id: `user of ${id}`,
    intent_id: null,
    payload: { of: id },
    trace: null,
  }))),
  configs: [
    { definition_id: 7, step_no: 1, is_item: false, step_id: "call", agent: "one", config },
    { definition_id: 7, step_no: 1, is_item: true, step_id: "call", agent: "one", config },
  ],
  reads: reads === undefined ? null : writeColumns(reads),
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
  const join = (leased_us: number | null) =>
    joinLease(createLease({ jobs: [createJob({})], leased_us }));
  assert.equal(join(5).jobs[0].trace?.leased_us, 5);
  assert.equal(join(null).jobs[0].trace, undefined);
});

Deno.test("a lease without jobs joins to none", () => {
  const { jobs } = joinLease({
    jobs: null,
    runs: null,
    configs: null,
    reads: null,
    lease_token: null,
    leased_us: 5,
    next_due_ms: 7,
    deferred: 0,
  });
  assert.deepEqual(jobs, []);
});
