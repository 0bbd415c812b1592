// Why a step is where it is, in sentences: what it waits for, why it was skipped, what failed and when it
// is tried again.
import type { Run, RunJob } from "../../../../supabase/functions/_shared/contract/dashboard.ts";
import { formatSpan } from "../../ui/time.ts";
import { databaseNow } from "./clock.ts";
import { adviseOnError } from "./error_advice.ts";
import { explainParked } from "./explain_parked.ts";
import { hasEnded, readTime } from "./steps.ts";

export interface Reason {
  text: string;
  /** An expression or the words of an error, shown as they are. */
  code?: string | null;
  /** Counted down to. */
  until?: string | null;
  link?: { parts: string[]; query?: Record<string, string>; text: string };
}

const NAMED_STEPS = 4;

export function explainStep(job: RunJob, run: Run): Reason[] {
  switch (job.status) {
    case "waiting":
      return [explainWaiting(job, run)];
    case "queued":
      return [explainQueued(job)];
    case "leased":
    case "running":
      return [{
        text: `Attempt ${job.attempts} of ${job.max_attempts} is under way at ${
          job.leased_by ?? "a worker"
        }.`,
      }];
    case "parked":
      return explainParked(job, run);
    case "failed":
      return [{
        text:
          `Attempt ${job.attempts} of ${job.max_attempts} failed (${job.error_class}). The next one is due`,
        until: readTime(job.next_run_at),
        code: job.error_text,
      }];
    case "dead":
      return [
        {
          text: `Dead: ${job.error_class} ${countAttempts(job.attempts)}.`,
          code: job.error_text,
        },
        { text: adviseOnError(job.error_class) },
      ].filter(({ text }) => text !== "");
    case "skipped":
      return [explainSkipped(job, run)];
    case "cancelled":
      return [{
        text: run.cancel_reason
          ? `Cancelled with its run: ${run.cancel_reason}`
          : "Cancelled with its run.",
      }];
    case "success":
      return job.attempts > 1 ? [{ text: `Succeeded ${countAttempts(job.attempts)}.` }] : [];
  }
}

function countAttempts(attempts: number): string {
  if (attempts === 0) return "without an attempt";
  return attempts === 1 ? "at the first attempt" : `after ${attempts} attempts`;
}

function explainWaiting(job: RunJob, run: Run): Reason {
  if (job.item_index >= 0) {
    return {
      text:
        "Waits for a free place: this fan-out works on a limited number of items at once (max_concurrency).",
    };
  }
  const open = run.jobs.filter(({ step_id, status }) =>
    job.needs.includes(step_id) && !hasEnded({ status })
  ).map(({ step_id }) => step_id);
  return {
    text: open.length === 0
      ? "Waits until the steps before it are settled."
      : `Waits for ${nameSteps(open)}.`,
  };
}

function nameSteps(ids: string[]): string {
  const named = ids.slice(0, NAMED_STEPS).join(", ");
  const more = ids.length - NAMED_STEPS;
  return more > 0 ? `${named} and ${more} more` : named;
}

function explainQueued(job: RunJob): Reason {
  const due = readTime(job.next_run_at);
  if (due === null || Date.parse(due) <= databaseNow()) {
    const forMs = due === null ? 0 : databaseNow() - Date.parse(due);
    return {
      text: forMs < 1_000
        ? "Ready: a worker takes it next."
        : `Ready since ${
          formatSpan(Math.floor(forMs / 1_000) * 1_000)
        }: waits for a worker to take it.`,
    };
  }
  if (job.attempts > 0) return { text: "Ready again", until: due };
  // A run that is dispatched for later holds back its first steps alone.
  if (job.needs.length === 0) {
    return {
      text:
        "Not before its time: the run was dispatched for later, or a rate limit put the step off. It is due",
      until: due,
    };
  }
  return {
    text:
      `Put off by a rate limit: user ${job.user_id} has no token left at agent ${job.agent}. It is due`,
    until: due,
    link: {
      parts: ["rate-limits"],
      query: { text: job.agent },
      text: "See the limits of this agent",
    },
  };
}

function explainSkipped(job: RunJob, run: Run): Reason {
  switch (job.skip_reason) {
    case "condition":
      return {
        text: job.condition
          ? `Skipped: its condition is ${job.condition.result}.`
          : "Skipped: its condition is false.",
        code: job.condition?.expression,
      };
    case "upstream_failed": {
      const failed = run.jobs.filter(({ step_id, status, skip_reason }) =>
        job.needs.includes(step_id) &&
        (status === "dead" || status === "cancelled" ||
          skip_reason === "upstream_failed")
      ).map(({ step_id }) => step_id);
      return {
        text: failed.length === 0
          ? "Skipped: a step before it failed."
          : `Skipped because of what became of ${nameSteps(failed)}.`,
      };
    }
    case "dependency":
      return {
        text: "Skipped: too few of the steps before it succeeded, though none failed.",
      };
    case "concurrency":
      return {
        text: "Skipped: another run with this concurrency key was live (on_conflict: skip).",
      };
    default:
      return { text: "Skipped." };
  }
}
