// POST /jobs/:id/approve and /jobs/:id/reject, and the same by run and step: somebody's word for a step
// that waits for an event, in the place of the event.
import { z } from "zod";
import type { DecidedJob } from "../../_shared/contract/answers/jobs.ts";
import type { RunJob } from "../../_shared/contract/dashboard.ts";
import { OrchestratorError } from "../../_shared/contract/errors.ts";
import type { Caller } from "../../_shared/http/auth.ts";
import { readJson } from "../../_shared/http/body.ts";
import type { Router } from "../../_shared/http/router.ts";
import { describeActor } from "../act.ts";
import type { Engine } from "../engine.ts";
import { actor, payload, readJobId, readRunId, readStepId, reason } from "../fields.ts";
import { findStep } from "../find_step.ts";
import { refuseUnknownJob } from "../refusals.ts";

/** The body of all of these routes. */
export const decisionInput = z.strictObject({ actor, payload, reason }).optional();

type Action = "approve" | "reject";

export function addApprovalsRoutes(router: Router, { rpc, host, loadSettings }: Engine): void {
  const decide = async (
    jobId: number,
    action: Action,
    caller: Caller,
    request: Request,
  ): Promise<DecidedJob> => {
    const { requestMaxBytes } = await loadSettings();
    const { actor, payload, reason } = await readJson(request, decisionInput, requestMaxBytes) ??
      {};
    const { result, status } = await rpc.act({
      actor: describeActor(caller),
      action: `job.${action}`,
      args: {
        job_id: jobId,
        actor: nameDecider(caller, actor),
        // A reason is part of what later steps can read of the decision.
        payload: { ...payload, ...(reason == null ? {} : { reason }) },
      },
    });
    if (result === "not_found") throw refuseUnknownJob(jobId);
    if (result === "conflict") throw await refuseDecision(jobId, action, rpc);
    host.wakeQuietly();
    return { job_id: jobId, status };
  };

  for (const action of ["approve", "reject"] as const) {
    router.post(`/jobs/:id/${action}`, async (context) => {
      const jobId = readJobId(context.req.param("id"));
      return context.json(await decide(jobId, action, context.get("caller"), context.req.raw));
    });

    router.post(`/runs/:id/steps/:step/${action}`, async (context) => {
      const workflowRunId = readRunId(context.req.param("id"));
      const stepId = readStepId(context.req.param("step"));
      const { job_id } = await findStep(workflowRunId, stepId, rpc);
      return context.json(await decide(job_id, action, context.get("caller"), context.req.raw));
    });
  }
}

/** Who decided: whoever a service says, but a signed-in person only themselves. */
function nameDecider(caller: Caller, actor: string | null | undefined): string | null | undefined {
  if (caller.kind === "service") return actor;
  if (actor == null || actor === caller.email) return caller.email;
  throw new OrchestratorError(
    "forbidden",
    `deciding: ${caller.email} cannot decide as ${JSON.stringify(actor)}; leave actor out`,
    { problems: [{ path: "actor", message: `must be ${caller.email}, or left out` }] },
  );
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

function explain({ status, payload, finished_at }: RunJob): string {
  const { kind = "call" } = payload;
  if (kind !== "wait") {
    return `it is a ${kind} step, which waits for nobody's approval`;
  }
  if (finished_at !== null) return `it does not wait any more, it is ${status}`;
  return `it does not wait for an event at this moment, it is ${status}; try again shortly`;
}
