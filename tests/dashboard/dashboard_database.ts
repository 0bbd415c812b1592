// What the tests of the dashboard's SQL share: a database for a test, an actor, and runs in known states.
import { openDatabase, type TestDatabase } from "../harness/database.ts";
import { chain, publish, writeWorkflow } from "../harness/definition.ts";
import { dead, drain, success } from "../harness/worker.ts";
import type { Actor } from "../../supabase/functions/_shared/database/actions.ts";
import type { Rpc } from "../../supabase/functions/_shared/database/rpc.ts";

export const ANNA: Actor = {
  kind: "operator",
  id: "11111111-1111-4111-8111-111111111111",
  name: "anna@example.com",
};

export async function withDatabase(run: (db: TestDatabase) => Promise<void>): Promise<void> {
  const db = await openDatabase();
  try {
    await run(db);
  } finally {
    await db.close();
  }
}

export const publishChain = (rpc: Rpc, key: string, length: number) =>
  publish(rpc, writeWorkflow(key, chain(length)));

/** Dispatches a run for each payload; answers their ids in that order, which need not be the ids' own. */
export async function dispatch(
  rpc: Rpc,
  workflowKey: string,
  payloads: Record<string, unknown>[] = [{}],
  userId = "u",
): Promise<string[]> {
  const { runs } = await rpc.dispatchWorkflows({
    requests: payloads.map((payload) => ({ user_id: userId, workflow_key: workflowKey, payload })),
    ring: false,
  });
  return runs.map((run) => run.workflow_run_id!);
}

/** That many runs; their ids, oldest first, as pages know them. */
export async function dispatchMany(
  rpc: Rpc,
  workflowKey: string,
  count: number,
): Promise<string[]> {
  return (await dispatch(rpc, workflowKey, Array.from({ length: count }, () => ({})))).sort();
}

/** Works everything off; jobs of the runs named die, all others succeed. */
export function work(rpc: Rpc, doomed: string[] = []) {
  return drain(rpc, (job) => doomed.includes(job.workflow_run_id) ? dead() : success());
}

export const readStatuses = async (db: TestDatabase, ids: string[]): Promise<string[]> => {
  const rows = await db.admin<{ id: string; status: string }[]>`
    select workflow_run_id as id, status from workflow_runs where workflow_run_id = any (${ids}::uuid[])`;
  return ids.map((id) => rows.find((row) => row.id === id)!.status);
};
