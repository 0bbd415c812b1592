// The part of the benchmark that asks whether the rate holds: a backlog of 200,000 jobs against one of
// 20,000 with autovacuum as shipped, and a drain while another session holds a snapshot open, as a
// long query of a dashboard or pg_dump does; and what is asked while nothing is to be done. Takes
// minutes; only `--only=soak` and the full mode run it.
import { type BenchDatabase, type BenchServer, withDatabase } from "./database.ts";
import { type Figures, percentile } from "./figures.ts";
import { measureIdleness } from "./soak_idle.ts";
import { drain } from "./ours/calls.ts";
import { addQueuedJobs, prepareWorkflows } from "./growth_rows.ts";

const WINDOW_S = 5;
const LARGE = 200_000;
const SMALL = 20_000;
const HELD = { seconds: 45, batch: 10, connections: 4, jobs: 450_000 };

/** Measures each once. */
export async function measureSoakOnce(
  server: BenchServer,
  figures: Figures,
  say: (line: string) => void,
): Promise<void> {
  await measureBacklog(server, figures, say);
  await measureHeldSnapshot(server, figures, say);
  const idle = await measureIdleness(server, say);
  if (idle !== undefined) {
    figures.add("idle_statements_5min", idle.statements);
    figures.add("idle_http_calls_5min", idle.httpCalls);
  }
}

async function measureBacklog(
  server: BenchServer,
  figures: Figures,
  say: (line: string) => void,
): Promise<void> {
  const drainBacklog = async (jobs: number) => {
    say(`a backlog of ${jobs} jobs`);
    return await withDatabase(server, async (database) => {
      await prepareBacklog(database, jobs);
      return await drainFor(database, { batch: 100, connections: 1, jobs });
    });
  };
  // On both sides of the large one, so that a machine that grows slower is not taken for a slower queue.
  const before = await drainBacklog(SMALL);
  const large = await drainBacklog(LARGE);
  const after = await drainBacklog(SMALL);
  const smallRate = percentile([before.rate, after.rate], 50);
  figures.add("backlog_20k_jobs_per_s", smallRate);
  figures.add("backlog_200k_jobs_per_s", large.rate);
  figures.add("backlog_200k_over_20k", large.rate / smallRate);
  figures.add("autovacuum_last_over_first", large.last / large.first);
}

async function measureHeldSnapshot(
  server: BenchServer,
  figures: Figures,
  say: (line: string) => void,
): Promise<void> {
  say(`${HELD.seconds} s of draining under a held snapshot`);
  await withDatabase(server, async (database) => {
    await prepareBacklog(database, HELD.jobs);
    const holder = database.connect();
    await holder`begin isolation level repeatable read`;
    await holder`select count(*) from public.workflow_definitions`;
    const held = await drainFor(database, HELD);
    await holder`rollback`;
    figures.add("held_snapshot_first_jobs_per_s", held.first);
    figures.add("held_snapshot_last_jobs_per_s", held.last);
    figures.add("held_snapshot_last_over_first", held.last / held.first);
  });
}

async function prepareBacklog(database: BenchDatabase, jobs: number): Promise<void> {
  await prepareWorkflows(database);
  await addQueuedJobs(database, jobs);
  await database.settleDown();
}

interface SoakRates {
  rate: number;
  /** Jobs per second in the first and in the last window. */
  first: number;
  last: number;
}

/** Drains until the time is over or nothing is due. */
async function drainFor(
  database: BenchDatabase,
  { batch, connections, jobs, seconds = Infinity }: {
    batch: number;
    connections: number;
    jobs: number;
    seconds?: number;
  },
): Promise<SoakRates> {
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
