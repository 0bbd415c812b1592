// Workflows and when they run by themselves.
import { z } from "zod";
import type { CompiledWorkflow } from "../compiled_workflow.ts";
import { instant } from "./fields.ts";
import { problem } from "./problem_details.ts";

const compiled = z.custom<CompiledWorkflow>().meta({
  type: "object",
  description: "The definition with every default filled in, steps in topological order.",
});

/** One of GET /workflows */
export const listedWorkflow = z.object({
  workflow_key: z.string(),
  version: z.int(),
  sha256: z.string(),
  source_path: z.string().nullable().describe("Its file in the bucket."),
  description: z.string().nullable(),
  trigger: z.custom<CompiledWorkflow["trigger"]>().meta({ type: "object" }),
  cron_words: z.string().nullable().describe("The trigger's cron in words."),
  steps: z.int(),
  published_at: instant,
  archived_at: instant.nullable().describe("It starts no runs any more: its file is gone."),
  problems: z.array(problem).nullable().describe("Of the newest upload, if it was refused."),
  runs_7d: z.int().describe("Runs created in the last 7 days that have ended."),
  success_rate_7d: z.number().nullable().describe(
    "Of those that succeeded or failed, the part that succeeded; null without any.",
  ),
}).meta({ id: "ListedWorkflow" });

/** GET /workflows */
export const workflowList = z.object({ workflows: z.array(listedWorkflow) }).meta({
  id: "WorkflowList",
});

/** GET /workflows/:key */
export const workflow = listedWorkflow.extend({
  source: z.string(),
  compiled,
  versions: z.array(z.object({
    version: z.int(),
    sha256: z.string(),
    created_at: instant,
    is_published: z.boolean(),
  })).describe("The newest 200, newest first."),
}).meta({ id: "Workflow" });

/** GET /workflows/:key/versions/:version */
export const workflowVersion = z.object({
  workflow_key: z.string(),
  version: z.int(),
  sha256: z.string(),
  created_at: instant,
  source: z.string(),
  compiled,
}).meta({ id: "WorkflowVersion" });

/** POST /workflows */
export const publishedWorkflow = z.object({
  workflow_key: z.string(),
  definition_id: z.union([z.string(), z.int()]),
  sha256: z.string(),
  version: z.int(),
  result: z.enum(["published", "unchanged"]),
}).meta({ id: "PublishedWorkflow" });

/** POST /workflows/validate */
export const checkedWorkflow = z.object({
  ok: z.literal(true),
  workflow_key: z.string(),
  workflow: compiled,
}).meta({ id: "CheckedWorkflow" });

/** POST /workflows/sync: files by what was done with them. `failed` ones are tried by the next sync. */
export const syncCounts = z.object({
  published: z.int(),
  unchanged: z.int(),
  rejected: z.int(),
  archived: z.int(),
  failed: z.int(),
}).meta({ id: "SyncCounts" });

/** One of GET /schedules */
export const schedule = z.object({
  schedule_id: z.int(),
  workflow_key: z.string(),
  user_id: z.string().nullable().describe("Null: the workflow's own."),
  cron: z.string().nullable(),
  words: z.string().nullable().describe("The cron in words."),
  timezone: z.string(),
  catch_up: z.string(),
  next_run_at: instant.nullable(),
  last_slot_at: instant.nullable(),
  paused_at: instant.nullable(),
  missed_slots: z.int().describe(
    "Slots that were due and were not fired, since ever (of one outage 100 at most).",
  ),
  last_missed_at: instant.nullable(),
  starts_runs: z.boolean().describe(
    "False: the workflow's own schedule, which starts nothing while users have subscribed.",
  ),
  next_slots: z.array(instant).describe(
    "The next five slots, none while it is paused or switched off.",
  ),
}).meta({ id: "Schedule" });

/** GET /schedules?workflow_key=&limit=&after= */
export const schedulePage = z.object({
  schedules: z.array(schedule),
  next_after: z.int().nullable(),
}).meta({ id: "SchedulePage" });

export type ListedWorkflow = z.infer<typeof listedWorkflow>;
export type WorkflowList = z.infer<typeof workflowList>;
export type Workflow = z.infer<typeof workflow>;
export type WorkflowVersion = z.infer<typeof workflowVersion>;
export type PublishedWorkflow = z.infer<typeof publishedWorkflow>;
export type CheckedWorkflow = z.infer<typeof checkedWorkflow>;
export type SyncCounts = z.infer<typeof syncCounts>;
export type Schedule = z.infer<typeof schedule>;
export type SchedulePage = z.infer<typeof schedulePage>;
