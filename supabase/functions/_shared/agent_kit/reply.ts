// The answers of an agent: the `ok` envelope of the agent contract, and which answers are final.

export type ReplyBody =
  | { ok: true; [member: string]: unknown }
  | {
    ok: false;
    error: string;
    retryable: boolean;
    retry_after_ms?: number;
    [member: string]: unknown;
  };

export interface AgentReply {
  status: number;
  body: ReplyBody;
}

export interface FailOptions {
  /** May the same call be made again? Follows the status if not told: 408, 425, 429, 5xx may. */
  retryable?: boolean;
  /** When, in milliseconds; also sent as Retry-After. With 429 and 503 the whole agent is held. */
  retryAfterMs?: number;
  /** 200 unless told otherwise: the agent was reached and says itself what became of the call. */
  status?: number;
}

/** The step succeeded; `output` is what later steps get as input. */
export function ok(output: unknown): AgentReply {
  return { status: 200, body: { ok: true, output: output ?? null } };
}

/** The status of an answer that only says that the real one comes later. */
export const LATER_STATUS = 202;

/** The work goes on; its reply is posted to the call's callback URL (callback.ts). */
export function later(): AgentReply {
  return { status: LATER_STATUS, body: { ok: true, accepted: true } };
}

/** The step failed; without `retryable` for good. */
export function fail(error: string, options: FailOptions = {}): AgentReply {
  const status = options.status ?? 200;
  const retryable = options.retryable ?? isPassingStatus(status);
  const { retryAfterMs } = options;
  return {
    status,
    body: {
      ok: false,
      error,
      retryable,
      ...(retryAfterMs === undefined ? {} : { retry_after_ms: retryAfterMs }),
    },
  };
}

/**
 * A success or a permanent failure: what a repetition of the call must be answered with again. A reply
 * that comes later is neither: the repetition brings a callback URL of its own.
 */
export function isFinal(reply: AgentReply): boolean {
  if (reply.status === LATER_STATUS) return false;
  return reply.body.ok ||
    (reply.body.retryable !== true && !isPassingStatus(reply.status));
}

/** The statuses that the orchestrator calls again after. */
function isPassingStatus(status: number): boolean {
  return status === 408 || status === 425 || status === 429 || status >= 500;
}
