-- Completion: a batch of results is settled and the dependents advance, in one transaction.
--
-- The token fences every result: a worker whose lease was lost changes nothing, its result is kept as a late
-- attempt. Successes, the hot path, are one statement; failures and skipped dependents take the slower one.

create function orchestrator._settle_successes(p_results jsonb, p_now timestamptz)
returns bigint[]
language plpgsql
volatile
security invoker
set search_path = ''
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
as $$
declare
  v_settled bigint[];
begin
  with result as materialized (
    select *
    from jsonb_to_recordset(p_results) as (
      job_id bigint, lease_token uuid, outcome text, output jsonb, status_code integer, logs jsonb
    )
    where outcome = 'success'
    order by job_id
  ),
  settled as (
    update public.job_queue q
    set
      status = 'success', output = coalesce(r.output, 'null'), finished_at = p_now,
      lease_token = null, lease_until = null, error_class = null, error_text = null
    from result r
    where q.job_id = r.job_id and q.lease_token = r.lease_token
    returning
      q.job_id, q.workflow_run_id, q.definition_id, q.step_no, q.attempts, q.leased_at, q.leased_by,
      r.status_code, r.logs
  ),
  attempt as (
    insert into public.job_attempts (
      job_id, workflow_run_id, attempt, worker_id, started_at, finished_at, success, status_code, logs
    )
    select job_id, workflow_run_id, attempts, leased_by, leased_at, p_now, true, status_code, logs
    from settled
  ),
  edge as (
    select s.workflow_run_id, w.dependents, w.is_sink
    from settled s
    join public.workflow_steps w on w.definition_id = s.definition_id and w.step_no = s.step_no
  ),
  opened as materialized (
    -- Sorted, and joined by nested loops in this order: two batches meet at shared dependents in one order.
    select e.workflow_run_id, d.step_no, count(*)::integer as finished
    from edge e
    cross join unnest(e.dependents) as d (step_no)
    group by e.workflow_run_id, d.step_no
    order by e.workflow_run_id, d.step_no
  ),
  advanced as (
    update public.job_queue q
    set
      open_dependencies = q.open_dependencies - o.finished,
      status = case
        when q.open_dependencies > o.finished then 'waiting'
        when q.has_failed_dependency then 'skipped'
        else 'queued'
      end,
      skip_reason = case
        when q.open_dependencies = o.finished and q.has_failed_dependency then 'upstream_failed'
      end,
      finished_at = case when q.open_dependencies = o.finished and q.has_failed_dependency then p_now end,
      -- A run dispatched for later keeps its time; all else is ready now, behind what was ready before.
      next_run_at = greatest(q.next_run_at, p_now)
    from opened o
    where q.workflow_run_id = o.workflow_run_id and q.step_no = o.step_no and q.status = 'waiting'
    returning q.job_id, q.status
  ),
  closed as materialized (
    select workflow_run_id, count(*)::integer as sinks
    from edge
    where is_sink
    group by workflow_run_id
    order by workflow_run_id
  ),
  finished as (
    update public.workflow_runs r
    set
      open_sinks = r.open_sinks - c.sinks,
      status = case
        when r.open_sinks > c.sinks then r.status
        when r.failed_jobs > 0 then 'failed'
        else 'success'
      end,
      finished_at = case when r.open_sinks = c.sinks then p_now end
    from closed c
    where r.workflow_run_id = c.workflow_run_id
  ),
  skipped as (
    select array_agg(job_id) as ids from advanced where status = 'skipped'
  )
  -- Settled jobs, then a 0 and the jobs skipped by them, if any: one array, one row.
  select
    coalesce((select array_agg(job_id) from settled), '{}')
    || case when skipped.ids is null then '{}' else 0::bigint || skipped.ids end
  into v_settled
  from skipped;
  return v_settled;
end;
$$;

comment on function orchestrator._settle_successes(jsonb, timestamptz) is
  'Applies the successes of a batch, records their attempts and advances dependents and runs. Answers the settled jobs, and behind a 0 the jobs that became skipped.';

create function orchestrator._settle_failures(p_results jsonb, p_now timestamptz)
returns bigint[]
language plpgsql
volatile
security invoker
set search_path = ''
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
as $$
declare
  v_settled bigint[];
  v_dead bigint[];
