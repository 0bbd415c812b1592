// The words for the state of jobs and runs and the classes of step errors. The database's check
// constraints hold the same words; a path test compares the two.

/** Every state of a job, in the order in which a job passes through them. */
export const JOB_STATUSES = [
  "waiting",
  "queued",
  "leased",
  "running",
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
export const RUN_STATUSES = ["running", "success", "failed", "cancelled"] as const;

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
  "internal",
] as const;

export type ErrorClass = (typeof ERROR_CLASSES)[number];
