// What apps call: starting runs, and calls and tokens beside them.
import { z } from "zod";
import {
  insertedEvent,
  startedRun,
  startedRuns,
} from "../../../_shared/contract/answers/dispatch.ts";
import { tokens } from "../../../_shared/contract/answers/health.ts";
import { errorClass } from "../../../_shared/contract/answers/fields.ts";
import { dispatchInput, dispatchListInput } from "../../routes/dispatch.ts";
import { eventInput } from "../../routes/events.ts";
import { httpInput } from "../../routes/http.ts";
import { tokensInput } from "../../routes/rate_limit.ts";
import type { RouteEntries } from "../entry.ts";

const ONE = { user_id: "ada", workflow_key: "daily_instructor_v1" };
const RUN_ID = "01a2b3c4-0000-7000-8000-000000000001";

export const STARTING: RouteEntries = {
  "POST /dispatch": {
    tag: "Starting runs",
    operationId: "dispatch",
    summary: "Starts a run, or up to 1,000",
    description:
      "A list is answered item by item: one that cannot be started hides nothing of what " +
      "became of the others. The same idempotency key with the same request answers with the run that " +
      "is there.",
    body: {
      schema: z.union([dispatchInput, dispatchListInput]),
      examples: {
        one: { summary: "One run, now", value: ONE },
        once: {
          summary: "One run for all retries of a caller",
          value: { ...ONE, payload: { topic: "joins" }, idempotency_key: "ada-2026-12-01" },
        },
        later: {
          summary: "Tomorrow, before others",
          value: { ...ONE, run_at: "2030-12-01T07:00:00+01:00", priority: 50 },
        },
        list: { summary: "Several at once", value: [ONE, { ...ONE, user_id: "bob" }] },
      },
    },
    answers: {
      202: {
        description:
          "The run, or what became of each item of a list. 202 for a list says that it was " +
          "read: each item has its own result.",
        schema: z.union([startedRun, startedRuns]),
        example: {
          workflow_run_id: RUN_ID,
          workflow_key: ONE.workflow_key,
          result: "created",
        },
      },
    },
    errors: {
      404: "There is no such workflow; near names are told.",
      409: "The idempotency key was used before with another request.",
      422:
        "The workflow's file has problems, or the payload does not fit its inputs. Nothing is started.",
    },
  },
  "POST /events": {
    tag: "Starting runs",
    operationId: "insertEvent",
    summary: "Tells of an event, which starts the workflows that wait for its type",
    body: {
      schema: eventInput,
      examples: {
        event: {
          summary: "An event with the sender's id as its key",
          value: { user_id: "ada", type: "clo_week_started", idempotency_key: "event-4711" },
        },
      },
    },
    answers: {
      200: { description: "The key was used before with the same event.", schema: insertedEvent },
      201: { description: "The event, with the runs that it started.", schema: insertedEvent },
    },
    errors: { 409: "The idempotency key was used before with another event." },
  },
  "POST /rate_limit": {
    tag: "Rate limits",
    operationId: "takeTokens",
    summary: "Takes tokens of a bucket, or only looks",
    body: { schema: tokensInput },
    answers: {
      200: {
        description: "Whether they were there. A refusal is an answer, not an error.",
        schema: tokens,
        headers: { "Retry-After": "Seconds after which to try again; with a refusal." },
      },
    },
  },
  "POST /http": {
    tag: "Operating",
    operationId: "callAgent",
    summary: "Calls an agent once as a step would, outside of a run",
    description:
      "With the service's credentials, an idempotency key, the timeout and the limits of a " +
      "step. A GET has no body.",
    body: { schema: httpInput },
    answers: {
      200: {
        description: "What the agent answered, whatever that was.",
        schema: z.object({
          status: z.int().nullable().describe("Null: there was no answer."),
          ok: z.boolean(),
          output: z.unknown(),
          error_class: errorClass.optional(),
          error_text: z.string().optional(),
          retry_after_ms: z.int().optional(),
          duration_ms: z.number(),
        }),
      },
    },
    errors: { 400: "What was sent is malformed, or names a call that may not be made." },
  },
};
