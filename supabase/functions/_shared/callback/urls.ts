// The two URLs that an agent is given which answers later. Their last part is the credential.
import type { CallbackTokens } from "./token.ts";

/** Where an agent posts its answer, and its signs of life. */
export interface CallbackUrls {
  callback_url: string;
  callback_heartbeat_url: string;
}

/**
 * An agent may be late by this and still be heard: the token is older than the job's own clock, which
 * starts when the 202 has been written down.
 */
const GRACE_MS = 60_000;

/** Makes the URLs of one attempt; the token outlives the call and the time for the callback. */
export async function makeCallbackUrls(
  job: { job_id: number; attempt: number; idempotency_key: string },
  livesMs: number,
  { baseUrl, tokens, nowMs }: {
    baseUrl: string;
    tokens: Pick<CallbackTokens, "sign">;
    nowMs: number;
  },
): Promise<CallbackUrls> {
  const token = await tokens.sign({
    jobId: job.job_id,
    generation: readGeneration(job.idempotency_key),
    attempt: job.attempt,
    expiresAt: nowMs + livesMs + GRACE_MS,
  });
  // As for agents: whatever path the base URL has, functions are below its origin.
  const origin = URL.parse(baseUrl)?.origin ?? baseUrl;
  const url = `${origin}/functions/v1/orchestrator/callbacks/${token}`;
  return { callback_url: url, callback_heartbeat_url: `${url}/heartbeat` };
}

/** The last part of `run:step:generation`. */
function readGeneration(idempotencyKey: string): number {
  return Number(idempotencyKey.slice(idempotencyKey.lastIndexOf(":") + 1));
}
