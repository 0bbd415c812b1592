// A drain that is long enough to ask whether the rate holds.
import type { BenchDatabase } from "./database.ts";
import { addQueuedJobs, prepareWorkflows } from "./growth_rows.ts";
import { drain } from "./ours/calls.ts";

const WINDOW_S = 5;

/** A backlog of runs of one step, in the state in which each drain starts. */
export async function prepareBacklog(database: BenchDatabase, jobs: number): Promise<void> {
  await prepareWorkflows(database);
  await addQueuedJobs(database, jobs);
  await database.settleDown();
}

export interface LongDrain {
  rate: number;
  /** Jobs per second in the first and in the last five seconds. */
  first: number;
  last: number;
}

/** Drains until the time is over or nothing is due. */
export async function drainFor(
  database: BenchDatabase,
  { batch, connections, jobs, seconds = Infinity }: {
    batch: number;
    connections: number;
    jobs: number;
    seconds?: number;
  },
): Promise<LongDrain> {
  const workers = Array.from({ length: connections }, () => database.connectRpc());
  // Plans and connections are ready before the clock starts.
  await Promise.all(workers.map((rpc) => rpc.completeJobs({ workerId: "w", results: [] })));
  const startedAt = performance.now();
  const passed = () => (performance.now() - startedAt) / 1000;
  const landed: { at: number; jobs: number }[] = [];
  const drained = await Promise.all(
    workers.map((rpc, at) =>
      drain(rpc, `w${at}`, batch, (count) => {
        landed.push({ at: passed(), jobs: count });
        return passed() < seconds;
      })
    ),
  );
  const total = drained.reduce((sum, count) => sum + count, 0);
  const end = landed[landed.length - 1].at;
  if (seconds === Infinity && total !== jobs) {
    throw new Error(`drained ${total} of ${jobs} jobs`);
  }
  if (seconds !== Infinity && total >= jobs) {
    throw new Error(`${jobs} jobs were drained in ${end.toFixed(0)} s: too few to fill the time`);
  }
  const countBetween = (from: number, to: number) =>
    landed.filter(({ at }) => at > from && at <= to).reduce((sum, { jobs }) => sum + jobs, 0);
  return {
    rate: total / end,
    first: countBetween(0, WINDOW_S) / WINDOW_S,
    last: countBetween(end - WINDOW_S, end) / WINDOW_S,
  };
}
