// What apps are told of a live run: the shape of GET /runs/:id/events.
import type { JobStatus, RunStatus } from "./statuses.ts";

/** How far a run is. Times are ISO strings. */
export interface Progress {
  workflow_run_id: string;
  workflow_key: string;
  status: RunStatus;
  created_at: string;
  finished_at: string | null;
  steps: StepProgress[];
}

export interface StepProgress {
  step_id: string;
  /** Never `leased`: that is `running` here. */
  status: JobStatus;
  /** 0 before the first. */
  attempt: number;
  /** Of a fan-out that has begun; what is in none of the three was skipped or cancelled. */
  items: { total: number; open: number; succeeded: number; failed: number } | null;
  started_at: string | null;
  finished_at: string | null;
}

/** The data of an event `progress`. */
export interface ProgressEvent extends Progress {
  /** All steps are there; else those that changed since the event before. */
  is_whole: boolean;
}

/** The data of an event `end`, the last one. */
export interface EndEvent {
  workflow_run_id: string;
  status: RunStatus;
}
