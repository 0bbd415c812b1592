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
  const { rpc, calls } = answering({ jobs: [], runs: [], next_due_ms: null, deferred: 0 });
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
  });
  const { jobs } = await rpc.leaseJobs({ workerId: "w", limit: 3, leaseMs: 9 });
  assert.deepEqual(jobs.map(({ workflow_key, run_payload }) => [workflow_key, run_payload]), [
    ["one", { n: 1 }],
    ["two", { n: 2 }],
  ]);
  assert.deepEqual(jobs[1].scope?.event.payload, { n: 2 });
});

Deno.test("an answer without the list that callers walk is refused", async () => {
  for (const answer of [null, {}, { jobs: null }, { jobs: [] }, "text"]) {
    const { rpc } = answering(answer);
    await assert.rejects(rpc.leaseJobs({ workerId: "w", limit: 1, leaseMs: 1 }), {
      kind: "internal",
    });
  }
});
