// A status as a shape, a word and a colour: the first two are enough to tell it.
import type {
  JobStatus,
  RunStatus,
} from "../../../supabase/functions/_shared/contract/statuses.ts";
import { html } from "../html.ts";

type Status = JobStatus | RunStatus;

/** Drawn in a box of 16 by 16. */
const SHAPES: Record<Status, string> = {
  waiting: "M4 7.2h1.6v1.6H4zM7.2 7.2h1.6v1.6H7.2zM10.4 7.2H12v1.6h-1.6z",
  queued:
    "M8 2.5a5.5 5.5 0 1 0 0 11a5.5 5.5 0 1 0 0-11M8 4.3a3.7 3.7 0 1 1 0 7.4a3.7 3.7 0 1 1 0-7.4",
  leased: "M8 2.5a5.5 5.5 0 1 0 0 11a5.5 5.5 0 1 0 0-11M8 4.3v7.4a3.7 3.7 0 0 1 0-7.4",
  running: "M4.5 2.8L13 8l-8.5 5.2z",
  parked: "M4 3h2.8v10H4zM9.2 3H12v10H9.2z",
  success: "M6.3 12.8L1.9 8.4l1.7-1.7l2.7 2.7l6.1-6.1l1.7 1.7z",
  failed: "M13.2 8a5.2 5.2 0 1 1-1.9-4V2.2H13V7H8.2V5.3h2a3.5 3.5 0 1 0 1.3 2.7z",
  dead:
    "M3.9 2.5L8 6.6l4.1-4.1l1.4 1.4L9.4 8l4.1 4.1l-1.4 1.4L8 9.4l-4.1 4.1l-1.4-1.4L6.6 8L2.5 3.9z",
  skipped: "M2.5 3.5L8 8l-5.5 4.5zM8 3.5L13.5 8L8 12.5z",
  cancelled: "M3 3h10v10H3zM5 5v6h6V5z",
};

/** A run's own words where they differ: its `failed` is an end, not a retry. */
const RUN_SHAPES: Partial<Record<Status, string>> = { failed: SHAPES.dead };

const WORDS: Partial<Record<Status, string>> = { failed: "retrying" };

export interface StatusProps {
  status: Status;
  /** What it belongs to: `failed` is a retry to come for a job and the end of a run. */
  of?: "job" | "run";
  /** Instead of the word, such as `37 of 40`. */
  word?: string;
}

export function statusWord(status: Status, of: "job" | "run" = "job"): string {
  return of === "job" ? WORDS[status] ?? status : status;
}

export function statusShape(status: Status, of: "job" | "run" = "job"): string {
  return (of === "run" ? RUN_SHAPES[status] : undefined) ?? SHAPES[status];
}

/** The class that colours it. */
export function statusClass(status: Status, of: "job" | "run" = "job"): string {
  return of === "run" && status === "failed" ? "is-dead" : `is-${status}`;
}

export function StatusBadge({ status, of = "job", word }: StatusProps) {
  return html`
    <span class="status ${statusClass(status, of)}">
      <svg viewBox="0 0 16 16" aria-hidden="true">
        <path fill-rule="evenodd" d=${statusShape(status, of)} />
      </svg>
      <span>${word ?? statusWord(status, of)}</span>
    </span>
  `;
}
