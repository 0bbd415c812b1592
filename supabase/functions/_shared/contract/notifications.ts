// Notifications: what destinations may listen to, and what a message holds. The database's
// check constraint holds the same types; a test compares the two.

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

export const DESTINATION_KINDS = ["slack", "webhook"] as const;

export type DestinationKind = (typeof DESTINATION_KINDS)[number];

export const DELIVERY_STATUSES = ["pending", "delivered", "dead"] as const;

export type DeliveryStatus = (typeof DELIVERY_STATUSES)[number];

/** A destination as people see it: Vault has its secrets. */
export interface Destination {
  name: string;
  kind: DestinationKind;
  /** Null for Slack: whoever has the URL of a channel may write there. */
  url: string | null;
  types: string[];
  /** Null: all. */
  workflow_keys: string[] | null;
  description: string | null;
  created_at: string;
  changed_at: string;
  /** Until then messages are signed by the secret before the last rotation too. */
  previous_secret_until: string | null;
  disabled_at: string | null;
  disabled_reason: string | null;
  /** Notifications that wait for a delivery, or for a replay. */
  waiting: number;
  last_delivery: Delivery | null;
}

/** What was or will be sent to a destination. */
export interface Delivery {
  delivery_id: string;
  destination: string;
  /** All that waited for a Slack channel; else one message. */
  is_digest: boolean;
  workflow_run_id: string | null;
  status: DeliveryStatus;
  types: string[];
  messages: number;
  attempts: number;
  status_code: number | null;
  error_text: string | null;
  created_at: string;
  finished_at: string | null;
}

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
