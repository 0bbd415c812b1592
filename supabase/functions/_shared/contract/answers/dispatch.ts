// What an app is told that starts runs: by a request, a list of them, or an event.
import { z } from "zod";
import { workflowRunId } from "./fields.ts";
import { problem } from "./problem_details.ts";

/** POST /dispatch with one request */
export const startedRun = z.object({
  workflow_run_id: workflowRunId.nullable(),
  workflow_key: z.string(),
  result: z.enum(["created", "existing"]).describe(
    "existing: the idempotency key was used before with the same request, whose run this is.",
  ),
}).meta({
  id: "StartedRun",
  description: "The run that was started, or that was there.",
});

/** One of POST /dispatch with a list */
export const listedStart = z.object({
  index: z.int().describe("Its place in the request."),
  result: z.enum([
    "created",
    "existing",
    "conflict",
    "unknown_workflow",
    "invalid",
    "unavailable",
  ]).describe(
    "conflict: the idempotency key was used before with another request. invalid: the payload does not " +
      "fit the workflow's inputs. unavailable: nobody could look whether there is such a workflow; try " +
      "this item again.",
  ),
  workflow_run_id: workflowRunId.nullable(),
  workflow_key: z.string(),
  detail: z.string().optional().describe("Why it was not started."),
  problems: z.array(problem).optional(),
}).meta({
  id: "ListedStart",
  description: "What became of one request of a list.",
});

/** POST /dispatch with a list */
export const startedRuns = z.object({
  runs: z.array(listedStart).describe("In the order of the requests."),
}).meta({ id: "StartedRuns" });

/** POST /events */
export const insertedEvent = z.object({
  event_id: z.guid(),
  result: z.enum(["created", "existing"]),
  workflow_run_ids: z.array(workflowRunId).describe("The runs that it started."),
}).meta({ id: "InsertedEvent" });

export type StartedRun = z.infer<typeof startedRun>;
export type ListedStart = z.infer<typeof listedStart>;
export type StartedRuns = z.infer<typeof startedRuns>;
export type InsertedEvent = z.infer<typeof insertedEvent>;
