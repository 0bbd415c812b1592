// Reads the database's side of a history, in one snapshot.
import type postgres from "postgres";
import type { AttemptRow, CounterRow, History, JobRow, RunRow } from "./history.ts";

/** Everything of a history but what agents and callers know. `sql` is the superuser's. */
export type HistoryRows = Pick<History, "runs" | "jobs" | "attempts" | "counters" | "broken">;

export async function readRows(sql: postgres.Sql): Promise<HistoryRows> {
  return await sql.begin("isolation level repeatable read read only", async (tx) => {
    const runs = await tx<RunRow[]>`
      select workflow_run_id as run, workflow_key as workflow, status from workflow_runs`;
    const jobs = await tx<JobRow[]>`
      select
        q.job_id::text as job, q.workflow_run_id as run, q.step_id as step, q.item_index as item,
        q.status, q.attempts, q.generation, q.lease_token is not null as "isLeased",
        w.kind = 'call' and (q.item_index >= 0 or not w.config ? 'for_each') as "callsAgent",
        case when jsonb_typeof(q.output) = 'object' then q.output ->> 'value' end as value,
        q.output_ref is not null as "isValueElsewhere"
      from job_queue q
      join workflow_steps w using (definition_id, step_no)
      order by q.job_id`;
    const attempts = await tx<AttemptRow[]>`
      select job_id::text as job, attempt, success, is_late as "isLate",
        status_code as "statusCode", error_class as "errorClass"
      from job_attempts
      order by job_id, attempt_id`;
    const counters = await tx<CounterRow[]>`
      select
        substr(f.family ->> 'name', length('orchestrator_') + 1) as metric,
        array(select jsonb_array_elements_text(s.sample -> 'labels')) as labels,
        (s.sample ->> 'value')::double precision as value
      from jsonb_array_elements(public.get_metrics('')::jsonb -> 'families') as f (family)
      cross join lateral jsonb_array_elements(f.family -> 'samples') as s (sample)
      where f.family ->> 'type' = 'counter'`;
    const broken = await tx<History["broken"]>`
      select invariant, broken_by as row from orchestrator.check_invariants()`;
    return {
      runs: [...runs],
      jobs: [...jobs],
      attempts: [...attempts],
      counters: [...counters],
      broken: [...broken],
    };
  });
}
