// The shapes that the database's functions answer with, named as their columns are. Times are ISO
// strings. They are declared, not parsed: the functions on the other side are ours and tested.
import type { Columns } from "./columns.ts";
import type { InsertedEvent as AnsweredEvent } from "../contract/answers/dispatch.ts";
import type { Tokens } from "../contract/answers/health.ts";
import type { AppendedPlan, StepConfig } from "../contract/compiled_workflow.ts";
import type { OpenDelivery } from "../contract/notifications.ts";
import type {
  ErrorClass,
  JobStatus,
  ParkReason,
  RunStatus,
  SkipReason,
} from "../contract/statuses.ts";
import type { ListedWorkflow, OperatorRole, Schedule, Workflow } from "../contract/dashboard.ts";
import type { HookSource } from "../contract/hooks.ts";
import type { CatchUp } from "../contract/workflow_file.ts";

export type Json = Record<string, unknown>;

// --- registry

export type { PublishedWorkflow } from "../contract/answers/workflows.ts";

export interface StaleWorkflowFile {
  source_path: string;
  etag: string | null;
  state: "changed" | "removed";
  /** The workflow that was last published from this file; null if none was. */
  workflow_key: string | null;
}

export type WorkflowRow = Omit<ListedWorkflow, "cron_words">;

export type WorkflowDetail = Omit<Workflow, "cron_words">;

// --- dispatch and events

/** The trace that a caller's request is part of, as the database keeps it. */
export interface TraceContext {
  trace_parent?: string;
  trace_state?: string;
}

export interface DispatchRequest extends TraceContext {
  user_id: string;
  workflow_key: string;
  intent_id?: string | null;
  payload?: Json;
  idempotency_key?: string | null;
  run_at?: string | null;
  priority?: number | null;
}

export interface DispatchedRun {
  index: number;
  result: "created" | "existing" | "conflict" | "unknown_workflow";
  workflow_run_id: string | null;
  workflow_key: string;
}

export interface Dispatched {
  runs: DispatchedRun[];
  /** No worker is draining: the caller must wake one. */
  wake: boolean;
}

export interface InsertedEvent {
  event_id: string;
  result: AnsweredEvent["result"] | "conflict";
  workflow_run_ids: string[];
}

/** With what must not be shown to anybody. */
export type OpenedHook = HookSource & {
  secrets: string[];
  /** A rate limit policy is meant for it. */
  is_limited: boolean;
};

// --- queue and completion

/** An output in Storage, in the bucket of outputs. */
export interface OutputRef {
  path: string;
  bytes: number;
  sha256: string;
}

/** A dependency without an inline output: it did not succeed, or its output lies in Storage. */
export interface OtherRead {
  status: JobStatus;
  output_ref?: OutputRef | null;
}

/** What expressions can name besides steps. */
export interface RunScope {
  /** Null: the run has no inputs of its own, its payload stands in for them. */
  inputs: unknown;
  event: {
    /** The event's own type, `cron.tick`, `api.dispatch`, `trigger.call` or `workflow.call`. */
    type: string;
    id: string | null;
    payload: unknown;
    user_id: string;
    intent_id: string | null;
    /** ISO time. */
    created_at: string;
  };
  run: {
    id: string;
    workflow_key: string;
    user_id: string;
    intent_id: string | null;
    /** Ids of steps that are dead. */
    failed_steps: string[];
  };
}

/** One item of a fan-out, as its collection sees it. */
export interface ItemOutput {
  status: JobStatus;
  output: unknown;
  output_ref: OutputRef | null;
}

/**
 * Why a leased job was parked before, and what it waited for. `is_over`: the time it was parked for
 * at most has passed.
 */
export type Parked =
  & { is_over: boolean }
  & (
    | { for: "timer" }
    | { for: "callback" }
    | { for: "slot"; granted?: true }
    | {
      for: "event";
      /** Oldest first, at most 100; more follow once these were refused. */
      events: { event_id: string; type: string; payload: unknown; user_id: string }[];
    }
    | {
      for: "items";
      total: number;
      succeeded: number;
      failed: number;
      /** Successes that the fan-out needs. */
      needed: number;
      /** In item order; null if they are larger than an output may be, all together. */
      items: ItemOutput[] | null;
    }
    | {
      for: "run";
      workflow_run_id: string;
      status: RunStatus;
      /** Outputs of its last steps, as `inputs` and `others` of a lease; null if too large. */
      outputs: Json | null;
      others: Record<string, OtherRead> | null;
    }
  );

