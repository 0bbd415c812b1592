// When a schedule fires: the next slot of a pattern, and which slots are due after an outage. Pure,
// the clock is an argument; serves the trigger stage (cron-orchestrator).
import type { CatchUp } from "../contract/workflow_file.ts";
import { openCron } from "./cron.ts";

export interface DueSlotsRequest {
  cron: string;
  /** An IANA zone; a subscriber's own where the workflow says `user`. */
  timezone: string;
  /** The stored slot that became due. */
  scheduledFor: Date;
  now: Date;
  catchUp: CatchUp;
  /** Most slots of one answer; with catch_up `all` the rest comes with the next call. */
  maxSlots: number;
  /** How old a slot may be with catch_up `none`; the setting schedule_grace_ms. */
  graceMs: number;
}

export interface DueSlots {
  /** Slots to fire now, oldest first. */
  slots: Date[];
  /** The slot to store as next_run_at: in the past while a catch-up is not finished, null: never. */
  next: Date | null;
}

/**
 * The first slot after `after`, or null where the pattern never fires again. See `openCron` for
 * daylight saving. Throws where pattern or zone are invalid; published ones never are.
 */
export function nextSlot(cron: string, timezone: string, after: Date): Date | null {
  return openCron(cron, timezone).nextRun(after);
}

/**
 * Chooses what fires at `now`. Answers depend on the stored slot, never on when tickers looked, so
 * that any cadence fires the same slots. catch_up `none`: the latest slot, unless it is older than
 * the grace; `last`: the latest slot; `all`: every slot since the stored one.
 */
export function dueSlots(request: DueSlotsRequest): DueSlots {
  const { scheduledFor, now, catchUp, maxSlots, graceMs } = request;
  if (scheduledFor > now) return { slots: [], next: scheduledFor };
  const cron = openCron(request.cron, request.timezone);
  const findNext = (after: Date) => cron.nextRun(after);
  if (catchUp === "all") return collectSlots(findNext, scheduledFor, now, maxSlots);
  const latest = findLatest(findNext, scheduledFor, now);
  const isFired = maxSlots > 0 &&
    (catchUp === "last" || now.getTime() - latest.getTime() <= graceMs);
  return { slots: isFired ? [latest] : [], next: findNext(now) };
}

type FindNext = (after: Date) => Date | null;

function collectSlots(findNext: FindNext, first: Date, now: Date, maxSlots: number): DueSlots {
  const slots: Date[] = [];
  let next: Date | null = first;
  while (next !== null && next <= now && slots.length < maxSlots) {
    slots.push(next);
    next = findNext(next);
  }
  return { slots, next };
}

/**
 * The latest slot up to `now`, given one that is. Halves the time in between instead of walking it:
 * a minute's pattern has half a million slots in a year's outage.
 */
function findLatest(findNext: FindNext, known: Date, now: Date): Date {
  let latest = known;
  let limit = now;
  for (let next = findNext(latest); next !== null && next <= now; next = findNext(latest)) {
    latest = next;
    const middle = new Date((latest.getTime() + limit.getTime()) / 2);
    const later = findNext(middle);
    if (later !== null && later <= now) latest = later;
    else limit = middle;
  }
  return latest;
}
