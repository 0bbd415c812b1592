// The words for the state of jobs and runs and the classes of step errors. The database's check
// constraints hold the same words; a path test compares the two.

/** Every state of a job, in the order in which a job passes through them. */
export const JOB_STATUSES = [
  "waiting",
  "queued",
  "leased",
  "running",
  "parked",
  "success",
  "failed",
  "dead",
  "skipped",
  "cancelled",
] as const;

/**
 * `waiting`: dependencies are open. `queued`: ready. `leased`: a worker holds it. `running`: the
 * call outlived a heartbeat. `failed`: the last attempt failed and a retry is due at `next_run_at`.
 * `dead`: a permanent error, or no attempts left.
 */
export type JobStatus = (typeof JOB_STATUSES)[number];

/** Every state of a run. */
export const RUN_STATUSES = ["running", "success", "failed", "cancelled", "skipped"] as const;

export type RunStatus = (typeof RUN_STATUSES)[number];

/** Why an attempt ended without success; stored with the attempt. */
export const ERROR_CLASSES = [
  "network",
  "timeout",
  "rate_limited",
  "http_5xx",
  "http_4xx",
  "agent_error",
  "invalid_response",
  "output_too_large",
  "lease_expired",
  "in_progress",
  "expression",
  "validation",
  "rejected",
  "items_failed",
  "sub_workflow",
  "run_timeout",
  "internal",
] as const;

/** Why a job was skipped; `upstream_failed` alone counts as a failure behind it. */
export const SKIP_REASONS = ["condition", "dependency", "upstream_failed", "concurrency"] as const;

export type SkipReason = (typeof SKIP_REASONS)[number];

/** What a parked job waits for. */
export const PARK_REASONS = ["event", "timer", "items", "run", "callback", "slot"] as const;

export type ParkReason = (typeof PARK_REASONS)[number];

export type ErrorClass = (typeof ERROR_CLASSES)[number];
