// Rule on counters: what a scrape says is what the rows say, as long as nothing was pruned. Pure.
import type { HistoryIndex, Violation } from "./history.ts";

/** A family by the labels that rows know of. */
interface Counted {
  metric: string;
  /** Places of these labels among the family's. */
  labels: number[];
  count(history: HistoryIndex): Map<string, number>;
}

const FAMILIES: Counted[] = [
  {
    metric: "runs_started_total",
    labels: [0],
    count: ({ runs }) => tally(runs, ({ workflow }) => [workflow]),
  },
  {
    metric: "runs_finished_total",
    labels: [0, 1],
    count: ({ runs }) =>
      tally(
        runs.filter(({ status }) => status !== "running"),
        ({ workflow, status }) => [workflow, status],
      ),
  },
  {
    metric: "step_attempts_total",
    labels: [0, 1, 3],
    count: (history) =>
      tally(
        history.attempts.filter(({ isLate }) => !isLate),
        ({ job, errorClass }) => [...nameStep(history, job), errorClass ?? ""],
      ),
  },
  {
    metric: "lease_expired_total",
    labels: [0],
    count: (history) =>
      tally(
        history.attempts.filter((row) => !row.isLate && row.errorClass === "lease_expired"),
        ({ job }) => nameStep(history, job).slice(0, 1),
      ),
  },
  {
    metric: "jobs_dead_total",
    labels: [0, 1],
    count: (history) =>
      tally(
        history.jobs.filter(({ status }) => status === "dead"),
        ({ job }) => nameStep(history, job),
      ),
  },
];

export function* findWrongCounters(history: HistoryIndex): Generator<Violation> {
  for (const { metric, labels, count } of FAMILIES) {
    const counted = new Map<string, number>();
    for (const row of history.counters) {
      if (row.metric !== metric) continue;
      const name = labels.map((place) => row.labels[place]).join(" ");
      counted.set(name, (counted.get(name) ?? 0) + row.value);
    }
    const expected = count(history);
    for (const name of new Set([...counted.keys(), ...expected.keys()])) {
      const [said, is] = [counted.get(name) ?? 0, expected.get(name) ?? 0];
      if (said === is) continue;
      yield {
        rule: "counters say what rows say",
        detail: `${metric} of ${name} is ${said}, the rows have ${is}`,
      };
    }
  }
}

function nameStep({ jobById, runById }: HistoryIndex, job: string): string[] {
  const row = jobById.get(job);
  const run = row === undefined ? undefined : runById.get(row.run);
  return [run?.workflow ?? "unknown", row?.step ?? "unknown"];
}

function tally<T>(rows: T[], name: (row: T) => string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const row of rows) {
    const key = name(row).join(" ");
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return counts;
}
