-- Operators: cancel, retry, reset, restart, the views, and health.

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
  perform orchestrator.end_run(p_workflow_run_id, 'cancelled', p_reason, v_now);
  if exists (select from orchestrator.signals) then
    perform orchestrator.ring();
  end if;
  return jsonb_build_object('result', 'cancelled', 'status', 'cancelled');
end;
$$;

comment on function public.cancel_run(uuid, text) is
  'Ends a run with its sub-runs: queued jobs at once, calls in flight at the next heartbeat. Late results are kept on their attempts.';

create function orchestrator.next_generation(p_job public.job_queue)
returns integer
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  return p_job.generation + case
    -- A sub-run that ended cannot be gone on with under its old key.
    when p_job.payload ->> 'kind' = 'workflow' then 1
    -- A definite outcome was final, so the agent must do the work anew; after an unknown one the same key
    -- lets it answer with what it may have done already.
    when p_job.status not in ('success', 'failed', 'dead') then 0
    when p_job.error_class in ('timeout', 'network', 'lease_expired', 'in_progress') then 0
    else 1
  end;
end;
$$;

comment on function orchestrator.next_generation(public.job_queue) is
  'The generation under which a job is done again.';

create function orchestrator._redo_items(p_job public.job_queue, p_item_index integer, p_now timestamptz)
returns void
language plpgsql
volatile
security invoker
set search_path = ''
set enable_seqscan = off
set jit = off
as $$
declare
  v_items integer[];
begin
  select array_agg(item_index order by item_index) into v_items
  from public.job_queue
  where workflow_run_id = p_job.workflow_run_id and step_no = p_job.step_no and item_index >= 0
    and (status <> 'success' or item_index = p_item_index);

  update public.job_queue q
  set
    status = case when n.place <= coalesce(f.max_concurrency, n.place) then 'queued' else 'waiting' end,
    open_dependencies = (n.place > coalesce(f.max_concurrency, n.place))::integer,
    max_attempts = q.attempts + w.max_attempts,
    generation = orchestrator.next_generation(q),
    next_run_at = p_now, parked = null,
    output = null, output_ref = null, error_class = null, error_text = null, started_at = null, finished_at = null
  from unnest(v_items) with ordinality as n (item_index, place), public.fan_outs f, public.workflow_steps w
  where q.workflow_run_id = p_job.workflow_run_id and q.step_no = p_job.step_no and q.item_index = n.item_index
    and f.workflow_run_id = q.workflow_run_id and f.step_no = q.step_no
    and w.definition_id = q.definition_id and w.step_no = q.step_no;

  update public.fan_outs f
  set
    open = cardinality(v_items), succeeded = f.total - cardinality(v_items), failed = 0,
    released = coalesce(v_items[f.max_concurrency] + 1, f.total)
  where f.workflow_run_id = p_job.workflow_run_id and f.step_no = p_job.step_no;

  update public.job_queue
  set
    status = 'parked', next_run_at = 'infinity', open_dependencies = 0, skip_reason = null,
    output = null, output_ref = null, error_class = null, error_text = null, finished_at = null,
    max_attempts = greatest(max_attempts, attempts + 1)
  where job_id = p_job.job_id;
end;
$$;

comment on function orchestrator._redo_items(public.job_queue, integer, timestamptz) is
  'Puts the items of a fan-out that did not succeed back to work, and one more if named; good outputs are kept.';

create function orchestrator._forget_work(p_job_ids bigint[])
returns void
language plpgsql
volatile
security invoker
set search_path = ''
set enable_seqscan = off
set jit = off
as $$
begin
  delete from orchestrator.event_waits where job_id = any (p_job_ids);
  delete from orchestrator.event_candidates where job_id = any (p_job_ids);
  insert into orchestrator.stale_outputs (path)
  select output_ref ->> 'path'
  from public.job_queue
  where job_id = any (p_job_ids) and output_ref is not null
  on conflict (path) do nothing;
