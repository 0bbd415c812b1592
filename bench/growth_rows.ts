// Fills the tables for the parts of the benchmark that ask what size costs: a million jobs in seconds,
// as copies of runs that the engine itself made.
import type { BenchDatabase } from "./database.ts";
import { drain, USERS } from "./ours/calls.ts";
import { allowUnlimited } from "./ours/core.ts";
import { copyRun } from "../tests/harness/copies.ts";
import { chain, publish, writeWorkflow } from "../tests/harness/definition.ts";

const BATCH = 100;
/** Steps of a copied run. */
const COPIED_STEPS = 3;

/** Publishes what is measured (chain_1) and what is copied, with agents that every user may call. */
export async function prepareWorkflows(database: BenchDatabase): Promise<void> {
  const rpc = database.connectRpc();
  await allowUnlimited(database);
  await publish(rpc, writeWorkflow("chain_1", chain(1)));
  await publish(rpc, writeWorkflow("copied", chain(COPIED_STEPS)));
}

/** Adds finished jobs with their runs and attempts, a day old: what a busy project keeps as history. */
export async function addFinishedJobs(database: BenchDatabase, jobs: number): Promise<void> {
  const runId = await dispatchOne(database, "copied");
  await drain(database.connectRpc(), "filler", BATCH);
  await database.admin`
    update public.workflow_runs
    set created_at = created_at - interval '1 day', finished_at = finished_at - interval '1 day'
    where workflow_run_id = ${runId}`;
  await copyRun(database.admin, runId, {
    copies: Math.ceil(jobs / COPIED_STEPS) - 1,
    users: USERS,
  });
}

/** Adds jobs that nobody can lease yet: a first step parked for an hour, the others behind it. */
export async function addWaitingJobs(database: BenchDatabase, jobs: number): Promise<void> {
  const runId = await dispatchOne(database, "copied");
  await database.admin`
    update public.job_queue
    set status = 'parked', parked = '{"for": "timer"}', next_run_at = now() + interval '1 hour'
    where workflow_run_id = ${runId} and status = 'queued'`;
  await copyRun(database.admin, runId, {
    copies: Math.ceil(jobs / COPIED_STEPS) - 1,
    users: USERS,
  });
}

/** Adds runs of one step that is due. */
export async function addQueuedJobs(database: BenchDatabase, jobs: number): Promise<void> {
  const runId = await dispatchOne(database, "chain_1");
  await database.admin`
    update public.job_queue set next_run_at = next_run_at - interval '1 minute'
    where workflow_run_id = ${runId}`;
  await copyRun(database.admin, runId, { copies: jobs - 1, users: USERS, gapMs: 20 });
}

async function dispatchOne(database: BenchDatabase, workflowKey: string): Promise<string> {
  const { runs } = await database.connectRpc().dispatchWorkflows({
    requests: [{ user_id: "u0", workflow_key: workflowKey, payload: {} }],
    ring: false,
  });
  return runs[0].workflow_run_id!;
}
