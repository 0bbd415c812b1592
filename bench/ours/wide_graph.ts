// What a step costs in a large workflow: published, dispatched and drained, with three edges a step.
import type { BenchDatabase } from "../database.ts";
import type { StepShape } from "../../tests/harness/definition.ts";
import { publish, writeWorkflow } from "../../tests/harness/definition.ts";
import { drain } from "./calls.ts";
import { allowUnlimited } from "./core.ts";

export interface WideGraphTimes {
  publishMs: number;
  dispatchMs: number;
  /** Leases and settlements of one step, in milliseconds. */
  drainMsPerStep: number;
}

/** Steps in layers of `width`; each depends on three of the layer before. */
export function layers(steps: number, width: number): StepShape[] {
  return Array.from({ length: steps }, (_, at) => {
    const start = (Math.floor(at / width) - 1) * width;
    const before = start < 0 ? [] : [0, 1, 2].map((n) => `s${start + (at + n) % width}`);
    return { id: `s${at}`, depends_on: before };
  });
}

/** Publishes, dispatches and drains `runs` runs of a graph of `steps` steps; batches are always full. */
export async function measureWideGraph(
  database: BenchDatabase,
  { steps, runs, batch }: { steps: number; runs: number; batch: number },
): Promise<WideGraphTimes> {
  const rpc = database.connectRpc();
  await allowUnlimited(database);
  await publish(rpc, writeWorkflow("warm_up", layers(50, 10)));
  await start(["warm_up"]);
  await drain(rpc, "w", batch);

  const source = writeWorkflow("wide", layers(steps, batch / Math.min(runs, 10)));
  const publishMs = await time(() => publish(rpc, source));
  const dispatchMs = await time(() => start(Array(runs).fill("wide")));
  await database.settleDown();
  let drained = 0;
  const drainMs = await time(async () => {
    drained = await drain(rpc, "w", batch);
  });
  if (drained !== steps * runs) throw new Error(`drained ${drained} of ${steps * runs} steps`);
  return { publishMs, dispatchMs: dispatchMs / runs, drainMsPerStep: drainMs / drained };

  async function start(keys: string[]) {
    const requests = keys.map((workflow_key) => ({ user_id: "u", workflow_key, payload: {} }));
    await rpc.dispatchWorkflows({ requests, ring: false });
  }
}

async function time(run: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await run();
  return performance.now() - startedAt;
}
