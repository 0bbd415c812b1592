// A leased job as the call that the agent contract asks for. Serves stage 5, step call. Pure.
import type { LeasedJob } from "../database/rows.ts";
import type { AgentCall } from "./call.ts";

/** `timeoutMs` may be less than the step's own, where the worker has less time left. */
export function buildAgentCall(job: LeasedJob, timeoutMs: number, nowMs: number): AgentCall {
  const identity = {
    user_id: job.user_id,
    intent_id: job.intent_id,
    workflow_run_id: job.workflow_run_id,
    workflow_key: job.workflow_key,
    step_id: job.step_id,
  };
  const { call, method } = job.config;
  return {
    call,
    method,
    timeoutMs,
    headers: {
      ...buildIdempotencyHeaders(job.idempotency_key),
      "x-workflow-run-id": job.workflow_run_id,
      "x-step-id": job.step_id,
      "x-attempt": String(job.attempt),
      "x-deadline": new Date(nowMs + timeoutMs).toISOString(),
    },
    ...(method === "GET" ? { query: identity } : {
      body: {
        ...identity,
        attempt: job.attempt,
        payload: job.run_payload,
        inputs: job.inputs,
      },
    }),
  };
}

/** Two names for one key: the founding document's, and the one that most APIs read. */
export function buildIdempotencyHeaders(key: string): Record<string, string> {
  return { "x-idempotency-key": key, "idempotency-key": key };
}
