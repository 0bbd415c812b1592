// The plans of steps that wait: for a time, for an event, for a callback. Serves stage 5.
import type { LeasedJob, Parked } from "../database/rows.ts";
import { ExpressionError } from "../expression/evaluate.ts";
import type { Attempt } from "./drain_seam.ts";
import { die } from "./plan_end.ts";
import { applyRetryOn } from "./retry_on.ts";
import type { Scope } from "./scope.ts";

type ParkedForEvent = Extract<Parked, { for: "event" }>;
type Candidate = ParkedForEvent["events"][number];

/** A candidate as expressions see it. */
interface Matched {
  event: { id: string; type: string; payload: unknown; user_id: string };
}

/** Events that one lease brings at most; behind so many there may be more. */
const EVENTS_A_LEASE = 100;

/** The compiler's gates sleep so long; they are over by the time that it would be written down. */
const NO_SLEEP_MS = 1;

export function planSleep({ config: { sleep_ms = 0 } }: LeasedJob): Attempt {
  if (sleep_ms <= NO_SLEEP_MS) return { outcome: "success", output: null };
  return { outcome: "park", parked: { for: "timer" }, park_ms: sleep_ms };
}

/** The first lease of a wait: events since the run's start are looked at with the next one. */
export function planWait({ config }: LeasedJob): Attempt {
  const { event, timeout_ms } = config.wait!;
  return {
    outcome: "park",
    parked: { for: "event" },
    wait_event: { type: event, refused: [] },
    ...(timeout_ms === undefined ? {} : { park_ms: timeout_ms }),
  };
}

/**
 * The oldest event that matches ends the wait; the others are not looked at again. Without an
 * expression nobody may let another user's run go on.
 */
export async function resumeWait(
  job: LeasedJob,
  parked: ParkedForEvent,
  scope: Scope,
): Promise<Attempt> {
  const { event: type, match } = job.config.wait!;
  const isMatch = match === undefined
    ? ({ event }: Matched) => event.user_id === job.user_id
    : await scope.prepareTest(match);
  const faults: string[] = [];
  for (const candidate of parked.events) {
    if (tryMatch(candidate, isMatch, faults)) {
      const { event_id, type, payload, user_id } = candidate;
      return {
        outcome: "success",
        output: { event_id, type, payload, user_id },
        consumes: event_id,
      };
    }
  }
  if (parked.is_over && parked.events.length < EVENTS_A_LEASE) return endWait(job, faults);
  return {
    outcome: "park",
    parked: { for: "event" },
    wait_event: { type, refused: parked.events.map(({ event_id }) => event_id) },
    ...(faults.length === 0 ? {} : { logs: { match_failed: faults } }),
  };
}

/**
 * A candidate that the expression fails on is none: whoever may insert an event of this type could
 * end every wait for it otherwise. Why it failed is kept for people.
 */
function tryMatch(
  { event_id, type, payload, user_id }: Candidate,
  isMatch: (names: Matched) => boolean,
  faults: string[],
): boolean {
  try {
    return isMatch({ event: { id: event_id, type, payload, user_id } });
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error;
    if (faults.length < 3) faults.push(`event ${event_id}: ${error.message}`);
    return false;
  }
}

function endWait({ config, step_id }: LeasedJob, faults: string[]): Attempt {
  const { event, timeout_ms, on_timeout } = config.wait!;
  if (on_timeout === "continue") return { outcome: "success", output: null };
  const text = `step ${step_id}: no fitting event ${event} within ${timeout_ms} ms`;
  return die("timeout", [text, ...faults].join("; "));
}

/** The agent took the work with a 202 and was not heard of again. */
export function endCallback({ config }: LeasedJob): Attempt {
  const { callback_timeout_ms: whole, callback_heartbeat_ms: silence, retry_on } = config;
  const heartbeat = silence === undefined ? "" : `, or no heartbeat within ${silence} ms`;
  return applyRetryOn<Attempt>({
    outcome: "retry",
    error_class: "timeout",
    error_text: `no callback within ${whole} ms${heartbeat}`,
  }, retry_on);
}
