// The job of a step that is named by run and step: people know the step's name, not the job's number.
import type { RunJob } from "../_shared/contract/dashboard.ts";
import type { Rpc } from "../_shared/database/rpc.ts";
import { refuseUnknownRun, refuseUnknownStep } from "./refusals.ts";

/** Throws `not_found` for the run, or for the step with the names that it may have meant. */
export async function findStep(
  workflowRunId: string,
  stepId: string,
  rpc: Pick<Rpc, "getRun">,
): Promise<RunJob> {
  const run = await rpc.getRun({ workflowRunId });
  if (run === null) throw refuseUnknownRun(workflowRunId);
  const job = run.jobs.find((it) => it.step_id === stepId);
  if (job !== undefined) return job;
  throw refuseUnknownStep(workflowRunId, stepId, "step", run.jobs.map((it) => it.step_id));
}
