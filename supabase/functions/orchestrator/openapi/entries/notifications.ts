// Destinations of notifications, what was sent to them, and the step that sends.
import { z } from "zod";
import {
  deletedDestination,
  deliveryPage,
  destination,
  destinations,
  enabledDestination,
  replayedDestination,
  rotatedDestination,
  savedDestination,
  testedDestination,
} from "../../../_shared/contract/answers/notifications.ts";
import { DESTINATION_NAME } from "../../../_shared/contract/notifications.ts";
import { deliveriesQuery, destinationInput, replayInput } from "../../destination_input.ts";
import { deliveryInput } from "../../routes/deliveries.ts";
import type { RouteEntries } from "../entry.ts";

const ofDestination = {
  name: z.string().regex(DESTINATION_NAME).describe("The destination's name."),
};

const NO_DESTINATION = "There is no such destination.";

export const NOTIFICATIONS: RouteEntries = {
  "GET /destinations": {
    tag: "Notifications",
    operationId: "listDestinations",
    summary: "Who is told of what, without secrets",
    answers: { 200: { description: "All of them.", schema: destinations } },
  },
  "GET /destinations/:name": {
    tag: "Notifications",
    operationId: "getDestination",
    summary: "A destination, without its secrets",
    path: ofDestination,
    answers: { 200: { description: "The destination.", schema: destination } },
    errors: { 404: NO_DESTINATION },
  },
  "GET /destinations/:name/deliveries": {
    tag: "Notifications",
    operationId: "listDeliveries",
    summary: "What was or will be sent to a destination, newest first",
    path: ofDestination,
    query: deliveriesQuery,
    answers: { 200: { description: "A page.", schema: deliveryPage } },
    errors: { 404: "There is no such destination, and nothing is left of one." },
  },
  "PUT /destinations/:name": {
    tag: "Notifications",
    operationId: "setDestination",
    summary: "Makes a destination, or changes it",
    description: "A webhook keeps the secret that it has; a channel's secret is its URL.",
    path: ofDestination,
    body: {
      schema: destinationInput,
      examples: {
        webhook: {
          summary: "A webhook for all that goes wrong",
          value: {
            kind: "webhook",
            url: "https://ops.example.com/orchestrator",
            types: ["run.failed", "job.dead", "alert.firing", "alert.resolved"],
          },
        },
        slack: {
          summary: "A channel for the approvals of one workflow",
          value: {
            kind: "slack",
            url: "https://hooks.slack.com/services/T0/B0/x",
            types: ["approval.requested"],
            workflow_keys: ["book_trip_v1"],
          },
        },
      },
    },
    answers: { 200: { description: "It is saved.", schema: savedDestination } },
    errors: { 409: "It is of the other kind, or it is a new channel without its URL." },
  },
  "DELETE /destinations/:name": {
    tag: "Notifications",
    operationId: "deleteDestination",
    summary: "Removes a destination with its secrets, and what waits for it",
    path: ofDestination,
    answers: { 200: { description: "It is gone.", schema: deletedDestination } },
    errors: { 404: NO_DESTINATION },
  },
  "POST /destinations/:name/rotate": {
    tag: "Notifications",
    operationId: "rotateDestination",
    summary: "Gives a webhook another signing secret; the one before signs for a while too",
    path: ofDestination,
    answers: { 200: { description: "The new secret signs.", schema: rotatedDestination } },
    errors: { 404: NO_DESTINATION, 409: "It is a Slack channel, which has no signing secret." },
  },
  "POST /destinations/:name/enable": {
    tag: "Notifications",
    operationId: "enableDestination",
    summary: "Sends to a destination again that was disabled, from now on",
    path: ofDestination,
    answers: { 200: { description: "It is enabled.", schema: enabledDestination } },
    errors: { 404: NO_DESTINATION },
  },
  "POST /destinations/:name/test": {
    tag: "Notifications",
    operationId: "testDestination",
    summary: "Sends a destination a message that means nothing",
    path: ofDestination,
    answers: { 202: { description: "It is on its way.", schema: testedDestination } },
    errors: { 404: NO_DESTINATION, 409: "It is disabled." },
  },
  "POST /destinations/:name/replay": {
    tag: "Notifications",
    operationId: "replayDeliveries",
    summary: "Sends again one delivery, or what a span of time left undelivered",
    path: ofDestination,
    body: {
      schema: replayInput,
      examples: {
        span: {
          summary: "What an outage left behind",
          value: { from: "2026-11-22T09:00:00Z", to: "2026-11-22T12:00:00Z" },
        },
      },
    },
    answers: { 202: { description: "They are on their way.", schema: replayedDestination } },
    errors: {
      404: NO_DESTINATION,
      409: "It is disabled, or it has no such delivery that has ended.",
    },
  },
  "POST /deliveries": {
    tag: "Notifications",
    operationId: "sendDelivery",
    summary: "Sends a delivery: the step of the built-in workflow, not for anybody to call",
    description:
      "It answers before it sends; what came of it, the callback's token settles. It takes what " +
      "every agent gets, of which this is what it reads.",
    body: { schema: deliveryInput },
    answers: {
      202: {
        description: "It is being sent.",
        schema: z.object({ ok: z.literal(true) }),
      },
    },
  },
};