begin
  with result as materialized (
    select *
    from jsonb_to_recordset(p_results) as (
      job_id bigint, lease_token uuid, outcome text, status_code integer, error_class text, error_text text,
      retry_after_ms double precision, logs jsonb
    )
    where outcome <> 'success'
    order by job_id
  ),
  settled as (
    update public.job_queue q
    set
      status = case when r.outcome = 'dead' or q.attempts >= q.max_attempts then 'dead' else 'failed' end,
      finished_at = case when r.outcome = 'dead' or q.attempts >= q.max_attempts then p_now end,
      next_run_at = case
        when r.outcome = 'dead' or q.attempts >= q.max_attempts then q.next_run_at
        else p_now + coalesce(
          r.retry_after_ms,
          -- Capped exponential backoff with full jitter: anywhere between nothing and the cap of this attempt.
          random() * least(w.retry_max_ms, w.retry_initial_ms * power(2, least(q.attempts - 1, 30)))
        ) * interval '1 millisecond'
      end,
      lease_token = null, lease_until = null,
      error_class = coalesce(r.error_class, 'internal'), error_text = r.error_text
    from result r, public.workflow_steps w
    where q.job_id = r.job_id and q.lease_token = r.lease_token
      and w.definition_id = q.definition_id and w.step_no = q.step_no
    returning
      q.job_id, q.workflow_run_id, q.attempts, q.leased_at, q.leased_by, q.status, q.error_class, q.error_text,
      r.status_code, r.logs
  ),
  attempt as (
    insert into public.job_attempts (
      job_id, workflow_run_id, attempt, worker_id, started_at, finished_at, success,
      status_code, error_class, error_text, logs
    )
    select
      job_id, workflow_run_id, attempts, leased_by, leased_at, p_now, false,
      status_code, error_class, error_text, logs
    from settled
  )
  select coalesce(array_agg(job_id), '{}'), array_agg(job_id) filter (where status = 'dead')
  into v_settled, v_dead
  from settled;

  if v_dead is not null then
    update public.workflow_runs r
    set failed_jobs = r.failed_jobs + d.jobs
    from (
      select workflow_run_id, count(*)::integer as jobs
      from public.job_queue
      where job_id = any (v_dead)
      group by workflow_run_id
      order by workflow_run_id
    ) as d
    where r.workflow_run_id = d.workflow_run_id;
    perform orchestrator.skip_dependents(v_dead, p_now);
  end if;
  return v_settled;
end;
$$;

comment on function orchestrator._settle_failures(jsonb, timestamptz) is
  'Applies the failures of a batch: a retry after backoff or Retry-After, or the dead letter with everything behind it skipped.';

create function orchestrator.skip_dependents(p_job_ids bigint[], p_now timestamptz)
returns void
language plpgsql
volatile
security invoker
set search_path = ''
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
as $$
declare
  v_ended bigint[] := p_job_ids;
begin
  -- Level by level: each pass ends what the pass before it left without a chance.
  while cardinality(v_ended) > 0 loop
    with edge as materialized (
      select q.workflow_run_id, w.dependents, w.is_sink
      from unnest(v_ended) as e (job_id)
      join public.job_queue q using (job_id)
      join public.workflow_steps w on w.definition_id = q.definition_id and w.step_no = q.step_no
    ),
    opened as materialized (
      select e.workflow_run_id, d.step_no, count(*)::integer as finished
      from edge e
      cross join unnest(e.dependents) as d (step_no)
      group by e.workflow_run_id, d.step_no
      order by e.workflow_run_id, d.step_no
    ),
    advanced as (
      update public.job_queue q
      set
        open_dependencies = q.open_dependencies - o.finished,
        has_failed_dependency = true,
        status = case when q.open_dependencies > o.finished then 'waiting' else 'skipped' end,
        skip_reason = case when q.open_dependencies = o.finished then 'upstream_failed' end,
        finished_at = case when q.open_dependencies = o.finished then p_now end
      from opened o
      where q.workflow_run_id = o.workflow_run_id and q.step_no = o.step_no and q.status = 'waiting'
      returning q.job_id, q.status
    ),
    closed as materialized (
      select workflow_run_id, count(*)::integer as sinks
      from edge
      where is_sink
      group by workflow_run_id
      order by workflow_run_id
    ),
    finished as (
      update public.workflow_runs r
      set
        open_sinks = r.open_sinks - c.sinks,
        status = case
          when r.open_sinks > c.sinks then r.status
          when r.failed_jobs > 0 then 'failed'
          else 'success'
        end,
        finished_at = case when r.open_sinks = c.sinks then p_now end
      from closed c
      where r.workflow_run_id = c.workflow_run_id
    )
    select array_agg(job_id) filter (where status = 'skipped') into v_ended from advanced;
  end loop;
