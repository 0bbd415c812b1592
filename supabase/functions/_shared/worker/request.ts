// A leased job as the call that the agent contract asks for. Serves stage 5, step call. Pure.
import type { CallbackUrls } from "../callback/urls.ts";
import type { LeasedJob } from "../database/rows.ts";
import { buildTraceHeaders } from "../tracing/trace_context.ts";
import type { AgentCall } from "./call.ts";

export interface CallDetails {
  /** What the agent gets as `inputs`. */
  inputs: unknown;
  /** May be less than the step's own, where the worker has less time left. */
  timeoutMs: number;
  nowMs: number;
  /** Only for an agent that may answer later. */
  callback?: CallbackUrls;
}

export function buildAgentCall(job: LeasedJob, details: CallDetails): AgentCall {
  const { inputs, timeoutMs, nowMs, callback } = details;
  const identity = {
    user_id: job.user_id,
    intent_id: job.intent_id,
    workflow_run_id: job.workflow_run_id,
    workflow_key: job.workflow_key,
    step_id: job.step_id,
  };
  const { call = "", method = "POST" } = job.config;
  return {
    call,
    method,
    timeoutMs,
    subject: `${job.workflow_run_id}/${job.step_id}`,
    headers: {
      ...buildIdempotencyHeaders(job.idempotency_key),
      "x-workflow-run-id": job.workflow_run_id,
      "x-step-id": job.step_id,
      "x-attempt": String(job.attempt),
      ...buildTraceHeaders(job),
      "x-deadline": new Date(nowMs + timeoutMs).toISOString(),
      ...(job.item_index >= 0 ? { "x-item-index": String(job.item_index) } : {}),
      ...(callback === undefined ? {} : buildCallbackHeaders(callback)),
    },
    ...(method === "GET" ? { query: identity } : {
      body: {
        ...identity,
        attempt: job.attempt,
        payload: job.run_payload,
        inputs,
        ...callback,
      },
    }),
  };
}

/** Two names for one key: the founding document's, and the one that most APIs read. */
export function buildIdempotencyHeaders(key: string): Record<string, string> {
  return { "x-idempotency-key": key, "idempotency-key": key };
}

/** A GET has no body, and middleware may want the URL without reading one. */
function buildCallbackHeaders(urls: CallbackUrls): Record<string, string> {
  return {
    "x-callback-url": urls.callback_url,
    "x-callback-heartbeat-url": urls.callback_heartbeat_url,
  };
}
