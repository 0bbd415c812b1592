// What a history holds, counted for people: runs by their end, repeated calls by their cause, attempts
// that reached nobody. Pure.
import { type History, indexHistory } from "./history.ts";

export type Counts = Record<string, number>;

/** The worker's HTTP client sent a request once more over a new connection, within one attempt. */
const RESENT = "sent again by the HTTP client";
/** A worker that stood still began an attempt after another worker had begun the next one. */
const OVERTAKEN = "overtaken by the next attempt";

export interface HistorySummary {
  calls: number;
  jobs: number;
  runsByEnd: Counts;
  /** Calls of a step that had been called before, by what became of the attempt before. */
  duplicatesByCause: Counts;
  /** Attempts of steps that call an agent, and did not, by their class. */
  attemptsWithoutCall: Counts;
  lateResults: number;
  /** Unusual answers of agents. */
  agentFaults: Counts;
}

export function summarizeHistory(history: History): HistorySummary {
  const { jobByPlace, callsByPlace, attemptsByJob, jobById } = indexHistory(history);
  const duplicatesByCause: Counts = {};
  const attemptsWithoutCall: Counts = {};
  const calledByJob = new Map<string, Set<number>>();
  for (const [place, calls] of callsByPlace) {
    const job = jobByPlace.get(place);
    const rows = (job === undefined ? undefined : attemptsByJob.get(job.job)) ?? [];
    if (job !== undefined) calledByJob.set(job.job, new Set(calls.map(({ attempt }) => attempt)));
    const classOf = new Map(
      rows.filter(({ isLate }) => !isLate).map((row) => [row.attempt, row.errorClass ?? "success"]),
    );
    const attempted = new Set<number>();
    let latest = 0;
    for (const [place, { attempt }] of calls.entries()) {
      const cause = attempted.has(attempt)
        ? RESENT
        : attempt < latest
        ? OVERTAKEN
        : classOf.get(attempt - 1) ?? "unknown";
      if (place > 0) count(duplicatesByCause, cause);
      attempted.add(attempt);
      latest = Math.max(latest, attempt);
    }
  }
  for (const { job, attempt, isLate, errorClass } of history.attempts) {
    if (isLate || !jobById.get(job)?.callsAgent || calledByJob.get(job)?.has(attempt)) continue;
    count(attemptsWithoutCall, errorClass ?? "success");
  }
  const runsByEnd: Counts = {};
  for (const { status } of history.runs) count(runsByEnd, status);
  const agentFaults: Counts = {};
  for (const { answer } of history.calls) {
    if (answer?.fault) count(agentFaults, answer.fault);
  }
  return {
    calls: history.calls.length,
    jobs: history.jobs.length,
    runsByEnd,
    duplicatesByCause,
    attemptsWithoutCall,
    lateResults: history.attempts.filter(({ isLate }) => isLate).length,
    agentFaults,
  };
}

function count(counts: Counts, name: string): void {
  counts[name] = (counts[name] ?? 0) + 1;
}
