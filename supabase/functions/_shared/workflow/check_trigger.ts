// The trigger's rules: which keys belong to which type, and whether pattern and zone exist. Reads
// loosely, so that these findings come together with those of the shape.
import { findCronFault, isTimeZone, listTimeZones } from "../schedule/cron.ts";
import { findNearNames } from "./near.ts";
import { locatePath, type ParsedText } from "./parse.ts";
import { type ProblemList, quoteValue } from "./problems.ts";

const HAS_CRON = ["cron", "cron_or_event"];
const HAS_EVENTS = ["event", "cron_or_event"];
const TYPES = ["cron", "event", "cron_or_event", "manual"];

export function checkTrigger(parsed: ParsedText, problems: ProblemList): void {
  const trigger = readTrigger(parsed.value);
  if (trigger === null) return;
  const note = (key: string, part: "key" | "value", message: string, near?: () => string[]) =>
    problems.add(
      () => locatePath(parsed.document, ["trigger", key], part),
      `trigger.${key} ${message}`,
      `trigger.${key}`,
      near,
    );
  const { type, cron, timezone } = trigger;
  if (typeof type === "string" && TYPES.includes(type)) {
    const isCron = HAS_CRON.includes(type);
    const isEvent = HAS_EVENTS.includes(type);
    if (isCron && !("cron" in trigger)) note("cron", "key", `is missing: type ${type} needs it`);
    if (isEvent && !("event_types" in trigger)) {
      note("event_types", "key", `is missing: type ${type} needs it`);
    }
    for (const key of ["cron", "timezone", "catch_up"]) {
      if (!isCron && key in trigger) {
        note(key, "key", `has no effect: type ${type} has no schedule`);
      }
    }
    if (!isEvent && "event_types" in trigger) {
      note("event_types", "key", `has no effect: type ${type} starts no run from events`);
    }
  }
  if (typeof cron === "string" && cron !== "") {
    const fault = findCronFault(cron);
    if (fault !== null) note("cron", "value", `${fault}, got ${quoteValue(cron)}`);
  }
  if (typeof timezone === "string" && timezone !== "user" && !isTimeZone(timezone)) {
    note(
      "timezone",
      "value",
      `must be an IANA time zone or user, got ${quoteValue(timezone)}`,
      () => findNearNames(timezone, [...listTimeZones(), "user"]),
    );
  }
  checkEventTypes(parsed, trigger.event_types, problems);
}

function checkEventTypes(parsed: ParsedText, eventTypes: unknown, problems: ProblemList): void {
  if (!Array.isArray(eventTypes)) return;
  const seen = new Set<unknown>();
  for (const [index, type] of eventTypes.entries()) {
    if (typeof type === "string" && seen.has(type)) {
      const path = ["trigger", "event_types", index];
      problems.add(
        () => locatePath(parsed.document, path),
        `trigger.event_types names ${quoteValue(type)} twice`,
        `trigger.event_types[${index}]`,
      );
    }
    seen.add(type);
  }
}

function readTrigger(value: unknown): Record<string, unknown> | null {
  if (typeof value !== "object" || value === null || !("trigger" in value)) return null;
  const { trigger } = value;
  const isMap = typeof trigger === "object" && trigger !== null && !Array.isArray(trigger);
  return isMap ? trigger as Record<string, unknown> : null;
}
