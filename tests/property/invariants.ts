// What must hold of a run's rows in the database once it is over, whatever its workflow was.
import type postgres from "postgres";

/** A line for each promise that is broken. */
export async function findBroken(sql: postgres.Sql, runId: string): Promise<string[]> {
  const rows = await sql<{ broken: string }[]>`
    with run as (select * from workflow_runs where workflow_run_id = ${runId}),
    job as (
      select
        q.*, w.continue_on_error, w.phase,
        (
          select count(*) from job_attempts a where a.job_id = q.job_id and not a.is_late
        ) as recorded,
        w.step_id || case when q.item_index < 0 then '' else '#' || q.item_index end as name
      from job_queue q
      join workflow_steps w on w.definition_id = q.definition_id and w.step_no = q.step_no
      where q.workflow_run_id = ${runId}
    )
    select name || ' is still ' || status as broken from job where finished_at is null
    union all
    select name || ' is still leased' from job where lease_token is not null or lease_until is not null
    union all
    select format('%s has %s attempts, of which %s are recorded', name, attempts, recorded)
    from job where status in ('success', 'dead') and attempts <> recorded
    union all
    select format('%s waits for %s of its dependencies', name, open_dependencies)
    from job, run
    where run.status in ('success', 'failed') and job.status <> 'cancelled'
      and join_rule is distinct from 'early' and open_dependencies <> 0
    union all
    select format('%s sinks are open', open_sinks) from run where open_sinks <> 0
    union all
    select format('%s jobs failed, %s are counted', dead, failed_jobs)
    from run, (
      select count(*) as dead from job
      where status = 'dead' and item_index = -1 and not continue_on_error
    ) as counted
    where dead <> failed_jobs
    union all
    select format('step %s counts %s and %s of its items', step_no, f.succeeded, f.failed)
    from fan_outs f
    cross join lateral (
      select
        count(*) filter (where status = 'success') as succeeded,
        count(*) filter (where status = 'dead') as failed,
        count(*) filter (where status = 'cancelled') as open
      from job where job.step_no = f.step_no and item_index >= 0
    ) as items
    where f.workflow_run_id = ${runId}
      and (f.succeeded, f.failed, f.open) is distinct from (items.succeeded, items.failed, items.open)
    union all
    select 'signals are left' from orchestrator.signals`;
  return rows.map(({ broken }) => broken);
}