end;
$$;

comment on function orchestrator._forget_work(bigint[]) is
  'Forgets what jobs waited for and the outputs that they keep in Storage.';

create function orchestrator._forget_items(p_workflow_run_id uuid, p_steps integer[])
returns void
language plpgsql
volatile
security invoker
set search_path = ''
set enable_seqscan = off
set jit = off
as $$
declare
  v_items bigint[];
begin
  delete from public.fan_outs where workflow_run_id = p_workflow_run_id and step_no = any (p_steps);
  if not found then
    return;
  end if;
  select array_agg(job_id) into v_items
  from public.job_queue
  where workflow_run_id = p_workflow_run_id and step_no = any (p_steps) and item_index >= 0;
  perform orchestrator._forget_work(v_items);
  delete from public.job_attempts where job_id = any (v_items);
  delete from public.job_queue where job_id = any (v_items);
end;
$$;

comment on function orchestrator._forget_items(uuid, integer[]) is
  'Deletes the items of fan-outs that are done anew as a whole: their list is made again.';

create function orchestrator._redo_steps(
  p_workflow_run_id uuid,
  p_roots integer[],
  p_forgets_attempts boolean,
  p_keeps_items boolean,
  p_item_index integer,
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
  v_kept integer[] := array[]::integer[];
  v_jobs integer;
  v_job public.job_queue;
begin
  -- The roots and all behind them; the caller holds the run exclusively.
  with recursive behind as (
    select unnest(p_roots) as step_no
    union
    select unnest(w.dependents || q.extra_dependents)
    from behind b
    join public.job_queue q
      on q.workflow_run_id = p_workflow_run_id and q.step_no = b.step_no and q.item_index = -1
    join public.workflow_steps w on w.definition_id = q.definition_id and w.step_no = q.step_no
  )
  select array_agg(step_no) into v_steps from behind;

  perform from public.job_queue where workflow_run_id = p_workflow_run_id order by job_id for update;
  if p_keeps_items then
    select coalesce(array_agg(step_no), '{}') into v_kept
    from public.fan_outs
    where workflow_run_id = p_workflow_run_id and step_no = any (p_roots);
  end if;
  perform orchestrator._forget_items(
    p_workflow_run_id, array(select s from unnest(v_steps) as s where s <> all (v_kept))
  );
  perform orchestrator._forget_work(array(
    select job_id from public.job_queue
    where workflow_run_id = p_workflow_run_id and step_no = any (v_steps) and item_index = -1
  ));

  with edge as (
    select d.step_no, p.status, p.skip_reason, p.finished_at, p.step_no as from_step, w.continue_on_error
    from public.job_queue p
    join public.workflow_steps w on w.definition_id = p.definition_id and w.step_no = p.step_no
    cross join unnest(w.dependents || p.extra_dependents) as d (step_no)
    where p.workflow_run_id = p_workflow_run_id and p.item_index = -1
  ),
  counts as (
    select
      step_no,
      count(*) filter (where from_step = any (v_steps) or finished_at is null)::integer as open,
      count(*) filter (where
        from_step <> all (v_steps) and (status = 'success' or status = 'dead' and continue_on_error)
      )::integer as succeeded,
      count(*) filter (where
        from_step <> all (v_steps) and (
          status = 'dead' and not continue_on_error or status = 'cancelled' or skip_reason = 'upstream_failed'
        )
      )::integer as failed
    from edge
    group by step_no
  )
  update public.job_queue q
  set
    -- The roots are done whatever became of their dependencies; what is behind one of them waits for it.
    status = case
      when coalesce(c.open, 0) = 0 then 'queued'
      when orchestrator.join_status(q.join_rule, q.join_min, c.open, c.succeeded, c.failed) = 'queued' then 'queued'
      else 'waiting'
    end,
    open_dependencies = coalesce(c.open, 0),
    succeeded_dependencies = coalesce(c.succeeded, 0),
    failed_dependencies = coalesce(c.failed, 0),
    attempts = case when p_forgets_attempts then 0 else q.attempts end,
    max_attempts = case when p_forgets_attempts then 0 else q.attempts end + w.max_attempts,
    generation = orchestrator.next_generation(q),
    next_run_at = p_now, parked = null, condition = null,
    output = null, output_ref = null, error_class = null, error_text = null, skip_reason = null,
    started_at = null, finished_at = null
  from public.workflow_steps w
  left join counts c on c.step_no = w.step_no
  where q.workflow_run_id = p_workflow_run_id and q.step_no = any (v_steps) and q.step_no <> all (v_kept)
    and q.item_index = -1 and w.definition_id = q.definition_id and w.step_no = q.step_no;
  get diagnostics v_jobs = row_count;

  for v_job in
    select * from public.job_queue
    where workflow_run_id = p_workflow_run_id and step_no = any (v_kept) and item_index = -1
  loop
    perform orchestrator._redo_items(v_job, p_item_index, p_now);
    v_jobs := v_jobs + 1;
  end loop;

  perform orchestrator._reopen_trace(p_workflow_run_id);
  update public.workflow_runs r
  set
    status = 'running', finished_at = null, cancel_reason = null, skip_reason = null, is_serial = true,
    deadline_at = p_now + d.timeout_ms * interval '1 millisecond',
    failed_jobs = c.dead,
    open_sinks = c.open_sinks
  from public.workflow_definitions d, (
    select
      count(*) filter (where q.status = 'dead' and not w.continue_on_error and w.phase = 'main')::integer as dead,
      count(*) filter (where w.is_sink and q.finished_at is null)::integer as open_sinks
    from public.job_queue q
    join public.workflow_steps w on w.definition_id = q.definition_id and w.step_no = q.step_no
    where q.workflow_run_id = p_workflow_run_id and q.item_index = -1
  ) as c
  where r.workflow_run_id = p_workflow_run_id and d.definition_id = r.definition_id;

  -- A run that goes on holds its slot again, also beyond the maximum: an operator said so.
  insert into orchestrator.concurrency_slots (
    workflow_run_id, workflow_key, concurrency_key, job_id, max_runs, on_conflict, is_held
  )
  select
    r.workflow_run_id, r.workflow_key, r.concurrency_key, q.job_id,
    (q.payload #>> '{start,concurrency,max}')::integer, q.payload #>> '{start,concurrency,on_conflict}', true
  from public.workflow_runs r
  join public.job_queue q using (workflow_run_id)
  where r.workflow_run_id = p_workflow_run_id and r.concurrency_key is not null
    and q.payload ->> 'kind' = 'start' and q.status = 'success'
  on conflict (workflow_run_id) do nothing;
  return v_jobs;
end;
$$;

comment on function orchestrator._redo_steps(uuid, integer[], boolean, boolean, integer, timestamptz) is
  'Puts steps and all behind them back to work and reopens the run; good outputs elsewhere are kept, and with p_keeps_items those of a root''s items.';

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
  if not found then
    -- Pruned while this call waited for the run.
    return jsonb_build_object('result', 'not_found', 'status', null, 'workflow_run_id', null);
  end if;

  if v_job.status = 'failed' and not p_forgets_attempts then
    update public.job_queue set status = 'queued', next_run_at = v_now where job_id = p_job_id;
  elsif v_job.status <> all (p_statuses) then
    v_refusal := format('a job that is %s cannot be put back to work', v_job.status);
  elsif exists (
    select from public.job_queue
    where workflow_run_id = v_job.workflow_run_id and lease_token is not null
      and (step_no > v_job.step_no or step_no = v_job.step_no and job_id <> v_job.job_id)
  ) then
    v_refusal := 'a later step of the run, or another item, is being worked on: cancel the run first, or wait';
  else
    perform orchestrator._redo_steps(
      v_job.workflow_run_id, array[v_job.step_no], p_forgets_attempts,
      p_keeps_items => not p_forgets_attempts or v_job.item_index >= 0, p_item_index => v_job.item_index, p_now => v_now
    );
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

create function orchestrator._run_again(p_run public.workflow_runs, p_definition_id bigint, p_payload jsonb)
returns uuid
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  return (orchestrator.create_runs(
    jsonb_build_array(jsonb_build_object(
      'user_id', p_run.user_id, 'workflow_key', p_run.workflow_key, 'intent_id', p_run.intent_id,
      'payload', coalesce(p_payload, p_run.payload), 'priority', p_run.priority,
      'trigger_event_id', p_run.trigger_event_id, 'event_type', p_run.event_type,
      'definition_id', p_definition_id, 'restarted_from', p_run.workflow_run_id
    )),
    'restart'
  ) #>> '{0,workflow_run_id}')::uuid;
end;
$$;

comment on function orchestrator._run_again(public.workflow_runs, bigint, jsonb) is
  'A new run like another, with its payload or the one given, of the definition given or of the one published now; null if there is none.';

create function orchestrator._copy_outputs(
  p_from uuid, p_to uuid, p_redone_step text, p_now timestamptz
)
returns void
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_roots integer[];
begin
  update public.job_queue n
  set status = 'success', output = o.output, output_ref = o.output_ref, finished_at = p_now, open_dependencies = 0
  from public.job_queue o
  where n.workflow_run_id = p_to and o.workflow_run_id = p_from
    and n.step_id = o.step_id and n.item_index = -1 and o.item_index = -1
    and n.payload ->> 'kind' is not distinct from o.payload ->> 'kind'
    and o.status = 'success' and o.step_id is distinct from p_redone_step and o.step_id not like '$%';
  update public.workflow_runs n
  set inputs = o.inputs
  from public.workflow_runs o
  where n.workflow_run_id = p_to and o.workflow_run_id = p_from;
  -- The start step comes before all others: doing it again would do all of them again.
  update public.job_queue
  set status = 'success', output = 'null', finished_at = p_now, open_dependencies = 0
  where workflow_run_id = p_to and payload ->> 'kind' = 'start';

  select array_agg(step_no) into v_roots
  from public.job_queue
  where workflow_run_id = p_to and status <> 'success' and payload ->> 'kind' is distinct from 'failure';
  if v_roots is not null then
    perform orchestrator._redo_steps(p_to, v_roots, true, false, null, p_now);
    return;
  end if;
  -- The version published now has no step that is not done.
  update public.job_queue
  set status = 'skipped', skip_reason = 'condition', finished_at = p_now, open_dependencies = 0
  where workflow_run_id = p_to and status <> 'success';
  update public.workflow_runs
  set status = 'success', open_sinks = 0, finished_at = p_now, deadline_at = null
  where workflow_run_id = p_to;
  perform orchestrator.note_ended_runs(array[p_to]);
end;
$$;

comment on function orchestrator._copy_outputs(uuid, uuid, text, timestamptz) is
  'Gives a new run the good outputs of another, by step id, but for one step; what is behind a step without output is done again.';

create function public.restart_run(
  p_workflow_run_id uuid,
  p_mode text,
  p_step_id text default null,
  p_definition text default 'same',
  p_ring boolean default true,
  p_payload jsonb default null
)
returns jsonb
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_now timestamptz := orchestrator.now();
  v_run public.workflow_runs;
  v_refusal text;
  v_roots integer[];
  v_jobs integer;
  v_new_run_id uuid := p_workflow_run_id;
begin
  if p_mode not in ('failed', 'step', 'whole') then
    raise exception 'restarting a run: mode must be failed, step or whole, got %', p_mode using errcode = 'WF001';
  elsif p_payload is not null and p_mode <> 'whole' then
    raise exception 'restarting a run: a payload of its own goes with mode whole only, got %', p_mode
      using errcode = 'WF001';
  end if;
  perform orchestrator.lock_runs(array[p_workflow_run_id], array[p_workflow_run_id]);
  select * into v_run from public.workflow_runs where workflow_run_id = p_workflow_run_id for update;
  if not found then
    return jsonb_build_object('result', 'not_found');
  end if;

  if p_mode = 'failed' then
    if v_run.status not in ('failed', 'cancelled') then
      v_refusal := format('a run that is %s has no failed steps to restart from', v_run.status);
    end if;
    select array_agg(q.step_no) into v_roots
    from public.job_queue q
    join public.workflow_steps w on w.definition_id = q.definition_id and w.step_no = q.step_no
    where q.workflow_run_id = p_workflow_run_id and q.item_index = -1 and w.phase = 'main' and (
      q.status = 'dead' and not w.continue_on_error or q.status = 'cancelled'
      -- What was undone has to be done again.
      or exists (
        select from public.workflow_steps c
        join public.job_queue u on u.workflow_run_id = q.workflow_run_id and u.step_no = c.step_no and u.item_index = -1
        where c.definition_id = w.definition_id and c.compensates = w.step_no and u.attempts > 0
      )
    );
  elsif p_mode = 'step' then
    if v_run.status = 'running' then
      v_refusal := 'the run is live: cancel it first, or reset the job of the step';
    end if;
    select array_agg(q.step_no) into v_roots
    from public.job_queue q
    join public.workflow_steps w on w.definition_id = q.definition_id and w.step_no = q.step_no
    where q.workflow_run_id = p_workflow_run_id and q.item_index = -1 and w.phase = 'main' and q.step_id = p_step_id
      and q.step_id not like '$%';
    if v_refusal is null and v_roots is null then
      v_refusal := format('the run has no step %s', coalesce(p_step_id, '(none was named)'));
    end if;
  end if;

  if v_refusal is not null then
    null;
  elsif p_mode = 'whole' or p_definition = 'latest' then
    v_new_run_id := orchestrator._run_again(
      v_run, case when p_definition = 'same' then v_run.definition_id end, p_payload
    );
    if v_new_run_id is null then
      v_refusal := format('workflow %s is not published any more', v_run.workflow_key);
    else
      if p_mode <> 'whole' then
        perform orchestrator._copy_outputs(v_run.workflow_run_id, v_new_run_id, p_step_id, v_now);
      end if;
      select count(*) into v_jobs
      from public.job_queue
      where workflow_run_id = v_new_run_id and finished_at is null;
    end if;
  else
    v_jobs := orchestrator._redo_steps(p_workflow_run_id, v_roots, false, p_mode = 'failed', null, v_now);
  end if;
  if v_refusal is not null then
    return jsonb_build_object('result', 'conflict', 'workflow_run_id', p_workflow_run_id, 'reason', v_refusal);
  end if;

  if p_ring then
    perform orchestrator.ring();
  end if;
  return jsonb_build_object('result', 'restarted', 'workflow_run_id', v_new_run_id, 'jobs', v_jobs);
end;
$$;

comment on function public.restart_run(uuid, text, text, text, boolean, jsonb) is
  'failed: does the failed and cancelled steps of a run again, and what lay behind them, keeping good outputs. step: the step p_step_id and what lay behind it. whole: a new run, with p_payload in place of its own where given. p_definition latest: a new run of the version published now, with the outputs that are kept copied.';

create view public.orchestrator_queue with (security_invoker = true) as
  select
    status,
    count(*) as jobs,
    min(next_run_at) filter (where awaits_lease) as next_run_at,
    min(created_at) as oldest_created_at
  from public.job_queue
  group by status;

comment on view public.orchestrator_queue is 'Jobs by status; a scan, for people, not for the hot path.';

create view public.orchestrator_steps with (security_invoker = true) as
  select
    r.workflow_run_id, r.workflow_key, r.status as run_status, q.step_no, q.step_id, q.item_index, q.agent, q.job_id,
    q.status, q.parked ->> 'for' as parked_for, q.condition,
    q.attempts, q.max_attempts, q.next_run_at, q.error_class, q.error_text, q.skip_reason,
    q.started_at, q.finished_at, q.finished_at - q.started_at as duration
  from public.workflow_runs r
  join public.job_queue q using (workflow_run_id);

comment on view public.orchestrator_steps is 'Every step and every item of every run with its state, for operators.';

create view public.orchestrator_dead_letters with (security_invoker = true) as
  select
    q.job_id, r.workflow_key, q.workflow_run_id, q.step_id, q.user_id, q.attempts, q.error_class, q.error_text,
    q.finished_at as died_at
  from public.job_queue q
  join public.workflow_runs r using (workflow_run_id)
  where q.status = 'dead' and q.error_class is not null;  -- by which there is an index

comment on view public.orchestrator_dead_letters is
  'Jobs that are dead, with the reason; select retry_job(job_id) gives one another round.';

revoke all on public.orchestrator_queue, public.orchestrator_steps, public.orchestrator_dead_letters
  from public, anon, authenticated;
grant select on public.orchestrator_queue, public.orchestrator_steps, public.orchestrator_dead_letters to service_role;

create function public.get_health()
returns jsonb
language sql
volatile
security invoker
set search_path = ''
set jit = off  -- one look at a full queue is dear enough to be compiled, which takes longer than the look
as $$
  with depth as (
    select coalesce(jsonb_object_agg(status, jobs), '{}') as queue
    from (
      select status, count(*) as jobs
      from public.job_queue
      -- By what is left out: nearly all rows are of the first, and are passed over after one comparison.
      where status not in ('success', 'skipped', 'cancelled')
      group by status
    ) as counted
  ),
  age as (
    select coalesce(greatest(0, extract(epoch from orchestrator.now() - orchestrator.oldest_due_at())), 0) as seconds
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
    union all
    select format(
      'runs have waited since %s to be archived and are not deleted: is Storage reachable? The log of cron-orchestrator tells',
      to_char(min(created_at) at time zone 'utc', 'YYYY-MM-DD HH24:MI "UTC"')
    )
    from orchestrator.archive_batches
    where archived_at is null
    having min(created_at) < clock_timestamp() - interval '1 hour' and coalesce(
      (select max(archived_at) from orchestrator.archive_batches) < clock_timestamp() - interval '1 hour', true
    )
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

create function public.get_schema_version()
returns integer
language sql
immutable
security invoker
set search_path = ''
as $$ select 1 $$;

comment on function public.get_schema_version() is
  'Raised by every migration that brings what the functions call: functions that need a higher one say so in their health.';

revoke execute on all functions in schema orchestrator from public, anon, authenticated;
grant execute on function
  orchestrator.next_generation(public.job_queue), orchestrator._redo_items(public.job_queue, integer, timestamptz),
  orchestrator._forget_work(bigint[]), orchestrator._forget_items(uuid, integer[]),
  orchestrator._redo_steps(uuid, integer[], boolean, boolean, integer, timestamptz),
  orchestrator._redo_job(bigint, text[], boolean),
  orchestrator._run_again(public.workflow_runs, bigint, jsonb), orchestrator._copy_outputs(uuid, uuid, text, timestamptz)
  to service_role;
revoke execute on function
  public.cancel_run(uuid, text), public.retry_job(bigint), public.reset_job(bigint),
  public.restart_run(uuid, text, text, text, boolean, jsonb), public.get_health(), public.get_schema_version()
  from public, anon, authenticated;
grant execute on function
  public.cancel_run(uuid, text), public.retry_job(bigint), public.reset_job(bigint),
  public.restart_run(uuid, text, text, text, boolean, jsonb), public.get_health(), public.get_schema_version()
  to service_role;
