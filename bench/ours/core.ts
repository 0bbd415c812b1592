// The SQL core, without HTTP: dispatch, lease and complete through the RPCs that the worker calls.
// Rate limits are looked at and limit nothing: the agent has a policy without capacity.
import type { BenchDatabase } from "../database.ts";
import { drainAll } from "../drain_all.ts";
import { dispatchRuns, drain, USERS } from "./calls.ts";
import type { Rpc } from "../../supabase/functions/_shared/database/rpc.ts";
import { chain, publish, writeWorkflow } from "../../tests/harness/definition.ts";

export interface CoreRates {
  dispatchedJobsPerSecond: number;
  drainedRunsPerSecond: number;
}

/** Lets every user call the agent without limit; the lease still looks the policy up. */
export async function allowUnlimited(database: BenchDatabase, agent = "noop"): Promise<void> {
  await database.admin`
    insert into public.rate_limit_policies (pattern, capacity, refill_rate)
    values (${`user:*:agent:${agent}`}, null, 1)`;
}

/** Dispatches `runs` chains of `steps` and drains them over `connections`; answers both rates. */
export async function measureCore(
  database: BenchDatabase,
  { steps, runs, batch, connections, dispatchBatch }: {
    steps: number;
    runs: number;
    batch: number;
    connections: number;
    dispatchBatch: number;
  },
): Promise<CoreRates> {
  const workers = Array.from({ length: connections }, () => database.connectRpc());
  const key = `chain_${steps}`;
  const drainOne = (rpc: Rpc, loop: string) => drain(rpc, `w${loop}`, batch);
  await allowUnlimited(database);
  await publish(workers[0], writeWorkflow(key, chain(steps)));
  // Warm-up: connections, statements and plans are ready before the clock starts.
  await dispatchRuns(workers[0], key, batch * 10 * connections, dispatchBatch);
  await drainAll(workers, drainOne);

  const dispatchedAt = performance.now();
  await dispatchRuns(workers[0], key, runs, dispatchBatch);
  const dispatchSeconds = (performance.now() - dispatchedAt) / 1000;
  await database.settleDown();
  const { seconds, drained } = await drainAll(workers, drainOne);
  const [{ open }] = await database.admin`
    select count(*)::integer as open from public.workflow_runs where status <> 'success'`;
  if (drained !== runs * steps || open !== 0) {
    throw new Error(`drained ${drained} of ${runs * steps} jobs, ${open} runs are not a success`);
  }
  return {
    dispatchedJobsPerSecond: runs * steps / dispatchSeconds,
    drainedRunsPerSecond: runs / seconds,
  };
}

/** Times dispatches of one 1-step run each, as a caller on a direct connection sees them, in ms. */
export async function measureSingleDispatch(
  database: BenchDatabase,
  dispatches: number,
): Promise<number[]> {
  const rpc = database.connectRpc();
  await publish(rpc, writeWorkflow("chain_1", chain(1)));
  const spans: number[] = [];
  const warmUp = 20;
  for (let n = 0; n < dispatches + warmUp; n++) {
    const startedAt = performance.now();
    await rpc.dispatchWorkflow({ userId: `u${n % USERS}`, workflowKey: "chain_1", payload: { n } });
    if (n >= warmUp) spans.push(performance.now() - startedAt);
  }
  return spans;
}
