// What the database tells of runs that are to be exported as traces. Times are microseconds since 1970.
import type { JobStatus, RunStatus } from "../contract/statuses.ts";

export interface TraceClaim {
  workflow_run_id: string;
  lease_token: string;
}

/** What another run's span is found by. */
interface OtherRun {
  workflow_run_id: string;
  trace_parent: string | null;
}

/** A claimed run that has ended. */
export interface TracedRun extends TraceClaim {
  /** How often it was claimed, with this time. */
  tries: number;
  /** Its spans until then were exported before: it was restarted in place. */
  since_us: number | null;
  workflow_key: string;
  version: number | null;
  status: RunStatus;
  trigger_type: string;
  trace_parent: string | null;
  trace_state: string | null;
  started_us: number;
  finished_us: number;
  /** The job that started it, in another trace. */
  parent: (OtherRun & { since_us: number | null; step_no: number; item_index: number }) | null;
  restarted_from: OtherRun | null;
}

/** A claimed run that was deleted meanwhile. */
export interface GoneRun extends TraceClaim {
  status: null;
}

export interface TracedAttempt {
  attempt: number;
  started_us: number;
  finished_us: number;
  success: boolean;
  status_code: number | null;
  error_class: string | null;
}

export interface TracedJob {
  workflow_run_id: string;
  step_no: number;
  item_index: number;
  job_id: number;
  step_id: string;
  agent: string;
  kind: string;
  /** Its attempts are calls of an agent. */
  calls: boolean;
  method: string;
  status: JobStatus;
  skip_reason: string | null;
  error_class: string | null;
  started_us: number;
  finished_us: number;
  attempts: TracedAttempt[];
}
