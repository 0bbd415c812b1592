// Sources of webhooks, and what they send.
import { z } from "zod";
import { instant } from "../../../_shared/contract/answers/fields.ts";
import { HOOK_PRESETS, SOURCE_NAME } from "../../../_shared/contract/hooks.ts";
import { hookInput, rotationInput } from "../../hook_input.ts";
import type { RouteEntries } from "../entry.ts";

const NO_SOURCE = "There is no such source.";

const ofSource = { source: z.string().regex(SOURCE_NAME).describe("The source's name.") };

const hookSource = z.object({
  source: z.string(),
  preset: z.enum(HOOK_PRESETS),
  settings: z.looseObject({}).describe("Of the presets hmac and api_key."),
  event_type: z.string(),
  filter: z.string().nullable().describe("Whether there is an event at all; null: always."),
  user_id: z.string(),
  enabled: z.boolean(),
  tolerance_seconds: z.int(),
  previous_valid_until: instant.nullable().describe(
    "How long the secret before the last rotation is taken.",
  ),
  created_at: instant,
  updated_at: instant,
}).meta({ id: "HookSource" });

const madeSecret = z.string().optional().describe("If one was made; it is told this once.");

export const HOOKS: RouteEntries = {
  "GET /hooks": {
    tag: "Webhooks",
    operationId: "listHooks",
    summary: "The sources of webhooks, without their secrets",
    answers: {
      200: { description: "All of them.", schema: z.object({ hooks: z.array(hookSource) }) },
    },
  },
  "GET /hooks/:source": {
    tag: "Webhooks",
    operationId: "getHook",
    summary: "A source of webhooks, without its secrets",
    path: ofSource,
    answers: { 200: { description: "The source.", schema: hookSource } },
    errors: { 404: NO_SOURCE },
  },
  "PUT /hooks/:source": {
    tag: "Webhooks",
    operationId: "setHook",
    summary: "Makes a source of webhooks, or changes it",
    path: ofSource,
    body: { schema: hookInput },
    answers: {
      200: {
        description: "The source as it is now.",
        schema: hookSource.extend({ result: z.enum(["created", "saved"]), secret: madeSecret }),
      },
    },
  },
  "DELETE /hooks/:source": {
    tag: "Webhooks",
    operationId: "deleteHook",
    summary: "Removes a source of webhooks with its secrets",
    path: ofSource,
    answers: {
      200: {
        description: "It is gone.",
        schema: z.object({ source: z.string(), result: z.string() }),
      },
    },
    errors: { 404: NO_SOURCE },
  },
  "POST /hooks/:source/rotate": {
    tag: "Webhooks",
    operationId: "rotateHook",
    summary: "Gives a source another secret; the one before is taken for a while",
    path: ofSource,
    body: { schema: rotationInput },
    answers: {
      200: {
        description: "The new secret is taken.",
        schema: z.object({
          source: z.string(),
          result: z.string(),
          previous_valid_until: instant.optional(),
          secret: madeSecret,
        }),
      },
    },
    errors: { 404: NO_SOURCE, 409: "The source has changed meanwhile." },
  },
  "POST /hooks/:source": {
    tag: "Webhooks",
    operationId: "receiveHook",
    summary: "A webhook of another service, which becomes an event",
    description:
      "The signature in its headers, as the source's preset says, is the credential. The body " +
      "is the sender's own.",
    path: ofSource,
    body: { schema: z.unknown() },
    answers: {
      200: { description: "The answer to Slack.", schema: z.object({ challenge: z.string() }) },
      202: {
        description:
          "The event; or none, if the source filters it out or the sender only asks whether " +
          "somebody is there.",
        schema: z.object({
          event_id: z.guid().optional(),
          duplicate: z.boolean().optional().describe("It came before."),
          filtered: z.boolean().optional(),
          ping: z.boolean().optional(),
        }),
      },
    },
    errors: {
      401: "There is no such source, or the delivery is not signed by it, or not of now.",
      403: "The source is disabled.",
      422: "An expression of the source has no value for this delivery.",
      429: "Too many deliveries.",
    },
  },
};
