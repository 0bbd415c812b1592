// Rules on how runs and jobs ended: nothing is left over, nothing that was promised is missing. Pure.
import type { HistoryIndex, Violation } from "./history.ts";

const UNFINISHED = new Set(["waiting", "queued", "leased", "running", "parked", "failed"]);

/** Whoever was told of a run finds it. */
export function* findMissingRuns(history: HistoryIndex): Generator<Violation> {
  for (const run of history.acknowledged) {
    if (history.runById.has(run)) continue;
    yield { rule: "an acknowledged run is there", detail: `run ${run} is not in the database` };
  }
}

export function* findUnendedRuns(history: HistoryIndex): Generator<Violation> {
  for (const { run, workflow, status } of history.runs) {
    const expected = history.expectedEnds[workflow];
    if (status === "running") {
      yield { rule: "every run ended", detail: `run ${run} of ${workflow} is running` };
    } else if (expected !== undefined && status !== expected) {
      yield {
        rule: "every run ended as its workflow does",
        detail: `run ${run} of ${workflow} is ${status} and not ${expected}`,
      };
    }
  }
}

export function* findStuckJobs(history: HistoryIndex): Generator<Violation> {
  for (const { job, run, step, item, status, isLeased } of history.jobs) {
    const name = `job ${job} (step ${step}, item ${item} of run ${run})`;
    if (UNFINISHED.has(status)) yield { rule: "no job is stuck", detail: `${name} is ${status}` };
    if (isLeased) yield { rule: "no lease is held", detail: `${name} is leased` };
  }
}

export function* findBrokenInvariants(history: HistoryIndex): Generator<Violation> {
  for (const { invariant, row } of history.broken) {
    yield { rule: "the database's invariants hold", detail: `${invariant} ${JSON.stringify(row)}` };
  }
}
