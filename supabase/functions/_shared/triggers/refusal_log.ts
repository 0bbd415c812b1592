// Tells of refused trigger requests: the first of its kind in a minute and no more, or whoever guesses
// keys would fill the log.
import { logEvent } from "../log.ts";

const QUIET_MS = 60_000;
const MAX_REMEMBERED = 1_000;

export interface Refusal {
  reason: "no_key" | "unknown_key" | "revoked" | "expired" | "network" | "rate" | "workflow";
  /** Of a key that is known; never the key. */
  keyId?: string;
  address: string | null;
}

export type LogRefusal = (refusal: Refusal) => void;

export function createRefusalLog(
  now: () => number = Date.now,
  log: typeof logEvent = logEvent,
): LogRefusal {
  const toldAt = new Map<string, number>();
  return ({ reason, keyId, address }) => {
    const kind = `${reason} ${keyId}`;
    const before = toldAt.get(kind);
    if (before !== undefined && now() - before < QUIET_MS) return;
    if (toldAt.size >= MAX_REMEMBERED) toldAt.clear();
    toldAt.set(kind, now());
    log("warn", "trigger.refused", { reason, key_id: keyId, address });
  };
}
