// What a drain needs from outside, and what it tells: the database's functions, the executor of jobs
// and the clock. Tests put their own in their place.
import type { Settings } from "../contract/settings.ts";
import type { JobResult, LeasedJob, Outcome } from "../database/rows.ts";
import type { Rpc } from "../database/rpc.ts";
import type { Clock } from "./clock.ts";

export type DrainRpc =
  & Pick<
    Rpc,
    | "startWorker"
    | "leaseJobs"
    | "completeJobs"
    | "heartbeatJobs"
    | "handBackJobs"
    | "stopWorker"
    | "ringWorker"
  >
  & { processSignals(): Promise<{ processed: number }> };

/** How an attempt ended, without the lease that it belongs to. */
export type Attempt = Omit<JobResult, "job_id" | "lease_token">;

export interface DrainSeam {
  rpc: DrainRpc;
  clock: Clock;
  settings: Settings;
  /**
   * Plans a job and, where it has one, makes its call, in `timeoutMs` at most; should not throw.
   * `signal` aborts when the lease is lost.
   */
  execute(job: LeasedJob, timeoutMs: number, signal: AbortSignal): Promise<Attempt>;
  /** Hears of the jobs that were just settled or leased; must not throw. */
  noteMoved?(jobs: readonly LeasedJob[]): void;
}

/** Why a drain ended. `budget` and `unload` rang a successor if work was left. */
export type DrainEnd = "empty" | "budget" | "unload" | "unavailable" | "failed" | "refused";

/**
 * Leases by what they led to. `parked`: the job waits for something else than a worker. `lost`: the
 * lease was gone before the result was in.
 */
export interface DrainCounts {
  jobs: number;
  success: number;
  retry: number;
  dead: number;
  skipped: number;
  parked: number;
  lost: number;
  handed_back: number;
}

/** Under which count an outcome goes. */
export const COUNT_OF_OUTCOME: Record<Outcome, keyof DrainCounts> = {
  success: "success",
  retry: "retry",
  dead: "dead",
  skip: "skipped",
  skip_run: "skipped",
  park: "parked",
  // The failure step has done what it is there for.
  handle: "success",
};

export function createCounts(): DrainCounts {
  return {
    jobs: 0,
    success: 0,
    retry: 0,
    dead: 0,
    skipped: 0,
    parked: 0,
    lost: 0,
    handed_back: 0,
  };
}

/** Fixed times of a drain that are no settings: nobody has a reason to change them. */
export const DRAIN_TIMES = {
  /** A job that is due within this time is waited for; a later one is left to the tick. */
  waitMaxMs: 30_000,
  /** Between two looks while a worker lingers: the first, and the part of the time since something happened. */
  watchLeastMs: 3,
  watchShare: 1 / 16,
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
