// POST /jobs/:id/approve and /jobs/:id/reject, and the same by run and step: somebody's word for a step
// that waits for an event, in the place of the event.
import { z } from "zod";
import type { StepConfig } from "../../_shared/contract/compiled_workflow.ts";
import { OrchestratorError } from "../../_shared/contract/errors.ts";
import type { JobDetail } from "../../_shared/database/rows.ts";
import { readJson } from "../../_shared/http/body.ts";
import type { Router } from "../../_shared/http/router.ts";
import type { Engine } from "../engine.ts";
import { actor, payload, readJobId, readRunId, readStepId, reason } from "../fields.ts";
import { findStep } from "../find_step.ts";
import { refuseUnknownJob } from "../refusals.ts";

const input = z.strictObject({ actor, payload, reason }).optional();

type Action = "approve" | "reject";

export function addApprovalsRoutes(router: Router, { rpc, host, loadSettings }: Engine): void {
  const decide = async (jobId: number, action: Action, request: Request) => {
    const { requestMaxBytes } = await loadSettings();
    const { actor, payload, reason } = await readJson(request, input, requestMaxBytes) ?? {};
    const { result, status } = await rpc.decideWait({
      jobId,
      isApproved: action === "approve",
      actor,
      // A reason is part of what later steps can read of the decision.
      payload: { ...payload, ...(reason == null ? {} : { reason }) },
    });
    if (result === "not_found") throw refuseUnknownJob(jobId);
    if (result === "conflict") throw await refuseDecision(jobId, action, rpc);
    host.wakeQuietly();
    return { job_id: jobId, status };
  };

  for (const action of ["approve", "reject"] as const) {
    router.post(`/jobs/:id/${action}`, async (context) => {
      const jobId = readJobId(context.req.param("id"));
      return context.json(await decide(jobId, action, context.req.raw));
    });

    router.post(`/runs/:id/steps/:step/${action}`, async (context) => {
      const workflowRunId = readRunId(context.req.param("id"));
      const stepId = readStepId(context.req.param("step"));
      const { job_id } = await findStep(workflowRunId, stepId, rpc);
      return context.json(await decide(job_id, action, context.req.raw));
    });
  }
}

/** The error for a job that takes no decision; it says what the job is instead. */
async function refuseDecision(
  jobId: number,
  action: Action,
  rpc: Pick<Engine["rpc"], "getJob" | "getPlan">,
): Promise<OrchestratorError> {
  const job = await rpc.getJob({ jobId });
  if (job === null) return refuseUnknownJob(jobId);
  const run = await rpc.getPlan({ workflowRunId: job.workflow_run_id });
  const doing = action === "approve" ? "approving" : "rejecting";
  const why = run !== null && run.status !== "running"
    ? `its run has ended (${run.status})`
    : explain(job);
  return new OrchestratorError("conflict", `${doing} job ${jobId} (step ${job.step_id}): ${why}`);
}

function explain({ status, payload, finished_at }: JobDetail): string {
  // Written by the compiler and stored as it is.
  const { kind = "call" } = payload as StepConfig;
  if (kind !== "wait") {
    return `it is a ${kind} step, which waits for nobody's approval`;
  }
  if (finished_at !== null) return `it does not wait any more, it is ${status}`;
  return `it does not wait for an event at this moment, it is ${status}; try again shortly`;
}
