// What the tests of retention share: how long things are kept, and runs that ended in the past.
import { listRetention } from "../../supabase/functions/_shared/contract/retention.ts";
import { readSettings } from "../../supabase/functions/_shared/contract/settings.ts";
import type { TestDatabase } from "./database.ts";

export const DAY_MS = 86_400_000;

/** Tells SQL how long to keep things, as set-up does: the defaults, but for what is named. */
export async function keepHistory(
  { admin }: Pick<TestDatabase, "admin">,
  days: Record<string, number> = {},
): Promise<void> {
  const settings = { ...listRetention(readSettings(() => undefined, {})), ...days };
  await admin`
    insert into orchestrator.settings_at_setup (name, value)
    select key, value::integer from jsonb_each_text(${admin.json(settings)})
    on conflict (name) do update set value = excluded.value`;
}

/** Runs of a published workflow that ended as `status` so many days ago; their ids, oldest first. */
export async function addOldRuns(
  { admin, rpc }: TestDatabase,
  workflowKey: string,
  { runs = 1, days, status = "success" }: { runs?: number; days: number; status?: string },
): Promise<string[]> {
  const ids: string[] = [];
  for (let left = runs; left > 0; left -= 1000) {
    const requests = Array.from(
      { length: Math.min(left, 1000) },
      () => ({ user_id: "old", workflow_key: workflowKey }),
    );
    const { runs: created } = await rpc.dispatchWorkflows({ requests, ring: false });
    ids.push(...created.map((run) => run.workflow_run_id!));
  }
  const end = new Date(Date.now() - days * DAY_MS);
  const jobStatus = status === "failed" ? "dead" : status;
  await admin`
    update job_queue
    set status = ${jobStatus}, open_dependencies = 0, created_at = ${end}, finished_at = ${end},
        error_class = case when ${jobStatus} = 'dead' then 'http_4xx' end
    where workflow_run_id = any (${ids}::uuid[])`;
  await admin`
    insert into job_attempts (job_id, workflow_run_id, attempt, started_at, finished_at, success, error_class)
    select job_id, workflow_run_id, 1, ${end}, ${end}, status = 'success',
           case when status <> 'success' then 'http_4xx' end
    from job_queue where workflow_run_id = any (${ids}::uuid[])`;
  await admin`
    update workflow_runs
    set status = ${status}, created_at = ${end}, finished_at = ${end}, deadline_at = null,
        open_sinks = 0, failed_jobs = (${status} = 'failed')::int
    where workflow_run_id = any (${ids}::uuid[])`;
  return ids.sort();
}

/** Prunes as pg_cron does, batch by batch until nothing is left. */
export async function pruneAll({ admin }: Pick<TestDatabase, "admin">): Promise<void> {
  await admin`call orchestrator.prune()`;
}

/** Deletes every run that has ended, as if that had been long ago. */
export async function pruneEnded(db: Pick<TestDatabase, "admin">): Promise<void> {
  await keepHistory(db);
  await db.admin`
    update workflow_runs
    set created_at = created_at - interval '100 days', finished_at = finished_at - interval '100 days'
    where finished_at is not null`;
  // A sub-run goes a round after its parent.
  for (let round = 0; round < 2; round++) await pruneAll(db);
}

/** Those of the runs that are still there, in their order. */
export async function listKept(
  { admin }: Pick<TestDatabase, "admin">,
  ids: string[],
): Promise<string[]> {
  const rows = await admin<{ id: string }[]>`
    select workflow_run_id as id from workflow_runs
    where workflow_run_id = any (${ids}::uuid[]) order by 1`;
  return rows.map((row) => row.id);
}
