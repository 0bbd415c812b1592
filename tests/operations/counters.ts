// What the tests of metrics read: every series by its name and labels, and what the tables of runs, jobs
// and attempts say that the counters should be.
import type postgres from "postgres";
import type { Rpc } from "../../supabase/functions/_shared/database/rpc.ts";

/** Values by series, such as `runs_started_total{flow,api}`; histograms by `name_count` and `name_sum`. */
export type Series = Record<string, number>;

/** All that is counted, folded or not. Without gauges, which may fall. */
export async function readCounters(rpc: Rpc): Promise<Series> {
  const { families } = await rpc.getMetrics({ version: "test" });
  return Object.fromEntries(
    families.filter(({ type }) => type !== "gauge").flatMap(({ name, type, samples }) =>
      samples.flatMap(({ labels, value, sum }) => {
        const short = name.replace("orchestrator_", "");
        const key = `{${labels.join()}}`;
        if (type === "counter") return [[`${short}${key}`, value]];
        return [[`${short}_count${key}`, value], [`${short}_sum${key}`, roundSum(sum!)]];
      })
    ),
  );
}

export async function readGauges(rpc: Rpc): Promise<Series> {
  const { families } = await rpc.getMetrics({ version: "test" });
  return Object.fromEntries(
    families.filter(({ type }) => type === "gauge").flatMap(({ name, samples }) =>
      samples.map(({ labels, value }) => [
        `${name.replace("orchestrator_", "")}{${labels.join()}}`,
        value,
      ])
    ),
  );
}

/** The counters as the tables tell them, as long as nothing was pruned, put back to work or reset. */
export async function deriveCounters(sql: postgres.Sql): Promise<Series> {
  const rows = await sql<{ series: string; value: number }[]>`
    with attempt as (
      select
        r.workflow_key, q.step_id, coalesce(a.error_class, '') as error_class,
        extract(epoch from a.finished_at - a.started_at)::float8 as took,
        case
          when a.success then 'success'
          when a.error_class in ('cancelled', 'run_timeout') then 'cancelled'
          when q.status = 'dead' and a.attempt = q.attempts then 'dead'
          else 'retry'
        end as outcome
      from job_attempts a
      join job_queue q using (job_id)
      join workflow_runs r on r.workflow_run_id = q.workflow_run_id
      where not a.is_late
    ),
    run as (
      select workflow_key, trigger_type, status, extract(epoch from finished_at - created_at)::float8 as took
      from workflow_runs
    )
    select format('runs_started_total{%s,%s}', workflow_key, trigger_type) as series, count(*)::float8 as value
    from run group by 1
    union all
    select format('runs_finished_total{%s,%s}', workflow_key, status), count(*) from run where took is not null group by 1
    union all
    select format('run_duration_seconds_count{%s}', workflow_key), count(*) from run where took is not null group by 1
    union all
    select format('run_duration_seconds_sum{%s}', workflow_key), sum(took) from run where took is not null group by 1
    union all
    select format('step_attempts_total{%s,%s,%s,%s}', workflow_key, step_id, outcome, error_class), count(*)
    from attempt group by 1
    union all
    select format('jobs_dead_total{%s,%s,%s}', r.workflow_key, q.step_id, q.error_class), count(*)
    from job_queue q join workflow_runs r using (workflow_run_id) where q.status = 'dead' group by 1
    union all
    select format('lease_expired_total{%s}', workflow_key), count(*)
    from attempt where error_class = 'lease_expired' group by 1
    union all
    select format('step_duration_seconds_count{%s,%s}', workflow_key, step_id), count(*)
    from attempt where outcome <> 'cancelled' and error_class <> 'lease_expired' group by 1
    union all
    select format('step_duration_seconds_sum{%s,%s}', workflow_key, step_id), sum(took)
    from attempt where outcome <> 'cancelled' and error_class <> 'lease_expired' group by 1`;
  return Object.fromEntries(
    rows.map(({ series, value }) => [series, series.includes("_sum{") ? roundSum(value) : value]),
  );
}

/** Sums of the same numbers in another order differ in their last digits. */
function roundSum(sum: number): number {
  return Number(sum.toFixed(3));
}