export interface LeasedJob {
  job_id: number;
  lease_token: string;
  workflow_run_id: string;
  workflow_key: string;
  definition_id: number;
  /** Counts the steps of the definition in topological order. */
  step_no: number;
  step_id: string;
  user_id: string;
  intent_id: string | null;
  /** 1 for the first. */
  attempt: number;
  max_attempts: number;
  agent: string;
  config: StepConfig;
  run_payload: unknown;
  /** Outputs of the steps it reads that succeeded, by step id. */
  inputs: Json;
  /** The other steps it reads; null if there are none. */
  others: Record<string, OtherRead> | null;
  idempotency_key: string;
  /** Raised when an operator has a job done anew; part of a callback's token, too. */
  generation: number;
  /** -1: the step's own job. */
  item_index: number;
  /** What an item's agent gets; null for a step's own job. */
  input: unknown;
  /** Only for steps with expressions. */
  scope: RunScope | null;
  /** Milliseconds from ready to leased; only with `queue_timeout_ms`. */
  queued_ms: number | null;
  parked: Parked | null;
  /** Not for a call that is only described. */
  trace?: LeasedTrace;
}

/** What a lease tells of its run's trace. */
export interface LeasedTrace {
  trace_parent: string | null;
  trace_state: string | null;
  /** When the jobs were leased: microseconds since 1970. */
  leased_us: number;
}

export interface Lease {
  jobs: LeasedJob[];
  /** Milliseconds until the next job that is not yet due; null if there is none. */
  next_due_ms: number | null;
  /** Jobs that rate limits put off in this call; others may stand behind them. */
  deferred: number;
  /** Parked jobs were called: the worker must call `processSignals` and look again. */
  signals?: boolean;
}

/** A lease as the database answers it: what jobs share is said once, and join_lease.ts puts it into them. */
export interface SentLease extends Omit<Lease, "jobs"> {
  /** Null, as the other lists, if there are none. */
  jobs: Columns<SentJob> | null;
  runs: Columns<SentRun> | null;
  configs: SentConfig[] | null;
  reads: Columns<SentRead> | null;
  /** When the jobs were leased, in microseconds since 1970. */
  leased_us: number | null;
  /** One for all jobs; null without jobs. */
  lease_token: string | null;
}

export interface SentRun
  extends Pick<LeasedJob, "workflow_run_id" | "workflow_key" | "user_id" | "intent_id"> {
  payload: unknown;
  /** Null where its caller sent no trace. */
  trace: Pick<LeasedTrace, "trace_parent" | "trace_state"> | null;
}

export interface SentConfig
  extends Pick<LeasedJob, "definition_id" | "step_no" | "step_id" | "agent" | "config"> {
  is_item: boolean;
}

export interface SentRead {
  job_id: number;
  step_id: string;
  output: unknown;
  /** Where a step has no plain output. */
  other: OtherRead | null;
}

export interface SentJob extends
  Pick<
    LeasedJob,
    | "job_id"
    | "workflow_run_id"
    | "definition_id"
    | "step_no"
    | "item_index"
    | "attempt"
    | "max_attempts"
    | "generation"
  > {
  /** Null where all of it would be. */
  more: Pick<LeasedJob, "input" | "scope" | "queued_ms" | "parked"> | null;
}

export interface HeldLease {
  job_id: number;
  lease_token: string;
}

/** What a lease led to, as complete_jobs takes it. */
export type Outcome =
  | "success"
  | "retry"
  | "dead"
  /** Its condition was false. */
  | "skip"
  /** The trigger's condition was false: the whole run is skipped. */
  | "skip_run"
  /** Waits; see `parked`. */
  | "park"
  /** The failure step: compensation and on_failure begin. */
  | "handle";

/** A condition as it was evaluated, for people. */
export interface EvaluatedCondition {
  expression: string;
  result: boolean;
}

