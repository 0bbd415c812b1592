// What happened in a simulation, entry by entry, and each entry as a line for people. Pure.
import type { JobStatus, RunStatus } from "../../supabase/functions/_shared/contract/statuses.ts";
import type { EvaluatedCondition } from "../../supabase/functions/_shared/database/rows.ts";
import { formatDuration } from "./format_duration.ts";

/** What an entry tells. Members that do not apply are left out. */
export type TimelineDetail =
  | { what: "run_started"; workflow_key: string; by: string; payload: unknown }
  | { what: "run_ended"; status: RunStatus; reason: string | null }
  | { what: "event"; type: string; payload: unknown }
  | { what: "inputs"; inputs: unknown }
  | { what: "called"; call: string; method: string; input: unknown; attempt: number }
  | { what: "answered"; output: unknown; took_ms: number }
  | {
    what: "failed";
    error_class: string;
    error_text: string;
    attempt: number;
    max_attempts: number;
    next_in_ms: number;
  }
  | { what: "dead"; error_class: string; error_text: string; attempt: number }
  | { what: "skipped"; reason: string; condition: EvaluatedCondition | null }
  | { what: "parked"; for: string; text: string; at_most_ms: number | null }
  | { what: "went_on"; output: unknown; text: string }
  | { what: "appended"; steps: number }
  | { what: "cancelled" }
  | { what: "put_off"; next_in_ms: number };

export type TimelineEntry = TimelineDetail & {
  /** Virtual milliseconds since the simulation began. */
  at_ms: number;
  /** What happened in one transaction of the engine, or began right behind it, has one number. */
  round: number;
  workflow_run_id: string | null;
  /** `score`, `score[2]`, `archive › store` for a step of a sub-run; empty for the run itself. */
  subject: string;
  step_id: string | null;
  /** Place in the list of a fan-out. */
  index: number | null;
};

const MAX_VALUE = 100;
const MAX_ERROR = 300;

/** The line's text, without time and subject. */
export function describeEntry(entry: TimelineDetail): string {
  switch (entry.what) {
    case "run_started":
      return `${entry.workflow_key} started by ${entry.by} with ${quote(entry.payload)}`;
    case "run_ended":
      return `run ended: ${entry.status}${entry.reason === null ? "" : ` (${entry.reason})`}`;
    case "event":
      return `event ${entry.type} with ${quote(entry.payload)}`;
    case "inputs":
      return `inputs are ${quote(entry.inputs)}`;
    case "called":
      return `called ${entry.method === "POST" ? "" : `${entry.method} `}${entry.call}` +
        (entry.input === null ? "" : ` with ${quote(entry.input)}`) +
        (entry.attempt > 1 ? ` (attempt ${entry.attempt})` : "");
    case "answered":
      return `answered ${quote(entry.output)}` +
        (entry.took_ms > 0 ? ` after ${formatDuration(entry.took_ms)}` : "");
    case "failed":
      return `failed: ${entry.error_class}, ${clip(entry.error_text, MAX_ERROR)}; attempt ` +
        `${entry.attempt + 1} of ${entry.max_attempts} in ${formatDuration(entry.next_in_ms)}`;
    case "dead":
      return `failed for good: ${entry.error_class}, ${clip(entry.error_text, MAX_ERROR)}` +
        (entry.attempt > 1 ? ` (after ${entry.attempt} attempts)` : "");
    case "skipped":
      return `skipped: ${describeSkip(entry.reason, entry.condition)}`;
    case "parked":
      return entry.text +
        (entry.at_most_ms === null ? "" : `, ${formatDuration(entry.at_most_ms)} at most`);
    case "went_on":
      return entry.text;
    case "appended":
      return `appended ${entry.steps} step${entry.steps === 1 ? "" : "s"} to the run`;
    case "cancelled":
      return "cancelled";
    case "put_off":
      return `put off by its rate limit, due in ${formatDuration(entry.next_in_ms)}`;
  }
}

/** Why a step did not run, for people. */
export function describeSkip(reason: string, condition: EvaluatedCondition | null): string {
  switch (reason) {
    case "condition":
      return condition === null
        ? "its condition was false"
        : `${clip(condition.expression, MAX_ERROR)} was ${condition.result}`;
    case "dependency":
      return "no step before it ran";
    case "upstream_failed":
      return "a step before it failed";
    case "concurrency":
      return "another run holds its concurrency key";
    default:
      return reason;
  }
}

/** Why a run was skipped, for people. */
export function describeRunSkip(reason: string): string {
  return reason === "condition" ? "its trigger's condition was false" : describeSkip(reason, null);
}

/** A word for a status in lists. */
export const STATUS_MARKS: Record<JobStatus, string> = {
  waiting: "·",
  queued: "·",
  leased: "▸",
  running: "▸",
  parked: "▸",
  success: "✓",
  failed: "▸",
  dead: "✗",
  skipped: "–",
  cancelled: "×",
};

/** A value as JSON on one line, cut short. */
export function quote(value: unknown, max = MAX_VALUE): string {
  return clip(JSON.stringify(value) ?? "null", max);
}

/** A text on one line, cut short. */
export function clip(text: string, max = MAX_VALUE): string {
  const line = text.replaceAll(/\s+/g, " ").trim();
  return line.length > max ? `${line.slice(0, max - 1)}…` : line;
}
