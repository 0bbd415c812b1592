// The plans of lists by status: what is ready, being worked on or dead is found without the jobs that are done.
import assert from "node:assert/strict";
import { copyRun } from "../harness/copies.ts";
import { openDatabase } from "../harness/database.ts";
import { chain, publish, writeWorkflow } from "../harness/definition.ts";
import { findGreed, openPlanReader } from "../harness/plans.ts";
import { dead, drain, failure, lease, LEASE_MS, settle } from "../harness/worker.ts";
import type { Rpc } from "../../supabase/functions/_shared/database/rpc.ts";

const DONE = 5_000;
const MAX_ROWS = 100;

async function dispatch(rpc: Rpc, runs: number): Promise<string> {
  const answer = await rpc.dispatchWorkflows({
    requests: Array.from({ length: runs }, () => ({ user_id: "u", workflow_key: "single" })),
    ring: false,
  });
  return answer.runs[0].workflow_run_id!;
}

Deno.test("a list of the jobs of a status that is not an end, or of the dead, reads none that succeeded", async () => {
  const db = await openDatabase();
  const reader = await openPlanReader(db.url);
  try {
    await publish(db.rpc, writeWorkflow("single", chain(1)));
    // The rare ones are the oldest, so that a walk from the newest on would meet all others first.
    await dispatch(db.rpc, 5);
    const [died, failed, running] = await lease(db.rpc, 4);
    await settle(db.rpc, [died], () => dead());
    await settle(db.rpc, [failed], () => failure({ retry_after_ms: 3_600_000 }));
    await db.rpc.heartbeatJobs({
      workerId: "w",
      leases: [{ job_id: running.job_id, lease_token: running.lease_token }],
      leaseMs: LEASE_MS,
    });
    await db.admin`update job_queue set next_run_at = 'infinity' where status = 'queued'`;
    const runId = await dispatch(db.rpc, 1);
    await drain(db.rpc);
    await copyRun(db.admin, runId, { copies: DONE });
    await db.admin`vacuum analyze`;

    for (const status of ["dead", "failed", "queued", "leased", "running"]) {
      reader.take();
      const found = await reader.sql`
        select q.status
        from orchestrator.find_jobs(${reader.sql.json({ status })}, null, null, 50) as f (job_id)
        cross join lateral (select status from public.job_queue where job_id = f.job_id offset 0) as q`;
      assert.deepEqual(found.map((job) => job.status), [status]);
      const plans = reader.take().filter(({ statement }) => statement.includes("q.status = "));
      assert.equal(plans.length, 1, "not seen");
      const bounds = { growing: ["job_queue"], maxRows: MAX_ROWS };
      // An index of nothing but what waits for a lease may be read as a whole; how much was read counts.
      const greed = plans.flatMap((plan) => findGreed(plan, bounds))
        .filter((told) => !told.startsWith("reads the whole index"));
      assert.deepEqual(greed, [], status);
    }
  } finally {
    await reader.close();
    await db.close();
  }
});
