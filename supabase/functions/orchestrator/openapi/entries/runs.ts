// Runs and their steps.
import { z } from "zod";
import { bulkRuns } from "../../../_shared/contract/answers/actions.ts";
import { decidedJob, itemPage } from "../../../_shared/contract/answers/jobs.ts";
import { progress } from "../../../_shared/contract/answers/progress.ts";
import {
  appendedSteps,
  cancelledRun,
  namedPlan,
  restartedRun,
  run,
  runCount,
  runPage,
} from "../../../_shared/contract/answers/runs.ts";
import { decisionInput } from "../../routes/approvals.ts";
import { bulkRunsInput, runsCounted } from "../../routes/bulk.ts";
import { cancelInput, restartInput, runsQuery } from "../../routes/runs.ts";
import { appendInput, itemsQuery } from "../../routes/steps.ts";
import type { RouteEntries } from "../entry.ts";
import { ofRun, ofStep } from "./parameters.ts";

const NO_RUN = "There is no such run.";
const NO_STEP = "There is no such run, or it has no such step; near names are told.";
const NOT_WAITING = "The step does not wait for a decision, or its run has ended.";

export const RUNS: RouteEntries = {
  "GET /runs": {
    tag: "Runs",
    operationId: "listRuns",
    summary: "Runs that the filter matches, newest first",
    description: "`text` is the beginning of an id, or part of user, intent, workflow or payload.",
    query: runsQuery,
    answers: { 200: { description: "A page.", schema: runPage } },
  },
  "GET /runs/count": {
    tag: "Runs",
    operationId: "countRuns",
    summary: "How many runs a filter matches, or a bulk action would touch",
    query: runsCounted,
    answers: {
      200: { description: "The count, with what the action then takes.", schema: runCount },
    },
  },
  "POST /runs/bulk": {
    tag: "Runs",
    operationId: "actOnRuns",
    summary: "Cancels or restarts all runs that a filter matches, up to 100 a call",
    description: "`newest` is that of the count: runs that came later are left alone.",
    body: { schema: bulkRunsInput },
    answers: {
      200: { description: "What was done; call again with the cursor.", schema: bulkRuns },
    },
  },
  "GET /runs/:id": {
    tag: "Runs",
    operationId: "getRun",
    summary: "A run with its jobs, their attempts and outputs",
    path: ofRun,
    answers: { 200: { description: "The run; a fan-out's items are counts.", schema: run } },
    errors: { 404: NO_RUN },
  },
  "GET /runs/:id/events": {
    tag: "Runs",
    operationId: "watchRun",
    summary: "How far a run is, as it goes on",
    description:
      "For an app that shows a run to the user whose it is; operators, viewers and service " +
      "keys see any. `EventSource` cannot send credentials: use `fetch`, and come back with " +
      "`Last-Event-ID` when a stream ends before its run.",
    path: ofRun,
    headers: {
      "Last-Event-ID": z.string().optional().describe("The id of the event that was seen last."),
    },
    answers: {
      200: {
        description: "The state: as JSON if `Accept` asks for it, else as events until the end.",
        schema: z.string().describe(
          "Events `progress`, whose data are a Progress with `is_whole`: the first has all " +
            "steps, later ones those that changed. At the run's end an event `end`, whose data " +
            "are its `workflow_run_id` and `status`.",
        ),
        mediaType: "text/event-stream",
        others: { "application/json": progress },
      },
      204: { description: "The run has ended, and `Last-Event-ID` is that of its end." },
    },
    errors: {
      404: "There is no such run, or it is somebody else's.",
      429: "Too many streams are open.",
    },
  },
  "POST /runs/:id/cancel": {
    tag: "Runs",
    operationId: "cancelRun",
    summary: "Cancels a run",
    path: ofRun,
    body: { schema: cancelInput },
    answers: { 200: { description: "It is cancelled.", schema: cancelledRun } },
    errors: { 404: NO_RUN, 409: "The run has ended already." },
  },
  "POST /runs/:id/restart": {
    tag: "Runs",
    operationId: "restartRun",
    summary: "Does the failed steps of a run again, or one and all behind it, or the whole run",
    description:
      "`failed` and `step` (with `step_id`) keep the outputs of the steps that are not done " +
      "again. `whole`, which may have a `payload` of its own, and `latest` make a new run.",
    path: ofRun,
    body: { schema: restartInput },
    answers: { 202: { description: "It goes on, or a new run does.", schema: restartedRun } },
    errors: {
      404: NO_STEP,
      409: "It cannot be restarted so; what would work is told.",
      422: "The payload does not fit the workflow's inputs.",
    },
  },
  "GET /runs/:id/plan": {
    tag: "Runs",
    operationId: "getPlan",
    summary: "The steps of a run that appended ones may depend on",
    path: ofRun,
    answers: { 200: { description: "The plan.", schema: namedPlan } },
    errors: { 404: NO_RUN },
  },
  "POST /runs/:id/steps": {
    tag: "Runs",
    operationId: "appendSteps",
    summary: "Adds 1 to 50 steps to a live run",
    description: "The steps are as in a workflow file.",
    path: ofRun,
    body: { schema: appendInput },
    answers: { 202: { description: "They are part of the run.", schema: appendedSteps } },
    errors: {
      404: NO_RUN,
      409: "The run has ended or has changed meanwhile.",
      422: "The steps have problems, each told with its path; none of them is added.",
    },
  },
  "GET /runs/:id/steps/:step/items": {
    tag: "Runs",
    operationId: "listItems",
    summary: "The items of a fan-out, in their order",
    path: ofStep,
    query: itemsQuery,
    answers: { 200: { description: "A page.", schema: itemPage } },
    errors: { 404: NO_STEP },
  },
  "POST /runs/:id/steps/:step/approve": {
    tag: "Runs",
    operationId: "approveStep",
    summary: "Approves a step that waits for somebody's word",
    description:
      "Later steps read who decided and what for. A signed-in person decides as themselves: " +
      "`actor` is for service keys.",
    path: ofStep,
    body: { schema: decisionInput },
    answers: { 200: { description: "The wait is over.", schema: decidedJob } },
    errors: { 404: NO_STEP, 409: NOT_WAITING },
  },
  "POST /runs/:id/steps/:step/reject": {
    tag: "Runs",
    operationId: "rejectStep",
    summary: "Rejects a step that waits for somebody's word",
    path: ofStep,
    body: { schema: decisionInput },
    answers: { 200: { description: "The step is dead, of class rejected.", schema: decidedJob } },
    errors: { 404: NO_STEP, 409: NOT_WAITING },
  },
};
