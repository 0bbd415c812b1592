// Cron patterns and time zones: what is accepted, and the one way a pattern becomes a croner object.
// Pure: a Cron without a function starts no timer.
import { Cron } from "croner";

/** Fields in crontab's order, for messages. */
const FIELDS = ["minute", "hour", "day of month", "month", "day of week"] as const;

/**
 * Opens a five-field pattern in a zone. A pattern without `*` or step in minute and hour is a fixed
 * time: it fires once for each of its local times, at the first instant after the gap where the
 * clock skips it and only the first time where the clock repeats it. Any other pattern is an
 * interval and follows real time: nothing in the gap, both passes of a repeated hour.
 */
export function openCron(pattern: string, timezone: string): Cron {
  return new Cron(pattern, {
    timezone,
    mode: "5-part",
    fixedTimeRule: "no-wildcard",
    paused: true,
  });
}

/** What is wrong with a pattern, as the end of a sentence that begins with its name, or null. */
export function findCronFault(pattern: string): string | null {
  const fields = pattern.trim().split(/[ \t]+/);
  // croner also takes ISO dates and nicknames; one form is enough for readers and for pg_cron.
  if (fields.length !== FIELDS.length) {
    return `must have five fields (${FIELDS.join(", ")}), got ${fields.length}`;
  }
  for (const [index, field] of fields.entries()) {
    // `?` is refused as well: cron dialects disagree about it.
    const bad = /[^0-9A-Za-z*,/#-]/.exec(field);
    if (bad !== null) {
      return `must not contain ${JSON.stringify(bad[0])} in the field ${FIELDS[index]}`;
    }
  }
  try {
    const isEver = openCron(pattern, "UTC").nextRun(new Date("2024-01-01T00:00:00Z")) !== null;
    return isEver ? null : "must name a time that exists: it would never fire";
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return `must be a cron pattern: ${message.replace(/^CronPattern: /, "")}`;
  }
}

/** Whether the name is an IANA time zone that this runtime knows; offsets such as +02:00 are not. */
export function isTimeZone(name: string): boolean {
  if (!/^[A-Za-z][A-Za-z0-9_+/-]*$/.test(name)) return false;
  try {
    new Intl.DateTimeFormat("en", { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

/** Names to choose from when one was misspelt. */
export function listTimeZones(): string[] {
  return ["UTC", ...Intl.supportedValuesOf("timeZone")];
}
