import assert from "node:assert/strict";
import { createRpc, prefix } from "./rpc.ts";

const answering = (answer: unknown) => {
  const calls: [string, Record<string, unknown>][] = [];
  const rpc = createRpc({
    callFunction: (name, args) => {
      calls.push([name, args]);
      return Promise.resolve(answer);
    },
  });
  return { rpc, calls };
};

Deno.test("arguments get SQL's names, and undefined ones are left to SQL's defaults", () => {
  assert.deepEqual(
    prefix({ leaseMs: 1, workerId: "w", force: false, reason: null, ring: undefined }),
    {
      p_lease_ms: 1,
      p_worker_id: "w",
      p_force: false,
      p_reason: null,
    },
  );
});

Deno.test("a method calls the function of its name", async () => {
  const { rpc, calls } = answering({
    jobs: [],
    runs: [],
    configs: [],
    reads: [],
    next_due_ms: null,
    deferred: 0,
  });
  await rpc.leaseJobs({ workerId: "w", limit: 3, leaseMs: 9 });
  assert.deepEqual(calls, [["lease_jobs", { p_worker_id: "w", p_limit: 3, p_lease_ms: 9 }]]);
});

Deno.test("a leased job gets what the answer holds once a run", async () => {
  const job = (workflow_run_id: string, scope: unknown) => ({ workflow_run_id, scope });
  const { rpc } = answering({
    jobs: [job("a", null), job("b", { event: { type: "api.dispatch" } })],
    runs: [
      { workflow_run_id: "a", workflow_key: "one", payload: { n: 1 } },
      { workflow_run_id: "b", workflow_key: "two", payload: { n: 2 } },
    ],
    configs: [],
    reads: [],
  });
  const { jobs } = await rpc.leaseJobs({ workerId: "w", limit: 3, leaseMs: 9 });
  assert.deepEqual(jobs.map(({ workflow_key, run_payload }) => [workflow_key, run_payload]), [
    ["one", { n: 1 }],
    ["two", { n: 2 }],
  ]);
  assert.deepEqual(jobs[1].scope?.event.payload, { n: 2 });
});

Deno.test("a leased job gets the steps that it reads, outputs apart from what has none", async () => {
  const job = (job_id: number) => ({ job_id, workflow_run_id: "a", scope: null });
  const skipped = { status: "skipped", output_ref: null };
  const { rpc } = answering({
    jobs: [job(1), job(2)],
    runs: [{ workflow_run_id: "a", workflow_key: "one", payload: {} }],
    configs: [],
    reads: [
      { job_id: 1, step_id: "made", output: { n: 1 }, other: null },
      { job_id: 1, step_id: "__proto__", output: null, other: null },
      { job_id: 1, step_id: "left", output: null, other: skipped },
    ],
  });
  const { jobs: [first, second] } = await rpc.leaseJobs({ workerId: "w", limit: 2, leaseMs: 9 });
  assert.equal(JSON.stringify(first.inputs), '{"made":{"n":1},"__proto__":null}');
  assert.deepEqual(first.others, { left: skipped });
  assert.deepEqual([second.inputs, second.others], [{}, null]);
});

Deno.test("results that the answer does not name were plain successes", async () => {
  const result = (job_id: number) => ({ job_id, lease_token: "t", outcome: "success" as const });
  const dead = { job_id: 2, applied: true, status: "dead" };
  const { rpc } = answering({ jobs: [], runs: [], configs: [], reads: [], results: [dead] });
  const { results } = await rpc.completeJobs({ workerId: "w", results: [result(1), result(2)] });
  assert.deepEqual(results, [{ job_id: 1, applied: true, status: "success" }, dead]);
});

Deno.test("an answer without the list that callers walk is refused", async () => {
  for (const answer of [null, {}, { jobs: null }, { jobs: [] }, "text"]) {
    const { rpc } = answering(answer);
    await assert.rejects(rpc.leaseJobs({ workerId: "w", limit: 1, leaseMs: 1 }), {
      kind: "internal",
    });
  }
});
