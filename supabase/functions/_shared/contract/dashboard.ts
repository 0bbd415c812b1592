// What the dashboard asks and gets: the answers of the routes that operators read, named as their columns
// are. Times are ISO strings, spans are milliseconds. Types alone: the browser takes them from here too.
import type { CompiledWorkflow, StepConfig, StepKind, StepPhase } from "./compiled_workflow.ts";
import type { Problem } from "./errors.ts";
import type { ErrorClass, JobStatus, RunStatus, SkipReason } from "./statuses.ts";

type Json = Record<string, unknown>;

export const OPERATOR_ROLES = ["viewer", "operator"] as const;
/** A viewer looks; an operator also acts. */
export type OperatorRole = (typeof OPERATOR_ROLES)[number];

/** GET /me */
export interface Me {
  user_id: string;
  email: string;
  role: OperatorRole;
}

export const OVERVIEW_WINDOWS = ["1h", "24h", "7d"] as const;
export type OverviewWindow = (typeof OVERVIEW_WINDOWS)[number];

/** One span of an overview; latencies are null where nothing ended. */
export interface OverviewBucket {
  /** When it begins. */
  at: string;
  runs_started: number;
  runs_success: number;
  runs_failed: number;
  runs_cancelled: number;
  runs_skipped: number;
  attempts: number;
  attempts_failed: number;
  run_p50_ms: number | null;
  run_p95_ms: number | null;
  attempt_p50_ms: number | null;
  attempt_p95_ms: number | null;
}

export interface LimitedKey {
  rl_key: string;
  tokens: number;
  /** Null: no limit. */
  capacity: number | null;
  /** An agent asked for a pause until then. */
  held_until: string | null;
  /** The end of the line of jobs that were put off. */
  deferred_until: string | null;
}

/** GET /overview?window= */
export interface Overview {
  database_time: string;
  window: OverviewWindow;
  bucket_ms: number;
  /** Jobs by status; a status without jobs is left out. */
  queue: Partial<Record<JobStatus, number>>;
  oldest_ready_seconds: number;
  workers: { worker_id: string; started_at: string; seen_at: string; jobs: number }[];
  last_tick_at: string | null;
  last_cron_tick_at: string | null;
  warnings: string[];
  /**
   * Of the runs that ended within the window; one that was created more than a day before it is left
   * out. `running`: all live runs. The rate is that of runs that succeeded or failed; null without any.
   */
  totals: Record<Exclude<RunStatus, "running">, number> & {
    running: number;
    success_rate: number | null;
    attempts: number;
    attempts_failed: number;
  };
  series: OverviewBucket[];
  limited_keys: LimitedKey[];
}

/** The filter of runs: of GET /runs as a query, of POST /runs/bulk as an object. All parts must hold. */
export interface RunFilter {
  workflow_key?: string;
  status?: RunStatus;
  user_id?: string;
  intent_id?: string;
  /** Created at or after, before. */
  from?: string;
  to?: string;
  /** The beginning of the run's id, or part of user, intent, workflow or payload. */
  text?: string;
}

export interface ListedRun {
  workflow_run_id: string;
  workflow_key: string;
  /** Of the definition that it runs. */
  version: number;
  user_id: string;
  intent_id: string | null;
  status: RunStatus;
  trigger_type: string;
  event_type: string | null;
  failed_jobs: number;
  restarted_from: string | null;
  parent_run_id: string | null;
  cancel_reason: string | null;
  skip_reason: string | null;
  created_at: string;
  finished_at: string | null;
}

/** GET /runs?…&limit=&before= */
export interface RunPage {
  runs: ListedRun[];
  next_before: string | null;
}

/** GET /runs/count?… */
export interface RunCount {
  /** Runs that the filter matches and the action would touch, counted to 10,000 at most. */
  count: number;
  is_capped: boolean;
  /** The newest run there is: a bulk action leaves later ones alone. */
  newest: string | null;
}

export type BulkAction = "cancel" | "restart_failed";

