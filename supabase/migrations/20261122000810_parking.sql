-- Parking: jobs that wait without a worker: for an event, a timer, their items, another run, a callback, a slot.
--
-- A parked job is leased again when next_run_at comes, and next_run_at is moved to now by whoever has what it waits
-- for. Two rules keep wake-ups from being lost and locks from meeting in circles:
--   Whoever ends a run or inserts an event locks no job of another run; it inserts a signal, which process_signals
--   turns into a look at the job, in a transaction that holds nothing else.
--   Whoever parks a job looks once more, after it is parked, whether what it waits for has come meanwhile.

create table orchestrator.event_waits (
  job_id bigint primary key,
  workflow_run_id uuid not null,
  event_type text not null
);

comment on table orchestrator.event_waits is 'The jobs that wait for an event, by its type.';

create index event_waits_by_type on orchestrator.event_waits (event_type);

create table orchestrator.event_candidates (
  job_id bigint not null,
  event_id uuid not null,
  is_refused boolean not null default false,
  primary key (job_id, event_id)
);

comment on table orchestrator.event_candidates is
  'Events that a waiting job has to look at, or has looked at and refused.';

create table orchestrator.consumed_events (
  workflow_run_id uuid not null,
  event_id uuid not null,
  job_id bigint not null,
  primary key (workflow_run_id, event_id)
);

comment on table orchestrator.consumed_events is 'Events that a job of the run has taken: each is taken once a run.';

create table orchestrator.concurrency_slots (
  workflow_run_id uuid primary key,
  workflow_key text not null,
  concurrency_key text not null,
  job_id bigint not null,
  max_runs integer not null,
  on_conflict text not null,
  is_held boolean not null default false,
  has_waited boolean not null default false,
  constraint slots_know_their_policy check (on_conflict in ('queue', 'skip', 'replace', 'cancel_new'))
);

comment on table orchestrator.concurrency_slots is
  'Live runs that hold a slot of their concurrency key, or wait for one with their start job.';

create index concurrency_slots_by_key on orchestrator.concurrency_slots (workflow_key, concurrency_key, workflow_run_id);

create table orchestrator.stale_outputs (
  path text primary key
);

comment on table orchestrator.stale_outputs is
  'Outputs in Storage that no job refers to any more; the cron tick deletes them.';

alter table orchestrator.event_waits enable row level security;
alter table orchestrator.event_candidates enable row level security;
alter table orchestrator.consumed_events enable row level security;
alter table orchestrator.concurrency_slots enable row level security;
alter table orchestrator.stale_outputs enable row level security;
create policy "nobody but the service role" on orchestrator.event_waits
  as permissive for all to anon, authenticated using (false) with check (false);
create policy "nobody but the service role" on orchestrator.event_candidates
  as permissive for all to anon, authenticated using (false) with check (false);
create policy "nobody but the service role" on orchestrator.consumed_events
  as permissive for all to anon, authenticated using (false) with check (false);
create policy "nobody but the service role" on orchestrator.concurrency_slots
  as permissive for all to anon, authenticated using (false) with check (false);
create policy "nobody but the service role" on orchestrator.stale_outputs
  as permissive for all to anon, authenticated using (false) with check (false);
grant select, insert, update, delete on
  orchestrator.event_waits, orchestrator.event_candidates, orchestrator.consumed_events,
  orchestrator.concurrency_slots, orchestrator.stale_outputs
  to service_role;

create function orchestrator.offer_events(p_event_ids uuid[])
returns boolean
language plpgsql
volatile
security invoker
set search_path = ''
set enable_seqscan = off
set jit = off
as $$
declare
  v_jobs bigint[];
begin
  -- Held shared until the app commits: a job that begins to wait for the type meanwhile looks again (see
  -- _begin_wait), so that neither side misses the other.
  perform pg_advisory_xact_lock_shared(hashtext('orchestrator.event'), t.type_hash)
  from (
    select distinct hashtext(type) as type_hash
    from public.intent_events
    where event_id = any (p_event_ids)
    order by 1
  ) as t;

  with offered as (
    insert into orchestrator.event_candidates (job_id, event_id)
    select w.job_id, e.event_id
    from public.intent_events e
    join orchestrator.event_waits w on w.event_type = e.type
    where e.event_id = any (p_event_ids)
    on conflict (job_id, event_id) do nothing
    returning job_id
  )
  select array_agg(distinct job_id) into v_jobs from offered;
  insert into orchestrator.signals (job_id) select unnest(v_jobs);
  return v_jobs is not null;
end;
$$;

comment on function orchestrator.offer_events(uuid[]) is
  'Gives new events to the jobs that wait for their types; true if there are any.';

