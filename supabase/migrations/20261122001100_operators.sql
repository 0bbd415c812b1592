-- Operators: cancel, retry, reset, restart, and what they look at.

create function public.cancel_run(p_workflow_run_id uuid, p_reason text default null)
returns jsonb
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_now timestamptz := orchestrator.now();
  v_status text;
begin
  perform orchestrator.lock_runs(array[p_workflow_run_id], array[p_workflow_run_id]);
  select status into v_status from public.workflow_runs where workflow_run_id = p_workflow_run_id;
  if not found then
    return jsonb_build_object('result', 'not_found', 'status', null);
  elsif v_status <> 'running' then
    return jsonb_build_object('result', 'already_finished', 'status', v_status);
  end if;

  perform from public.job_queue where workflow_run_id = p_workflow_run_id order by job_id for update;
  with open as (
    select job_id, workflow_run_id, attempts, leased_by, leased_at, lease_token
    from public.job_queue
    where workflow_run_id = p_workflow_run_id
      and status in ('waiting', 'queued', 'failed', 'leased', 'running')
  ),
  attempt as (
    -- Calls in flight end here for the record; the worker hears of it at its next heartbeat and aborts them.
    insert into public.job_attempts (
      job_id, workflow_run_id, attempt, worker_id, started_at, finished_at, success, error_class, error_text
    )
    select job_id, workflow_run_id, attempts, leased_by, leased_at, v_now, false, 'cancelled', p_reason
    from open
    where lease_token is not null
  )
  update public.job_queue q
  set status = 'cancelled', finished_at = v_now, lease_token = null, lease_until = null
  from open o
  where q.job_id = o.job_id;

  update public.workflow_runs
  set status = 'cancelled', finished_at = v_now, cancel_reason = p_reason, open_sinks = 0
  where workflow_run_id = p_workflow_run_id;
  return jsonb_build_object('result', 'cancelled', 'status', 'cancelled');
end;
$$;

comment on function public.cancel_run(uuid, text) is
  'Ends a run: queued jobs at once, calls in flight at the next heartbeat. Late results are kept on their attempts.';

create function orchestrator._redo_steps(
  p_workflow_run_id uuid,
  p_roots integer[],
  p_forgets_attempts boolean,
  p_now timestamptz
)
returns integer
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_steps integer[];
  v_jobs integer;
begin
  -- The roots and all behind them; the caller holds the run exclusively.
  with recursive behind as (
    select unnest(p_roots) as step_no
    union
    select unnest(w.dependents)
    from behind b
    join public.job_queue q on q.workflow_run_id = p_workflow_run_id and q.step_no = b.step_no
    join public.workflow_steps w on w.definition_id = q.definition_id and w.step_no = q.step_no
  )
  select array_agg(step_no) into v_steps from behind;

  perform from public.job_queue where workflow_run_id = p_workflow_run_id order by job_id for update;

  update public.job_queue q
  set
    status = case when d.open = 0 then 'queued' else 'waiting' end,
    open_dependencies = d.open,
    has_failed_dependency = d.has_failed,
    attempts = case when p_forgets_attempts then 0 else q.attempts end,
    max_attempts = case when p_forgets_attempts then 0 else q.attempts end + w.max_attempts,
    -- A definite outcome was final, so the agent must do the work anew; after an unknown one the same key
    -- lets it answer with what it may have done already.
    generation = q.generation + case
      when q.status not in ('success', 'failed', 'dead') then 0
      when q.error_class in ('timeout', 'network', 'lease_expired', 'in_progress') then 0
      else 1
    end,
    next_run_at = p_now,
    output = null, error_class = null, error_text = null, skip_reason = null, started_at = null, finished_at = null
  from public.workflow_steps w
  cross join lateral (
    select
      count(*) filter (where p.step_no = any (v_steps) or p.finished_at is null)::integer as open,
      coalesce(
        bool_or(p.step_no <> all (v_steps) and p.status in ('dead', 'skipped', 'cancelled')), false
      ) as has_failed
    from unnest(w.depends_on) as u (step_no)
    join public.job_queue p on p.workflow_run_id = p_workflow_run_id and p.step_no = u.step_no
  ) as d
  where q.workflow_run_id = p_workflow_run_id and q.step_no = any (v_steps)
    and w.definition_id = q.definition_id and w.step_no = q.step_no;
  get diagnostics v_jobs = row_count;

  update public.workflow_runs r
  set
    status = 'running', finished_at = null, cancel_reason = null,
    failed_jobs = c.dead,
    open_sinks = c.open_sinks
  from (
    select
      count(*) filter (where q.status = 'dead')::integer as dead,
      count(*) filter (where w.is_sink and q.finished_at is null)::integer as open_sinks
    from public.job_queue q
    join public.workflow_steps w on w.definition_id = q.definition_id and w.step_no = q.step_no
    where q.workflow_run_id = p_workflow_run_id
  ) as c
  where r.workflow_run_id = p_workflow_run_id;
  return v_jobs;
