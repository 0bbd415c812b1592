// Destinations, what was sent to them, and what actions on them answer.
import { z } from "zod";
import { DELIVERY_STATUSES, DESTINATION_KINDS, NOTIFICATION_TYPES } from "../notifications.ts";
import { instant, nextBefore, workflowRunId } from "./fields.ts";

/** What was or will be sent to a destination. */
export const delivery = z.object({
  delivery_id: z.guid(),
  destination: z.string(),
  is_digest: z.boolean().describe("All that waited for a Slack channel; else one message."),
  workflow_run_id: workflowRunId.nullable(),
  status: z.enum(DELIVERY_STATUSES),
  types: z.array(z.enum([...NOTIFICATION_TYPES, "test"])).describe(
    "What it held when it was last tried.",
  ),
  messages: z.int(),
  attempts: z.int(),
  status_code: z.int().nullable().describe("Of the last answer; null: there was none."),
  error_text: z.string().nullable(),
  created_at: instant,
  finished_at: instant.nullable(),
}).meta({ id: "Delivery" });

export type Delivery = z.infer<typeof delivery>;

/** A destination as people see it: Vault has its secrets. */
export const destination = z.object({
  name: z.string(),
  kind: z.enum(DESTINATION_KINDS),
  url: z.string().nullable().describe(
    "Null for Slack: whoever has the URL of a channel may write there.",
  ),
  types: z.array(z.enum(NOTIFICATION_TYPES)),
  workflow_keys: z.array(z.string()).nullable().describe(
    "Null: all, and what is of no workflow.",
  ),
  description: z.string().nullable(),
  created_at: instant,
  changed_at: instant,
  previous_secret_until: instant.nullable().describe(
    "Until then messages are signed by the secret before the last rotation too.",
  ),
  disabled_at: instant.nullable(),
  disabled_reason: z.string().nullable(),
  waiting: z.int().describe("Notifications that wait for a delivery, or for a replay."),
  last_delivery: delivery.nullable(),
}).meta({ id: "Destination" });

export type Destination = z.infer<typeof destination>;

/** GET /destinations */
export const destinations = z.object({ destinations: z.array(destination) });

/** GET /destinations/:name/deliveries */
export const deliveryPage = z.object({
  deliveries: z.array(delivery),
  next_before: z.guid().nullable().describe(nextBefore),
}).meta({ id: "DeliveryPage" });

const name = z.string();

/** PUT /destinations/:name */
export const savedDestination = z.object({
  name,
  result: z.enum(["created", "changed"]),
  secret: z.string().optional().describe(
    "What messages to a new webhook are signed by; it is told this once.",
  ),
});

/** DELETE /destinations/:name */
export const deletedDestination = z.object({ name, result: z.literal("deleted") });

/** POST /destinations/:name/rotate */
export const rotatedDestination = z.object({
  name,
  result: z.literal("rotated"),
  secret: z.string().describe("The new one; it is told this once."),
  previous_until: instant.describe("Until then the one before signs too."),
});

/** POST /destinations/:name/enable */
export const enabledDestination = z.object({
  name,
  result: z.literal("enabled"),
  held: z.int().describe("What came meanwhile, and is sent only by a replay."),
});

/** POST /destinations/:name/test */
export const testedDestination = z.object({
  name,
  result: z.literal("sent"),
  delivery_id: z.guid(),
  workflow_run_id: workflowRunId,
});

/** POST /destinations/:name/replay */
export const replayedDestination = z.object({
  name,
  result: z.literal("replayed"),
  replayed: z.int().describe("Notifications that are sent again."),
  is_complete: z.boolean().describe("False: there are more; ask again."),
});
