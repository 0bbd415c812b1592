// The shapes that the database's functions answer with, named as their columns are. Times are ISO
// strings. They are declared, not parsed: the functions on the other side are ours and tested.
import type { CatchUp, CompiledTrigger, CompiledWorkflow } from "../contract/workflow_file.ts";
import type { ErrorClass, JobStatus, RunStatus } from "../contract/statuses.ts";
import type { Problem } from "../contract/errors.ts";

export type Json = Record<string, unknown>;

// --- registry

export interface PublishedWorkflow {
  workflow_key: string;
  definition_id: string | number;
  sha256: string;
  version: number;
  result: "published" | "unchanged";
}

export interface StaleWorkflowFile {
  source_path: string;
  etag: string | null;
  state: "changed" | "removed";
  /** The workflow that was last published from this file; null if none was. */
  workflow_key: string | null;
}

export interface WorkflowRow {
  workflow_key: string;
  version: number;
  sha256: string;
  description: string | null;
  trigger: CompiledTrigger;
  steps: number;
  published_at: string;
  /** Why the newest upload was refused; null or empty when what is published is what was uploaded. */
  problems: Problem[] | null;
}

export interface WorkflowDetail extends Omit<WorkflowRow, "steps"> {
  source: string;
  compiled: CompiledWorkflow;
}

// --- dispatch and events

export interface DispatchRequest {
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
  event_id: string | number;
  result: "created" | "existing" | "conflict";
  workflow_run_ids: string[];
}

// --- queue and completion

export interface LeasedJob {
  job_id: number;
  lease_token: string;
  workflow_run_id: string;
  workflow_key: string;
  step_id: string;
  user_id: string;
  intent_id: string | null;
  /** 1 for the first. */
  attempt: number;
  max_attempts: number;
  agent: string;
  config: { call: string; method: "GET" | "POST"; timeout_ms: number };
  run_payload: unknown;
  /** Outputs of the parent steps by step id. */
  inputs: Json;
  idempotency_key: string;
}

export interface Lease {
  jobs: LeasedJob[];
  /** Milliseconds until the next job that is not yet due; null if there is none. */
  next_due_ms: number | null;
  /** Jobs that rate limits put off in this call; others may stand behind them. */
  deferred: number;
}

export interface HeldLease {
  job_id: number;
  lease_token: string;
}

/** How an attempt ended, as complete_jobs takes it. */
export interface JobResult extends HeldLease {
  /** Its number, so that a late result is kept with the right attempt. */
  attempt?: number;
  outcome: "success" | "retry" | "dead";
  output?: unknown;
  status_code?: number;
  error_class?: ErrorClass;
  error_text?: string;
  /** When the agent wants to be called again; without it the backoff decides. */
  retry_after_ms?: number;
  /** How long the agent wants no calls at all. */
  hold_key_ms?: number;
  logs?: Json;
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

export interface TakenTokens {
  allowed: boolean;
  tokens: number | null;
  capacity: number | null;
  refill_rate: number | null;
  retry_after_ms: number;
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
}

// --- operators

export interface RunRow extends Json {
  workflow_run_id: string;
  workflow_key: string;
  user_id: string;
  status: RunStatus;
}

export interface JobRow extends Json {
  job_id: number;
  workflow_run_id: string;
  step_id: string;
  status: JobStatus;
}

export interface JobDetail extends JobRow {
  /** The attempts themselves; `attempts` is their number. */
  attempt_history: Json[];
}

export interface RunDetail extends RunRow {
  jobs: JobDetail[];
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

export interface Health {
  ok: boolean;
  database_time: string;
  /** Jobs by status; a status without jobs is left out. */
  queue: Partial<Record<JobStatus, number>>;
  oldest_ready_seconds: number;
  workers_alive: number;
  last_tick_at: string | null;
  last_cron_tick_at: string | null;
  warnings: string[];
}

// --- agents

export interface AgentReplyClaim {
  state: "started" | "in_progress" | "done" | "conflict";
  claim_token: string | null;
  status_code: number | null;
  body: unknown;
  retry_after_ms: number | null;
}