export interface JobResult extends HeldLease {
  /** Its number, so that a late result is kept with the right attempt. */
  attempt?: number;
  outcome: Outcome;
  output?: unknown;
  /** Instead of `output`. */
  output_ref?: OutputRef;
  status_code?: number;
  error_class?: ErrorClass;
  error_text?: string;
  /** When the agent wants to be called again; without it the backoff decides. */
  retry_after_ms?: number;
  /** How long the agent wants no calls at all. */
  hold_key_ms?: number;
  logs?: Json;
  /** With `skip`, `skip_run`, and with any other outcome of a step that has a condition. */
  condition?: EvaluatedCondition;
  skip_reason?: SkipReason;
  /** With `success` of a wait: the event that it took. Another job may have taken it already. */
  consumes?: string;
  /** With `success` of a step that may append. */
  append?: AppendedPlan;
  /** With `success` or `park` of the start step. */
  run_inputs?: unknown;
  /** With `park`: what for, and for how long at most; without park_ms for ever. */
  parked?: { for: ParkReason; /** For a callback: the longest silence. */ heartbeat_ms?: number };
  park_ms?: number;
  /** With `park` for an event. */
  wait_event?: { type: string; /** Looked at and not taken. */ refused: string[] };
  /** With `park` for items: what each item's agent gets, and how many must succeed. */
  items?: unknown[];
  needed?: number;
  /** The step ends with the last success that it needs; else all items are tried. */
  ends_early?: boolean;
  /** Items that may be called at the same time; null: all. */
  max_concurrency?: number | null;
  /** With `park` for a run. */
  start_run?: { workflow_key: string; payload: Json };
  /** With `park` for a slot. */
  concurrency?: {
    key: string;
    max: number;
    on_conflict: "queue" | "skip" | "replace" | "cancel_new";
  };
}

export interface SettledJob {
  job_id: number;
  /** False: the lease was lost, the result is kept with the attempt as late and changes nothing. */
  applied: boolean;
  status: JobStatus;
}

export interface Settlement extends Lease {
  results: SettledJob[];
}

// --- rate limits and schedules

export interface TakenTokens extends Tokens {
  capacity: number | null;
  refill_rate: number | null;
}

export interface ClaimedSchedule {
  schedule_id: string | number;
  workflow_key: string;
  user_id: string | null;
  cron: string;
  timezone: string;
  catch_up: CatchUp;
  /** The slot that is due; null: never planned. */
  next_run_at: string | null;
  claim_token: string;
}

export interface ScheduleFiring {
  schedule_id: string | number;
  claim_token: string;
  slots: string[];
  next_run_at: string | null;
  /** Slots that were due and are not fired, and the last of them. */
  missed?: number;
  last_missed_at?: string | null;
}

// --- operators

/** The filter of jobs; all parts must hold. */
export interface JobFilter {
  status?: JobStatus;
  workflow_key?: string;
  user_id?: string;
  error_class?: ErrorClass;
  /** The job's id, the beginning of its run's, or part of user, intent, step, agent or error. */
  text?: string;
}

export type { RunJob as JobDetail } from "../contract/answers/jobs.ts";

/** What a lease would give of a job now. It is none: the token is the nil uuid. */
export interface DescribedCall extends LeasedJob {
  status: JobStatus;
  /** Dependencies that have not ended: what the step reads is not there yet. */
  open_dependencies: number;
}

export type ScheduleRow = Omit<Schedule, "words" | "next_slots">;

export interface Operator {
  user_id: string;
  email: string;
  role: OperatorRole;
}

export interface GrantedOperator extends Operator {
  granted_at: string;
  granted_by: string | null;
}

/** The filter of audit rows: equal, `actor` to id or name. */
export interface AuditFilter {
  action?: string;
  actor?: string;
  target?: string;
}

export interface CancelledRun {
  result: "cancelled" | "not_found" | "already_finished";
  status: RunStatus | null;
}

export interface RedrivenJob {
  result: "queued" | "waiting" | "not_found" | "conflict";
  status: JobStatus | null;
  workflow_run_id: string | null;
  /** Why not, in the case of a conflict. */
  reason?: string | null;
}

export interface RestartedRun {
  result: "restarted" | "not_found" | "conflict";
  workflow_run_id?: string;
  jobs?: number;
  reason?: string | null;
}