create function orchestrator._begin_wait(p_job public.job_queue, p_event_type text, p_refused uuid[], p_now timestamptz)
returns void
language plpgsql
volatile
security invoker
set search_path = ''
set enable_seqscan = off
set jit = off
as $$
begin
  insert into orchestrator.event_candidates (job_id, event_id, is_refused)
  select p_job.job_id, e, true from unnest(p_refused) as e
  on conflict (job_id, event_id) do update set is_refused = true;

  if not exists (select from orchestrator.event_waits where job_id = p_job.job_id) then
    -- Exclusive, so that every event of the type is either committed and seen below, or finds the wait. Not waited
    -- for: an app's long transaction must not hold up a worker, so the job looks again a moment later.
    if not pg_try_advisory_xact_lock(hashtext('orchestrator.event'), hashtext(p_event_type)) then
      update public.job_queue
      set next_run_at = least(next_run_at, p_now + interval '100 milliseconds')
      where job_id = p_job.job_id;
      return;
    end if;
    insert into orchestrator.event_waits (job_id, workflow_run_id, event_type)
    values (p_job.job_id, p_job.workflow_run_id, p_event_type);
    perform orchestrator._tell_of_wait(p_job, p_event_type);
    -- Looks back over the events since the run began, but for the one that started it.
    insert into orchestrator.event_candidates (job_id, event_id)
    select p_job.job_id, e.event_id
    from public.workflow_runs r
    join public.intent_events e on e.created_at >= r.created_at and e.type = p_event_type
    where r.workflow_run_id = p_job.workflow_run_id and e.event_id is distinct from r.trigger_event_id
    on conflict (job_id, event_id) do nothing;
  end if;

  if exists (
    select from orchestrator.event_candidates c
    where c.job_id = p_job.job_id and not c.is_refused and not exists (
      select from orchestrator.consumed_events t
      where t.workflow_run_id = p_job.workflow_run_id and t.event_id = c.event_id
    )
  ) then
    update public.job_queue set next_run_at = p_now where job_id = p_job.job_id;
  end if;
end;
$$;

comment on function orchestrator._begin_wait(public.job_queue, text, uuid[], timestamptz) is
  'Enters a parked job among those that wait for a type of event, and calls it if one is there already.';

create function orchestrator._begin_items(
  p_job public.job_queue, p_items jsonb, p_needed integer, p_ends_early boolean, p_max_concurrency integer,
  p_now timestamptz
)
returns void
language plpgsql
volatile
security invoker
set search_path = ''
set enable_seqscan = off
set jit = off
as $$
declare
  v_total integer := jsonb_array_length(p_items);
  v_step public.workflow_steps;
begin
  select * into strict v_step
  from public.workflow_steps
  where definition_id = p_job.definition_id and step_no = p_job.step_no;

  insert into public.fan_outs (
    workflow_run_id, step_no, total, open, needed, ends_early, max_concurrency, released
  )
  values (
    p_job.workflow_run_id, p_job.step_no, v_total, v_total, p_needed, coalesce(p_ends_early, false),
    p_max_concurrency, least(v_total, coalesce(p_max_concurrency, v_total))
  );

  insert into public.job_queue (
    workflow_run_id, definition_id, step_no, item_index, step_id, agent, rate_limit_key, user_id, intent_id,
    status, priority, max_attempts, next_run_at, open_dependencies, generation, payload, input, created_at
  )
  select
    p_job.workflow_run_id, p_job.definition_id, p_job.step_no, i.ordinality - 1, p_job.step_id, p_job.agent,
    case
      when v_step.kind = 'call' then orchestrator.expand_rate_limit(v_step.rate_limit, p_job.user_id, p_job.agent)
      else ''
    end,
    p_job.user_id, p_job.intent_id,
    case when i.ordinality <= coalesce(p_max_concurrency, v_total) then 'queued' else 'waiting' end,
    p_job.priority, v_step.max_attempts, p_now,
    (i.ordinality > coalesce(p_max_concurrency, v_total))::integer,
    p_job.generation, p_job.payload - array['if', 'unless', 'for_each', 'with', 'scoped'],
    i.value, p_now
  from jsonb_array_elements(p_items) with ordinality as i
  order by i.ordinality;

  if v_total = 0 or p_needed > v_total then
    update public.job_queue set next_run_at = p_now where job_id = p_job.job_id;
  end if;
end;
$$;

comment on function orchestrator._begin_items(public.job_queue, jsonb, integer, boolean, integer, timestamptz) is
  'Makes one job per item of a fan-out, each with its own input; beyond max_concurrency they wait for one to end.';

create function orchestrator._begin_sub_run(p_job public.job_queue, p_request jsonb, p_now timestamptz)
returns void
language plpgsql
volatile
security invoker
set search_path = ''
set enable_seqscan = off
set jit = off
as $$
declare
  v_parent public.workflow_runs;
  v_run_id uuid;
