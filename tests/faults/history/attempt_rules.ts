// Rules on attempts: the calls that agents got and the attempts that the database counts are the same
// ones. Pure.
import type { AgentCall } from "./agent_log.ts";
import {
  type AttemptRow,
  type HistoryIndex,
  type JobRow,
  namePlace,
  type Violation,
} from "./history.ts";

export function* findUncountedCalls(history: HistoryIndex): Generator<Violation> {
  for (const [place, calls] of history.callsByPlace) {
    const job = history.jobByPlace.get(place);
    if (job === undefined) continue;
    const rows = history.attemptsByJob.get(job.job) ?? [];
    const recorded = new Set(rows.map(({ attempt }) => attempt));
    const before = new Map<string, AgentCall>();
    for (const call of calls) {
      const { key, attempt } = call;
      const earlier = before.get(`${key} ${attempt}`);
      if (earlier !== undefined && !hadNoAnswer(earlier)) {
        yield {
          rule: "an attempt calls its agent again only over a connection that broke",
          detail: `${place}: attempt ${attempt} called the agent twice`,
        };
      }
      before.set(`${key} ${attempt}`, call);
      // Whoever cancels a job does not wait for its attempt.
      if (recorded.has(attempt) || job.status === "cancelled") continue;
      yield {
        rule: "every call has its attempt",
        detail: `${place}: attempt ${attempt} called the agent and is not in the database`,
      };
    }
    yield* findCallsAfterSuccess(place, calls, job, rows);
  }
}

/**
 * The connection ended before the first byte of an answer: the worker's HTTP client, which is fetch of Deno,
 * then sends the request once more over a new one, with the same headers.
 */
function hadNoAnswer({ answer }: AgentCall): boolean {
  return answer === null || (answer.status === null && !answer.delivered);
}

function* findCallsAfterSuccess(
  place: string,
  calls: AgentCall[],
  job: JobRow,
  rows: AttemptRow[],
): Generator<Violation> {
  if (job.generation !== 0) return;
  const success = rows.find(({ success, isLate }) => success && !isLate);
  for (const { attempt } of calls) {
    if (success === undefined || attempt <= success.attempt) continue;
    yield {
      rule: "no step is called after its success was settled",
      detail: `${place}: attempt ${success.attempt} succeeded, attempt ${attempt} called the agent`,
    };
  }
}

export function* findUnexplainedAttempts(history: HistoryIndex): Generator<Violation> {
  for (const job of history.jobs) {
    if (!job.callsAgent) continue;
    const place = namePlace(job);
    const rows = history.attemptsByJob.get(job.job) ?? [];
    const called = new Set((history.callsByPlace.get(place) ?? []).map(({ attempt }) => attempt));
    for (const { attempt, success, statusCode, errorClass } of rows) {
      // Whatever has a status was answered by somebody; the others may have failed on the way.
      if ((success || statusCode !== null) && !called.has(attempt)) {
        yield {
          rule: "every answered attempt has its call",
          detail: `${place}: attempt ${attempt} ended with ${
            errorClass ?? "success"
          } and called nobody`,
        };
      }
    }
    yield* findMiscountedAttempts(place, job, rows);
  }
}

function* findMiscountedAttempts(
  place: string,
  job: JobRow,
  rows: AttemptRow[],
): Generator<Violation> {
  const inTime = rows.filter(({ isLate }) => !isLate);
  const successes = inTime.filter(({ success }) => success).length;
  const wanted = job.status === "success" ? 1 : 0;
  if (job.generation === 0 && successes !== wanted) {
    yield {
      rule: "a success is settled once",
      detail: `${place}: the job is ${job.status} and has ${successes} successful attempts`,
    };
  }
  const isCounted = job.status === "success" || job.status === "dead";
  if (isCounted && job.generation === 0 && inTime.length !== job.attempts) {
    yield {
      rule: "attempts add up",
      detail: `${place}: the job counts ${job.attempts} attempts and has ${inTime.length}`,
    };
  }
}
