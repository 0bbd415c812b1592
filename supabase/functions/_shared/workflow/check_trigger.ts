// The trigger's rules: which keys belong to which type, whether pattern and zone exist, and whether it
// can give a run all of its inputs.
import { findCronFault, isTimeZone, listTimeZones } from "../schedule/cron.ts";
import { asMap, type Findings, type LooseMap, readMember } from "./findings.ts";
import { listRequired } from "./input_schema.ts";
import { findNearNames } from "./near.ts";
import { quoteValue } from "./problems.ts";

const HAS_CRON = ["cron", "cron_or_event"];
const HAS_EVENTS = ["event", "cron_or_event"];
const TYPES = ["cron", "event", "cron_or_event", "manual"];

export function checkTrigger(findings: Findings): void {
  const { value } = findings.parsed;
  const trigger = asMap(readMember(value, "trigger"));
  if (trigger === null) return;
  checkKeys(trigger, findings);
  const { cron, timezone } = trigger;
  if (typeof cron === "string" && cron !== "") {
    const fault = findCronFault(cron);
    if (fault !== null) {
      findings.noteAt(["trigger", "cron"], `${fault}, got ${quoteValue(cron)}`);
    }
  }
  if (typeof timezone === "string" && timezone !== "user" && !isTimeZone(timezone)) {
    findings.noteAt(
      ["trigger", "timezone"],
      `must be an IANA time zone or user, got ${quoteValue(timezone)}`,
      { findNear: () => findNearNames(timezone, [...listTimeZones(), "user"]) },
    );
  }
  checkEventTypes(trigger.event_types, findings);
  checkInputs(trigger, readMember(value, "inputs"), findings);
}

function checkKeys(trigger: LooseMap, findings: Findings): void {
  const { type } = trigger;
  if (typeof type !== "string" || !TYPES.includes(type)) return;
  const isCron = HAS_CRON.includes(type);
  const isEvent = HAS_EVENTS.includes(type);
  const demand = (key: string) => {
    if (key in trigger) return;
    findings.noteAt(["trigger", key], `is missing: type ${type} needs it`, { part: "key" });
  };
  if (isCron) demand("cron");
  if (isEvent) demand("event_types");
  for (const key of ["cron", "timezone", "catch_up"]) {
    if (isCron || !(key in trigger)) continue;
    findings.noteUseless(["trigger", key], `type ${type} has no schedule`);
  }
  if (!isEvent && "event_types" in trigger) {
    findings.noteUseless(["trigger", "event_types"], `type ${type} starts no run from events`);
  }
}

function checkEventTypes(eventTypes: unknown, findings: Findings): void {
  if (!Array.isArray(eventTypes)) return;
  const seen = new Set<unknown>();
  for (const [index, type] of eventTypes.entries()) {
    if (typeof type === "string" && seen.has(type)) {
      const message = `trigger.event_types names ${quoteValue(type)} twice`;
      findings.note(["trigger", "event_types", index], message);
    }
    seen.add(type);
  }
}

/** A run whose inputs can never fit would fail each time. */
function checkInputs(trigger: LooseMap, schema: unknown, findings: Findings): void {
  const required = listRequired(schema);
  const given = asMap(trigger.inputs);
  if (given === null) {
    const isCron = typeof trigger.type === "string" && HAS_CRON.includes(trigger.type);
    if (!isCron || required.length === 0 || "inputs" in trigger) return;
    const names = required.map(quoteValue).join(", ");
    findings.noteAt(
      ["trigger", "inputs"],
      `is missing: a run of the schedule has no ${names}, which the workflow's inputs require; give ` +
        "it here, or give it a default",
      { part: "key" },
    );
    return;
  }
  for (const name of required) {
    if (Object.hasOwn(given, name)) continue;
    findings.noteAt(
      ["trigger", "inputs"],
      `does not give ${quoteValue(name)}, which the workflow's inputs require`,
      { part: "key" },
    );
  }
  checkGiven(given, schema, findings);
}

/** Names that the schema does not know are slips of the pen, unless it says that it takes more. */
function checkGiven(given: LooseMap, schema: unknown, findings: Findings): void {
  const properties = asMap(readMember(schema, "properties"));
  const more = readMember(schema, "additionalProperties");
  if (properties === null || (more !== undefined && more !== false)) return;
  for (const name of Object.keys(given)) {
    if (Object.hasOwn(properties, name)) continue;
    findings.note(
      ["trigger", "inputs", name],
      `${quoteValue(name)} is not among the workflow's inputs`,
      { part: "key", findNear: () => findNearNames(name, Object.keys(properties)) },
    );
  }
}
