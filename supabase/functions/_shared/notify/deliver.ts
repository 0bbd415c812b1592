// One attempt to send a delivery: what is to be sent is read, sent, and what came of it is settled.
import type { Rpc } from "../database/rpc.ts";
import type { CallbackClaims } from "../callback/token.ts";
import { logEvent } from "../log.ts";
import type { OpenDelivery } from "../contract/notifications.ts";
import { hideSecrets } from "../redact.ts";
import { type OutboundPost, type PostDeps, postMessage, type PostOutcome } from "./post.ts";
import { signMessage } from "./signature.ts";
import { buildDigest } from "./slack.ts";
import { judgeAttempt, type Verdict } from "./verdict.ts";

export interface DeliveryDeps extends PostDeps {
  rpc: Pick<Rpc, "beginDelivery" | "settleDelivery">;
  dashboardUrl: string | undefined;
}

/** Throws only where the database cannot be reached: then the job hears nothing and is tried again. */
export async function attemptDelivery(
  deliveryId: string,
  { jobId, generation, attempt }: Pick<CallbackClaims, "jobId" | "generation" | "attempt">,
  deps: DeliveryDeps,
): Promise<void> {
  const begun = await deps.rpc.beginDelivery({ deliveryId });
  const { result, disableReason } = begun.result === "send"
    ? await send(begun, attempt, deps)
    : describeEnd(begun);
  await deps.rpc.settleDelivery({ deliveryId, jobId, generation, attempt, result, disableReason });
  if (disableReason !== undefined && begun.result === "send") {
    const { destination } = begun;
    logEvent("warn", "destination.disabled", { destination, reason: disableReason });
  }
}

function describeEnd(
  begun: { result: "delivered" } | { result: "refused"; reason: string },
): Verdict {
  return begun.result === "delivered"
    ? { result: { outcome: "success", output: null } }
    : { result: { outcome: "dead", error_class: "internal", error_text: begun.reason } };
}

async function send(delivery: OpenDelivery, attempt: number, deps: DeliveryDeps): Promise<Verdict> {
  const outcome = await postMessage(writePost(delivery, deps.dashboardUrl), deps);
  return judgeAttempt(hideOwnSecrets(outcome, delivery), {
    attempt,
    kind: delivery.kind,
    nowMs: Date.now(),
    random: Math.random(),
  });
}

/** A receiver that tells what it was called with must not bring its secrets into tables and messages. */
function hideOwnSecrets(outcome: PostOutcome, { kind, url, secrets }: OpenDelivery): PostOutcome {
  // A channel's address is its credential, the more so its last part.
  const { pathname, href } = new URL(url);
  const own = kind === "slack"
    ? [url, href, pathname, pathname.slice(pathname.lastIndexOf("/") + 1)]
    : secrets.flatMap((secret) => [secret, secret.replace(/^whsec_/, "")]);
  if (outcome.kind === "timeout") return outcome;
  if (outcome.kind === "answered") return { ...outcome, text: hideSecrets(outcome.text, own) };
  return { ...outcome, message: hideSecrets(outcome.message, own) };
}

function writePost(delivery: OpenDelivery, dashboardUrl: string | undefined): OutboundPost {
  const { kind, url, secrets } = delivery;
  if (kind === "slack") {
    return { kind, url, headers: {}, body: JSON.stringify(buildDigest(delivery, dashboardUrl)) };
  }
  const [{ id, type, timestamp, data }] = delivery.messages;
  const body = JSON.stringify({ type, timestamp, data });
  return { kind, url, headers: signMessage(id, body, secrets, new Date()), body };
}
