// A run as people and apps see it: in a list, whole, and as the plan that steps can be added to.
import { z } from "zod";
import { instant, jobStatus, json, nextBefore, runStatus, workflowRunId } from "./fields.ts";
import { runJob } from "./jobs.ts";

export const listedRun = z.object({
  workflow_run_id: workflowRunId,
  workflow_key: z.string(),
  definition_id: z.int(),
  version: z.int().describe("Of the definition that it runs."),
  user_id: z.string(),
  intent_id: z.string().nullable(),
  status: runStatus,
  trigger_type: z.string(),
  trigger_event_id: z.guid().nullable(),
  trigger_key_id: z.string().nullable().describe("The trigger key that started it."),
  event_type: z.string().nullable(),
  idempotency_key: z.string().nullable().describe(
    "With a prefix that says whose it is: a caller's, a schedule's, another run's.",
  ),
  concurrency_key: z.string().nullable(),
  open_sinks: z.int().describe("Last steps that have not ended."),
  failed_jobs: z.int(),
  restarted_from: workflowRunId.nullable(),
  parent_run_id: workflowRunId.nullable().describe("The run of which it is a step."),
  parent_job_id: z.int().nullable(),
  cancel_reason: z.string().nullable(),
  skip_reason: z.string().nullable(),
  priority: z.int(),
  plan_revision: z.int(),
  created_at: instant,
  deadline_at: instant.nullable(),
  finished_at: instant.nullable(),
}).meta({ id: "ListedRun" });

/** GET /runs?…&limit=&before= */
export const runPage = z.object({
  runs: z.array(listedRun),
  next_before: workflowRunId.nullable().describe(nextBefore),
}).meta({ id: "RunPage" });

/** GET /runs/count?… */
export const runCount = z.object({
  count: z.int().describe(
    "Runs that the filter matches and the action would touch, counted to 10,000 at most.",
  ),
  is_capped: z.boolean(),
  newest: workflowRunId.nullable().describe(
    "The newest run there is: a bulk action leaves later ones alone.",
  ),
}).meta({ id: "RunCount" });

/** GET /runs/:id */
export const run = listedRun.extend({
  payload: json,
  inputs: json.nullable().describe("Made by the start step; null: the payload stands in for them."),
  outputs: json.nullable().describe(
    "Outputs of the last steps by step id; null: too large to show.",
  ),
  jobs: z.array(runJob),
  plan_revisions: z.array(z.object({
    revision: z.int(),
    definition_id: z.int(),
    author: z.string(),
    reason: z.string().nullable(),
    created_at: instant,
  })),
  sub_runs: z.array(z.object({
    workflow_run_id: workflowRunId,
    workflow_key: z.string(),
    status: runStatus,
    parent_job_id: z.int(),
  })),
  database_time: instant.describe("For lining clocks up."),
}).meta({ id: "Run" });

/** What appended steps may depend on. */
export const runPlan = z.object({
  status: runStatus,
  revision: z.int(),
  steps: z.array(z.object({ step_id: z.string(), status: jobStatus })),
});

/** GET /runs/:id/plan */
export const namedPlan = runPlan.extend({ workflow_run_id: workflowRunId }).meta({
  id: "NamedPlan",
});

/** POST /runs/:id/steps */
export const appendedSteps = z.object({
  workflow_run_id: workflowRunId,
  revision: z.int().optional(),
  steps: z.int().optional().describe("How many were added."),
}).meta({ id: "AppendedSteps" });

/** POST /runs/:id/cancel */
export const cancelledRun = z.object({
  workflow_run_id: workflowRunId,
  status: runStatus.nullable(),
}).meta({ id: "CancelledRun" });

/** POST /runs/:id/restart */
export const restartedRun = z.object({
  workflow_run_id: workflowRunId.optional().describe("The new run, or the one that goes on."),
  jobs: z.int().optional().describe("How many are done again."),
}).meta({ id: "RestartedRun" });

export type ListedRun = z.infer<typeof listedRun>;
export type RunPage = z.infer<typeof runPage>;
export type RunCount = z.infer<typeof runCount>;
export type Run = z.infer<typeof run>;
export type RunPlan = z.infer<typeof runPlan>;
export type NamedPlan = z.infer<typeof namedPlan>;
export type AppendedStepsAnswer = z.infer<typeof appendedSteps>;
export type CancelledRunAnswer = z.infer<typeof cancelledRun>;
export type RestartedRunAnswer = z.infer<typeof restartedRun>;
