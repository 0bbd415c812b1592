// The calls of a caller and of a worker without HTTP, one after another: what every drain of ours measures.
import type { LeasedJob } from "../../supabase/functions/_shared/database/rows.ts";
import type { Rpc } from "../../supabase/functions/_shared/database/rpc.ts";

export const LEASE_MS = 60_000;
/** Runs are dispatched for so many users in turn. */
export const USERS = 50;

/** Results that a no-op agent would give. */
export function succeed(jobs: LeasedJob[]) {
  return jobs.map(({ job_id, lease_token }) => ({
    job_id,
    lease_token,
    outcome: "success" as const,
    output: { ok: true },
    status_code: 200,
  }));
}

/** Dispatches runs of a workflow, `batch` in a call, and rings nobody. */
export async function dispatchRuns(
  rpc: Rpc,
  key: string,
  runs: number,
  batch = 1_000,
): Promise<void> {
  for (let at = 0; at < runs; at += batch) {
    const requests = Array.from({ length: Math.min(batch, runs - at) }, (_, n) => ({
      user_id: `u${n % USERS}`,
      workflow_key: key,
      payload: { n: at + n },
    }));
    await rpc.dispatchWorkflows({ requests, ring: false });
  }
}

/**
 * Leases and settles until nothing is due, or until `goesOn`, told of every batch, says no. Answers the
 * number of jobs.
 */
export async function drain(
  rpc: Rpc,
  workerId: string,
  batch: number,
  goesOn: (jobs: number) => boolean = () => true,
): Promise<number> {
  let drained = 0;
  let { jobs } = await rpc.leaseJobs({ workerId, limit: batch, leaseMs: LEASE_MS });
  while (jobs.length > 0) {
    const settled = jobs.length;
    drained += settled;
    const results = succeed(jobs);
    ({ jobs } = await rpc.completeJobs({
      workerId,
      results,
      leaseLimit: batch,
      leaseMs: LEASE_MS,
    }));
    if (!goesOn(settled)) break;
  }
  return drained;
}
