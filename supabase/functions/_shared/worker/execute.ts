// Stage 5, step call, whole: a leased job becomes a request, the answer becomes an attempt.
import { callAgent, type CallerIdentity } from "./call.ts";
import { classifyOutcome } from "./classify.ts";
import type { Clock } from "./clock.ts";
import type { DrainSeam } from "./drain_seam.ts";
import { buildAgentCall } from "./request.ts";

/** Makes the drain's step call. Never throws. */
export function createStepCall(identity: CallerIdentity, clock: Clock): DrainSeam["callStep"] {
  return async (job, timeoutMs, signal) => {
    const call = buildAgentCall(job, timeoutMs, clock.now());
    const outcome = await callAgent(call, identity, signal);
    const bytes = outcome.kind === "received" ? { response_bytes: outcome.bytes } : {};
    return {
      ...classifyOutcome(outcome, clock.now()),
      logs: { duration_ms: outcome.durationMs, ...bytes },
    };
  };
}
