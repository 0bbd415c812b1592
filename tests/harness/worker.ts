// A worker without HTTP: leases, lets the test decide each outcome, settles.
import type { JobResult, LeasedJob } from "../../supabase/functions/_shared/database/rows.ts";
import type { Rpc } from "../../supabase/functions/_shared/database/rpc.ts";

export const LEASE_MS = 30_000;

export type Verdict = Omit<JobResult, "job_id" | "lease_token">;

export const success = (output: unknown = {}): Verdict => ({
  outcome: "success",
  output,
  status_code: 200,
});

export const failure = (more: Partial<Verdict> = {}): Verdict => ({
  outcome: "retry",
  error_class: "http_5xx",
  error_text: "the agent answered 500",
  status_code: 500,
  ...more,
});

export const dead = (more: Partial<Verdict> = {}): Verdict =>
  failure({
    outcome: "dead",
    error_class: "http_4xx",
    error_text: "the agent answered 400",
    status_code: 400,
    ...more,
  });

export function result(
  job: Pick<LeasedJob, "job_id" | "lease_token">,
  verdict: Verdict,
): JobResult {
  return { job_id: job.job_id, lease_token: job.lease_token, ...verdict } as JobResult;
}

export async function lease(rpc: Rpc, limit = 10, workerId = "w"): Promise<LeasedJob[]> {
  return (await rpc.leaseJobs({ workerId, limit, leaseMs: LEASE_MS })).jobs;
}

export async function settle(
  rpc: Rpc,
  jobs: LeasedJob[],
  decide: (job: LeasedJob) => Verdict,
  workerId = "w",
) {
  const settled = await rpc.completeJobs({
    workerId,
    results: jobs.map((job) => result(job, decide(job))),
  });
  return settled.results;
}

/** Leases and settles until nothing is due; answers the jobs in the order in which they were leased. */
export async function drain(
  rpc: Rpc,
  decide: (job: LeasedJob) => Verdict = () => success(),
  { batch = 10, workerId = "w" } = {},
): Promise<LeasedJob[]> {
  const seen: LeasedJob[] = [];
  let results: JobResult[] = [];
  for (;;) {
    const { jobs } = await rpc.completeJobs({
      workerId,
      results,
      leaseLimit: batch,
      leaseMs: LEASE_MS,
    });
    if (jobs.length === 0) return seen;
    seen.push(...jobs);
    results = jobs.map((job) => result(job, decide(job)));
  }
}
