// Notifications: what destinations may listen to, and what a message holds. The database's
// check constraint holds the same types; a test compares the two. Of the answers' schemas the types alone.

export type { Delivery, Destination } from "./answers/notifications.ts";

export const NOTIFICATION_TYPES = [
  "run.succeeded",
  "run.failed",
  "run.cancelled",
  "job.dead",
  "approval.requested",
  "alert.firing",
  "alert.resolved",
  "destination.disabled",
] as const;

/** A destination's name, as its table has it. */
export const DESTINATION_NAME = /^[a-z0-9][a-z0-9_-]{0,62}$/;

export const DESTINATION_KINDS = ["slack", "webhook"] as const;

export type DestinationKind = (typeof DESTINATION_KINDS)[number];

export const DELIVERY_STATUSES = ["pending", "delivered", "dead"] as const;

export type DeliveryStatus = (typeof DELIVERY_STATUSES)[number];

/** One notification as it is told. `type` is one of the above, or `test`. */
export interface Message {
  /** The same over retries and replays. */
  id: string;
  type: string;
  timestamp: string;
  data: Record<string, unknown>;
}

/** What is to be sent, as begin_delivery answers it. */
export interface OpenDelivery {
  destination: string;
  kind: DestinationKind;
  url: string;
  /** The signing secret, and the previous one while both sign. */
  secrets: string[];
  /** The oldest ones. */
  messages: Message[];
  /** All messages by type. */
  counts: Record<string, number>;
}
