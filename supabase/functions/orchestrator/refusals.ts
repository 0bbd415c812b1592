// What several routes say of things that are not there.
import { OrchestratorError } from "../_shared/contract/errors.ts";
import { findNearNames } from "../_shared/workflow/near.ts";

export function refuseUnknownRun(workflowRunId: string): OrchestratorError {
  return new OrchestratorError("not_found", `there is no run ${workflowRunId}`);
}

export function refuseUnknownJob(jobId: number): OrchestratorError {
  return new OrchestratorError("not_found", `there is no job ${jobId}`);
}

/**
 * `path` is where the caller named the step, `known` are the ids that would have been right, and
 * `purpose` says what for, if not every step of the run would do.
 */
export function refuseUnknownStep(
  workflowRunId: string,
  stepId: string,
  path: string,
  known: readonly string[],
  purpose = "",
): OrchestratorError {
  const near = findNearNames(stepId, known);
  const hint = near.length > 0 ? `; did you mean ${near[0]}?` : "";
  const message = `run ${workflowRunId} has no step ${JSON.stringify(stepId)}${purpose}${hint}`;
  return new OrchestratorError("not_found", message, {
    problems: [{ path, message, ...(near.length > 0 ? { near } : {}) }],
  });
}