end;
$$;

comment on function orchestrator._redo_steps(uuid, integer[], boolean, timestamptz) is
  'Puts steps and all behind them back to work and reopens the run; good outputs elsewhere are kept.';

create function orchestrator._redo_job(p_job_id bigint, p_statuses text[], p_forgets_attempts boolean)
returns jsonb
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_now timestamptz := orchestrator.now();
  v_job public.job_queue;
  v_refusal text;
begin
  select * into v_job from public.job_queue where job_id = p_job_id;
  if not found then
    return jsonb_build_object('result', 'not_found', 'status', null, 'workflow_run_id', null);
  end if;
  perform orchestrator.lock_runs(array[v_job.workflow_run_id], array[v_job.workflow_run_id]);
  select * into v_job from public.job_queue where job_id = p_job_id for update;

  if v_job.status = 'failed' and not p_forgets_attempts then
    update public.job_queue set status = 'queued', next_run_at = v_now where job_id = p_job_id;
  elsif v_job.status <> all (p_statuses) then
    v_refusal := format('a job that is %s cannot be put back to work', v_job.status);
  elsif exists (
    select from public.job_queue
    where workflow_run_id = v_job.workflow_run_id and step_no > v_job.step_no and lease_token is not null
  ) then
    v_refusal := 'a later step of the run is being worked on: cancel the run first, or wait';
  else
    perform orchestrator._redo_steps(v_job.workflow_run_id, array[v_job.step_no], p_forgets_attempts, v_now);
  end if;

  if v_refusal is null then
    perform orchestrator.ring();
  end if;
  select * into v_job from public.job_queue where job_id = p_job_id;
  return jsonb_build_object(
    'result', case when v_refusal is null then v_job.status else 'conflict' end,
    'status', v_job.status,
    'workflow_run_id', v_job.workflow_run_id,
    'reason', v_refusal
  );
end;
$$;

comment on function orchestrator._redo_job(bigint, text[], boolean) is
  'The common part of retry_job and reset_job: refuse, or put the job and all behind it back to work and ring.';

create function public.retry_job(p_job_id bigint)
returns jsonb
language sql
volatile
security invoker
set search_path = ''
as $$
  select orchestrator._redo_job(p_job_id, array['dead', 'cancelled'], false);
$$;

comment on function public.retry_job(bigint) is
  'Gives a dead or cancelled job another full round of attempts, or runs a failed one now. Attempt numbers go on.';

create function public.reset_job(p_job_id bigint)
returns jsonb
language sql
volatile
security invoker
set search_path = ''
as $$
  select orchestrator._redo_job(
    p_job_id, array['success', 'failed', 'dead', 'skipped', 'cancelled', 'queued'], true
  );
$$;

comment on function public.reset_job(bigint) is
  'Puts a job, also a successful one, and everything behind it back to its first state: outputs forgotten, attempts at zero.';

create function public.restart_run(p_workflow_run_id uuid, p_mode text, p_ring boolean default true)
returns jsonb
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_run public.workflow_runs;
  v_roots integer[];
  v_jobs integer;
  v_new_run_id uuid := p_workflow_run_id;
