// What apps are told of a live run: the shape of GET /runs/:id/events.
import { z } from "zod";
import { instant, jobStatus, runStatus, workflowRunId } from "./fields.ts";

const stepProgress = z.object({
  step_id: z.string(),
  status: jobStatus.describe("Never leased: that is running here."),
  attempt: z.int().describe("0 before the first."),
  items: z.object({
    total: z.int(),
    open: z.int(),
    succeeded: z.int(),
    failed: z.int(),
  }).nullable().describe(
    "Of a fan-out that has begun; what is in none of the three was skipped or cancelled.",
  ),
  started_at: instant.nullable(),
  finished_at: instant.nullable(),
});

/** How far a run is. */
export const progress = z.object({
  workflow_run_id: workflowRunId,
  workflow_key: z.string(),
  status: runStatus,
  created_at: instant,
  finished_at: instant.nullable(),
  steps: z.array(stepProgress),
}).meta({ id: "Progress" });

export type Progress = z.infer<typeof progress>;

/** The data of an event `progress`. */
export interface ProgressEvent extends Progress {
  /** All steps are there; else those that changed since the event before. */
  is_whole: boolean;
}

/** The data of an event `end`, the last one. */
export type EndEvent = Pick<Progress, "workflow_run_id" | "status">;
