// Two chained fan-outs, without HTTP: the second goes over the output of the first. Items are settled as a
// worker would settle them; the step's own jobs expand and collect.
import type { BenchDatabase } from "../database.ts";
import type { Rpc } from "../../supabase/functions/_shared/database/rpc.ts";
import type { JobResult, LeasedJob } from "../../supabase/functions/_shared/database/rows.ts";
import { publish } from "../../tests/harness/definition.ts";
import { LEASE_MS } from "./calls.ts";
import { allowUnlimited } from "./core.ts";

const CALL = "/functions/v1/agent-proxy/noop";

const SOURCE = JSON.stringify({
  key: "fan_outs",
  trigger: { type: "manual" },
  steps: [
    { id: "first", for_each: "event.payload.list", call: CALL },
    { id: "second", depends_on: ["first"], for_each: "steps.first.output", call: CALL },
  ],
});

const ONE_FAN_OUT = JSON.stringify({
  key: "one_fan_out",
  trigger: { type: "manual" },
  steps: [{ id: "first", for_each: "event.payload.list", call: CALL }],
});

/** Runs both fan-outs over `items` items; answers seconds. */
export async function measureFanOut(
  database: BenchDatabase,
  { items, batch }: { items: number; batch: number },
): Promise<number> {
  const rpc = database.connectRpc();
  await allowUnlimited(database);
  await publish(rpc, SOURCE);
  // Statements and plans are ready before the clock starts.
  await runOnce(rpc, 50, batch);
  await database.settleDown();
  return await runOnce(rpc, items, batch);
}

/** Settles the items of one fan-out over the connections, its expansion apart; answers seconds. */
export async function measureItems(
  database: BenchDatabase,
  { items, batch, connections }: { items: number; batch: number; connections: number },
): Promise<number> {
  const workers = Array.from({ length: connections }, () => database.connectRpc());
  await allowUnlimited(database);
  await publish(workers[0], SOURCE);
  await publish(workers[0], ONE_FAN_OUT);
  for (const rpc of workers) await runOnce(rpc, 50, batch);
  await workers[0].dispatchWorkflows({
    requests: [{ user_id: "u", workflow_key: "one_fan_out", payload: {} }],
    ring: false,
  });
  const { jobs } = await workers[0].leaseJobs({ workerId: "w", limit: 1, leaseMs: LEASE_MS });
  await workers[0].completeJobs({ workerId: "w", results: [settle(jobs[0], items)] });
  await database.settleDown();
  const startedAt = performance.now();
  const counts = await Promise.all(
    workers.map((rpc, at) => drain(rpc, { batch, items, workerId: `w${at}` })),
  );
  const seconds = (performance.now() - startedAt) / 1000;
  const settled = counts.reduce((sum, count) => sum + count, 0);
  if (settled !== items) throw new Error(`settled ${settled} of ${items} items`);
  return seconds;
}

async function runOnce(rpc: Rpc, items: number, batch: number): Promise<number> {
  const list = Array.from({ length: items }, (_, n) => n);
  const startedAt = performance.now();
  const { runs: [{ workflow_run_id }] } = await rpc.dispatchWorkflows({
    requests: [{ user_id: "u", workflow_key: "fan_outs", payload: { list } }],
    ring: false,
  });
  await drain(rpc, { batch, items });
  const seconds = (performance.now() - startedAt) / 1000;
  const { status } = (await rpc.getRun({ workflowRunId: workflow_run_id! }))!;
  if (status !== "success") throw new Error(`the run with ${items} items is ${status}`);
  return seconds;
}

async function drain(
  rpc: Rpc,
  { batch, items, workerId = "w" }: { batch: number; items: number; workerId?: string },
): Promise<number> {
  let settled = 0;
  let results: JobResult[] = [];
  for (;;) {
    const answer = await rpc.completeJobs({
      workerId,
      results,
      leaseLimit: batch,
      leaseMs: LEASE_MS,
    });
    settled += results.filter(({ output }) => output === "item").length;
    results = answer.jobs.map((job) => settle(job, items));
    if (results.length === 0 && answer.next_due_ms !== 0) return settled;
  }
}

function settle(job: LeasedJob, items: number): JobResult {
  const { job_id, lease_token, parked, item_index } = job;
  if (item_index >= 0) return { job_id, lease_token, outcome: "success", output: "item" };
  if (parked?.for === "items") {
    const output = parked.items!.map((item) => item.output);
    return { job_id, lease_token, outcome: "success", output };
  }
  const list = Array.from({ length: items }, (_, index) => ({ item: index, index }));
  return {
    job_id,
    lease_token,
    outcome: "park",
    parked: { for: "items" },
    items: list,
    needed: items,
    max_concurrency: null,
  };
}
