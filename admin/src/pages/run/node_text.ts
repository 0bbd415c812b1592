// What the box of a step says in a graph: its kind or agent, and how far it is.
import type { RunJob } from "../../../../supabase/functions/_shared/contract/dashboard.ts";
import { formatSpan } from "../../ui/time.ts";
import { countItems, describeAttempts, describeItems } from "./steps.ts";

/** Whom it calls, or what it does instead. */
export function describeKind(
  { step_id, kind, agent, payload }: RunJob,
): string {
  switch (kind) {
    case "wait":
      return `waits for ${payload.wait?.event ?? "an event"}`;
    case "sleep":
      return step_id.endsWith(".$if") ? "condition of a template" : "sleeps";
    case "workflow":
      return `runs ${payload.workflow ?? "a workflow"}`;
    case "start":
      return "checks the trigger";
    case "failure":
      return "begins the handlers";
    default:
      return agent;
  }
}

/** Attempts where there was more than one or an end without success, and how long it took. */
export function describeProgress(job: RunJob): string {
  const items = countItems(job);
  if (items !== null) return describeItems(items);
  const { status, attempts, started_at, finished_at } = job;
  const isPlain = status === "success" && attempts <= 1;
  const took = started_at !== null && finished_at !== null
    ? formatSpan(Date.parse(finished_at) - Date.parse(started_at))
    : "";
  return [isPlain ? "" : describeAttempts(job), took].filter((part) => part !== "").join(" · ");
}
