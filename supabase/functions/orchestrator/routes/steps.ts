// GET /runs/:id/plan, POST /runs/:id/steps, GET /runs/:id/steps/:step/items: the steps of one run, and
// how more of them are added while it is live.
import { z } from "zod";
import type { ItemPage } from "../../_shared/contract/answers/jobs.ts";
import type { AppendedStepsAnswer, NamedPlan } from "../../_shared/contract/answers/runs.ts";
import { OrchestratorError, type Problem } from "../../_shared/contract/errors.ts";
import type { RunPlan } from "../../_shared/database/rows.ts";
import { checkInput, readJson } from "../../_shared/http/body.ts";
import type { Router } from "../../_shared/http/router.ts";
import { compileAppendedSteps } from "../../_shared/workflow/append.ts";
import type { Engine } from "../engine.ts";
import { itemPage, readRunId, readStepId, reason, text, values } from "../fields.ts";
import { findStep } from "../find_step.ts";
import { refuseUnknownRun } from "../refusals.ts";

export const appendInput = z.strictObject({ steps: values, author: text(200), reason }).meta({
  id: "AppendRequest",
});
export const itemsQuery = z.strictObject(itemPage);

export function addStepsRoutes(router: Router, { rpc, host, loadSettings }: Engine): void {
  const readPlan = async (workflowRunId: string): Promise<RunPlan> => {
    const plan = await rpc.getPlan({ workflowRunId });
    if (plan === null) throw refuseUnknownRun(workflowRunId);
    return plan;
  };

  router.get("/runs/:id/plan", async (context) => {
    const workflowRunId = readRunId(context.req.param("id"));
    const plan = await readPlan(workflowRunId);
    const answer: NamedPlan = { workflow_run_id: workflowRunId, ...plan };
    return context.json(answer);
  });

  router.post("/runs/:id/steps", async (context) => {
    const workflowRunId = readRunId(context.req.param("id"));
    const settings = await loadSettings();
    const { steps, author, reason } = await readJson(
      context.req.raw,
      appendInput,
      settings.requestMaxBytes,
    );
    const { status, steps: existing } = await readPlan(workflowRunId);
    if (status !== "running") {
      throw refuseAppend(workflowRunId, `the run has ended (${status})`);
    }
    const compiled = compileAppendedSteps(steps, {
      existing: existing.map(({ step_id }) => step_id),
      settings,
      policy: { callPrefixes: settings.appendCallPrefixes },
    });
    if (!compiled.ok) throw refuseSteps(workflowRunId, compiled.problems);
    // The run lives on meanwhile: the database looks once more at what it has become.
    const appended = await rpc.appendSteps({
      workflowRunId,
      plan: { author, reason: reason ?? null, source: steps, steps: compiled.steps },
    });
    if (appended.result === "not_found") throw refuseUnknownRun(workflowRunId);
    if (appended.result === "conflict") {
      throw refuseAppend(workflowRunId, appended.reason ?? "the run has changed meanwhile");
    }
    host.wakeQuietly();
    const { revision, steps: added } = appended;
    const answer: AppendedStepsAnswer = { workflow_run_id: workflowRunId, revision, steps: added };
    return context.json(answer, 202);
  });

  router.get("/runs/:id/steps/:step/items", async (context) => {
    const workflowRunId = readRunId(context.req.param("id"));
    const stepId = readStepId(context.req.param("step"));
    const { limit, after } = checkInput(context.req.query(), itemsQuery, "query");
    const items = await rpc.listItems({ workflowRunId, stepId, limit, after });
    // Nothing is the answer for a step without items, which an unknown one must not look like.
    if (items.length === 0) await findStep(workflowRunId, stepId, rpc);
    const answer: ItemPage = {
      items,
      next_after: items.length < limit ? null : items.at(-1)!.item_index,
    };
    return context.json(answer);
  });
}

function refuseAppend(workflowRunId: string, why: string): OrchestratorError {
  return new OrchestratorError("conflict", `appending steps to run ${workflowRunId}: ${why}`);
}

/** Nothing of the plan was applied; its problems are all told at once. */
function refuseSteps(workflowRunId: string, problems: Problem[]): OrchestratorError {
  const more = problems.length > 1 ? ` (and ${problems.length - 1} more)` : "";
  const message = `appending steps to run ${workflowRunId}: ${problems[0].message}${more}`;
  return new OrchestratorError("unprocessable", message, { problems });
}
