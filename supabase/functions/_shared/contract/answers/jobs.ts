// A job as people and apps see it: in a list, with its attempts, and as the call that it makes.
import { z } from "zod";
import { STEP_KINDS, STEP_PHASES, type StepConfig } from "../compiled_workflow.ts";
import { ERROR_CLASSES, SKIP_REASONS } from "../statuses.ts";
import { errorClass, instant, jobStatus, json, nextBefore, workflowRunId } from "./fields.ts";

export const attempt = z.object({
  attempt_id: z.int(),
  attempt: z.int(),
  worker_id: z.string().nullable(),
  started_at: instant,
  finished_at: instant,
  success: z.boolean(),
  is_late: z.boolean().describe("Its result came after the lease was lost."),
  status_code: z.int().nullable(),
  error_class: z.enum([...ERROR_CLASSES, "cancelled"]).nullable().describe(
    "cancelled: nobody waited for its answer any more.",
  ),
  error_text: z.string().nullable(),
  logs: json.nullable(),
}).meta({ id: "Attempt" });

export const listedJob = z.object({
  job_id: z.int(),
  workflow_run_id: workflowRunId,
  workflow_key: z.string(),
  step_no: z.int(),
  step_id: z.string(),
  item_index: z.int().describe("-1: the step's own job."),
  agent: z.string(),
  user_id: z.string(),
  intent_id: z.string().nullable(),
  status: jobStatus,
  payload: z.custom<StepConfig>().meta({
    type: "object",
    description: "The step's config: with, if, retry and so on.",
  }),
  condition: z.object({ expression: z.string(), result: z.boolean() }).nullable(),
  priority: z.int(),
  attempts: z.int(),
  max_attempts: z.int(),
  next_run_at: z.union([instant, z.literal("infinity")]).describe(
    "When it is due; infinity: it waits for something without a time limit.",
  ),
  output_ref: z.object({ path: z.string(), bytes: z.int(), sha256: z.string() }).nullable()
    .describe("An output in Storage."),
  error_class: errorClass.nullable(),
  error_text: z.string().nullable(),
  skip_reason: z.enum(SKIP_REASONS).nullable(),
  generation: z.int().describe("Part of the idempotency key, and of a callback's token."),
  dependencies: z.int().describe("How many steps it waits for."),
  open_dependencies: z.int(),
  succeeded_dependencies: z.int(),
  failed_dependencies: z.int(),
  parked: json.nullable().describe("What it waits for, without a worker."),
  leased_by: z.string().nullable(),
  leased_at: instant.nullable().describe(
    "When the lease that is under way began; of a job that nobody holds, its last.",
  ),
  lease_until: instant.nullable(),
  created_at: instant,
  started_at: instant.nullable(),
  finished_at: instant.nullable(),
}).meta({ id: "ListedJob" });

/** GET /jobs?status=&workflow_key=&user_id=&error_class=&text=&limit=&before= */
export const jobPage = z.object({
  jobs: z.array(listedJob),
  next_before: z.int().nullable().describe(nextBefore),
}).meta({ id: "JobPage" });

/** GET /jobs/:id, and a job of GET /runs/:id: with its attempts, oldest first. */
export const runJob = listedJob.extend({
  kind: z.enum(STEP_KINDS),
  phase: z.enum(STEP_PHASES),
  needs: z.array(z.string()).describe("Ids of the steps it waits for."),
  input: z.unknown(),
  output: z.unknown(),
  attempt_history: z.array(attempt),
  items: z.object({
    total: z.int(),
    open: z.int(),
    succeeded: z.int(),
    failed: z.int(),
    needed: z.int(),
    ends_early: z.boolean().describe("The step ends with the last success that it needs."),
    max_concurrency: z.int().nullable().describe("Null: all at a time."),
  }).optional().describe("Only of a fan-out."),
}).meta({ id: "RunJob" });

/** GET /runs/:id/steps/:step/items */
export const itemPage = z.object({
  items: z.array(runJob),
  next_after: z.int().nullable().describe("The `after` of the next page; null: this is the last."),
}).meta({ id: "ItemPage" });

/** GET /jobs/count?… */
export const jobCount = z.object({
  count: z.int(),
  is_capped: z.boolean(),
  newest: z.int().nullable(),
}).meta({ id: "JobCount" });

/** GET /jobs/:id/request: the call as the worker makes it, without secrets. */
export const jobRequest = z.object({
  method: z.string(),
  url: z.string(),
  headers: z.record(z.string(), z.string()),
  body: z.unknown(),
  curl: z.string().describe(
    "The same for a terminal; credentials are names of environment variables.",
  ),
  unavailable: z.string().nullable().describe(
    "Why it cannot be shown, in which case the rest is empty: the step calls nobody, or a dependency " +
      "is open.",
  ),
}).meta({ id: "JobRequest" });

/** POST /jobs/:id/retry and /reset */
export const redrivenJob = z.object({
  job_id: z.int(),
  workflow_run_id: workflowRunId.nullable(),
  status: jobStatus.nullable(),
}).meta({ id: "RedrivenJob" });

/** POST /jobs/:id/approve and /reject */
export const decidedJob = z.object({ job_id: z.int(), status: jobStatus.nullable() }).meta({
  id: "DecidedJob",
});

/** POST /callbacks/:token */
export const settledCallback = z.object({
  job_id: z.int(),
  status: jobStatus.nullable(),
  outcome: z.string().describe("What the answer was taken for, such as success, retry or dead."),
  error_class: errorClass.optional(),
  error_text: z.string().optional(),
}).meta({ id: "SettledCallback" });

/** POST /callbacks/:token/heartbeat */
export const extendedCallback = z.object({ job_id: z.int(), result: z.literal("extended") }).meta({
  id: "ExtendedCallback",
});

export type Attempt = z.infer<typeof attempt>;
export type ListedJob = z.infer<typeof listedJob>;
export type JobPage = z.infer<typeof jobPage>;
export type RunJob = z.infer<typeof runJob>;
export type ItemPage = z.infer<typeof itemPage>;
export type JobCount = z.infer<typeof jobCount>;
export type JobRequest = z.infer<typeof jobRequest>;
export type RedrivenJobAnswer = z.infer<typeof redrivenJob>;
export type DecidedJob = z.infer<typeof decidedJob>;
export type SettledCallbackAnswer = z.infer<typeof settledCallback>;
export type ExtendedCallback = z.infer<typeof extendedCallback>;
