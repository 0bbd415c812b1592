// The part of the benchmark that asks whether the rate holds while another session holds a snapshot open, as
// a long query of a dashboard or pg_dump does; and what is asked while nothing is to be done. Takes minutes;
// only `--only=soak` and the full mode run it.
import { type BenchServer, withDatabase } from "./database.ts";
import type { Figures } from "./figures.ts";
import { measureIdleness } from "./soak_idle.ts";
import { drainFor, prepareBacklog } from "./long_drain.ts";

const HELD = { seconds: 45, batch: 10, connections: 4, jobs: 450_000 };

/** Measures each once. */
export async function measureSoakOnce(
  server: BenchServer,
  figures: Figures,
  say: (line: string) => void,
): Promise<void> {
  await measureHeldSnapshot(server, figures, say);
  const idle = await measureIdleness(server, say);
  if (idle !== undefined) {
    figures.add("idle_statements_5min", idle.statements);
    figures.add("idle_http_calls_5min", idle.httpCalls);
  }
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
