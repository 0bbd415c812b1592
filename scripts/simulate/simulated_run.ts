// What a simulation answers: the run as tests and people look at it.
import {
  FAILURE_STEP_ID,
  START_STEP_ID,
} from "../../supabase/functions/_shared/contract/compiled_workflow.ts";
import type { JobStatus, RunStatus } from "../../supabase/functions/_shared/contract/statuses.ts";
import type { JobEnd } from "./engine.ts";
import type { RecordedCall, Recorder, SeenRun } from "./recorder.ts";
import type { Span } from "./spans.ts";
import type { TimelineEntry } from "./timeline.ts";
import type { VirtualClock } from "./virtual_clock.ts";

/** How a step ended, or an item of it. */
export interface SimulatedStep {
  status: JobStatus;
  /** Null unless it succeeded. */
  output: unknown;
  /** Calls that were made for it, without those of its items. */
  attempts: number;
  error_class: string | null;
  error_text: string | null;
  skip_reason: string | null;
  /** Its condition as it was evaluated. */
  condition: { expression: string; result: boolean } | null;
  /** Virtual milliseconds since the simulation began; null if it never began. */
  started_ms: number | null;
  ended_ms: number | null;
  /** Items of a fan-out, in order. */
  items?: SimulatedStep[];
}

export interface SimulatedRun {
  workflow_key: string;
  /** `running`: it waits for something that does not come in the time that is simulated. */
  status: RunStatus;
  /** Why it failed, was skipped, or is not over; null for a success. */
  reason: string | null;
  /** Virtual milliseconds from the start of the run to its end. */
  duration_ms: number;
  /** Outputs of the last steps, by step id. */
  outputs: Record<string, unknown>;
  steps: Record<string, SimulatedStep>;
  timeline: TimelineEntry[];
  /** Every call that an agent got, sub-runs' included. */
  calls: RecordedCall[];
  /** This run first, then sub-runs and others that events started. */
  runs: SeenRun[];
  /** When which step was called or waited, for drawing. */
  spans: readonly Span[];
}

/** Puts the answer together. */
export function summarize(
  recorder: Recorder,
  run: SeenRun,
  jobs: JobEnd[],
  { startedAt, elapsed }: Pick<VirtualClock, "startedAt" | "elapsed">,
): SimulatedRun {
  const calls = countCalls(recorder.calls, run.workflow_run_id);
  const toStep = (job: JobEnd) =>
    summarizeJob(job, startedAt, calls.get(nameCall(job.step_id, job.item_index)) ?? 0);
  const steps: Record<string, SimulatedStep> = {};
  for (const job of jobs) {
    if (job.item_index >= 0) (steps[job.step_id].items ??= []).push(toStep(job));
    else steps[job.step_id] = toStep(job);
  }
  const reason = explain(run, jobs, recorder.entries);
  for (const id of [START_STEP_ID, FAILURE_STEP_ID]) delete steps[id];
  const results = jobs.filter((job) =>
    job.is_result && job.item_index < 0 && job.status === "success"
  );
  const outputs = Object.fromEntries(
    results.filter(({ step_id }) => Object.hasOwn(steps, step_id))
      .map(({ step_id }) => [step_id, steps[step_id].output]),
  );
  return {
    workflow_key: run.workflow_key,
    status: run.status,
    reason,
    duration_ms: (run.ended_ms ?? elapsed) - run.started_ms,
    outputs,
    steps,
    timeline: recorder.entries,
    calls: recorder.calls,
    runs: [run, ...[...recorder.runs.values()].filter((it) => it !== run)],
    spans: recorder.spans,
  };
}

function countCalls(calls: readonly RecordedCall[], runId: string): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { workflow_run_id, step_id, index } of calls) {
    const name = nameCall(step_id, index ?? -1);
    if (workflow_run_id === runId) counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return counts;
}

function nameCall(stepId: string, itemIndex: number): string {
  return `${stepId}[${itemIndex}]`;
}

function summarizeJob(job: JobEnd, startedAt: number, attempts: number): SimulatedStep {
  const toElapsed = (time: string | null) => time === null ? null : Date.parse(time) - startedAt;
  const { error_class, error_text, skip_reason, condition } = job;
  return {
    status: job.status as JobStatus,
    output: job.output,
    attempts,
    error_class,
    error_text,
    skip_reason,
    condition,
    started_ms: toElapsed(job.started_at),
    ended_ms: toElapsed(job.finished_at),
  };
}

function explain(run: SeenRun, jobs: JobEnd[], entries: TimelineEntry[]): string | null {
  if (run.status === "success") return null;
  const told = entries.findLast((it) =>
    it.what === "run_ended" && it.workflow_run_id === run.workflow_run_id
  );
  if (told?.what === "run_ended" && told.reason !== null) return told.reason;
  const lines = jobs.flatMap((job) => run.status === "running" ? tellOpen(job) : tellDead(job));
  return lines.length === 0 ? null : lines.join("; ");
}

function tellDead(job: JobEnd): string[] {
  if (job.status !== "dead" || job.item_index >= 0 || job.continue_on_error) return [];
  const name = job.step_id === START_STEP_ID ? "the start" : job.step_id;
  return [`${name} failed: ${job.error_class}, ${job.error_text}`];
}

function tellOpen(job: JobEnd): string[] {
  if (job.item_index >= 0) return [];
  switch (job.status) {
    case "parked":
      return [`${job.step_id} waits for ${describeParked(job)}`];
    case "failed":
      return [`${job.step_id} waits for its next attempt`];
    case "queued":
    case "leased":
    case "running":
      return [`${job.step_id} is not done`];
    default:
      return [];
  }
}

function describeParked({ parked_for, wait_event }: JobEnd): string {
  switch (parked_for) {
    case "event":
      return `event ${wait_event}`;
    case "timer":
      return "its time to pass";
    case "run":
      return "its sub-run";
    case "items":
      return "its items";
    case "callback":
      return "its agent's callback";
    case "slot":
      return "a slot of its concurrency key";
    default:
      return "something";
  }
}
