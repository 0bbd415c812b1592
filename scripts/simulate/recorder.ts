// Turns what a simulation sees (changes of rows, calls, answers) into the timeline, and keeps who is
// who: which job is which step of which run.
import type { JobStatus, RunStatus } from "../../supabase/functions/_shared/contract/statuses.ts";
import { FAILURE_STEP_ID } from "../../supabase/functions/_shared/contract/compiled_workflow.ts";
import type {
  EvaluatedCondition,
  LeasedJob,
} from "../../supabase/functions/_shared/database/rows.ts";
import type { SeenCall } from "./agent_script.ts";
import { describeAttempt, type LandedAttempt, type SettledRow } from "./describe_attempt.ts";
import { type Moment, type Span, Spans } from "./spans.ts";
import { describeRunSkip, type TimelineDetail, type TimelineEntry } from "./timeline.ts";
import type { VirtualClock } from "./virtual_clock.ts";

/** A row as simulation.note_change() logged it. */
export interface RowChange {
  subject: "job_queue" | "workflow_runs";
  was: string | null;
  row_after: JobChange | RunChange;
}

interface JobChange extends SettledRow {
  job_id: number;
  workflow_run_id: string;
  step_id: string;
  item_index: number;
  next_run_at: string;
  condition: EvaluatedCondition | null;
}

interface RunChange {
  workflow_run_id: string;
  workflow_key: string;
  status: RunStatus;
  trigger_type: string;
  event_type: string | null;
  parent_run_id: string | null;
  parent_job_id: number | null;
  payload?: unknown;
  cancel_reason: string | null;
  skip_reason: string | null;
}

/** A run of the simulation; the first one is what was asked for. */
export interface SeenRun {
  workflow_run_id: string;
  workflow_key: string;
  status: RunStatus;
  /** `event`, `api`, `cron` or `workflow`. */
  started_by: string;
  parent_run_id: string | null;
  /** The step that started it, as the timeline names it. */
  parent_step: string | null;
  /** Virtual milliseconds since the simulation began. */
  started_ms: number;
  ended_ms: number | null;
}

/** A call that an agent got, as tests look at it. */
export interface RecordedCall extends SeenCall {
  workflow_run_id: string;
  at_ms: number;
}

const ENDED: readonly JobStatus[] = ["success", "dead", "skipped", "cancelled"];

export class Recorder {
  readonly entries: TimelineEntry[] = [];
  readonly calls: RecordedCall[] = [];
  readonly runs = new Map<string, SeenRun>();
  readonly #spans = new Spans();
  readonly #nameOfJob = new Map<number, string>();
  readonly #workflowKey: string;
  #mainRun: SeenRun | undefined;
  readonly #clock: Pick<VirtualClock, "now" | "elapsed">;
  #round = 0;

  /** The first run of `workflowKey` is the one that the simulation is about. */
  constructor(clock: Pick<VirtualClock, "now" | "elapsed">, workflowKey: string) {
    this.#clock = clock;
    this.#workflowKey = workflowKey;
  }

  /** The run that the simulation is about; undefined until it was started. */
  get mainRun(): SeenRun | undefined {
    return this.#mainRun;
  }

  /** How long each job was in which state. */
  get spans(): readonly Span[] {
    return this.#spans.closed;
  }

  /** A new transaction of the engine. */
  beginRound(): void {
    this.#round++;
  }

  /** Notes something that belongs to no run. */
  note(detail: TimelineDetail): void {
    this.#add(null, "", null, null, detail);
  }

  /** Notes the changes of a transaction; `landed` are the attempts that it settled. */
  noteChanges(changes: RowChange[], landed: ReadonlyMap<number, LandedAttempt>): void {
    const attempts = new Map(landed);
    const skippedRuns = new Set(
      changes.filter(({ subject, row_after }) =>
        subject === "workflow_runs" && row_after.status === "skipped"
      ).map(({ row_after }) => row_after.workflow_run_id),
    );
    for (const { subject, was, row_after } of changes) {
      if (subject === "workflow_runs") this.#noteRun(row_after as RunChange, was);
      // That the steps of a skipped run did not run goes without saying.
      else if (
        attempts.has((row_after as JobChange).job_id) || !skippedRuns.has(row_after.workflow_run_id)
      ) {
        this.#noteJob(row_after as JobChange, was, attempts);
      }
    }
  }

  /** Notes that a worker calls the agent of a leased job. */
  noteCall(job: LeasedJob, seen: SeenCall): void {
    const { workflow_run_id, step_id, item_index, attempt } = job;
    this.calls.push({ workflow_run_id, at_ms: this.#clock.elapsed, ...seen });
    this.#spans.begin(job, "called", this.#now());
    this.#add(workflow_run_id, this.#nameJob(job), step_id, item_index, {
      what: "called",
      call: seen.call,
      method: seen.method,
      input: seen.body?.inputs ?? null,
      attempt,
    });
  }

  /** Ends what is still open, as when the simulation stops before the run does. */
  finish(): void {
    this.#spans.endAll(this.#now());
  }

