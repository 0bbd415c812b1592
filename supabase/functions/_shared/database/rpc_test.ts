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
    jobs: null,
    runs: null,
    configs: null,
    reads: null,
    next_due_ms: null,
    deferred: 0,
  });
  await rpc.leaseJobs({ workerId: "w", limit: 3, leaseMs: 9 });
  assert.deepEqual(calls, [["lease_jobs", { p_worker_id: "w", p_limit: 3, p_lease_ms: 9 }]]);
});

Deno.test("results that the answer does not name were plain successes", async () => {
  const result = (job_id: number) => ({ job_id, lease_token: "t", outcome: "success" as const });
  const dead = { job_id: 2, applied: true, status: "dead" };
  const { rpc } = answering({
    jobs: null,
    runs: null,
    configs: null,
    reads: null,
    results: [dead],
  });
  const { results } = await rpc.completeJobs({ workerId: "w", results: [result(1), result(2)] });
  assert.deepEqual(results, [{ job_id: 1, applied: true, status: "success" }, dead]);
});

Deno.test("an answer without the list that callers walk is refused", async () => {
  for (const answer of [null, {}, { jobs: null }, { jobs: [] }, { jobs: { job_id: 1 } }, "text"]) {
    const { rpc } = answering(answer);
    await assert.rejects(rpc.leaseJobs({ workerId: "w", limit: 1, leaseMs: 1 }), {
      kind: "internal",
    });
  }
});
