// From a classified answer to the result that is written: the step's own rule for retries, steps that
// the agent appends, and the place of the output. The same for answers and callbacks. Serves stage 5.
import type { LeasedJob } from "../database/rows.ts";
import { type AppendDeps, planAppended } from "./append.ts";
import type { Classification, Classified } from "./classify.ts";
import { type KeepDeps, keepOutput } from "./keep_output.ts";
import { applyRetryOn } from "./retry_on.ts";

export type FinishDeps = KeepDeps & AppendDeps;

/** The job that was answered. */
export type AnsweredJob = Pick<
  LeasedJob,
  "job_id" | "attempt" | "workflow_run_id" | "step_id" | "config"
>;

/** Finishes an answer whose text had `bytes`. Never throws. */
export async function finishAnswer(
  job: AnsweredJob,
  { steps, ...classified }: Classified,
  deps: FinishDeps,
  bytes?: number,
): Promise<Classification> {
  const result = applyRetryOn(classified, job.config.retry_on);
  if (result.outcome !== "success") return result;
  const planned = steps === undefined ? {} : await planAppended(job, steps, deps);
  if ("refusal" in planned) return { status_code: result.status_code, ...planned.refusal };
  return await keepOutput(job, { ...result, ...planned }, deps, bytes);
}
