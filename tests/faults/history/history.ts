// What is checked after a load: the agents' log beside the rows of the database.
import type { AgentCall } from "./agent_log.ts";

export interface RunRow {
  run: string;
  workflow: string;
  status: string;
}

export interface JobRow {
  job: string;
  run: string;
  step: string;
  /** -1: the step's own job. */
  item: number;
  status: string;
  attempts: number;
  generation: number;
  /** A worker holds it. */
  isLeased: boolean;
  /** It calls an agent; the others are decided by the worker or by SQL. */
  callsAgent: boolean;
  /** `value` of its output; null where it has none. */
  value: string | null;
  /** The output is in Storage, so its value is not known here. */
  isValueElsewhere: boolean;
}

export interface AttemptRow {
  job: string;
  attempt: number;
  success: boolean;
  /** The result came after the lease was lost, and changed nothing. */
  isLate: boolean;
  statusCode: number | null;
  errorClass: string | null;
}

/** One sample of a counter, with its labels in the order of the family. */
export interface CounterRow {
  metric: string;
  labels: string[];
  value: number;
}

export interface History {
  calls: AgentCall[];
  runs: RunRow[];
  jobs: JobRow[];
  attempts: AttemptRow[];
  counters: CounterRow[];
  /** What `orchestrator.check_invariants()` found. */
  broken: { invariant: string; row: unknown }[];
  /** Runs that a caller was told of. */
  acknowledged: string[];
  /** How the runs of each workflow must end; a workflow that is not named may end in any way. */
  expectedEnds: Record<string, string>;
}

export interface Violation {
  rule: string;
  detail: string;
}

/** Looks into a history by what belongs together; made once, in time linear in its rows. */
export interface HistoryIndex extends History {
  runById: ReadonlyMap<string, RunRow>;
  jobById: ReadonlyMap<string, JobRow>;
  jobByPlace: ReadonlyMap<string, JobRow>;
  callsByPlace: ReadonlyMap<string, AgentCall[]>;
  attemptsByJob: ReadonlyMap<string, AttemptRow[]>;
}

/** A step of a run, or one item of it. */
export function namePlace(
  { run, step, item }: { run: string; step: string; item: number },
): string {
  return `${run} ${step} ${item}`;
}

export function indexHistory(history: History): HistoryIndex {
  return {
    ...history,
    runById: new Map(history.runs.map((row) => [row.run, row])),
    jobById: new Map(history.jobs.map((row) => [row.job, row])),
    jobByPlace: new Map(history.jobs.map((row) => [namePlace(row), row])),
    callsByPlace: groupBy(history.calls, namePlace),
    attemptsByJob: groupBy(history.attempts, ({ job }) => job),
  };
}

export function groupBy<T>(list: T[], name: (it: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const it of list) {
    const key = name(it);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [it]);
    else group.push(it);
  }
  return groups;
}
