// What a request says of a destination and of its deliveries.
import { z } from "zod";
import {
  DELIVERY_STATUSES,
  DESTINATION_KINDS,
  NOTIFICATION_TYPES,
} from "../_shared/contract/notifications.ts";
import { deliveryPage, text, workflowKey } from "./fields.ts";

/** The body of PUT /destinations/:name. */
export const destinationInput = z.strictObject({
  kind: z.enum(DESTINATION_KINDS),
  url: text(2_048).optional().describe(
    "Whose it is; of a channel that is there already it may be left out, and stays.",
  ),
  types: z.array(z.enum(NOTIFICATION_TYPES)).min(1),
  workflow_keys: z.array(workflowKey).min(1).max(100).nullable().default(null).describe(
    "Null: all, and what is of no workflow.",
  ),
  description: text(2_000).nullable().default(null),
}).refine((it) => it.kind === "slack" || it.url !== undefined, {
  path: ["url"],
  message: "a webhook needs one",
});

const instant = z.iso.datetime({ offset: true });

/** The body of POST /destinations/:name/replay. */
export const replayInput = z.union([
  z.strictObject({ delivery_id: z.guid().describe("One that has ended.") }),
  z.strictObject({
    from: instant,
    to: instant,
    all: z.boolean().default(false).describe(
      "Also what was delivered, beside what was not and what was held.",
    ),
  }),
]);

/** The query of GET /destinations/:name/deliveries. */
export const deliveriesQuery = z.strictObject({
  status: z.enum(DELIVERY_STATUSES).optional(),
  ...deliveryPage,
});
