// What a parked step waits for, in sentences.
import type { Run, RunJob } from "../../../../supabase/functions/_shared/contract/dashboard.ts";
import type { Reason } from "./explain.ts";
import { readTime } from "./steps.ts";

export function explainParked(job: RunJob, run: Run): Reason[] {
  const parked = job.parked ?? {};
  const until = readTime(parked.until);
  switch (parked.for) {
    case "event":
      return explainWait(job, parked, until);
    case "timer":
      return [{ text: "Sleeps. It goes on", until }];
    case "items": {
      const { items } = job;
      if (!items) return [{ text: "Waits for its items." }];
      return [{
        text:
          `Waits for its items: ${items.succeeded} of ${items.total} succeeded, ${items.failed} failed, ${items.open} are open; it needs ${items.needed} to succeed.`,
      }];
    }
    case "run": {
      const id = String(parked.workflow_run_id ?? "");
      const sub = run.sub_runs.find(({ workflow_run_id }) => workflow_run_id === id);
      return [{
        text: `Waits for the run that it started${
          sub === undefined ? "" : ` (${sub.workflow_key}, ${sub.status})`
        }.`,
        ...(id === "" ? {} : { link: { parts: ["runs", id], text: "Go to that run" } }),
      }];
    }
    case "callback":
      return [{
        text: until === null
          ? "The agent took the work (202) and will call back."
          : "The agent took the work (202) and will call back. It is given up",
        until,
      }];
    case "slot":
      return [{
        text:
          "Waits for a free slot: as many runs with this concurrency key are live as may be at once.",
        link: {
          parts: ["runs"],
          query: { workflow_key: run.workflow_key, status: "running" },
          text: "See the live runs of this workflow",
        },
      }];
    default:
      return [{ text: "Waits without a worker.", until }];
  }
}

function explainWait(
  { payload }: RunJob,
  parked: Record<string, unknown>,
  until: string | null,
): Reason[] {
  const { event = "an unknown type", match } = payload.wait ?? {};
  const faults = Array.isArray(parked.match_failed) ? parked.match_failed : [];
  return [
    {
      text: `Waits for an event of the type ${event}, or for somebody to approve or reject it.`,
    },
    ...(match === undefined ? [] : [{ text: "The event has to match:", code: match }]),
    ...(until === null ? [] : [{ text: "It stops waiting", until }]),
    ...faults.map((fault) => ({
      text: "An event was not taken:",
      code: String(fault),
    })),
  ];
}