  #noteRun(row: RunChange, was: string | null): void {
    const { workflow_run_id, workflow_key, status } = row;
    if (was === null) {
      const { parent_run_id, parent_job_id } = row;
      const run: SeenRun = {
        workflow_run_id,
        workflow_key,
        status,
        started_by: row.trigger_type,
        parent_run_id,
        parent_step: parent_job_id === null ? null : this.#nameOfJob.get(parent_job_id) ?? null,
        started_ms: this.#clock.elapsed,
        ended_ms: null,
      };
      this.runs.set(workflow_run_id, run);
      if (workflow_key === this.#workflowKey) this.#mainRun ??= run;
      this.#addOfRun(workflow_run_id, {
        what: "run_started",
        workflow_key,
        by: describeTrigger(row),
        payload: row.payload ?? {},
      });
      return;
    }
    if (was === status) return;
    const run = this.runs.get(workflow_run_id);
    if (run !== undefined) {
      run.status = status;
      run.ended_ms = status === "running" ? null : this.#clock.elapsed;
    }
    if (status === "running") return;
    const { cancel_reason, skip_reason } = row;
    const reason = skip_reason === null ? cancel_reason : describeRunSkip(skip_reason);
    this.#addOfRun(workflow_run_id, { what: "run_ended", status, reason });
  }

  #noteJob(row: JobChange, was: string | null, landed: Map<number, LandedAttempt>): void {
    const { job_id, step_id, item_index, workflow_run_id, status } = row;
    const attempt = was === "leased" || was === "running" ? landed.get(job_id) : undefined;
    if (attempt !== undefined) landed.delete(job_id);
    this.#trackSpan(row, was, attempt);
    // Of the step that handles a failure only that it does is of interest.
    if (step_id === FAILURE_STEP_ID && status !== "success") return;
    const nextInMs = Date.parse(row.next_run_at) - this.#clock.now;
    const details = attempt === undefined
      ? this.#describeAlone(row, was, nextInMs)
      : describeAttempt(row, attempt, nextInMs);
    const subject = this.#nameJob(row);
    for (const detail of details) this.#add(workflow_run_id, subject, step_id, item_index, detail);
  }

  /** A change that no attempt of the job itself made. */
  #describeAlone(row: JobChange, was: string | null, nextInMs: number): TimelineDetail[] {
    if (row.status === "skipped") {
      const { skip_reason, condition } = row;
      return [{ what: "skipped", reason: skip_reason ?? "condition", condition }];
    }
    if (row.status === "cancelled") return [{ what: "cancelled" }];
    const isPutOff = was === row.status && nextInMs > 0;
    return isPutOff ? [{ what: "put_off", next_in_ms: nextInMs }] : [];
  }

  #trackSpan(row: JobChange, was: string | null, attempt: LandedAttempt | undefined): void {
    const { job_id, status } = row;
    if (was === null) return;
    const now = this.#now();
    if (attempt !== undefined || ENDED.includes(status)) {
      // What is done without a call took no time, and still is to be seen.
      const hasWorked = status === "success" || status === "dead" || status === "failed";
      if (hasWorked && !this.#spans.isOpen(job_id)) this.#spans.begin(row, "called", now);
      this.#spans.end(job_id, now);
    }
    if (status === "failed") this.#spans.begin(row, "pausing", now);
    if (status === "parked") this.#spans.begin(row, "waiting", now);
  }

  #now(): Moment {
    return { round: this.#round, at_ms: this.#clock.elapsed };
  }

  /** `score`, `score[2]`, and for a sub-run's step what started it before that. */
  #nameJob(job: Pick<JobChange, "job_id" | "workflow_run_id" | "step_id" | "item_index">): string {
    const known = this.#nameOfJob.get(job.job_id);
    if (known !== undefined) return known;
    const own = job.item_index >= 0 ? `${job.step_id}[${job.item_index}]` : job.step_id;
    const name = `${this.#nameRun(job.workflow_run_id)}${own}`;
    this.#nameOfJob.set(job.job_id, name);
    return name;
  }

  /** Empty for the first run, `archive › ` for a sub-run, `#2 ` for another run. */
  #nameRun(runId: string): string {
    const run = this.runs.get(runId);
    if (run?.parent_step != null) return `${run.parent_step} › `;
    if (run === this.#mainRun) return "";
    const others = [...this.runs.keys()].filter((it) => it !== this.#mainRun?.workflow_run_id);
    return `#${others.indexOf(runId) + 2} `;
  }

  #addOfRun(runId: string, detail: TimelineDetail): void {
    this.#add(runId, this.#nameRun(runId).trimEnd(), null, null, detail);
  }

  #add(
    workflow_run_id: string | null,
    subject: string,
    step_id: string | null,
    itemIndex: number | null,
    detail: TimelineDetail,
  ): void {
    const index = itemIndex === null || itemIndex < 0 ? null : itemIndex;
    const at_ms = this.#clock.elapsed;
    this.entries.push({
      ...detail,
      at_ms,
      round: this.#round,
      workflow_run_id,
      subject,
      step_id,
      index,
    });
  }
}

function describeTrigger({ trigger_type, event_type }: RunChange): string {
  if (trigger_type === "api") return "dispatch";
  return trigger_type === "event" && event_type !== null ? `event ${event_type}` : trigger_type;
}