begin
  if p_mode not in ('failed', 'whole') then
    raise exception 'restarting a run: mode must be failed or whole, got %', p_mode using errcode = 'WF001';
  end if;
  perform orchestrator.lock_runs(array[p_workflow_run_id], array[p_workflow_run_id]);
  select * into v_run from public.workflow_runs where workflow_run_id = p_workflow_run_id for update;
  if not found then
    return jsonb_build_object('result', 'not_found');
  end if;

  if p_mode = 'whole' then
    v_new_run_id := (orchestrator.create_runs(
      jsonb_build_array(jsonb_build_object(
        'user_id', v_run.user_id, 'workflow_key', v_run.workflow_key, 'intent_id', v_run.intent_id,
        'payload', v_run.payload, 'priority', v_run.priority,
        'definition_id', v_run.definition_id, 'restarted_from', v_run.workflow_run_id
      )),
      'restart'
    ) #>> '{0,workflow_run_id}')::uuid;
    select count(*) into v_jobs from public.job_queue where workflow_run_id = v_new_run_id;
  elsif v_run.status not in ('failed', 'cancelled') then
    return jsonb_build_object(
      'result', 'conflict', 'workflow_run_id', p_workflow_run_id,
      'reason', format('a run that is %s has no failed steps to restart from', v_run.status)
    );
  else
    select array_agg(step_no) into v_roots
    from public.job_queue
    where workflow_run_id = p_workflow_run_id and status in ('dead', 'cancelled');
    v_jobs := orchestrator._redo_steps(p_workflow_run_id, v_roots, false, orchestrator.now());
  end if;

  if p_ring then
    perform orchestrator.ring();
  end if;
  return jsonb_build_object('result', 'restarted', 'workflow_run_id', v_new_run_id, 'jobs', v_jobs);
end;
$$;

comment on function public.restart_run(uuid, text, boolean) is
  'failed: does the failed and cancelled steps of a run again, and what lay behind them, keeping good outputs. whole: a new run of the same definition.';

create view public.orchestrator_queue with (security_invoker = true) as
  select
    status,
    count(*) as jobs,
    min(next_run_at) filter (where status in ('queued', 'failed')) as next_run_at,
    min(created_at) as oldest_created_at
  from public.job_queue
  group by status;

comment on view public.orchestrator_queue is 'Jobs by status; a scan, for people, not for the hot path.';

create view public.orchestrator_steps with (security_invoker = true) as
  select
    r.workflow_run_id, r.workflow_key, r.status as run_status, q.step_no, q.step_id, q.agent, q.job_id, q.status,
    q.attempts, q.max_attempts, q.next_run_at, q.error_class, q.error_text, q.skip_reason,
    q.started_at, q.finished_at, q.finished_at - q.started_at as duration
  from public.workflow_runs r
  join public.job_queue q using (workflow_run_id);

comment on view public.orchestrator_steps is 'Every step of every run with its state, for operators.';

create view public.orchestrator_dead_letters with (security_invoker = true) as
  select
    q.job_id, r.workflow_key, q.workflow_run_id, q.step_id, q.user_id, q.attempts, q.error_class, q.error_text,
    q.finished_at as died_at
  from public.job_queue q
  join public.workflow_runs r using (workflow_run_id)
  where q.status = 'dead';

comment on view public.orchestrator_dead_letters is
  'Jobs that are dead, with the reason; select retry_job(job_id) gives one another round.';

revoke all on public.orchestrator_queue, public.orchestrator_steps, public.orchestrator_dead_letters
  from public, anon, authenticated;
grant select on public.orchestrator_queue, public.orchestrator_steps, public.orchestrator_dead_letters to service_role;

create function public.list_runs(
  p_workflow_key text default null,
  p_status text default null,
  p_user_id text default null,
  p_limit integer default 50,
  p_before uuid default null
)
returns jsonb
language sql
stable
security invoker
set search_path = ''
as $$
  select coalesce(jsonb_agg(to_jsonb(r) - array['request_hash', 'payload'] order by r.workflow_run_id desc), '[]')
  from (
    select *
    from public.workflow_runs
    where (p_workflow_key is null or workflow_key = p_workflow_key)
      and (p_status is null or status = p_status)
      and (p_user_id is null or user_id = p_user_id)
      and (p_before is null or workflow_run_id < p_before)
    order by workflow_run_id desc
    limit least(p_limit, 1000)
  ) as r;
$$;

comment on function public.list_runs(text, text, text, integer, uuid) is
  'Runs, newest first; p_before is the last id of the page before.';

create function orchestrator._describe_job(p_job public.job_queue)
returns jsonb
language sql
stable
security invoker
set search_path = ''
as $$
  select to_jsonb(p_job) - array['lease_token', 'definition_id'] || jsonb_build_object('attempt_history', (
    select coalesce(jsonb_agg(to_jsonb(a) - array['job_id', 'workflow_run_id'] order by a.attempt_id), '[]')
    from public.job_attempts a
    where a.job_id = p_job.job_id
  ));
$$;

comment on function orchestrator._describe_job(public.job_queue) is
  'A job with its attempts; the lease token stays inside.';

create function public.get_run(p_workflow_run_id uuid)
returns jsonb
language sql
stable
security invoker
set search_path = ''
as $$
  select to_jsonb(r) - 'request_hash' || jsonb_build_object('jobs', (
    select coalesce(jsonb_agg(orchestrator._describe_job(q) order by q.step_no), '[]')
    from public.job_queue q
    where q.workflow_run_id = r.workflow_run_id
  ))
  from public.workflow_runs r
  where r.workflow_run_id = p_workflow_run_id;
$$;

comment on function public.get_run(uuid) is 'A run with its jobs and their attempts, or null.';

create function public.list_jobs(
  p_status text default null,
  p_workflow_key text default null,
  p_limit integer default 50,
  p_before bigint default null
)
returns jsonb
language sql
stable
security invoker
set search_path = ''
as $$
  select coalesce(jsonb_agg(to_jsonb(j) - array['lease_token', 'definition_id', 'output'] order by j.job_id desc), '[]')
  from (
    select q.*, r.workflow_key
    from public.job_queue q
    join public.workflow_runs r using (workflow_run_id)
    where (p_status is null or q.status = p_status)
      and (p_workflow_key is null or r.workflow_key = p_workflow_key)
      and (p_before is null or q.job_id < p_before)
    order by q.job_id desc
    limit least(p_limit, 1000)
  ) as j;
$$;

comment on function public.list_jobs(text, text, integer, bigint) is
  'Jobs, newest first; p_before is the last id of the page before.';

create function public.get_job(p_job_id bigint)
returns jsonb
language sql
stable
security invoker
set search_path = ''
as $$
  select orchestrator._describe_job(q) from public.job_queue q where q.job_id = p_job_id;
$$;

comment on function public.get_job(bigint) is 'A job with its attempts, or null.';

create function public.get_health()
returns jsonb
language sql
volatile
security invoker
set search_path = ''
as $$
  with depth as (
    select coalesce(jsonb_object_agg(status, jobs), '{}') as queue
    from (
      select status, count(*) as jobs
      from public.job_queue
      where status in ('queued', 'failed', 'leased', 'running', 'waiting', 'dead')
      group by status
    ) as counted
  ),
  age as (
    select coalesce(greatest(0, extract(epoch from orchestrator.now() - orchestrator.next_due_at())), 0) as seconds
  ),
  tick as (
    select
      max(ticked_at) filter (where name = 'worker') as worker_at,
      max(ticked_at) filter (where name = 'cron') as cron_at
    from orchestrator.ticks
  ),
  warning (text) as (
    select 'the worker tick has been silent for over 3 minutes: is the pg_cron job orchestrator-worker running?'
    from tick where worker_at is null or worker_at < clock_timestamp() - interval '3 minutes'
    union all
    select 'the cron tick has been silent for over 3 minutes: is the pg_cron job orchestrator-cron running?'
    from tick where cron_at is null or cron_at < clock_timestamp() - interval '3 minutes'
    union all
    select format('the oldest due job has waited %s s: is a worker reachable?', round(seconds))
    from age where seconds > 300
    union all
    select format('workflow file %s was refused, the version published before stays: %s', source_path, problems #>> '{0,message}')
    from public.workflow_files where problems is not null
  )
  select jsonb_build_object(
    'ok', not exists (select from warning),
    'database_time', orchestrator.now(),
    'queue', depth.queue,
    'oldest_ready_seconds', round(age.seconds, 3),
    'workers_alive', orchestrator.workers_alive(),
    'last_tick_at', tick.worker_at,
    'last_cron_tick_at', tick.cron_at,
    'warnings', (select coalesce(jsonb_agg(text), '[]') from warning)
  )
  from depth, age, tick;
$$;

comment on function public.get_health() is 'Liveness for monitors: queue depth and age, workers, last ticks, and warnings that say what to look at.';

revoke execute on all functions in schema orchestrator from public, anon, authenticated;
grant execute on function
  orchestrator._redo_steps(uuid, integer[], boolean, timestamptz), orchestrator._redo_job(bigint, text[], boolean),
  orchestrator._describe_job(public.job_queue)
  to service_role;
revoke execute on function
  public.cancel_run(uuid, text), public.retry_job(bigint), public.reset_job(bigint),
  public.restart_run(uuid, text, boolean), public.list_runs(text, text, text, integer, uuid), public.get_run(uuid),
  public.list_jobs(text, text, integer, bigint), public.get_job(bigint), public.get_health()
  from public, anon, authenticated;
grant execute on function
  public.cancel_run(uuid, text), public.retry_job(bigint), public.reset_job(bigint),
  public.restart_run(uuid, text, boolean), public.list_runs(text, text, text, integer, uuid), public.get_run(uuid),
  public.list_jobs(text, text, integer, bigint), public.get_job(bigint), public.get_health()
  to service_role;
