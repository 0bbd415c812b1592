// Exactly-once effects over at-least-once calls: one reply a key, kept in Postgres, so that it
// holds over restarts and over all isolates of the function.
import { OrchestratorError } from "../contract/errors.ts";
import type { Rpc } from "../database/rpc.ts";
import { logEvent } from "../log.ts";
import { hideSecretsIn } from "../redact.ts";
import type { AgentCall } from "./agent_call.ts";
import { type AgentReply, isFinal, type ReplyBody } from "./reply.ts";

/** The part of the database's seam that keeps replies. */
export type ReplyStore = Pick<
  Rpc,
  "beginAgentReply" | "finishAgentReply" | "forgetAgentReply"
>;

export type Outcome =
  | { kind: "fresh"; reply: AgentReply | Response }
  | { kind: "replayed"; reply: AgentReply }
  | { kind: "in_progress"; retryAfterMs: number }
  | { kind: "conflict" };

/** How long a key stays claimed by a call that names no deadline and never comes back. */
const HOLD_WITHOUT_DEADLINE_MS = 60_000;
/** Time beyond the deadline for an agent that ignores the signal to come to an end. */
const HOLD_GRACE_MS = 5_000;

/**
 * Runs the agent unless its key was used before. Throws what the agent throws, and `unavailable`
 * without having run it when the database is away: running it unclaimed could be the second time.
 */
export async function runOnce(
  store: ReplyStore,
  idempotencyKey: string,
  call: AgentCall,
  run: () => Promise<AgentReply | Response>,
): Promise<Outcome> {
  const remainingMs = call.deadline.remainingMs();
  const claim = await store.beginAgentReply({
    idempotencyKey,
    requestHash: await hashRequest(call),
    holdMs: remainingMs === null ? HOLD_WITHOUT_DEADLINE_MS : remainingMs + HOLD_GRACE_MS,
  });
  if (claim.state === "conflict") return { kind: "conflict" };
  if (claim.state === "in_progress") {
    return {
      kind: "in_progress",
      retryAfterMs: claim.retry_after_ms ?? HOLD_GRACE_MS,
    };
  }
  if (claim.state === "done") {
    return {
      kind: "replayed",
      reply: {
        status: claim.status_code ?? 200,
        body: claim.body as ReplyBody,
      },
    };
  }
  const { claim_token: claimToken } = claim;
  if (claimToken === null) {
    throw new OrchestratorError(
      "internal",
      "claiming a reply: started without a claim token",
    );
  }
  const forget = () =>
    settle(
      idempotencyKey,
      store.forgetAgentReply({ idempotencyKey, claimToken }),
    );
  let reply: AgentReply | Response;
  try {
    reply = await run();
  } catch (error) {
    await forget();
    throw error;
  }
  if (reply instanceof Response || !isFinal(reply)) {
    await forget();
  } else {
    const { status: statusCode, body } = reply;
    await settle(
      idempotencyKey,
      store.finishAgentReply({
        idempotencyKey,
        claimToken,
        statusCode,
        body: hideSecretsIn(body),
      }),
    );
  }
  return { kind: "fresh", reply };
}

/**
 * Waits for the claim to be settled. The work is done at this point: the caller gets its reply even
 * if it could not be kept, because refusing it now would make the orchestrator call again.
 */
async function settle(
  idempotencyKey: string,
  settling: Promise<unknown>,
): Promise<void> {
  try {
    const result = await settling;
    if (
      typeof result !== "object" || result === null || !("stored" in result)
    ) return;
    if (result.stored !== false) return;
    logEvent("warn", "agent.reply_not_stored", {
      idempotency_key: idempotencyKey,
      reason: "the claim had ended",
    });
  } catch (error) {
    logEvent("error", "agent.reply_not_stored", {
      idempotency_key: idempotencyKey,
      error,
    });
  }
}

/** A digest of what was asked, without what differs with every attempt. */
export async function hashRequest(call: AgentCall): Promise<string> {
  const {
    attempt: _a,
    callback_url: _c,
    callback_heartbeat_url: _h,
    ...asked
  } = call.sent;
  const path = new URL(call.request.url).pathname;
  const text = `${call.request.method} ${path}\n${formatCanonical(asked)}`;
  const digest = await crypto.subtle.digest(
    "SHA-256",
    new TextEncoder().encode(text),
  );
  return Array.from(
    new Uint8Array(digest),
    (byte) => byte.toString(16).padStart(2, "0"),
  ).join("");
}

/** JSON with sorted members: jsonb does not keep their order, so a repetition may have another. */
function formatCanonical(value: unknown): string {
  return JSON.stringify(value, (_name, member: unknown) => {
    if (
      typeof member !== "object" || member === null || Array.isArray(member)
    ) return member;
    return Object.fromEntries(
      Object.entries(member).sort(([a], [b]) => a < b ? -1 : a > b ? 1 : 0),
    );
  });
}
