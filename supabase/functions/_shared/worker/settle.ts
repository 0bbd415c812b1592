// Writes results back, many in one call that also leases the next jobs. Serves stage 6, completion.
// A failed write is never reported as a failed step: the result is kept, or the lease runs out.
import { OrchestratorError } from "../contract/errors.ts";
import type { JobResult, Lease, Settlement } from "../database/rows.ts";
import { logEvent } from "../log.ts";
import { COUNT_OF_OUTCOME, type DrainCounts, type DrainRpc } from "./drain_seam.ts";
import type { Landing } from "./flights.ts";

export interface SettleOptions {
  rpc: DrainRpc;
  workerId: string;
  leaseMs: number;
  counts: DrainCounts;
  /** Takes results that could not be written because the database is away. */
  keep(landings: Landing[]): void;
}

/** Nothing leased, and nothing known about the queue. */
export const NO_LEASE: Lease = {
  jobs: [],
  next_due_ms: null,
  deferred: 0,
};

/**
 * Settles results and leases up to `leaseLimit` jobs. Throws `unavailable` after it gave back to
 * `keep` what is not settled. If the database refuses the call for another reason, each result is
 * settled by itself, so that one bad value does not take the whole batch with it.
 */
export async function settleResults(
  landings: Landing[],
  leaseLimit: number,
  options: SettleOptions,
): Promise<Lease> {
  try {
    return await complete(landings, leaseLimit, options);
  } catch (error) {
    if (isUnavailable(error)) {
      options.keep(landings);
      throw error;
    }
    await settleEach(landings, options);
    return NO_LEASE;
  }
}

async function settleEach(landings: Landing[], options: SettleOptions): Promise<void> {
  for (const [index, landing] of landings.entries()) {
    try {
      await settleOne(landing, options);
    } catch (error) {
      if (isUnavailable(error)) {
        options.keep(landings.slice(index));
        throw error;
      }
      options.counts.jobs++;
      options.counts.lost++;
      const { job_id } = landing.result;
      logEvent("error", "completion.failed", { worker_id: options.workerId, job_id, error });
    }
  }
}

async function settleOne(landing: Landing, options: SettleOptions): Promise<void> {
  try {
    await complete([landing], 0, options);
  } catch (error) {
    const isRefused = error instanceof OrchestratorError && error.kind === "invalid";
    if (!isRefused) throw error;
    const { job_id, lease_token, status_code } = landing.result;
    await complete(
      [{
        flight: landing.flight,
        result: {
          job_id,
          lease_token,
          status_code,
          outcome: "dead",
          ...describeRefusal(landing.result),
        },
      }],
      0,
      options,
    );
  }
}

/** An answer is the agent's; what a plan made of expressions is the workflow's. */
function describeRefusal({ outcome }: JobResult): Pick<JobResult, "error_class" | "error_text"> {
  return outcome === "success"
    ? { error_class: "invalid_response", error_text: "the answer cannot be stored" }
    : {
      error_class: "validation",
      error_text: `the result of the step (${outcome}) cannot be stored`,
    };
}

async function complete(
  landings: Landing[],
  leaseLimit: number,
  { rpc, workerId, leaseMs, counts }: SettleOptions,
): Promise<Lease> {
  const results = landings.map(({ result }) => result);
  const settlement = await rpc.completeJobs({ workerId, results, leaseLimit, leaseMs });
  countResults(landings, settlement, counts);
  return settlement;
}

function countResults(landings: Landing[], { results }: Settlement, counts: DrainCounts): void {
  const unapplied = new Set(results.filter(({ applied }) => !applied).map(({ job_id }) => job_id));
  for (const { result } of landings) {
    counts.jobs++;
    counts[unapplied.has(result.job_id) ? "lost" : COUNT_OF_OUTCOME[result.outcome]]++;
  }
}

export function isUnavailable(error: unknown): boolean {
  return error instanceof OrchestratorError && error.kind === "unavailable";
}
