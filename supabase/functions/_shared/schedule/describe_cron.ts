// A cron pattern for people: in words, and as the times that it means. Pure; serves the dashboard.
import cronstrue from "cronstrue";
import { openCron } from "./cron.ts";

/** The pattern in words, in its schedule's own time zone; null where there are none for it. */
export function describeCron(pattern: string): string | null {
  try {
    return cronstrue.toString(pattern, { use24HourTimeFormat: true });
  } catch {
    return null;
  }
}

/** The first `count` slots after `after`; none where pattern or zone cannot be read. */
export function listNextSlots(
  cron: string,
  timezone: string,
  after: Date,
  count: number,
): Date[] {
  try {
    return openCron(cron, timezone).nextRuns(count, after);
  } catch {
    return [];
  }
}
