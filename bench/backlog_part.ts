// The part of the benchmark that asks whether the rate depends on how long the backlog is: 200,000 jobs at
// once against the same in backlogs of 20,000, with autovacuum as shipped.
import { type BenchServer, withDatabase } from "./database.ts";
import type { Figures } from "./figures.ts";
import { drainFor, prepareBacklog } from "./long_drain.ts";
import { dispatchRuns, drain } from "./ours/calls.ts";

const LARGE = 200_000;
const SMALL = 20_000;
const BATCH = 100;

/** One after the other. As many jobs each: a short drain ends before autovacuum and write-back begin. */
export async function measureBacklogOnce(
  server: BenchServer,
  figures: Figures,
  say: (line: string) => void,
): Promise<void> {
  say(`${LARGE} jobs in backlogs of ${SMALL}`);
  const smallRate = await drainInParts(server);
  say(`a backlog of ${LARGE} jobs`);
  const large = await withDatabase(server, async (database) => {
    await prepareBacklog(database, LARGE);
    return await drainFor(database, { batch: BATCH, connections: 1, jobs: LARGE });
  });
  figures.add("backlog_20k_jobs_per_s", smallRate);
  figures.add("backlog_200k_jobs_per_s", large.rate);
  figures.add("backlog_200k_over_20k", large.rate / smallRate);
  figures.add("autovacuum_last_over_first", large.last / large.first);
}

/** Drains one small backlog after the other, and counts the time of the drains alone. */
async function drainInParts(server: BenchServer): Promise<number> {
  return await withDatabase(server, async (database) => {
    await prepareBacklog(database, SMALL);
    const rpc = database.connectRpc();
    await rpc.completeJobs({ workerId: "w", results: [] });
    let seconds = 0;
    for (let drained = 0; drained < LARGE; drained += SMALL) {
      if (drained > 0) await dispatchRuns(rpc, "chain_1", SMALL);
      const startedAt = performance.now();
      const jobs = await drain(rpc, "w", BATCH);
      seconds += (performance.now() - startedAt) / 1000;
      if (jobs !== SMALL) throw new Error(`drained ${jobs} of ${SMALL} jobs`);
    }
    return LARGE / seconds;
  });
}
