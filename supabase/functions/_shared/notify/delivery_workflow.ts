// The workflow that sends notifications: its one step has the retries, the dead letter and the place in
// the queue of every other step. Published when a destination is saved.
import type { CompiledWorkflow } from "../contract/compiled_workflow.ts";
import type { Settings } from "../contract/settings.ts";
import { compileWorkflow } from "../workflow/compile.ts";
import { POST_TIMEOUT_MS } from "./post.ts";
import { DELIVERY_ATTEMPTS } from "./verdict.ts";

/** The route answers 202 and sends in the background; retries after an answer say themselves when. */
export const DELIVERY_SOURCE = `key: orchestrator_delivery_v1
description: Sends notifications to a destination. The orchestrator publishes it itself.
trigger: {type: manual}
steps:
  - id: deliver
    call: /functions/v1/orchestrator/deliveries
    mode: async
    timeout_ms: 15000
    callback_timeout: ${4 * POST_TIMEOUT_MS / 1_000}s
    rate_limit: "notify:{user_id}"
    retry: {max_attempts: ${DELIVERY_ATTEMPTS}, initial: 5s, max: 60s}
`;

export function compileDeliveryWorkflow(settings: Settings): CompiledWorkflow {
  const compiled = compileWorkflow(DELIVERY_SOURCE, { settings });
  if (!compiled.ok) {
    throw new Error(`compiling the delivery workflow: ${compiled.problems[0].message}`);
  }
  return compiled.workflow;
}
