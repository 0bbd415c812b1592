// The registry, the schedules and the policies of rate limits.
import { z } from "zod";
import { rateLimits } from "../../../_shared/contract/answers/overview.ts";
import {
  checkedWorkflow,
  publishedWorkflow,
  schedulePage,
  syncCounts,
  workflow,
  workflowList,
  workflowVersion,
} from "../../../_shared/contract/answers/workflows.ts";
import { policyInput, policyQuery, rateLimitsQuery } from "../../routes/rate_limits.ts";
import { schedulesQuery } from "../../routes/schedules.ts";
import { sourceInput } from "../../routes/workflows.ts";
import type { RouteEntries, RouteEntry } from "../entry.ts";
import { ofSchedule, ofVersion, ofWorkflow } from "./parameters.ts";

const NO_WORKFLOW = "There is no such workflow; near names are told.";
const BAD_SOURCE = "The source has problems, each told with line and column.";

const savedPolicy = z.object({ pattern: z.string(), result: z.string() });

function describeScheduleAction(
  name: string,
  summary: string,
  status: number,
  description: string,
): RouteEntry {
  return {
    tag: "Schedules",
    operationId: `${name}Schedule`,
    summary,
    path: ofSchedule,
    answers: {
      [status]: {
        description,
        schema: z.object({
          schedule_id: z.int(),
          result: z.string(),
          workflow_run_id: z.guid().optional().describe("Of what was started."),
        }),
      },
    },
    errors: { 404: "There is no such schedule.", 409: "Its state does not allow it." },
  };
}

export const WORKFLOWS: RouteEntries = {
  "GET /workflows": {
    tag: "Workflows",
    operationId: "listWorkflows",
    summary: "All workflows, with the success rate of 7 days",
    answers: { 200: { description: "The workflows.", schema: workflowList } },
  },
  "GET /workflows/:key": {
    tag: "Workflows",
    operationId: "getWorkflow",
    summary: "A workflow with its source and versions",
    path: ofWorkflow,
    answers: { 200: { description: "The workflow.", schema: workflow } },
    errors: { 404: NO_WORKFLOW },
  },
  "GET /workflows/:key/versions/:version": {
    tag: "Workflows",
    operationId: "getWorkflowVersion",
    summary: "One version of a workflow",
    path: ofVersion,
    answers: { 200: { description: "The version.", schema: workflowVersion } },
    errors: { 404: "There is no such workflow, or it has no such version." },
  },
  "POST /workflows": {
    tag: "Workflows",
    operationId: "publishWorkflow",
    summary: "Publishes a workflow file, which goes to the bucket too",
    body: { schema: sourceInput },
    answers: { 201: { description: "The version that is published.", schema: publishedWorkflow } },
    errors: { 422: BAD_SOURCE },
  },
  "POST /workflows/validate": {
    tag: "Workflows",
    operationId: "validateWorkflow",
    summary: "Checks a workflow file, and changes nothing",
    body: { schema: sourceInput },
    answers: { 200: { description: "It could be published.", schema: checkedWorkflow } },
    errors: { 422: BAD_SOURCE },
  },
  "POST /workflows/sync": {
    tag: "Workflows",
    operationId: "syncWorkflows",
    summary: "Brings the registry in line with the bucket",
    answers: { 200: { description: "Files by what was done with them.", schema: syncCounts } },
  },
  "GET /schedules": {
    tag: "Schedules",
    operationId: "listSchedules",
    summary: "When workflows run by themselves",
    query: schedulesQuery,
    answers: { 200: { description: "A page.", schema: schedulePage } },
  },
  "POST /schedules/:id/pause": describeScheduleAction(
    "pause",
    "Pauses a schedule; slots meanwhile are not made up for",
    200,
    "It fires nothing.",
  ),
  "POST /schedules/:id/resume": describeScheduleAction(
    "resume",
    "Lets a paused schedule go on with its next slot",
    200,
    "It goes on.",
  ),
  "POST /schedules/:id/run": describeScheduleAction(
    "run",
    "Starts now what the schedule would start",
    202,
    "The run.",
  ),
  "GET /rate_limits": {
    tag: "Rate limits",
    operationId: "listRateLimits",
    summary: "The policies, and the buckets as they are at this moment",
    query: rateLimitsQuery,
    answers: { 200: { description: "All policies and a page of buckets.", schema: rateLimits } },
  },
  "PUT /rate_limits/policies": {
    tag: "Rate limits",
    operationId: "setPolicy",
    summary: "Sets the size of all buckets whose keys match a pattern",
    description: "A `capacity` of null is no limit.",
    body: { schema: policyInput },
    answers: { 200: { description: "It takes effect at once.", schema: savedPolicy } },
  },
  "DELETE /rate_limits/policies": {
    tag: "Rate limits",
    operationId: "deletePolicy",
    summary: "Removes the policy of a pattern",
    query: policyQuery,
    answers: { 200: { description: "It is gone.", schema: savedPolicy } },
    errors: { 404: "There is no policy of this pattern.", 409: "It is the default, which stays." },
  },
};