begin
  if p_request is null then
    -- Parked again: the run goes on, because somebody restarted it.
    v_run_id := (p_job.parked ->> 'workflow_run_id')::uuid;
  else
    select * into strict v_parent from public.workflow_runs where workflow_run_id = p_job.workflow_run_id;
    v_run_id := (orchestrator.create_runs(
      jsonb_build_array(jsonb_build_object(
        'user_id', p_job.user_id, 'workflow_key', p_request ->> 'workflow_key', 'intent_id', p_job.intent_id,
        'payload', coalesce(p_request -> 'payload', '{}'), 'priority', p_job.priority,
        'idempotency_key', 'job:' || p_job.job_id || ':' || p_job.generation,
        'parent_run_id', p_job.workflow_run_id, 'parent_job_id', p_job.job_id, 'depth', v_parent.depth + 1,
        -- A trace of its own, unless the caller of it all said that this one is not recorded.
        'trace_parent', case when v_parent.trace_parent like '%-00' then v_parent.trace_parent end
      )),
      'workflow'
    ) #>> '{0,workflow_run_id}')::uuid;
  end if;

  update public.job_queue
  set
    parked = parked || jsonb_build_object('workflow_run_id', v_run_id),
    -- Told of an older delivery: the run may have ended already.
    next_run_at = case
      when (select status from public.workflow_runs where workflow_run_id = v_run_id) = 'running' then next_run_at
      else p_now
    end
  where job_id = p_job.job_id;
end;
$$;

comment on function orchestrator._begin_sub_run(public.job_queue, jsonb, timestamptz) is
  'Starts the run that a parked job waits for, once per generation of the job.';

create function orchestrator._ask_for_slot(p_job public.job_queue, p_concurrency jsonb, p_run_inputs jsonb)
returns void
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  update public.workflow_runs
  set inputs = p_run_inputs, concurrency_key = p_concurrency ->> 'key'
  where workflow_run_id = p_job.workflow_run_id;
  insert into orchestrator.concurrency_slots (
    workflow_run_id, workflow_key, concurrency_key, job_id, max_runs, on_conflict
  )
  select
    workflow_run_id, workflow_key, concurrency_key, p_job.job_id,
    (p_concurrency ->> 'max')::integer, p_concurrency ->> 'on_conflict'
  from public.workflow_runs
  where workflow_run_id = p_job.workflow_run_id
  on conflict (workflow_run_id) do nothing;
  insert into orchestrator.signals (workflow_key, concurrency_key)
  select workflow_key, concurrency_key
  from public.workflow_runs
  where workflow_run_id = p_job.workflow_run_id;
end;
$$;

comment on function orchestrator._ask_for_slot(public.job_queue, jsonb, jsonb) is
  'Notes that a run wants a slot of its concurrency key; process_signals decides, one key at a time.';

create function orchestrator._prepare_results(p_results jsonb, p_now timestamptz)
returns jsonb
language plpgsql
volatile
security invoker
set search_path = ''
set enable_seqscan = off
set jit = off
as $$
declare
  v_results jsonb := jsonb_build_array();
  v_result jsonb;
  v_job public.job_queue;
  v_text text;
begin
  for v_result in
    select value from jsonb_array_elements(p_results) order by (value ->> 'job_id')::bigint
  loop
    select * into v_job
    from public.job_queue
    where job_id = (v_result ->> 'job_id')::bigint and lease_token = (v_result ->> 'lease_token')::uuid;
    v_text := null;
    if v_job.job_id is null then
      null;  -- its lease is lost: what follows is fenced by the token
    elsif v_result ->> 'outcome' = 'handle' then
      perform orchestrator._start_handlers(v_job, p_now);
      v_result := v_result || '{"outcome": "success"}';
    elsif v_result -> 'consumes' is not null then
      insert into orchestrator.consumed_events (workflow_run_id, event_id, job_id)
      values (v_job.workflow_run_id, (v_result ->> 'consumes')::uuid, v_job.job_id)
      on conflict (workflow_run_id, event_id) do nothing;
      if not found then
        -- Another wait of the run was quicker: this one goes on waiting.
        v_result := v_result - array['output', 'consumes'] || jsonb_build_object(
          'outcome', 'park', 'parked', jsonb_build_object('for', 'event'),
          'wait_event', jsonb_build_object(
            'type', v_job.payload #> '{wait,event}', 'refused', jsonb_build_array(v_result -> 'consumes')
          )
        );
      end if;
    elsif v_result -> 'append' is not null then
      v_text := orchestrator._append_steps(v_job.workflow_run_id, v_result -> 'append', v_job.step_no, p_now) ->> 'problem';
      if v_text is not null then
        perform orchestrator._drop_outputs(jsonb_build_array(v_result), array[]::bigint[]);
        v_result := v_result - array['output', 'output_ref', 'append'] || jsonb_build_object(
          'outcome', 'dead', 'error_class', 'validation', 'error_text', 'appending steps: ' || v_text
        );
      end if;
    elsif v_result -> 'start_run' is not null then
      if not exists (
        select from public.workflows
        where workflow_key = v_result #>> '{start_run,workflow_key}' and archived_at is null
      ) then
        v_text := format('there is no workflow %s: publish it first', v_result #>> '{start_run,workflow_key}');
      elsif (select depth from public.workflow_runs where workflow_run_id = v_job.workflow_run_id) >= 10 then
        v_text := 'sub-workflows are nested more than 10 deep: does this workflow call itself?';
      end if;
      if v_text is not null then
        v_result := v_result - array['start_run', 'parked'] || jsonb_build_object(
          'outcome', 'dead', 'error_class', 'sub_workflow', 'error_text', v_text
        );
      end if;
    end if;
    v_results := v_results || v_result;
  end loop;
  return v_results;
end;
$$;

comment on function orchestrator._prepare_results(jsonb, timestamptz) is
  'Does what must come before a batch is settled: takes events, appends steps, begins handlers; a result that cannot be applied as it is becomes another one.';

create function orchestrator._settle_parks(p_results jsonb, p_now timestamptz)
returns bigint[]
language plpgsql
volatile
security invoker
set search_path = ''
set enable_seqscan = off
set jit = off
as $$
declare
  v_parked bigint[] := array[]::bigint[];
  v_result record;
  v_job public.job_queue;
  v_reason text;
begin
  for v_result in
    select *
    from jsonb_to_recordset(p_results) as (
      job_id bigint, lease_token uuid, outcome text, parked jsonb, park_ms double precision, condition jsonb,
      wait_event jsonb, items jsonb, needed integer, ends_early boolean, max_concurrency integer,
      start_run jsonb, concurrency jsonb, run_inputs jsonb, logs jsonb
    )
    where outcome = 'park'
    order by job_id
  loop
    v_reason := v_result.parked ->> 'for';
    update public.job_queue q
    set
      status = 'parked',
      parked = case when q.parked ->> 'for' = v_reason then q.parked else '{}' end
        || v_result.parked || jsonb_strip_nulls(jsonb_build_object(
        'until', u.until,
        -- Why an event that came was not taken for want of something in it.
        'match_failed', v_result.logs -> 'match_failed'
      )),
      next_run_at = least(u.until, p_now + (v_result.parked ->> 'heartbeat_ms')::double precision * interval '1 millisecond'),
      condition = coalesce(v_result.condition, q.condition),
      is_handed_on = false,  -- what settles it while it is parked comes with no wait of its own
      lease_token = null, lease_until = null
    from (
      select coalesce(
        -- Parked again for the same: the time goes on.
        case when o.parked ->> 'for' = v_reason then (o.parked ->> 'until')::timestamptz end,
        p_now + v_result.park_ms * interval '1 millisecond',
        'infinity'
      ) as until
      from public.job_queue o
      where o.job_id = v_result.job_id
    ) as u
    where q.job_id = v_result.job_id and q.lease_token = v_result.lease_token
    returning q.* into v_job;
    continue when not found;
    v_parked := v_parked || v_job.job_id;

    case v_reason
      when 'event' then
        perform orchestrator._begin_wait(
          v_job, v_result.wait_event ->> 'type',
          array(select jsonb_array_elements_text(v_result.wait_event -> 'refused'))::uuid[], p_now
        );
      when 'items' then
        perform orchestrator._begin_items(
          v_job, v_result.items, v_result.needed, v_result.ends_early, v_result.max_concurrency, p_now
        );
      when 'run' then
        perform orchestrator._begin_sub_run(v_job, v_result.start_run, p_now);
      when 'slot' then
        perform orchestrator._ask_for_slot(v_job, v_result.concurrency, v_result.run_inputs);
      else
        null;
    end case;
  end loop;
  return v_parked;
end;
$$;

comment on function orchestrator._settle_parks(jsonb, timestamptz) is
  'Parks the jobs of a batch that wait, and begins what they wait for.';

create function orchestrator._tidy_parked(p_results jsonb, p_settled bigint[], p_now timestamptz)
returns void
language plpgsql
volatile
security invoker
set search_path = ''
set enable_seqscan = off
set jit = off
as $$
declare
  v_ended bigint[];
  v_items bigint[];
begin
  update public.workflow_runs r
  set inputs = s.run_inputs
  from jsonb_to_recordset(p_results) as s (job_id bigint, outcome text, run_inputs jsonb)
  join public.job_queue q using (job_id)
  where s.outcome = 'success' and s.run_inputs is not null and q.job_id = any (p_settled)
    and r.workflow_run_id = q.workflow_run_id;

  select array_agg(job_id) into v_ended
  from public.job_queue
  where job_id = any (p_settled) and parked is not null and finished_at is not null;
  delete from orchestrator.event_waits where job_id = any (v_ended);
  delete from orchestrator.event_candidates where job_id = any (v_ended);

  -- A fan-out that was decided early: nobody needs the rest of its items.
  select array_agg(i.job_id) into v_items
  from public.job_queue p
  join public.job_queue i on i.workflow_run_id = p.workflow_run_id and i.step_no = p.step_no and i.item_index >= 0
  where p.job_id = any (v_ended) and p.item_index = -1 and p.parked ->> 'for' = 'items' and i.finished_at is null;
  if v_items is not null then
    perform orchestrator.end_jobs(v_items, 'cancelled', null, 'the fan-out was decided without this item', p_now);
  end if;
end;
$$;

comment on function orchestrator._tidy_parked(jsonb, bigint[], timestamptz) is
  'Does what must come after a batch is settled: the inputs of runs, waits that are over, items that nobody needs.';

create function orchestrator.end_jobs(
  p_job_ids bigint[], p_status text, p_error_class text, p_reason text, p_now timestamptz
)
returns void
language plpgsql
volatile
security invoker
set search_path = ''
set enable_seqscan = off
set jit = off
as $$
declare
  v_run_id uuid;
begin
  perform from public.job_queue where job_id = any (p_job_ids) order by job_id for update;
  -- Calls in flight end here for the record; the worker hears of it at its next heartbeat and aborts them.
  with called as materialized (
    select
      job_id, workflow_run_id, definition_id, step_id, attempts, leased_by, leased_at,
      coalesce(p_error_class, 'cancelled') as error_class
    from public.job_queue
    where job_id = any (p_job_ids) and (lease_token is not null or status = 'parked' and parked ->> 'for' = 'callback')
  ),
  attempt as (
    insert into public.job_attempts (
      job_id, workflow_run_id, attempt, worker_id, started_at, finished_at, success, error_class, error_text
    )
    select job_id, workflow_run_id, attempts, leased_by, leased_at, p_now, false, error_class, p_reason
    from called
  )
  insert into orchestrator.metric_deltas (metric, definition_id, labels, value)
  select 'step', definition_id, array[step_id, 'cancelled', error_class], count(*)
  from called
  group by definition_id, step_id, error_class;

  update public.job_queue
  set
    status = p_status, finished_at = p_now, lease_token = null, lease_until = null,
    skip_reason = case when p_status = 'skipped' then p_reason end,
    error_class = coalesce(p_error_class, error_class),
    error_text = case when p_error_class is null then error_text else p_reason end
  where job_id = any (p_job_ids);

  delete from orchestrator.event_waits where job_id = any (p_job_ids);
  delete from orchestrator.event_candidates where job_id = any (p_job_ids);

  for v_run_id in
    select r.workflow_run_id
    from public.workflow_runs r
    where r.parent_run_id in (select workflow_run_id from public.job_queue where job_id = any (p_job_ids))
      and r.parent_job_id = any (p_job_ids) and r.status = 'running'
    order by r.workflow_run_id
  loop
    perform orchestrator.end_run(v_run_id, 'cancelled', 'the run that started it was ended', p_now);
  end loop;
end;
$$;

comment on function orchestrator.end_jobs(bigint[], text, text, text, timestamptz) is
  'Ends open jobs from outside, with the runs that they started; the caller holds the run exclusively.';

create function orchestrator.end_run(p_workflow_run_id uuid, p_status text, p_reason text, p_now timestamptz)
returns void
language plpgsql
volatile
security invoker
set search_path = ''
set enable_seqscan = off
set jit = off
as $$
declare
  v_failure_job bigint;
begin
  -- A run that took too long still has its handlers; whoever cancels wants none.
  if p_status = 'failed' then
    select q.job_id into v_failure_job
    from public.job_queue q
    where q.workflow_run_id = p_workflow_run_id and q.payload ->> 'kind' = 'failure' and q.status = 'waiting';
  end if;

  perform orchestrator.end_jobs(
    array(
      select job_id from public.job_queue
      where workflow_run_id = p_workflow_run_id and finished_at is null and job_id is distinct from v_failure_job
    ),
    case when p_status = 'skipped' then 'skipped' else 'cancelled' end,
    case when p_status = 'failed' then 'run_timeout' end,
    p_reason, p_now
  );

  if v_failure_job is not null then
    update public.job_queue
    set status = 'queued', open_dependencies = 0, failed_dependencies = failed_dependencies + open_dependencies, next_run_at = p_now
    where job_id = v_failure_job;
    update public.workflow_runs
    set failed_jobs = failed_jobs + 1, is_serial = true, open_sinks = 1, deadline_at = null, cancel_reason = p_reason
    where workflow_run_id = p_workflow_run_id;
  else
    update public.workflow_runs
    set
      status = p_status, finished_at = p_now, deadline_at = null, open_sinks = 0,
      cancel_reason = case when p_status <> 'skipped' then p_reason end,
      skip_reason = case when p_status = 'skipped' then p_reason end
    where workflow_run_id = p_workflow_run_id;
    perform orchestrator.note_ended_runs(array[p_workflow_run_id]);
  end if;
end;
$$;

comment on function orchestrator.end_run(uuid, text, text, timestamptz) is
  'Ends a live run from outside (cancelled, skipped, failed by its timeout); the caller holds it exclusively.';

create function orchestrator._settle_skipped_runs(p_results jsonb, p_now timestamptz)
returns bigint[]
language plpgsql
volatile
security invoker
set search_path = ''
set enable_seqscan = off
set jit = off
as $$
declare
  v_skipped bigint[] := array[]::bigint[];
  v_job record;
begin
  for v_job in
    select q.job_id, q.workflow_run_id, r.condition
    from jsonb_to_recordset(p_results) as r (job_id bigint, lease_token uuid, outcome text, condition jsonb)
    join public.job_queue q on q.job_id = r.job_id and q.lease_token = r.lease_token
    where r.outcome = 'skip_run'
    order by q.job_id
  loop
    update public.job_queue
    set condition = v_job.condition, attempts = greatest(attempts - 1, 0), lease_token = null, lease_until = null, status = 'queued'
    where job_id = v_job.job_id;
    perform orchestrator.end_run(v_job.workflow_run_id, 'skipped', 'condition', p_now);
    v_skipped := v_skipped || v_job.job_id;
  end loop;
  return v_skipped;
end;
$$;

comment on function orchestrator._settle_skipped_runs(jsonb, timestamptz) is
  'Ends the runs whose trigger''s condition was false, as skipped.';

create function orchestrator._tell_of_ended_run()
returns trigger
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  if new.parent_job_id is not null then
    insert into orchestrator.signals (job_id) values (new.parent_job_id);
  end if;
  if new.concurrency_key is not null then
    delete from orchestrator.concurrency_slots where workflow_run_id = new.workflow_run_id;
    insert into orchestrator.signals (workflow_key, concurrency_key) values (new.workflow_key, new.concurrency_key);
  end if;
  return null;
end;
$$;

comment on function orchestrator._tell_of_ended_run() is
  'Signals whoever waits for the end of a run, however it ended: the job that started it, runs that want its slot.';

create trigger tell_of_ended_run
  after update on public.workflow_runs
  for each row
  when (
    old.status = 'running' and new.status <> 'running'
    and (new.parent_job_id is not null or new.concurrency_key is not null)
  )
  execute function orchestrator._tell_of_ended_run();

create function orchestrator._grant_slots(p_workflow_key text, p_concurrency_key text, p_now timestamptz)
returns void
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_holders uuid[];
  v_slot orchestrator.concurrency_slots;
  v_granted uuid[] := array[]::uuid[];
  v_replaced uuid[] := array[]::uuid[];
  v_refused uuid[] := array[]::uuid[];
  v_behind uuid[] := array[]::uuid[];
  v_run record;
begin
  select coalesce(array_agg(workflow_run_id order by workflow_run_id), '{}') into v_holders
  from orchestrator.concurrency_slots
  where workflow_key = p_workflow_key and concurrency_key = p_concurrency_key and is_held;

  for v_slot in
    select *
    from orchestrator.concurrency_slots
    where workflow_key = p_workflow_key and concurrency_key = p_concurrency_key and not is_held
    order by workflow_run_id
  loop
    if cardinality(v_holders) >= v_slot.max_runs and v_slot.on_conflict = 'replace' then
      v_replaced := v_replaced || v_holders[1];
      v_holders := v_holders[2 :];
    end if;
    if cardinality(v_holders) < v_slot.max_runs then
      v_granted := v_granted || v_slot.workflow_run_id;
      v_holders := v_holders || v_slot.workflow_run_id;
    elsif v_slot.on_conflict <> 'queue' then
      v_refused := v_refused || v_slot.workflow_run_id;
    elsif not v_slot.has_waited then
      v_behind := v_behind || v_slot.workflow_run_id;
    end if;
  end loop;

  -- All at once, as everywhere: two that lock runs one after the other could wait in a circle. Those that get a slot
  -- too: whoever ends one of them meanwhile has its job, and then wants its slot.
  perform orchestrator.lock_runs(v_replaced || v_refused || v_granted, v_replaced || v_refused);
  for v_run in
    select s.workflow_run_id, s.on_conflict, s.workflow_run_id = any (v_replaced) as is_replaced
    from orchestrator.concurrency_slots s
    join public.workflow_runs r using (workflow_run_id)
    where s.workflow_run_id = any (v_replaced || v_refused) and r.status = 'running'
    order by s.workflow_run_id
  loop
    perform orchestrator.count('concurrency_conflicts_total', jsonb_build_object(
      'workflow', p_workflow_key, 'policy', case when v_run.is_replaced then 'replace' else v_run.on_conflict end
    ));
    perform orchestrator.end_run(
      v_run.workflow_run_id,
      case when v_run.on_conflict = 'skip' and not v_run.is_replaced then 'skipped' else 'cancelled' end,
      case
        when v_run.is_replaced then 'replaced by a newer run with its concurrency key'
        when v_run.on_conflict = 'skip' then 'concurrency'
        else 'another run with its concurrency key is live'
      end,
      p_now
    );
  end loop;

  update orchestrator.concurrency_slots
  set is_held = true
  where workflow_run_id = any (v_granted) and workflow_run_id <> all (v_replaced);
  if cardinality(v_behind) > 0 then
    -- Counted at the first look, and looked at again at every other.
    update orchestrator.concurrency_slots set has_waited = true where workflow_run_id = any (v_behind);
    perform orchestrator.count(
      'concurrency_conflicts_total', jsonb_build_object('workflow', p_workflow_key, 'policy', 'queue'), cardinality(v_behind)
    );
  end if;
  update public.job_queue q
  set parked = q.parked || '{"granted": true}', next_run_at = p_now
  from orchestrator.concurrency_slots s
  where s.workflow_run_id = any (v_granted) and s.is_held and q.job_id = s.job_id and q.status = 'parked';
end;
$$;

comment on function orchestrator._grant_slots(text, text, timestamptz) is
  'Gives free slots of a concurrency key to the runs that wait, oldest first, and applies their policies where there is none.';

create function public.process_signals()
returns jsonb
language plpgsql
volatile
security invoker
set search_path = ''
set enable_seqscan = off
set jit = off
as $$
declare
  v_now timestamptz := orchestrator.now();
  v_processed integer;
  v_slot record;
begin
  if not exists (select from orchestrator.signals)
    -- One at a time: slots are decided without a race, and nobody waits.
    or not pg_try_advisory_xact_lock(hashtext('orchestrator.signals'), 0)
  then
    return jsonb_build_object('processed', 0);
  end if;

  with named as materialized (
    select distinct job_id
    from (select job_id from orchestrator.signals where job_id is not null order by signal_id limit 1000) as oldest
  ),
  held as materialized (
    -- A job that is locked is being parked or settled this moment: its signal stays for the next round.
    select q.job_id, q.status
    from public.job_queue q
    where q.job_id = any (array(select job_id from named))
    order by q.job_id
    for update skip locked
  ),
  called as (
    update public.job_queue q
    set next_run_at = v_now
    from held h
    where q.job_id = h.job_id and h.status = 'parked' and q.next_run_at > v_now
  )
  delete from orchestrator.signals s
  using named n
  where s.job_id = n.job_id and (
    s.job_id in (select job_id from held)
    or not exists (select from public.job_queue q where q.job_id = n.job_id)
  );
  get diagnostics v_processed = row_count;

  -- Slots lock runs, which must come before jobs: one key a transaction, and only if no job was locked in it.
  if v_processed = 0 then
    select workflow_key, concurrency_key into v_slot
    from orchestrator.signals
    where concurrency_key is not null
    order by signal_id
    limit 1;
    if found then
      delete from orchestrator.signals
      where workflow_key = v_slot.workflow_key and concurrency_key = v_slot.concurrency_key;
      get diagnostics v_processed = row_count;
      perform orchestrator._grant_slots(v_slot.workflow_key, v_slot.concurrency_key, v_now);
    end if;
  end if;

  -- Signals first: what is put into the outbox after this look has a signal of its own.
  delete from orchestrator.signals where is_notice;
  if found then
    v_processed := v_processed + 1;
    perform orchestrator.dispatch_notifications();
  end if;
  return jsonb_build_object('processed', v_processed);
end;
$$;

comment on function public.process_signals() is
  'Calls the parked jobs that were signalled, or grants the free slots of one concurrency key, and dispatches notifications, in a transaction of its own. processed 0: nothing was left, or somebody else is at it.';

create function public.expire_runs(p_limit integer)
returns integer
language plpgsql
volatile
security invoker
set search_path = ''
set enable_seqscan = off
set jit = off
as $$
declare
  v_now timestamptz := orchestrator.now();
  v_run record;
  v_expired integer := 0;
begin
  for v_run in
    select r.workflow_run_id, r.deadline_at, d.timeout_ms
    from public.workflow_runs r
    join public.workflow_definitions d using (definition_id)
    where r.deadline_at < v_now
    order by r.deadline_at
    limit p_limit
  loop
    -- Tried, not waited for: the caller may hold other runs.
    continue when not pg_try_advisory_xact_lock(
      hashtext('orchestrator.run'), uuid_hash(v_run.workflow_run_id)
    );
    continue when not exists (
      select from public.workflow_runs
      where workflow_run_id = v_run.workflow_run_id and status = 'running' and deadline_at < v_now
    );
    perform orchestrator.end_run(
      v_run.workflow_run_id, 'failed',
      format('the run took longer than its timeout of %s s', trim_scale(v_run.timeout_ms / 1000.0)), v_now
    );
    v_expired := v_expired + 1;
  end loop;
  return v_expired;
end;
$$;

comment on function public.expire_runs(integer) is
  'Fails runs that took longer than their workflow''s timeout, up to p_limit; their handlers still run.';

create function orchestrator.sweep(p_limit integer)
returns void
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_now timestamptz := orchestrator.now();
  v_end record := orchestrator.settle(orchestrator._take_lost_leases(p_limit, v_now), v_now);
begin
  perform public.expire_runs(p_limit);
  -- After every job is locked: a worker that waits for the row of a fan-out holds the jobs of its next lease.
  perform orchestrator._count_items(
    v_end.p_item_runs, v_end.p_item_steps, v_end.p_failed_runs, v_end.p_failed_steps, v_now
  );
end;
$$;

comment on function orchestrator.sweep(integer) is
  'Takes back the jobs of workers that were not heard of, and fails runs past their timeout, up to p_limit of each.';

create function orchestrator._settle_from_outside(p_job public.job_queue, p_result jsonb, p_now timestamptz)
returns text
language plpgsql
volatile
security invoker
set search_path = ''
set enable_seqscan = off
set jit = off
as $$
declare
  v_token uuid := p_job.lease_token;
  v_end record;
begin
  -- The same path as a worker's result, under a lease of this moment.
  if v_token is null then
    v_token := gen_random_uuid();
    update public.job_queue
    set status = 'leased', lease_token = v_token, lease_until = p_now + interval '30 seconds'
    where job_id = p_job.job_id;
  end if;
  v_end := orchestrator.settle(
    (
      select jsonb_object_agg(key, jsonb_build_array(value))
      from jsonb_each(p_result || jsonb_build_object('job_id', p_job.job_id, 'lease_token', v_token))
    ),
    p_now
  );
  perform orchestrator._count_items(
    v_end.p_item_runs, v_end.p_item_steps, v_end.p_failed_runs, v_end.p_failed_steps, p_now
  );
  perform orchestrator.ring();
  return (select status from public.job_queue where job_id = p_job.job_id);
end;
$$;

comment on function orchestrator._settle_from_outside(public.job_queue, jsonb, timestamptz) is
  'Settles a parked job by the word of somebody else than a worker; the caller holds its run exclusively. Answers the job''s new status.';

create function orchestrator._lock_job(p_job_id bigint)
returns public.job_queue
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_run_id uuid;
  v_job public.job_queue;
begin
  select workflow_run_id into v_run_id from public.job_queue where job_id = p_job_id;
  if found then
    perform orchestrator.lock_runs(array[v_run_id], array[v_run_id]);
    select * into v_job from public.job_queue where job_id = p_job_id for update;
  end if;
  return v_job;
end;
$$;

comment on function orchestrator._lock_job(bigint) is
  'A job, with its run held exclusively; a row of nulls if there is none.';

create function public.decide_wait(
  p_job_id bigint, p_is_approved boolean, p_actor text default null, p_payload jsonb default '{}'
)
returns jsonb
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_job public.job_queue := orchestrator._lock_job(p_job_id);
  v_status text;
begin
  if v_job.job_id is null then
    return jsonb_build_object('result', 'not_found', 'status', null);
  elsif v_job.status <> 'parked' or v_job.parked ->> 'for' <> 'event' then
    return jsonb_build_object('result', 'conflict', 'status', v_job.status);
  end if;
  v_status := orchestrator._settle_from_outside(
    v_job,
    case
      when p_is_approved then jsonb_build_object(
        'outcome', 'success',
        'output', jsonb_build_object(
          'event_id', null, 'type', 'approval', 'user_id', p_actor, 'payload', coalesce(p_payload, '{}')
        )
      )
      else jsonb_build_object(
        'outcome', 'dead', 'error_class', 'rejected',
        'error_text', concat_ws(': ', 'rejected by ' || coalesce(p_actor, 'an operator'), p_payload ->> 'reason')
      )
    end,
    orchestrator.now()
  );
  return jsonb_build_object('result', case when p_is_approved then 'approved' else 'rejected' end, 'status', v_status);
end;
$$;

comment on function public.decide_wait(bigint, boolean, text, jsonb) is
  'Approves or rejects a job that waits for an event: {result: approved | rejected | not_found | conflict, status}.';

create function public.complete_callback(
  p_job_id bigint, p_generation integer, p_attempt integer, p_result jsonb
)
returns jsonb
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_job public.job_queue := orchestrator._lock_job(p_job_id);
begin
  if v_job.job_id is null then
    return jsonb_build_object('result', 'not_found', 'status', null);
  elsif (v_job.generation, v_job.attempts) <> (p_generation, p_attempt) or v_job.payload ->> 'mode' is distinct from 'async' or not (
    -- An agent may be done before the worker has noted that it will call back.
    v_job.status in ('leased', 'running') or v_job.status = 'parked' and v_job.parked ->> 'for' = 'callback'
  ) then
    return jsonb_build_object('result', 'conflict', 'status', v_job.status);
  end if;
  return jsonb_build_object(
    'result', 'applied',
    'status', orchestrator._settle_from_outside(v_job, p_result, orchestrator.now())
  );
end;
$$;

comment on function public.complete_callback(bigint, integer, integer, jsonb) is
  'Settles the attempt of an agent that called back: {result: applied | not_found | conflict, status}.';

create function public.heartbeat_callback(p_job_id bigint, p_generation integer, p_attempt integer)
returns jsonb
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_now timestamptz := orchestrator.now();
  v_job public.job_queue := orchestrator._lock_job(p_job_id);
begin
  if v_job.job_id is null then
    return jsonb_build_object('result', 'not_found', 'status', null);
  elsif (v_job.generation, v_job.attempts) <> (p_generation, p_attempt) or v_job.payload ->> 'mode' is distinct from 'async'
    or v_job.finished_at is not null or v_job.status in ('queued', 'failed', 'waiting')
  then
    return jsonb_build_object('result', 'conflict', 'status', v_job.status);
  end if;
  if v_job.status = 'parked' then
    update public.job_queue
    set next_run_at = least(
      (parked ->> 'until')::timestamptz,
      v_now + (parked ->> 'heartbeat_ms')::double precision * interval '1 millisecond'
    )
    where job_id = p_job_id;
  end if;
  return jsonb_build_object('result', 'extended', 'status', v_job.status);
end;
$$;

comment on function public.heartbeat_callback(bigint, integer, integer) is
  'An agent that will call back is still at work: moves the end of its silence, at the most to its deadline.';

create function orchestrator._drop_outputs(p_results jsonb, p_settled bigint[])
returns void
language sql
volatile
security invoker
set search_path = ''
as $$
  insert into orchestrator.stale_outputs (path)
  select r.output_ref ->> 'path'
  from jsonb_to_recordset(p_results) as r (job_id bigint, output_ref jsonb)
  join public.job_queue q using (job_id)
  where r.output_ref is not null and r.job_id <> all (p_settled)
    -- Delivered twice: the first delivery is the one in use.
    and q.output_ref ->> 'path' is distinct from r.output_ref ->> 'path'
  on conflict (path) do nothing;
$$;

comment on function orchestrator._drop_outputs(jsonb, bigint[]) is
  'Notes the outputs in Storage of results that were not applied, for deletion.';

create function public.list_stale_outputs(p_limit integer)
returns jsonb
language sql
stable
security invoker
set search_path = ''
as $$
  select jsonb_build_object('paths', coalesce(jsonb_agg(path), '[]'))
  from (select path from orchestrator.stale_outputs order by path limit p_limit) as s;
$$;

comment on function public.list_stale_outputs(integer) is 'Outputs in Storage that no job refers to any more.';

create function public.forget_outputs(p_paths text[])
returns jsonb
language sql
volatile
security invoker
set search_path = ''
as $$
  delete from orchestrator.stale_outputs where path = any (p_paths);
  select '{}'::jsonb;
$$;

comment on function public.forget_outputs(text[]) is 'Notes that stale outputs were deleted from Storage.';

revoke execute on all functions in schema orchestrator from public, anon, authenticated;
grant execute on function
  orchestrator.offer_events(uuid[]), orchestrator._begin_wait(public.job_queue, text, uuid[], timestamptz),
  orchestrator._begin_items(public.job_queue, jsonb, integer, boolean, integer, timestamptz),
  orchestrator._begin_sub_run(public.job_queue, jsonb, timestamptz),
  orchestrator._ask_for_slot(public.job_queue, jsonb, jsonb), orchestrator._prepare_results(jsonb, timestamptz),
  orchestrator._settle_parks(jsonb, timestamptz), orchestrator._tidy_parked(jsonb, bigint[], timestamptz),
  orchestrator.end_jobs(bigint[], text, text, text, timestamptz), orchestrator.end_run(uuid, text, text, timestamptz),
  orchestrator._settle_skipped_runs(jsonb, timestamptz), orchestrator._tell_of_ended_run(),
  orchestrator._grant_slots(text, text, timestamptz), orchestrator.sweep(integer), orchestrator._drop_outputs(jsonb, bigint[]),
  orchestrator._settle_from_outside(public.job_queue, jsonb, timestamptz), orchestrator._lock_job(bigint)
  to service_role;
revoke execute on function
  public.process_signals(), public.expire_runs(integer), public.decide_wait(bigint, boolean, text, jsonb),
  public.complete_callback(bigint, integer, integer, jsonb), public.heartbeat_callback(bigint, integer, integer),
  public.list_stale_outputs(integer), public.forget_outputs(text[])
  from public, anon, authenticated;
grant execute on function
  public.process_signals(), public.expire_runs(integer), public.decide_wait(bigint, boolean, text, jsonb),
  public.complete_callback(bigint, integer, integer, jsonb), public.heartbeat_callback(bigint, integer, integer),
  public.list_stale_outputs(integer), public.forget_outputs(text[])
  to service_role;
