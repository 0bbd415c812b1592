// The part of the benchmark that asks whether lease, complete and dispatch cost more once the tables
// have grown: against the same calls on empty tables, in turn, before and after pruning.
// Called once a run of the benchmark: its tables are large, and it repeats by itself.
import { type BenchDatabase, type BenchServer, withDatabase } from "./database.ts";
import { type Figures, percentile } from "./figures.ts";
import { dispatchRuns, LEASE_MS, succeed } from "./ours/calls.ts";
import { addFinishedJobs, addWaitingJobs, prepareWorkflows } from "./growth_rows.ts";
import type { BenchSettings } from "./settings.ts";
import { listRetention } from "../supabase/functions/_shared/contract/retention.ts";
import { readSettings } from "../supabase/functions/_shared/contract/settings.ts";
import type { Rpc } from "../supabase/functions/_shared/database/rpc.ts";

const BATCH = 100;

const SIZES = {
  full: { finished: 1_000_000, waiting: 100_000, jobs: 6_000, rounds: 5 },
  quick: { finished: 100_000, waiting: 10_000, jobs: 2_000, rounds: 3 },
};

/** Milliseconds of all calls of one kind in one round. */
interface Spans {
  dispatch: number;
  lease: number;
  complete: number;
}

const CALLS = ["dispatch", "lease", "complete"] as const;

/** Measures the three calls on empty and on grown tables, and on the grown ones after pruning. */
export async function measureGrowthOnce(
  server: BenchServer,
  settings: BenchSettings,
  figures: Figures,
  say: (line: string) => void,
): Promise<void> {
  const size = SIZES[settings.mode];
  await withDatabase(server, async (grown) => {
    say(`${size.finished} finished and ${size.waiting} waiting jobs`);
    const startedAt = performance.now();
    await prepareWorkflows(grown);
    await addFinishedJobs(grown, size.finished);
    await addWaitingJobs(grown, size.waiting);
    figures.add("growth_fill_s", (performance.now() - startedAt) / 1000);
    await grown.settleDown();
    const worst: number[] = [];
    worst.push(await compare(server, grown, size, "grown", figures, say));

    say("pruning");
    const prunedAt = performance.now();
    await prune(grown);
    figures.add("growth_prune_s", (performance.now() - prunedAt) / 1000);
    worst.push(await compare(server, grown, size, "pruned", figures, say));
    figures.add("grown_over_empty", Math.max(...worst));
  });
}

/** Adds `<state>_<call>_over_empty` for each call; answers the worst. */
async function compare(
  server: BenchServer,
  grown: BenchDatabase,
  { jobs, rounds }: { jobs: number; rounds: number },
  state: "grown" | "pruned",
  figures: Figures,
  say: (line: string) => void,
): Promise<number> {
  return await withDatabase(server, async (empty) => {
    await prepareWorkflows(empty);
    const ratios: Spans[] = [];
    // The first round warms up connections, plans and caches of both, and is thrown away.
    for (let round = 0; round <= rounds; round++) {
      say(`${state} and empty tables, round ${round} of ${rounds}`);
      const small = await measureCalls(empty, jobs);
      const large = await measureCalls(grown, jobs);
      if (round === 0) continue;
      ratios.push({
        dispatch: large.dispatch / small.dispatch,
        lease: large.lease / small.lease,
        complete: large.complete / small.complete,
      });
    }
    const medians = CALLS.map((call) => percentile(ratios.map((ratio) => ratio[call]), 50));
    CALLS.forEach((call, at) => figures.add(`${state}_${call}_over_empty`, medians[at]));
    return Math.max(...medians);
  });
}

async function measureCalls(database: BenchDatabase, jobs: number): Promise<Spans> {
  const rpc = database.connectRpc();
  // A connection of its own plans anew; the first lease finds nothing and bears that.
  await rpc.leaseJobs({ workerId: "w", limit: BATCH, leaseMs: LEASE_MS });
  await rpc.dispatchWorkflows({ requests: [], ring: false });
  const dispatchedAt = performance.now();
  await dispatchRuns(rpc, "chain_1", jobs);
  const dispatch = performance.now() - dispatchedAt;
  await database.admin`checkpoint`;
  const { drained, ...spans } = await drainApart(rpc);
  if (drained !== jobs) throw new Error(`drained ${drained} of ${jobs} jobs`);
  return { dispatch, ...spans };
}

/** Leases and completes by calls of their own, so that each can be told from the other. */
async function drainApart(rpc: Rpc) {
  const spans = { lease: 0, complete: 0, drained: 0 };
  for (;;) {
    const leasedAt = performance.now();
    const { jobs } = await rpc.leaseJobs({ workerId: "w", limit: BATCH, leaseMs: LEASE_MS });
    const completedAt = performance.now();
    spans.lease += completedAt - leasedAt;
    if (jobs.length === 0) return spans;
    await rpc.completeJobs({ workerId: "w", results: succeed(jobs) });
    spans.complete += performance.now() - completedAt;
    spans.drained += jobs.length;
  }
}

/** As pg_cron does it, without the pauses between. */
async function prune(database: BenchDatabase): Promise<void> {
  const settings = { ...listRetention(readSettings(() => undefined, {})), history_days: 1 };
  await database.admin`
    insert into orchestrator.settings_at_setup (name, value)
    select key, value::integer from jsonb_each_text(${database.admin.json(settings)})`;
  for (;;) {
    const [{ is_done }] = await database.admin<{ is_done: boolean }[]>`
      select (public.prune_history(200) ->> 'is_done')::boolean as is_done`;
    if (is_done) return;
  }
}