/** POST /runs/bulk: one page of a bulk action; call again with next_cursor until that is null. */
export interface BulkRunsRequest {
  action: BulkAction;
  filter: RunFilter;
  /** `newest` of the count that was confirmed. */
  newest: string;
  cursor?: string | null;
  reason?: string | null;
}

/** POST /jobs/bulk: replays dead letters, a page a call. */
export interface BulkJobsRequest {
  action: "retry";
  filter: {
    status: "dead";
    workflow_key?: string;
    user_id?: string;
    error_class?: ErrorClass;
    text?: string;
  };
  /** `newest` of the count that was confirmed. */
  newest: number;
  cursor?: number | null;
}

export interface BulkAnswer<Id = string> {
  changed: number;
  refused: { id: Id; reason: string }[];
  next_cursor: Id | null;
}

/** GET /jobs/count?… */
export interface JobCount {
  count: number;
  is_capped: boolean;
  newest: number | null;
}

export interface Attempt {
  attempt_id: number;
  attempt: number;
  worker_id: string | null;
  started_at: string;
  finished_at: string;
  success: boolean;
  /** Its result came after the lease was lost. */
  is_late: boolean;
  status_code: number | null;
  error_class: ErrorClass | null;
  error_text: string | null;
  logs: Json | null;
}

export interface ListedJob {
  job_id: number;
  workflow_run_id: string;
  workflow_key: string;
  step_no: number;
  step_id: string;
  /** -1: the step's own job. */
  item_index: number;
  agent: string;
  user_id: string;
  status: JobStatus;
  priority: number;
  attempts: number;
  max_attempts: number;
  next_run_at: string;
  error_class: ErrorClass | null;
  error_text: string | null;
  skip_reason: SkipReason | null;
  parked: Json | null;
  leased_by: string | null;
  lease_until: string | null;
  created_at: string;
  started_at: string | null;
  finished_at: string | null;
}

/** GET /jobs?status=&workflow_key=&user_id=&error_class=&text=&limit=&before= */
export interface JobPage {
  jobs: ListedJob[];
  next_before: number | null;
}

/** A job of GET /runs/:id and GET /jobs/:id, with its attempts, oldest first. */
export interface RunJob extends ListedJob {
  /** When the lease that is under way began; of a job that nobody holds, its last. */
  leased_at: string | null;
  kind: StepKind;
  phase: StepPhase;
  /** Ids of the steps it waits for. */
  needs: string[];
  /** The step's config: with, if, retry and so on. */
  payload: StepConfig;
  input: unknown;
  condition: { expression: string; result: boolean } | null;
  output: unknown;
  /** An output in Storage. */
  output_ref: { path: string; bytes: number; sha256: string } | null;
  attempt_history: Attempt[];
  /** Only of a fan-out. */
  items?: { total: number; open: number; succeeded: number; failed: number; needed: number };
}

/** GET /runs/:id */
export interface Run extends ListedRun {
  payload: Json;
  /** Made by the start step; null: the payload stands in for them. */
  inputs: Json | null;
  priority: number;
  deadline_at: string | null;
  plan_revision: number;
  /** Outputs of the last steps by step id; null: too large to show. */
  outputs: Json | null;
  jobs: RunJob[];
  plan_revisions: { revision: number; author: string; reason: string | null; created_at: string }[];
  sub_runs: {
    workflow_run_id: string;
    workflow_key: string;
    status: RunStatus;
    parent_job_id: number;
  }[];
  /** For lining clocks up. */
  database_time: string;
}

/** GET /jobs/:id/request: the call as the worker makes it, without secrets. */
export interface JobRequest {
  method: string;
  url: string;
  headers: Record<string, string>;
  body: unknown;
  /** The same for a terminal; credentials are names of environment variables. */
  curl: string;
  /** Why it cannot be shown, in which case the rest is empty: the step calls nobody, or a dependency is open. */
  unavailable: string | null;
}

