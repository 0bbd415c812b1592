// Which slots of a schedule were due and are not fired: what an outage cost, for people to see. Pure;
// serves stage 1, trigger.
import { openCron } from "../_shared/schedule/cron.ts";

/** Most slots that are counted at once: walking them takes milliseconds, for each of a batch's schedules. */
const MAX_COUNTED = 100;

export interface MissedSlots {
  /** Counted to 100 at most: after a long outage there were more. */
  missed: number;
  last: Date | null;
}

export interface MissedSlotsRequest {
  cron: string;
  timezone: string;
  /** The stored slot that became due. */
  scheduledFor: Date;
  /** The slots that fire now. */
  fired: Date[];
  now: Date;
}

/** Counts the slots from the one that became due until now that nobody fires. */
export function countMissed(request: MissedSlotsRequest): MissedSlots {
  const { scheduledFor, now } = request;
  const fired = new Set(request.fired.map((slot) => slot.getTime()));
  const isMissed = (slot: Date) => slot <= now && !fired.has(slot.getTime());
  const cron = openCron(request.cron, request.timezone);
  let missed = 0;
  let last: Date | null = null;
  let slot: Date | null = scheduledFor;
  while (slot !== null && slot <= now && missed < MAX_COUNTED) {
    if (isMissed(slot)) {
      missed++;
      last = slot;
    }
    slot = cron.nextRun(slot);
  }
  if (slot === null || slot > now) return { missed, last };
  // Too many to walk: the last one is found from the end, a second later since the end itself is left out.
  const latest = cron.previousRuns(
    fired.size + 2,
    new Date(now.getTime() + 1_000),
  ).find(isMissed);
  return { missed, last: latest ?? last };
}