/** What a delivery is about to do. */
export type BegunDelivery =
  | ({ result: "send" } & OpenDelivery)
  | { result: "delivered" }
  | { result: "refused"; reason: string };

export interface SettledCallback {
  result: "applied" | "not_found" | "conflict";
  status: JobStatus | null;
}

export interface DecidedWait {
  result: "approved" | "rejected" | "not_found" | "conflict";
  status: JobStatus | null;
}

export interface AppendedSteps {
  result: "appended" | "not_found" | "conflict";
  revision?: number;
  steps?: number;
  /** Why not, in the case of a conflict. */
  reason?: string;
}

export type { RunPlan } from "../contract/answers/runs.ts";

export type { Health } from "../contract/answers/health.ts";
/** Every metric as get_metrics() answers it. */
export interface MetricSnapshot {
  /** Upper bounds of the histograms' buckets, ascending; the last bucket has none. */
  bounds: number[];
  families: MetricFamily[];
}

export interface MetricFamily {
  name: string;
  type: "counter" | "histogram" | "gauge";
  help: string;
  /** Names of the labels, in the order of the samples' values. */
  labels: string[];
  samples: MetricSample[];
}

export interface MetricSample {
  labels: string[];
  /** Of a histogram: how many values it has. */
  value: number;
  sum?: number;
  /** How many values are in a bucket alone, by its place; empty ones are left out. */
  buckets?: Record<string, number>;
}

// --- agents

export interface AgentReplyClaim {
  state: "started" | "in_progress" | "done" | "conflict";
  claim_token: string | null;
  status_code: number | null;
  body: unknown;
  retry_after_ms: number | null;
}

/** A key that starts public workflows, as people look at it. */
export interface TriggerKeyRow {
  key_id: string;
  name: string;
  /** `*`: all public ones. */
  workflow_keys: string[];
  /** Whom its runs are for. */
  user_id: string;
  /** A request may name another user. */
  may_name_user: boolean;
  rate_per_minute: number;
  /** Null: requests may come from anywhere. */
  networks: string[] | null;
  created_at: string;
  created_by: string | null;
  expires_at: string;
  revoked_at: string | null;
  /** To the minute. */
  last_used_at: string | null;
  status: "active" | "expired" | "revoked";
}

/** What a presented trigger key is checked against; its `fault` counts for the right secret alone. */
export interface FoundTriggerKey {
  key_id: string;
  hash: string;
  user_id: string;
  may_name_user: boolean;
  expires_at: string;
  revoked_at: string | null;
  fault: "revoked" | "expired" | "network" | null;
}

/** `unknown_workflow`: whatever the key may not start now. */
export type StartedTriggeredRun =
  | { result: "created" | "existing" | "conflict"; workflow_run_id: string; wake: boolean }
  | { result: "unknown_workflow" };

/** What the holder of a key may know of a run. */
export interface TriggeredRun {
  workflow_run_id: string;
  workflow_key: string;
  status: RunStatus;
  created_at: string;
  finished_at: string | null;
  /** Of a run that succeeded, by step; null: more than a run may answer. */
  outputs?: Json | null;
  /** The outputs that lie in Storage. */
  others?: Record<string, { output_ref: OutputRef }> | null;
  /** Of a run that failed. `step_id` null: it took longer than its timeout. */
  error?: { step_id: string | null; error_class: ErrorClass };
}

/** Runs of one workflow that ended on one day and go into the archive together. */
export interface ArchiveBatch {
  batch_id: number;
  workflow_key: string;
  /** ISO date, of UTC. */
  finished_on: string;
  workflow_run_ids: string[];
}

/** A run's row, with as many of its jobs as were asked for. */
export interface ArchivedRun extends Json {
  workflow_run_id: string;
  jobs: (Json & { job_id: number })[];
  has_more: boolean;
}

/** A public key by which agent tokens verify. */
export interface AgentTokenKeyRow {
  key_id: string;
  public_key: Record<string, string>;
  created_at: string;
  signs_from: string;
  /** Null: until it is rotated. */
  ends_at: string | null;
}

/** `kept`: there was a key already, and the new one was not taken. */
export interface KeptAgentTokenKey {
  result: "made" | "kept";
  key_id: string;
  signs_from: string;
}
