// The way of a delivery: from whom, whether it counts, and into which event. Who is not known to have a
// source's secret learns nothing of the source.
import { OrchestratorError } from "../contract/errors.ts";
import { SOURCE_NAME } from "../contract/hooks.ts";
import type { Rpc } from "../database/rpc.ts";
import { type HookContents, identifyDelivery, readContents } from "./contents.ts";
import { type Delivery, readHeader } from "./delivery.ts";
import { applyRules } from "./rules.ts";
import { DECOY, verifyDelivery } from "./verify.ts";

export type HookDatabase = Pick<Rpc, "openHook" | "takeTokens" | "insertEvent">;

/** What the sender is told; `runs` is for us. */
export type Received =
  | { kind: "challenge"; challenge: string }
  | { kind: "ping" }
  | { kind: "filtered" }
  | { kind: "event"; event_id: string | number; isDuplicate: boolean; runs: string[] };

/**
 * Receives a delivery to a source at this time, in milliseconds. Throws `unauthorized` for a stranger,
 * and for those who have the secret `forbidden`, `rate_limited`, `invalid` or `unprocessable`.
 */
export async function receiveDelivery(
  source: string,
  delivery: Delivery,
  rpc: HookDatabase,
  now: number,
): Promise<Received> {
  const hook = await openSource(source, delivery, rpc, now);
  if (!hook.enabled) {
    throw new OrchestratorError("forbidden", `receiving a delivery: ${source} is disabled`);
  }
  if (hook.is_limited) await takeToken(source, rpc);
  const contents = readContents(delivery, hook, source);
  if (hook.preset === "slack") {
    const challenge = findChallenge(contents.body);
    if (challenge !== null) return { kind: "challenge", challenge };
  }
  if (hook.preset === "github" && readHeader(delivery, "x-github-event") === "ping") {
    return { kind: "ping" };
  }
  const event = applyRules(hook, contents);
  if (event === null) return { kind: "filtered" };
  const id = await identifyDelivery(delivery, hook, contents);
  return await insertEvent(event, id, contents, rpc);
}

async function openSource(source: string, delivery: Delivery, rpc: HookDatabase, now: number) {
  // A name that cannot be one is looked for too: not doing so could be seen from outside.
  const hook = await rpc.openHook({ source: SOURCE_NAME.test(source) ? source : "-" });
  const verdict = await verifyDelivery(delivery, hook ?? DECOY, now);
  if (hook === null || verdict.kind === "forged") {
    const reason = hook === null || verdict.kind === "genuine" ? "no such source" : verdict.reason;
    throw new OrchestratorError(
      "unauthorized",
      "receiving a delivery: there is no such source, or its signature does not verify",
      // For our log alone.
      { cause: new Error(reason) },
    );
  }
  if (verdict.kind === "late") {
    throw new OrchestratorError("unauthorized", `receiving a delivery: ${verdict.reason}`);
  }
  return hook;
}

/** After the signature: strangers must not use up what the sender may send. */
async function takeToken(source: string, rpc: HookDatabase): Promise<void> {
  const { allowed, retry_after_ms } = await rpc.takeTokens({ key: `hook:${source}` });
  if (allowed) return;
  throw new OrchestratorError("rate_limited", `receiving a delivery: ${source} sends too much`, {
    retryAfterMs: retry_after_ms,
  });
}

/** Slack asks once whether the URL is ours: https://docs.slack.dev/reference/events/url_verification */
function findChallenge(body: unknown): string | null {
  if (typeof body !== "object" || body === null) return null;
  const { type, challenge } = body as Record<string, unknown>;
  return type === "url_verification" && typeof challenge === "string" ? challenge : null;
}

async function insertEvent(
  { type, userId }: { type: string; userId: string },
  id: string,
  contents: HookContents,
  rpc: HookDatabase,
): Promise<Received> {
  const { event_id, result, workflow_run_ids } = await rpc.insertEvent({
    userId,
    type,
    payload: contents,
    idempotencyKey: `hook:${contents.source}:${id}`,
  });
  // A delivery that comes again may have other headers, such as its number of retries: a conflict is a
  // duplicate too.
  return {
    kind: "event",
    event_id,
    isDuplicate: result !== "created",
    runs: result === "created" ? workflow_run_ids : [],
  };
}
