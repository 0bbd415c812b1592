-- Overview: the figures of the dashboard's first page, in one call.

-- Attempts are only ever appended, in the order of their ends, so a few kilobytes tell where a span of time lies;
-- a row costs nothing here when it is inserted.
create index job_attempts_by_end on public.job_attempts using brin (finished_at) with (pages_per_range = 32);

create function orchestrator._draw_series(p_from timestamptz, p_bucket interval, p_buckets integer)
returns jsonb
language plpgsql
stable
security invoker
set search_path = ''
set jit = off
set max_parallel_workers_per_gather = 0  -- the other cores are the workers'
set work_mem = '32MB'  -- a span's latencies are sorted in memory
as $$
declare
  v_to timestamptz := p_from + p_buckets * p_bucket;
  -- Asked once: within the statement it would be asked for every row.
  v_first uuid := coalesce(
    orchestrator.first_run_id(p_from - interval '1 day'), '00000000-0000-0000-0000-000000000000'
  );
begin
  -- Bins and intervals, no numbers: these are half the time where a hundred thousand rows are looked at.
  return (
    with started as (
      select date_bin(p_bucket, created_at, p_from) as at, count(*) as runs
      from public.workflow_runs
      where workflow_run_id >= v_first and created_at >= p_from and created_at < v_to
      group by 1
    ),
    ended as (
      select
        date_bin(p_bucket, finished_at, p_from) as at,
        count(*) filter (where status = 'success') as success,
        count(*) filter (where status = 'failed') as failed,
        count(*) filter (where status = 'cancelled') as cancelled,
        count(*) filter (where status = 'skipped') as skipped,
        percentile_cont(array[0.5, 0.95]) within group (order by finished_at - created_at) as took
      from public.workflow_runs
      where workflow_run_id >= v_first and finished_at >= p_from and finished_at < v_to
      group by 1
    ),
    tried as (
      select
        date_bin(p_bucket, finished_at, p_from) as at,
        count(*) as attempts,
        count(*) filter (where not success) as failed,
        percentile_cont(array[0.5, 0.95]) within group (order by finished_at - started_at) as took
      from public.job_attempts
      where finished_at >= p_from and finished_at < v_to and not is_late
      group by 1
    )
    select jsonb_agg(jsonb_build_object(
      'at', b.at,
      'runs_started', coalesce(s.runs, 0),
      'runs_success', coalesce(e.success, 0),
      'runs_failed', coalesce(e.failed, 0),
      'runs_cancelled', coalesce(e.cancelled, 0),
      'runs_skipped', coalesce(e.skipped, 0),
      'attempts', coalesce(t.attempts, 0),
      'attempts_failed', coalesce(t.failed, 0),
      'run_p50_ms', round(extract(epoch from e.took[1]) * 1000, 1),
      'run_p95_ms', round(extract(epoch from e.took[2]) * 1000, 1),
      'attempt_p50_ms', round(extract(epoch from t.took[1]) * 1000, 1),
      'attempt_p95_ms', round(extract(epoch from t.took[2]) * 1000, 1)
    ) order by b.at)
    from generate_series(p_from, v_to - p_bucket, p_bucket) as b (at)
    left join started s using (at)
    left join ended e using (at)
    left join tried t using (at)
  );
end;
$$;

comment on function orchestrator._draw_series(timestamptz, interval, integer) is
  'Runs and attempts by spans of time. Of runs that were created before it begins, only those of the day before are looked at: no index knows when runs end, which keeps ending one cheap. Late results are no attempts here.';

create function public.get_overview(p_window text)
returns jsonb
language plpgsql
volatile
security invoker
set search_path = ''
set jit = off
as $$
declare
  v_now timestamptz := orchestrator.now();
  v_bucket interval;
  v_buckets integer;
  v_series jsonb;
  v_overview jsonb;
begin
  select w.bucket, w.buckets into v_bucket, v_buckets
  from (
    values ('1h', interval '1 minute', 60), ('24h', interval '15 minutes', 96), ('7d', interval '2 hours', 84)
  ) as w (name, bucket, buckets)
  where w.name = p_window;
  if not found then
    raise exception 'reading the overview: window must be 1h, 24h or 7d, got %', p_window using errcode = 'WF001';
  end if;
  -- The last span is the one that we are in.
  v_series := orchestrator._draw_series(
    date_bin(v_bucket, v_now, '2000-01-01') - (v_buckets - 1) * v_bucket, v_bucket, v_buckets
  );
  -- Looked for once: each look probes every job of the calls of one lease's length.
  with held as materialized (
    select workflow_run_id, leased_by from orchestrator.leased_jobs
  )
  select public.get_health() - array['ok', 'workers_alive'] || jsonb_build_object(
    'window', p_window,
    'bucket_ms', extract(epoch from v_bucket)::integer * 1000,
    'series', v_series,
    'totals', (
      select jsonb_build_object(
        -- Every live run has a job that is ready, parked or being worked on, and these are found without the others.
        'running', (
          select count(distinct j.workflow_run_id)
          from (
            select workflow_run_id from public.job_queue where awaits_lease
            union all
            select workflow_run_id from held
          ) as j
        ),
        'success', sum(s.runs_success),
        'failed', sum(s.runs_failed),
        'cancelled', sum(s.runs_cancelled),
        'skipped', sum(s.runs_skipped),
        'success_rate', round(sum(s.runs_success)::numeric / nullif(sum(s.runs_success + s.runs_failed), 0), 4),
        'attempts', sum(s.attempts),
        'attempts_failed', sum(s.attempts_failed)
      )
      from jsonb_to_recordset(v_series) as s (
        runs_success integer, runs_failed integer, runs_cancelled integer, runs_skipped integer,
        attempts integer, attempts_failed integer
      )
    ),
    'workers', (
      select coalesce(jsonb_agg(jsonb_build_object(
        'worker_id', w.worker_id, 'started_at', w.started_at, 'seen_at', w.seen_at, 'jobs', coalesce(l.jobs, 0)
      ) order by w.started_at, w.worker_id), '[]')
      from orchestrator.living_workers w
      left join (
        select leased_by, count(*) as jobs
        from held
        group by leased_by
      ) as l on l.leased_by = w.worker_id
    ),
    'limited_keys', (
      select coalesce(jsonb_agg(
        orchestrator.describe_bucket(b, v_now) - array['refill_rate', 'last_refill']
        order by greatest(b.held_until, b.deferred_until) desc nulls last, b.rl_key
      ), '[]')
      from (
        select *
        from public.rate_limits
        where held_until > v_now or deferred_until > v_now or (
          capacity is not null
          and tokens + greatest(0, date_part('epoch', v_now - last_refill)) * refill_rate::double precision < 1
        )
        order by greatest(held_until, deferred_until) desc nulls last, rl_key
        limit 20
      ) as b
    )
  ) into v_overview;
  return v_overview;
end;
$$;

comment on function public.get_overview(text) is
  'Health, with the figures of the last hour (1h), day (24h) or week (7d): runs that started, runs that ended (see orchestrator._draw_series for which are counted), attempts, workers, and up to 20 keys that wait for tokens. success_rate: of the runs that succeeded or failed; running: live runs, whenever they began.';

revoke execute on all functions in schema orchestrator from public, anon, authenticated;
grant execute on function orchestrator._draw_series(timestamptz, interval, integer) to service_role;
revoke execute on function public.get_overview(text) from public, anon, authenticated;
grant execute on function public.get_overview(text) to service_role;
