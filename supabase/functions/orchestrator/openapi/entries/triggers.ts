// Trigger keys, and what their holders start and see.
import { z } from "zod";
import {
  errorClass,
  instant,
  json,
  runStatus,
  workflowRunId,
} from "../../../_shared/contract/answers/fields.ts";
import { KEY_ID_PATTERN } from "../../../_shared/triggers/key.ts";
import { keyRequest } from "../../../_shared/triggers/key_request.ts";
import { idempotencyKey } from "../../fields.ts";
import { triggerInput, triggerQuery } from "../../trigger_input.ts";
import type { RouteEntries } from "../entry.ts";
import type { SecurityScheme } from "../security.ts";
import { ofRun, ofWorkflow } from "./parameters.ts";

const triggerKey = z.object({
  key_id: z.string(),
  name: z.string(),
  workflow_keys: z.array(z.string()).describe("`*`: all public ones."),
  user_id: z.string().describe("Whom its runs are for."),
  may_name_user: z.boolean().describe("A request may name another user."),
  rate_per_minute: z.int(),
  networks: z.array(z.string()).nullable().describe("Null: requests may come from anywhere."),
  created_at: instant,
  created_by: z.string().nullable(),
  expires_at: instant,
  revoked_at: instant.nullable(),
  last_used_at: instant.nullable().describe("To the minute."),
  status: z.enum(["active", "expired", "revoked"]),
}).meta({ id: "TriggerKey" });

const triggeredRun = z.object({
  workflow_run_id: workflowRunId,
  workflow_key: z.string(),
  status: runStatus,
  created_at: instant,
  finished_at: instant.nullable(),
  outputs: json.nullable().optional().describe(
    "Of a run that succeeded, by step id; null: too large to answer.",
  ),
  error: z.object({
    step_id: z.string().nullable().describe("Null: the run took longer than its timeout."),
    error_class: errorClass,
  }).optional().describe("Of a run that failed."),
}).meta({ id: "TriggeredRun" });

/** A run that has just begun is not looked up: its times are not there yet. */
const startedRun = triggeredRun.partial({ created_at: true, finished_at: true }).extend({
  result: z.enum(["created", "existing"]).describe(
    "existing: the idempotency key was used before.",
  ),
  status_url: z.string().describe("Where to ask on, on the project's own origin."),
}).meta({ id: "TriggerAnswer" });

const credential: Record<string, SecurityScheme> = {
  triggerKey: {
    type: "http",
    scheme: "bearer",
    description: "A trigger key (wok_…), which POST /keys makes; `apikey` may have it too.",
  },
};

const NO_KEY = "No trigger key, or one that is wrong, expired or revoked.";
const WRONG_PLACE = "The key may not be used from this address";
const location = { Location: "The `status_url`." };

export const TRIGGERS: RouteEntries = {
  "GET /keys": {
    tag: "Triggers",
    operationId: "listKeys",
    summary: "The newest 1,000 trigger keys, without the keys themselves",
    answers: {
      200: { description: "The keys.", schema: z.object({ keys: z.array(triggerKey) }) },
    },
  },
  "POST /keys": {
    tag: "Triggers",
    operationId: "makeKey",
    summary: "Makes a trigger key",
    body: {
      schema: keyRequest,
      examples: {
        one: {
          summary: "For one public workflow",
          value: { name: "CRM", workflow_keys: ["welcome_lead_v1"], user_id: "crm" },
        },
        bounded: {
          summary: "For all of them, from one network and for a month",
          value: {
            name: "CRM",
            workflow_keys: ["*"],
            user_id: "crm",
            networks: ["203.0.113.0/24"],
            expires_in: "30d",
          },
        },
      },
    },
    answers: {
      201: {
        description: "The key.",
        schema: triggerKey.extend({
          key: z.string().describe("The key itself: here and never again."),
        }),
      },
    },
  },
  "DELETE /keys/:id": {
    tag: "Triggers",
    operationId: "revokeKey",
    summary: "Ends a trigger key, from its next request on",
    path: { id: z.string().regex(KEY_ID_PATTERN).describe("The key's id.") },
    answers: { 200: { description: "It is revoked.", schema: triggerKey } },
    errors: { 404: "There is no such trigger key." },
  },
  "POST /triggers/:key": {
    tag: "Triggers",
    operationId: "startByKey",
    summary: "Starts a public workflow, and waits for its end if asked to",
    path: ofWorkflow,
    query: triggerQuery,
    headers: {
      "Idempotency-Key": idempotencyKey.unwrap().unwrap().optional().describe(
        "Wins over the body's `idempotency_key`.",
      ),
    },
    body: {
      schema: triggerInput,
      examples: {
        one: {
          summary: "One run for all retries of a caller",
          value: { payload: { lead_id: "l-1" }, idempotency_key: "lead-l-1" },
        },
      },
    },
    answers: {
      200: {
        description: "It has ended, within the wait or before.",
        schema: startedRun,
        headers: location,
      },
      202: { description: "It goes on.", schema: startedRun, headers: location },
    },
    errors: {
      401: NO_KEY,
      403: `${WRONG_PLACE}, or may not name another user.`,
      404: "There is no public workflow of this name that the key may start.",
      409: "The idempotency key was used before with another request.",
      422: "The payload does not fit the workflow's inputs. Nothing is started.",
      429: "Too many requests with this key.",
    },
    credential,
  },
  "GET /triggers/runs/:id": {
    tag: "Triggers",
    operationId: "getTriggeredRun",
    summary: "What became of a run that this key started",
    path: ofRun,
    answers: { 200: { description: "The run.", schema: triggeredRun } },
    errors: {
      401: NO_KEY,
      403: `${WRONG_PLACE}.`,
      404: "There is no such run, or another key started it.",
    },
    credential,
  },
};