end;
$$;

comment on function orchestrator.skip_dependents(bigint[], timestamptz) is
  'Carries the end of dead or skipped jobs down the graph: dependents with nothing left to wait for are skipped (upstream_failed), runs are closed.';

create function orchestrator.settle(p_results jsonb, p_now timestamptz)
returns bigint[]
language plpgsql
volatile
security invoker
set search_path = ''
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
as $$
declare
  v_runs uuid[];
  v_failing uuid[];
  v_settled bigint[];
  v_gap integer;
begin
  select array_agg(q.workflow_run_id), array_agg(q.workflow_run_id) filter (where r.outcome <> 'success')
  into v_runs, v_failing
  from jsonb_to_recordset(p_results) as r (job_id bigint, outcome text)
  join public.job_queue q using (job_id);
  if v_runs is null then
    return array[]::bigint[];
  end if;
  perform orchestrator.lock_runs(v_runs, coalesce(v_failing, '{}'));
  -- In a run that has failed jobs a success may skip dependents, level by level, in an order of its own. Whoever
  -- settles such a run takes turns on its row. Failing takes the lock exclusively, so all who hold it shared
  -- see the same: either all of them come by here or none.
  perform from public.workflow_runs
  where workflow_run_id = any (v_runs) and failed_jobs > 0
  order by workflow_run_id
  for update;

  v_settled := orchestrator._settle_successes(p_results, p_now);
  v_gap := array_position(v_settled, 0);
  if v_gap is not null then
    perform orchestrator.skip_dependents(v_settled[v_gap + 1 :], p_now);
    v_settled := v_settled[: v_gap - 1];
  end if;
  if v_failing is not null then
    v_settled := v_settled || orchestrator._settle_failures(p_results, p_now);
  end if;
  return v_settled;
end;
$$;

comment on function orchestrator.settle(jsonb, timestamptz) is
  'Settles a batch of results under the lock order; answers the jobs whose lease token was right.';

create function orchestrator._record_late(p_worker_id text, p_results jsonb, p_settled bigint[], p_now timestamptz)
returns void
language sql
volatile
security invoker
set search_path = ''
as $$
  insert into public.job_attempts (
    job_id, workflow_run_id, attempt, worker_id, started_at, finished_at, success, is_late,
    status_code, error_class, error_text, logs
  )
  select
    q.job_id, q.workflow_run_id, coalesce(r.attempt, q.attempts), p_worker_id,
    p_now - coalesce((r.logs ->> 'duration_ms')::double precision, 0) * interval '1 millisecond', p_now,
    r.outcome = 'success', true, r.status_code, r.error_class, r.error_text, r.logs
  from jsonb_to_recordset(p_results) as r (
    job_id bigint, attempt integer, outcome text, status_code integer, error_class text, error_text text, logs jsonb
  )
  join public.job_queue q using (job_id)
  where r.job_id <> all (p_settled)
    -- The worker's own result delivered again, because the answer to the first delivery was lost, is not late.
    and not exists (
      select from public.job_attempts a
      where a.job_id = q.job_id and a.worker_id = p_worker_id and a.attempt = coalesce(r.attempt, q.attempts)
        and coalesce(a.error_class, '') not in ('lease_expired', 'cancelled')
    );
$$;

comment on function orchestrator._record_late(text, jsonb, bigint[], timestamptz) is
  'Keeps results that came after their lease was lost, without applying them.';