export interface ListedWorkflow {
  workflow_key: string;
  version: number;
  sha256: string;
  description: string | null;
  trigger: CompiledWorkflow["trigger"];
  /** The trigger's cron in words. */
  cron_words: string | null;
  steps: number;
  published_at: string;
  /** It starts no runs any more: its file is gone. */
  archived_at: string | null;
  /** Of the newest upload, if it was refused. */
  problems: Problem[] | null;
  /** Runs created in the last 7 days that have ended. */
  runs_7d: number;
  /** Of those that succeeded or failed, the part that succeeded; null without any. */
  success_rate_7d: number | null;
}

/** GET /workflows/:key */
export interface Workflow extends Omit<ListedWorkflow, "steps"> {
  source: string;
  compiled: CompiledWorkflow;
  /** The newest 200, newest first. */
  versions: { version: number; sha256: string; created_at: string; is_published: boolean }[];
}

/** GET /workflows/:key/versions/:version */
export interface WorkflowVersion {
  workflow_key: string;
  version: number;
  sha256: string;
  created_at: string;
  source: string;
  compiled: CompiledWorkflow;
}

/** One of GET /schedules */
export interface Schedule {
  schedule_id: number;
  workflow_key: string;
  /** Null: the workflow's own. */
  user_id: string | null;
  cron: string | null;
  /** The cron in words. */
  words: string | null;
  timezone: string;
  catch_up: string;
  next_run_at: string | null;
  last_slot_at: string | null;
  paused_at: string | null;
  /** Slots that were due and were not fired, since ever (of one outage 100 at most), and the last of them. */
  missed_slots: number;
  last_missed_at: string | null;
  /** False: the workflow's own schedule, which starts nothing while users have subscribed. */
  starts_runs: boolean;
  /** The next five slots, none while it is paused or switched off. */
  next_slots: string[];
}

/** GET /schedules?workflow_key=&limit=&after= */
export interface SchedulePage {
  schedules: Schedule[];
  next_after: number | null;
}

export interface RateLimitPolicy {
  pattern: string;
  /** Null: no limit. */
  capacity: number | null;
  /** Tokens a second. */
  refill_rate: number;
  description: string | null;
}

export interface RateLimitBucket extends LimitedKey {
  /** As they are now, refilled. */
  tokens: number;
  refill_rate: number;
  last_refill: string;
}

/** GET /rate_limits?text=&limit=&after= */
export interface RateLimits {
  policies: RateLimitPolicy[];
  buckets: RateLimitBucket[];
  next_after: string | null;
}

export interface AlertRule {
  name: string;
  severity: "warning" | "critical";
  description: string;
  /** What its alerts are about; null: the whole orchestrator. */
  subject_kind: "workflow" | "agent" | "tick" | "destination" | null;
  unit: string;
  threshold: number;
  /** Of how many events a ratio is taken at least. */
  at_least: number | null;
  /** The span that is counted over; null: it looks at what is now. */
  over_seconds: number | null;
  for_seconds: number;
  enabled: boolean;
  /** Why the last look at it failed. */
  error: string | null;
}

export interface Alert {
  name: string;
  subject: string | null;
  /** As measured last while it was above the threshold. */
  value: number;
  state: "pending" | "firing" | "resolved";
  pending_since: string;
  firing_since: string | null;
  resolved_at: string | null;
}

/** GET /alerts */
export interface Alerts {
  looked_at: string | null;
  rules: AlertRule[];
  alerts: Alert[];
}

export interface AuditRow {
  audit_id: number;
  at: string;
  actor_kind: "operator" | "service";
  /** The user's id, or the secret key's name. */
  actor_id: string | null;
  /** Their e-mail address, as it was. */
  actor_name: string | null;
  /** `run.cancel`, `job.retry` and so on. */
  action: string;
  target: string;
  /** What was asked, without payloads. */
  args: Json;
  before: Json | null;
  after: Json | null;
  result: string;
}

/** GET /audit?action=&actor=&target=&limit=&before= */
export interface AuditPage {
  rows: AuditRow[];
  next_before: number | null;
}
