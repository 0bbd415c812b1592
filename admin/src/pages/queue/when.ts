// The one time of a job that matters in its status: when it goes on, or since when it stands still.
import type { ListedJob } from "../../../../supabase/functions/_shared/contract/dashboard.ts";
import type { PARK_REASONS } from "../../../../supabase/functions/_shared/contract/statuses.ts";
import { html } from "../../html.ts";
import { Time } from "../../ui/time.ts";

const PARKED_FOR: Record<typeof PARK_REASONS[number], string> = {
  event: "for an event",
  timer: "for a time",
  items: "for its items",
  run: "for a sub-run",
  callback: "for a callback",
  slot: "for a slot",
};

export function describeWhen(job: ListedJob) {
  const { word, at } = readWhen(job);
  return html`<span>${word}${" "}<${Time} at=${at} ago /></span>`;
}

function readWhen(job: ListedJob): { word: string; at: string } {
  const { status, next_run_at, created_at, started_at, finished_at } = job;
  switch (status) {
    case "queued":
      return {
        word: Date.parse(next_run_at) > Date.now() ? "due" : "ready since",
        at: next_run_at,
      };
    case "failed":
      return { word: "next try", at: next_run_at };
    case "leased":
    case "running":
      return {
        word: `at ${job.leased_by ?? "a worker"}, begun`,
        at: started_at ?? created_at,
      };
    case "parked": {
      const until = job.parked?.until;
      return typeof until === "string" && !Number.isNaN(Date.parse(until))
        ? { word: `waits ${describePark(job)}, until`, at: until }
        : {
          word: `waits ${describePark(job)}, begun`,
          at: started_at ?? created_at,
        };
    }
    case "waiting":
      return { word: "made", at: created_at };
    default:
      return { word: "ended", at: finished_at ?? created_at };
  }
}

function describePark({ parked }: ListedJob): string {
  const reason = parked?.for as keyof typeof PARKED_FOR | undefined;
  return (reason && PARKED_FOR[reason]) ?? "without a worker";
}