create function public.complete_jobs(
  p_worker_id text,
  p_results jsonb,
  p_lease_limit integer default 0,
  p_lease_ms integer default 30000
)
returns json
language plpgsql
volatile
security invoker
set search_path = ''
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
as $$
declare
  v_now timestamptz := orchestrator.now();
  v_settled bigint[] := orchestrator.settle(p_results, v_now);
  v_jobs json := '[]'::json;
  v_deferred integer := 0;
  v_next_due_ms numeric;
begin
  if cardinality(v_settled) < jsonb_array_length(p_results) then
    perform orchestrator._record_late(p_worker_id, p_results, v_settled, v_now);
  end if;

  if jsonb_path_exists(p_results, '$[*].hold_key_ms ? (@ > 0)') then
    perform orchestrator.hold_keys(
      array_agg(orchestrator.rate_limit_key(q.user_id, q.agent) order by r.job_id),
      array_agg(v_now + r.hold_key_ms * interval '1 millisecond' order by r.job_id),
      v_now
    )
    from jsonb_to_recordset(p_results) as r (job_id bigint, hold_key_ms double precision)
    join public.job_queue q using (job_id)
    where r.hold_key_ms > 0;
    -- No lease on top: it locks buckets too, and two calls that lock buckets twice could wait in a circle.
    v_next_due_ms := 0;
  elsif p_lease_limit > 0 then
    select l.p_jobs, l.p_deferred, l.p_next_due_ms
    into v_jobs, v_deferred, v_next_due_ms
    from orchestrator.lease_due_jobs(p_worker_id, p_lease_limit, p_lease_ms) as l;
  end if;

  return json_build_object(
    'results', (
      select coalesce(json_agg(s), '[]')
      from (
        select
          r.job_id,
          r.job_id = any (v_settled) as applied,
          case
            when r.outcome = 'success' and r.job_id = any (v_settled) then r.outcome
            else (select q.status from public.job_queue q where q.job_id = r.job_id)
          end as status
        from jsonb_to_recordset(p_results) as r (job_id bigint, outcome text)
      ) as s
    ),
    'jobs', v_jobs,
    'deferred', v_deferred,
    'next_due_ms', v_next_due_ms
  );
end;
$$;

comment on function public.complete_jobs(text, jsonb, integer, integer) is
  'Settles a worker''s results (success, retry, dead) and leases its next jobs, in one round trip. A result whose lease was lost is answered applied: false. next_due_ms 0 without jobs means: lease again at once.';

create function public.expire_leases(p_limit integer)
returns integer
language plpgsql
volatile
security invoker
set search_path = ''
set enable_seqscan = off
as $$
declare
  v_now timestamptz := orchestrator.now();
  v_results jsonb;
begin
  select jsonb_agg(jsonb_build_object(
    'job_id', job_id,
    'lease_token', lease_token,
    'outcome', 'retry',
    'error_class', 'lease_expired',
    'retry_after_ms', 0,  -- the lease was the wait
    'error_text', 'the worker was not heard of before the lease ended'
  ))
  into v_results
  from (
    select job_id, lease_token
    from public.job_queue
    where status in ('leased', 'running') and lease_until < v_now
    order by lease_until
    limit p_limit
  ) as expired;
  if v_results is null then
    return 0;
  end if;
  -- The same path as a worker's own failure; the token keeps out a result or a second sweep that came first.
  return cardinality(orchestrator.settle(v_results, v_now));
end;
$$;

comment on function public.expire_leases(integer) is
  'Takes back the jobs of workers that were not heard of within the lease, up to p_limit; each uses an attempt (lease_expired).';

revoke execute on all functions in schema orchestrator from public, anon, authenticated;
grant execute on function
  orchestrator._settle_successes(jsonb, timestamptz), orchestrator._settle_failures(jsonb, timestamptz),
  orchestrator.skip_dependents(bigint[], timestamptz), orchestrator.settle(jsonb, timestamptz),
  orchestrator._record_late(text, jsonb, bigint[], timestamptz)
  to service_role;
revoke execute on function
  public.complete_jobs(text, jsonb, integer, integer), public.expire_leases(integer)
  from public, anon, authenticated;
grant execute on function
  public.complete_jobs(text, jsonb, integer, integer), public.expire_leases(integer)
  to service_role;
