// Rows by the hundred thousand, for tests and the benchmark: copies of a run that the engine itself
// made, with its jobs and attempts, inserted in bulk whatever columns the tables have.
import type postgres from "postgres";

export interface Copies {
  copies: number;
  /** The copies belong to u0, u1, … in turn; without it to the user of the run. */
  users?: number;
  /** Each thousand is due so much later than the thousand before, as if dispatched one after another. */
  gapMs?: number;
}

/**
 * Copies a run none of whose jobs is leased, as a copy is in no row of orchestrator.leases. The connection must be the
 * superuser's and stays the same meanwhile.
 */
export async function copyRun(
  sql: postgres.Sql,
  runId: string,
  { copies, users, gapMs = 0 }: Copies,
): Promise<void> {
  if (copies === 0) return;
  const user = users === undefined ? sql`user_id` : sql`'u' || n % ${users}::integer`;
  await sql`
    create temporary table copied_run as
    select orchestrator.uuid_v7() as workflow_run_id, ${user} as user_id, n
    from public.workflow_runs, generate_series(1, ${copies}::integer) as n
    where workflow_run_id = ${runId}`;
  // Ids of jobs are drawn here, so that attempts can name them.
  await sql`
    create temporary table copied_job as
    select
      q.job_id as old_job_id, c.workflow_run_id, c.user_id, c.n,
      nextval(pg_get_serial_sequence('public.job_queue', 'job_id')) as job_id
    from copied_run c
    cross join (
      select job_id from public.job_queue where workflow_run_id = ${runId} order by job_id
    ) as q`;
  const source = { workflow_run_id: "c.workflow_run_id", user_id: "c.user_id" };
  await copyRows(sql, "workflow_runs", runId, source);
  await copyRows(sql, "job_queue", runId, {
    ...source,
    job_id: "c.job_id",
    next_run_at: `t.next_run_at + c.n / 1000 * ${gapMs} * interval '1 millisecond'`,
  });
  await copyRows(sql, "job_attempts", runId, {
    workflow_run_id: "c.workflow_run_id",
    job_id: "c.job_id",
    attempt_id: "nextval(pg_get_serial_sequence('public.job_attempts', 'attempt_id'))",
  });
  await sql`drop table copied_run, copied_job`;
}

async function copyRows(
  sql: postgres.Sql,
  table: string,
  runId: string,
  replaced: Record<string, string>,
): Promise<void> {
  const columns = await sql<{ name: string }[]>`
    select attname as name from pg_attribute
    where attrelid = ${`public.${table}`}::text::regclass
      and attnum > 0 and not attisdropped and attgenerated = ''
    order by attnum`;
  const names = columns.map(({ name }) => name);
  const source = table === "workflow_runs"
    ? "copied_run c cross join public.workflow_runs t"
    : `copied_job c join public.${table} t on t.job_id = c.old_job_id`;
  await sql.unsafe(`
    insert into public.${table} (${names.join(", ")}) overriding system value
    select ${names.map((name) => replaced[name] ?? `t.${name}`).join(", ")}
    from ${source}
    where t.workflow_run_id = '${runId}'`);
}
