// Whether a delivery comes from whom it says: a signature of one of the source's secrets over the body's
// own bytes, and a timestamp of now. Looks at everything before it judges, so that the time tells little.
import { isEqualInConstantTime } from "../http/constant_time.ts";
import type { HookScheme } from "../contract/hooks.ts";
import type { Delivery } from "./delivery.ts";
import { isUnixTime, readPresented } from "./schemes.ts";

/**
 * `forged`: nothing may be told about the source to whoever sent this. `late`: the sender has the
 * secret, and may be told what is wrong.
 */
export type Verdict =
  | { kind: "genuine" }
  | { kind: "forged"; reason: string }
  | { kind: "late"; reason: string };

export type CheckedSource = HookScheme & { secrets: readonly string[]; tolerance_seconds: number };

/** Judges a delivery at this time, in milliseconds. */
export async function verifyDelivery(
  delivery: Delivery,
  source: CheckedSource,
  now: number,
): Promise<Verdict> {
  const { signatures, timestamp, sign } = await readPresented(delivery, source);
  const expected = await Promise.all(source.secrets.map(sign));
  const matches = expected.flatMap((right) =>
    signatures.map((presented) => isEqualInConstantTime(presented, right))
  );
  if (!matches.includes(true)) {
    const reason = signatures.length === 0
      ? "it has no signature"
      : "its signature does not verify";
    return { kind: "forged", reason };
  }
  return timestamp === null ? { kind: "genuine" } : judgeTime(timestamp, source, now);
}

function judgeTime(
  timestamp: string,
  { tolerance_seconds }: Pick<CheckedSource, "tolerance_seconds">,
  now: number,
): Verdict {
  if (!isUnixTime(timestamp)) {
    const shown = JSON.stringify(timestamp.slice(0, 50));
    return { kind: "late", reason: `its timestamp is no Unix time, got ${shown}` };
  }
  // Seconds have ten digits for two hundred years more.
  const at = Number(timestamp) * (timestamp.length === 13 ? 1 : 1_000);
  const age = Math.round((now - at) / 1_000);
  if (Math.abs(age) <= tolerance_seconds) return { kind: "genuine" };
  const place = age > 0 ? `${age} s ago` : `${-age} s ahead`;
  return {
    kind: "late",
    reason: `its timestamp is ${place}, at most ${tolerance_seconds} s are tolerated`,
  };
}

/**
 * What a delivery to nobody is checked against, so that an unknown name costs what a known one does. Its
 * secret is this isolate's own, and nobody's.
 */
export const DECOY: CheckedSource = {
  preset: "github",
  settings: {},
  secrets: [crypto.randomUUID()],
  tolerance_seconds: 1,
};
