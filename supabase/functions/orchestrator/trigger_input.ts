// What a request that starts a public workflow says.
import { z } from "zod";
import { formatDuration } from "../_shared/contract/duration.ts";
import { MAX_WAIT_MS } from "../_shared/triggers/wait_for_end.ts";
import { idempotencyKey, payload, userId } from "./fields.ts";

export const triggerQuery = z.strictObject({
  wait: z.string().optional()
    .describe(`How long to wait for the run's end, up to ${formatDuration(MAX_WAIT_MS)}.`),
});

/** A request without a body starts a run with an empty payload. */
export const triggerInput = z.strictObject({
  payload,
  user_id: userId.optional(),
  idempotency_key: idempotencyKey,
}).meta({ id: "TriggerRequest" }).optional();
