// What a drain needs from outside, and what it tells: the database's functions, the step call and
// the clock. Tests put their own in their place.
import type { Settings } from "../contract/settings.ts";
import type { JobResult, LeasedJob } from "../database/rows.ts";
import type { Rpc } from "../database/rpc.ts";
import type { Clock } from "./clock.ts";

export type DrainRpc = Pick<
  Rpc,
  | "startWorker"
  | "leaseJobs"
  | "completeJobs"
  | "heartbeatJobs"
  | "handBackJobs"
  | "stopWorker"
  | "ringWorker"
>;

/** How an attempt ended, without the lease that it belongs to. */
export type Attempt = Omit<JobResult, "job_id" | "lease_token">;

export interface DrainSeam {
  rpc: DrainRpc;
  clock: Clock;
  settings: Settings;
  /** Calls the agent of a job; should not throw. `signal` aborts when the lease is lost. */
  callStep(job: LeasedJob, timeoutMs: number, signal: AbortSignal): Promise<Attempt>;
}

/** Why a drain ended. `budget` and `unload` rang a successor if work was left. */
export type DrainEnd = "empty" | "budget" | "unload" | "unavailable" | "failed" | "refused";

/** Attempts by how they ended. `lost`: the lease was gone before the result was in. */
export interface DrainCounts {
  jobs: number;
  success: number;
  retry: number;
  dead: number;
  lost: number;
  handed_back: number;
}

export function createCounts(): DrainCounts {
  return { jobs: 0, success: 0, retry: 0, dead: 0, lost: 0, handed_back: 0 };
}

/** Fixed times of a drain that are no settings: nobody has a reason to change them. */
export const DRAIN_TIMES = {
  /** A job that is due within this time is waited for; a later one is left to the tick. */
  waitMaxMs: 30_000,
  /** Between two looks at the queue while calls run or a job is not yet due. */
  slowPollMs: 200,
  /** First and longest pause between two tries while the database is away. */
  awayInitialMs: 100,
  awayMaxMs: 2_000,
} as const;

export function subtractCounts(after: DrainCounts, before: DrainCounts): DrainCounts {
  const names = Object.keys(after) as (keyof DrainCounts)[];
  const difference = createCounts();
  for (const name of names) difference[name] = after[name] - before[name];
  return difference;
}
