// Claims the schedules that are due, fires their slots and plans the next ones, batch by batch.
// Serves stage 1, trigger.
import type { ClaimedSchedule, ScheduleFiring } from "../_shared/database/rows.ts";
import type { Rpc } from "../_shared/database/rpc.ts";
import { logEvent } from "../_shared/log.ts";
import { dueSlots, nextSlot } from "../_shared/schedule/slots.ts";
import { countMissed, type MissedSlots } from "./missed_slots.ts";

/** Schedules of one claim. */
const BATCH_SIZE = 500;
/** Most claims of one tick: 50,000 schedules; the next tick, a minute later, goes on. */
const MAX_BATCHES = 100;
/** Most slots that one firing of a schedule with catch_up `all` starts; the rest is due at once. */
const MAX_SLOTS = 100;
/** When to look again at a schedule whose pattern or zone this runtime cannot read. */
const BROKEN_RETRY_MS = 3_600_000;

export interface FiredCounts {
  fired: number;
  runs: number;
}

/** Fires everything that is due. A tick that runs beside this one gets other schedules. */
export async function fireDue(
  rpc: Pick<Rpc, "claimDueSchedules" | "fireSchedules">,
  graceMs: number,
): Promise<FiredCounts> {
  const counts: FiredCounts = { fired: 0, runs: 0 };
  for (let batch = 0; batch < MAX_BATCHES; batch++) {
    const { now, schedules } = await rpc.claimDueSchedules({
      limit: BATCH_SIZE,
    });
    if (schedules.length === 0) break;
    const { fired, runs } = await rpc.fireSchedules({
      schedules: schedules.map((schedule) => planFiring(schedule, new Date(now), graceMs)),
    });
    counts.fired += fired;
    counts.runs += runs;
  }
  return counts;
}

/** What a claimed schedule fires at `now`, and when it is due next; null: never again. */
export function planFiring(
  schedule: ClaimedSchedule,
  now: Date,
  graceMs: number,
): ScheduleFiring {
  const { schedule_id, claim_token } = schedule;
  const { slots, next, missed, last } = chooseSlots(schedule, now, graceMs);
  return {
    schedule_id,
    claim_token,
    slots: slots.map((slot) => slot.toISOString()),
    next_run_at: next?.toISOString() ?? null,
    ...(missed > 0 ? { missed, last_missed_at: last?.toISOString() } : {}),
  };
}

const NONE_MISSED: MissedSlots = { missed: 0, last: null };

function chooseSlots(
  { schedule_id, workflow_key, cron, timezone, catch_up, next_run_at }: ClaimedSchedule,
  now: Date,
  graceMs: number,
): { slots: Date[]; next: Date | null } & MissedSlots {
  try {
    if (next_run_at === null) {
      return { slots: [], next: nextSlot(cron, timezone, now), ...NONE_MISSED };
    }
    const due = { cron, timezone, scheduledFor: new Date(next_run_at), now };
    const chosen = dueSlots({
      ...due,
      catchUp: catch_up,
      maxSlots: MAX_SLOTS,
      graceMs,
    });
    if (catch_up === "all") return { ...chosen, ...NONE_MISSED };
    return { ...chosen, ...countMissed({ ...due, fired: chosen.slots }) };
  } catch (error) {
    // One unreadable zone must not stop the schedules that were claimed with it.
    logEvent("error", "trigger.unreadable_schedule", {
      schedule_id,
      workflow_key,
      error,
    });
    return {
      slots: [],
      next: new Date(now.getTime() + BROKEN_RETRY_MS),
      ...NONE_MISSED,
    };
  }
}
