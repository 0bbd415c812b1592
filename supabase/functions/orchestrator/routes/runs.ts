// GET /runs, GET /runs/:id, POST /runs/:id/cancel, POST /runs/:id/restart: what operators do with
// runs.
import { z } from "zod";
import type {
  CancelledRunAnswer,
  RestartedRunAnswer,
} from "../../_shared/contract/answers/runs.ts";
import type { RunPage } from "../../_shared/contract/dashboard.ts";
import { OrchestratorError } from "../../_shared/contract/errors.ts";
import type { RunStatus } from "../../_shared/contract/statuses.ts";
import type { RunPlan } from "../../_shared/database/rows.ts";
import { checkInput, readJson } from "../../_shared/http/body.ts";
import type { Router } from "../../_shared/http/router.ts";
import { describeActor } from "../act.ts";
import type { Engine } from "../engine.ts";
import { payload, readRunId, reason, runPage, stepId } from "../fields.ts";
import { runFilter } from "../filters.ts";
import { describeMisfit, findPayloadProblems } from "../inputs_check.ts";
import { refuseUnknownRun, refuseUnknownStep } from "../refusals.ts";

export const runsQuery = z.strictObject({ ...runFilter, ...runPage });
export const cancelInput = z.strictObject({ reason }).optional();
export const restartInput = z.strictObject({
  mode: z.enum(["failed", "step", "whole"]),
  step_id: stepId.optional(),
  definition: z.enum(["same", "latest"]).optional(),
  payload,
}).superRefine(({ mode, step_id, payload }, context) => {
  if (payload !== undefined && mode !== "whole") {
    const message =
      "goes with mode whole only: the others go on with what the run was started with";
    context.addIssue({ code: "custom", path: ["payload"], message });
  }
  if ((mode === "step") === (step_id !== undefined)) return;
  const message = mode === "step"
    ? "is missing: name the step to begin with, as GET /runs/:id shows it"
    : `goes with mode step only: leave it out, or set mode to step instead of ${mode}`;
  context.addIssue({ code: "custom", path: ["step_id"], message });
}).meta({ id: "RestartRequest" });

type Restart = z.output<typeof restartInput>;

export function addRunsRoutes(router: Router, { rpc, host, loadSettings }: Engine): void {
  router.get("/runs", async (context) => {
    const { limit, before, ...filter } = checkInput(context.req.query(), runsQuery, "query");
    const runs = await rpc.listRuns({ filter, limit, before });
    const next_before = runs.length < limit ? null : runs.at(-1)!.workflow_run_id;
    const answer: RunPage = { runs, next_before };
    return context.json(answer);
  });

  router.get("/runs/:id", async (context) => {
    const workflowRunId = readRunId(context.req.param("id"));
    const run = await rpc.getRun({ workflowRunId });
    if (run === null) throw refuseUnknownRun(workflowRunId);
    return context.json(run);
  });

  router.post("/runs/:id/cancel", async (context) => {
    const workflowRunId = readRunId(context.req.param("id"));
    const { requestMaxBytes } = await loadSettings();
    const input = await readJson(context.req.raw, cancelInput, requestMaxBytes);
    const { result, status } = await rpc.act({
      actor: describeActor(context.get("caller")),
      action: "run.cancel",
      args: { workflow_run_id: workflowRunId, reason: input?.reason },
    });
    if (result === "not_found") throw refuseUnknownRun(workflowRunId);
    if (result === "already_finished") {
      const message = `cancelling run ${workflowRunId}: it has ended already (${status})`;
      throw new OrchestratorError("conflict", message);
    }
    const answer: CancelledRunAnswer = { workflow_run_id: workflowRunId, status };
    return context.json(answer);
  });

  router.post("/runs/:id/restart", async (context) => {
    const workflowRunId = readRunId(context.req.param("id"));
    const { requestMaxBytes } = await loadSettings();
    const input = await readJson(context.req.raw, restartInput, requestMaxBytes);
    if (input.payload !== undefined) await checkPayload(workflowRunId, input, rpc);
    const restarted = await rpc.act({
      actor: describeActor(context.get("caller")),
      action: "run.restart",
      args: { workflow_run_id: workflowRunId, ...input },
    });
    if (restarted.result === "not_found") throw refuseUnknownRun(workflowRunId);
    if (restarted.result === "conflict") {
      const plan = await rpc.getPlan({ workflowRunId });
      throw refuseRestart(workflowRunId, input, plan, restarted.reason);
    }
    const { workflow_run_id, jobs } = restarted;
    host.wakeQuietly();
    const answer: RestartedRunAnswer = { workflow_run_id, jobs };
    return context.json(answer, 202);
  });
}

/** Another payload must fit the inputs of the definition that the new run will have. */
async function checkPayload(
  workflowRunId: string,
  { payload, definition }: Restart,
  rpc: Engine["rpc"],
): Promise<void> {
  const run = await rpc.getRun({ workflowRunId });
  if (run === null) throw refuseUnknownRun(workflowRunId);
  const { workflow_key: workflowKey, version } = run;
  const workflow = definition === "latest"
    ? await rpc.getWorkflow({ workflowKey })
    : await rpc.getWorkflowVersion({ workflowKey, version });
  const problems = workflow === null ? [] : findPayloadProblems(workflow.compiled, payload ?? {});
  if (problems.length === 0) return;
  const message = `restarting run ${workflowRunId}: ${describeMisfit(problems)}`;
  throw new OrchestratorError("unprocessable", message, { problems });
}

function refuseRestart(
  workflowRunId: string,
  { mode, step_id, definition }: Restart,
  plan: RunPlan | null,
  why: string | null = null,
): OrchestratorError {
  if (plan === null) return refuseUnknownRun(workflowRunId);
  const known = plan.steps.map((step) => step.step_id);
  if (step_id !== undefined && !known.includes(step_id)) {
    return refuseUnknownStep(workflowRunId, step_id, "step_id", known, " to restart from");
  }
  const advice = adviseRestart(mode, definition, plan.status);
  return new OrchestratorError(
    "conflict",
    `restarting run ${workflowRunId}: ${why ?? "it cannot be restarted now"}${advice}`,
  );
}

/** What would work instead. */
function adviseRestart(
  mode: Restart["mode"],
  definition: Restart["definition"],
  status: RunStatus,
): string {
  if (mode !== "whole" && status === "running") {
    return mode === "failed" ? "; cancel it first, or wait until it ends" : "";
  }
  if (mode === "failed" && status !== "failed" && status !== "cancelled") {
    return "; mode step does one step and all behind it again, mode whole starts a new run";
  }
  return definition === "latest" ? "; publish it, or leave definition out" : "";
}
