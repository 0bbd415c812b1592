// What a settled attempt means for the timeline: the worker's outcome, and what the database made of
// it (a retry or the end, a place in the line). Pure.
import type { JobStatus } from "../../supabase/functions/_shared/contract/statuses.ts";
import type { JobResult, LeasedJob } from "../../supabase/functions/_shared/database/rows.ts";
import type { Behaviour } from "./agent_script.ts";
import { formatDuration } from "./format_duration.ts";
import { quote, type TimelineDetail } from "./timeline.ts";

/** An attempt with what led to it. */
export interface LandedAttempt {
  job: LeasedJob;
  result: JobResult;
  /** Virtual milliseconds of the call; null where no agent was called. */
  tookMs: number | null;
  /** What the script let the agent do. */
  behaviour?: Behaviour;
  /** What settled it, where it was no worker: `approved by anna`. */
  by?: string;
}

/** What the database says of the job behind the attempt. */
export interface SettledRow {
  status: JobStatus;
  attempts: number;
  max_attempts: number;
  error_class: string | null;
  error_text: string | null;
  skip_reason: string | null;
}

/** The entries that tell the attempt; none where there is nothing to tell. */
export function describeAttempt(
  row: SettledRow,
  landed: LandedAttempt,
  nextInMs: number,
): TimelineDetail[] {
  const { job, result } = landed;
  switch (row.status) {
    case "success":
      return describeSuccess(landed);
    case "failed":
    case "dead":
      return [describeFailure(row, nextInMs)];
    case "skipped": {
      const { condition = null } = result;
      const text = "the trigger's condition " +
        (condition === null
          ? "was false"
          : `${quoteExpression(condition.expression)} was ${condition.result}`);
      if (result.outcome === "skip_run") return [{ what: "went_on", output: null, text }];
      return [{ what: "skipped", reason: row.skip_reason ?? "condition", condition }];
    }
    case "parked":
      return [...describeInputs(result), describePark(job, result)];
    case "cancelled":
      return [{ what: "cancelled" }];
    default:
      return [];
  }
}

function describeSuccess(landed: LandedAttempt): TimelineDetail[] {
  const { job, result, tookMs } = landed;
  const output = result.output ?? null;
  if (job.config.kind === "start") {
    return job.parked?.for === "slot"
      ? [{ what: "went_on", output, text: "has its slot" }]
      : describeInputs(result);
  }
  if (result.outcome === "handle") {
    return [{ what: "went_on", output: null, text: "handles the failure" }];
  }
  if (tookMs === null) return [{ what: "went_on", output, text: describeGoingOn(landed) }];
  const entries: TimelineDetail[] = [{ what: "answered", output, took_ms: tookMs }];
  const steps = result.append?.steps.length ?? 0;
  if (steps > 0) entries.push({ what: "appended", steps });
  return entries;
}

function describeInputs({ run_inputs }: JobResult): TimelineDetail[] {
  return run_inputs === undefined ? [] : [{ what: "inputs", inputs: run_inputs }];
}

function describeFailure(row: SettledRow, nextInMs: number): TimelineDetail {
  const error_class = row.error_class ?? "internal";
  const error_text = row.error_text ?? "";
  const attempt = row.attempts;
  if (row.status === "dead") return { what: "dead", error_class, error_text, attempt };
  const { max_attempts } = row;
  return { what: "failed", error_class, error_text, attempt, max_attempts, next_in_ms: nextInMs };
}

/** A step that ended well without a call: it waited, or there was nothing to do. */
function describeGoingOn({ job, result, by }: LandedAttempt): string {
  const { parked } = job;
  if (by !== undefined) return `${by}: ${quote(result.output)}`;
  switch (parked?.for) {
    case "event":
      return result.consumes === undefined
        ? "no event came in time: goes on without"
        : `its event came: ${quote((result.output as { payload?: unknown } | null)?.payload)}`;
    case "items":
      return `${parked.succeeded} of ${parked.total} items succeeded: ${quote(result.output)}`;
    case "run":
      return `the sub-run ended: ${quote(result.output)}`;
    case "timer":
      return "woke up";
    default:
      return job.config.for_each === undefined ? "done" : "the list is empty: done";
  }
}

function describePark(job: LeasedJob, result: JobResult): TimelineDetail {
  const reason = result.parked?.for ?? "timer";
  const at_most_ms = reason === "timer" || reason === "items" ? null : result.park_ms ?? null;
  return { what: "parked", for: reason, text: describeWait(job, result), at_most_ms };
}

function describeWait(job: LeasedJob, result: JobResult): string {
  switch (result.parked?.for) {
    case "event": {
      const refused = result.wait_event?.refused.length ?? 0;
      const type = result.wait_event?.type ?? "";
      if (job.parked?.for === "event" && refused > 0) {
        return `${type} came and does not match: waits on`;
      }
      return `waits for event ${type}`;
    }
    case "items":
      return describeItems(result);
    case "run":
      return `starts ${result.start_run?.workflow_key} and waits for it`;
    case "callback":
      return "accepted, waits for the callback";
    case "slot":
      return `asks for a slot of ${result.concurrency?.key}`;
    default:
      return `sleeps ${formatDuration(result.park_ms ?? 0)}`;
  }
}

function describeItems({ items = [], needed, max_concurrency }: JobResult): string {
  const parts = [`${items.length} item${items.length === 1 ? "" : "s"}`];
  if (max_concurrency != null) parts.push(`${max_concurrency} at a time`);
  if (needed !== undefined && needed < items.length) parts.push(`${needed} must succeed`);
  return parts.join(", ");
}

function quoteExpression(expression: string): string {
  return expression.length > 100 ? `${expression.slice(0, 99)}…` : expression;
}
