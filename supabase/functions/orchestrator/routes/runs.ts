// GET /runs, GET /runs/:id, POST /runs/:id/cancel, POST /runs/:id/restart: what operators do with
// runs.
import { z } from "zod";
import { OrchestratorError } from "../../_shared/contract/errors.ts";
import { RUN_STATUSES } from "../../_shared/contract/statuses.ts";
import { checkInput, readJson } from "../../_shared/http/body.ts";
import type { Router } from "../../_shared/http/router.ts";
import type { Engine } from "../engine.ts";
import { readRunId, runPage, text, userId, workflowKey } from "../fields.ts";

const page = z.strictObject({
  workflow_key: workflowKey.optional(),
  status: z.enum(RUN_STATUSES).optional(),
  user_id: userId.optional(),
  ...runPage,
});
const cancelInput = z.strictObject({
  reason: text(2_000).nullable().optional(),
}).optional();
const restartInput = z.strictObject({ mode: z.enum(["failed", "whole"]) });

export function addRunsRoutes(router: Router, { rpc, host, loadSettings }: Engine): void {
  router.get("/runs", async (context) => {
    const query = checkInput(context.req.query(), page, "query");
    const runs = await rpc.listRuns({
      workflowKey: query.workflow_key,
      status: query.status,
      userId: query.user_id,
      limit: query.limit,
      before: query.before,
    });
    const isLast = runs.length < query.limit;
    return context.json({
      runs,
      next_before: isLast ? null : runs.at(-1)!.workflow_run_id,
    });
  });

  router.get("/runs/:id", async (context) => {
    const workflowRunId = readRunId(context.req.param("id"));
    const run = await rpc.getRun({ workflowRunId });
    if (run === null) throw refuseUnknown(workflowRunId);
    return context.json(run);
  });

  router.post("/runs/:id/cancel", async (context) => {
    const workflowRunId = readRunId(context.req.param("id"));
    const { requestMaxBytes } = await loadSettings();
    const input = await readJson(context.req.raw, cancelInput, requestMaxBytes);
    const { result, status } = await rpc.cancelRun({
      workflowRunId,
      reason: input?.reason,
    });
    if (result === "not_found") throw refuseUnknown(workflowRunId);
    if (result === "already_finished") {
      const message = `cancelling run ${workflowRunId}: it has ended already (${status})`;
      throw new OrchestratorError("conflict", message);
    }
    return context.json({ workflow_run_id: workflowRunId, status });
  });

  router.post("/runs/:id/restart", async (context) => {
    const workflowRunId = readRunId(context.req.param("id"));
    const { requestMaxBytes } = await loadSettings();
    const { mode } = await readJson(context.req.raw, restartInput, requestMaxBytes);
    const { result, reason, workflow_run_id, jobs } = await rpc.restartRun({
      workflowRunId,
      mode,
    });
    if (result === "not_found") throw refuseUnknown(workflowRunId);
    if (result === "conflict") {
      const message = `restarting run ${workflowRunId}: ${reason ?? "it cannot be restarted now"}`;
      throw new OrchestratorError("conflict", message);
    }
    host.wakeQuietly();
    return context.json({ workflow_run_id, jobs }, 202);
  });
}

function refuseUnknown(workflowRunId: string): OrchestratorError {
  return new OrchestratorError("not_found", `there is no run ${workflowRunId}`);
}
