-- Actions: one door for all that operators do. public.act does one of them and writes its audit row, in one
-- transaction: there is no action without a row, and no row of what did not happen.

create function orchestrator._page_of_runs(p_action text, p_args jsonb)
returns table (p_workflow_run_id uuid, p_is_last boolean)
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  v_limit integer := greatest(1, least(coalesce((p_args ->> 'limit')::integer, 100), 100));
begin
  -- A page is one transaction: runs of many jobs make it shorter, so that it ends in seconds.
  return query
    with found as (
      select
        f.workflow_run_id,
        row_number() over newest_first as place,
        sum(j.jobs) over newest_first as jobs
      from orchestrator.find_runs(
        p_args -> 'filter', p_action, (p_args ->> 'newest')::uuid, (p_args ->> 'cursor')::uuid, v_limit + 1
      ) as f (workflow_run_id)
      cross join lateral (
        select count(*) as jobs from public.job_queue q where q.workflow_run_id = f.workflow_run_id
      ) as j
      window newest_first as (order by f.workflow_run_id desc)
    ),
    kept as (
      select * from found where place <= v_limit and (place = 1 or jobs <= 20000)
    )
    select k.workflow_run_id, (select count(*) from kept) = (select count(*) from found)
    from kept k
    order by k.workflow_run_id;
end;
$$;

comment on function orchestrator._page_of_runs(text, jsonb) is
  'The next runs of a bulk action, oldest first: at most 100, and no more than have 20,000 jobs.';

create function orchestrator._lock_jobs_of_runs(p_workflow_run_ids uuid[], p_open_only boolean)
returns void
language plpgsql
volatile
security invoker
set search_path = ''
set enable_seqscan = off
set jit = off
as $$
begin
  perform orchestrator.lock_runs(p_workflow_run_ids, p_workflow_run_ids);
  -- Run by run would lock jobs out of order: whoever holds jobs without their runs (see snooze_jobs) could wait for
  -- us while we wait for them. Sub-runs are ended with their runs and share their lock.
  perform from public.job_queue
  where (finished_at is null or not p_open_only) and workflow_run_id in (
    with recursive family as (
      select unnest(p_workflow_run_ids) as workflow_run_id
      union
      select c.workflow_run_id
      from family f
      join public.workflow_runs c on c.parent_run_id = f.workflow_run_id
      where c.status = 'running'
    )
    select workflow_run_id from family
  )
  order by job_id
  for update;
end;
$$;

comment on function orchestrator._lock_jobs_of_runs(uuid[], boolean) is
  'Holds runs exclusively, all at once, and then their jobs in order.';

create function orchestrator._tell_page(p_changed anyarray, p_refused jsonb, p_found jsonb, p_next_cursor anyelement)
returns jsonb
language sql
immutable
security invoker
set search_path = ''
as $$
  select jsonb_build_object(
    'answer', jsonb_build_object(
      'changed', cardinality(p_changed), 'refused', p_refused, 'next_cursor', p_next_cursor
    ),
    'before', (
      select coalesce(jsonb_object_agg(key, value), '{}')
      from jsonb_each(p_found)
      where key = any (p_changed::text[])
    ),
    'after', jsonb_build_object('changed', to_jsonb(p_changed), 'refused', jsonb_array_length(p_refused))
  );
$$;

comment on function orchestrator._tell_page(anyarray, jsonb, jsonb, anyelement) is
  'What a page of a bulk action answers, with what its audit row keeps: p_found has the statuses before, by id.';

create function orchestrator._act_on_runs(p_action text, p_args jsonb)
returns jsonb
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_ids uuid[];
  v_is_last boolean;
  v_found jsonb;
  v_id uuid;
  v_answer jsonb;
  v_changed uuid[] := array[]::uuid[];
  v_refused jsonb := jsonb_build_array();
begin
  if p_args ->> 'newest' is null then
    raise exception 'acting on runs: newest is missing, as count_runs tells it' using errcode = 'WF001';
  end if;
  select array_agg(p.p_workflow_run_id order by p.p_workflow_run_id), bool_and(p.p_is_last) into v_ids, v_is_last
  from orchestrator._page_of_runs(p_action, p_args) as p;
  perform orchestrator._lock_jobs_of_runs(v_ids, p_action = 'cancel');
  select jsonb_object_agg(workflow_run_id, status) into v_found
  from public.workflow_runs
  where workflow_run_id = any (v_ids);

  -- Oldest first: a run ends its sub-runs, which are younger and may be in the page too.
  foreach v_id in array coalesce(v_ids, '{}') loop
    v_answer := case p_action
      when 'cancel' then public.cancel_run(v_id, p_args ->> 'reason')
      else public.restart_run(v_id, 'failed', p_ring => false)
    end;
    if v_answer ->> 'result' in ('cancelled', 'restarted')
      or p_action = 'cancel' and v_found ->> v_id::text = 'running'
    then
      v_changed := v_changed || v_id;
    else
      v_refused := v_refused || jsonb_build_object(
        'id', v_id,
        'reason', coalesce(
          v_answer ->> 'reason',
          case v_answer ->> 'result'
            when 'not_found' then 'it is gone'
            else format('it has ended already: it is %s', v_answer ->> 'status')
          end
        )
      );
    end if;
  end loop;
  if p_action <> 'cancel' and v_changed <> '{}' then
    perform orchestrator.ring();
  end if;
  return orchestrator._tell_page(v_changed, v_refused, v_found, case when not v_is_last then v_ids[1] end);
end;
$$;

comment on function orchestrator._act_on_runs(text, jsonb) is
  'One page of a bulk action on runs, newest page first: {answer, before, after}. What ended meanwhile is refused with the reason; what is newer than newest is left alone.';

create function orchestrator._retry_jobs(p_args jsonb)
returns jsonb
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_limit integer := greatest(1, least(coalesce((p_args ->> 'limit')::integer, 100), 100));
  v_ids bigint[];
  v_is_last boolean;
  v_found jsonb;
  v_id bigint;
  v_answer jsonb;
  v_changed bigint[] := array[]::bigint[];
  v_refused jsonb := jsonb_build_array();
begin
  if p_args ->> 'newest' is null then
    raise exception 'acting on jobs: newest is missing, as count_jobs tells it' using errcode = 'WF001';
  end if;
  select array_agg(job_id order by job_id desc) into v_ids
  from orchestrator.find_jobs(
    p_args -> 'filter' || '{"status": "dead"}', (p_args ->> 'newest')::bigint, (p_args ->> 'cursor')::bigint, v_limit + 1
  ) as f (job_id);
  v_is_last := coalesce(cardinality(v_ids), 0) <= v_limit;
  v_ids := v_ids[:v_limit];
  perform orchestrator._lock_jobs_of_runs(
    array(select distinct workflow_run_id from public.job_queue where job_id = any (v_ids)), false
  );
  select jsonb_object_agg(job_id, status) into v_found from public.job_queue where job_id = any (v_ids);

  foreach v_id in array coalesce(v_ids, '{}') loop
    v_answer := public.retry_job(v_id);
    -- A step's own job goes back to work with its items: an item of the page may have brought it along.
    if v_answer ->> 'result' in ('queued', 'waiting', 'parked')
      or v_found ->> v_id::text = 'dead' and v_answer ->> 'status' <> 'dead'
    then
      v_changed := v_changed || v_id;
    else
      v_refused := v_refused || jsonb_build_object('id', v_id, 'reason', coalesce(v_answer ->> 'reason', 'it is gone'));
    end if;
  end loop;
  return orchestrator._tell_page(v_changed, v_refused, v_found, case when not v_is_last then v_ids[v_limit] end);
end;
$$;

comment on function orchestrator._retry_jobs(jsonb) is
  'One page of replaying dead letters, newest first: {answer, before, after}.';

create function orchestrator._act_on_schedule(p_action text, p_schedule_id bigint)
returns jsonb
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_now timestamptz := orchestrator.now();
  v_schedule public.workflow_schedules;
  v_run jsonb;
begin
  select * into v_schedule from public.workflow_schedules where schedule_id = p_schedule_id for update;
  if not found then
    return jsonb_build_object('result', 'not_found');
  elsif p_action = 'pause' then
    -- Without its claim, a ticker that holds it this moment fires nothing.
    update public.workflow_schedules
    set paused_at = coalesce(paused_at, v_now), claim_token = null, claimed_until = null
    where schedule_id = p_schedule_id;
    return jsonb_build_object('result', 'paused');
  elsif p_action = 'resume' then
    update public.workflow_schedules
    set
      paused_at = null,
      -- Planned anew: what would have been due meanwhile is neither fired nor missed.
      next_run_at = case when v_schedule.paused_at is null then next_run_at else '-infinity' end
    where schedule_id = p_schedule_id;
    return jsonb_build_object('result', 'resumed');
  end if;

  v_run := orchestrator.create_runs(
    jsonb_build_array(jsonb_build_object(
      'user_id', coalesce(v_schedule.user_id, 'system'),
      'workflow_key', v_schedule.workflow_key,
      'intent_id', v_schedule.intent_id,
      'payload', v_schedule.payload || jsonb_build_object('scheduled_for', v_now)
    )),
    'cron'
  ) -> 0;
  if v_run ->> 'result' <> 'created' then
    return jsonb_build_object(
      'result', 'conflict', 'reason', format('workflow %s is not published any more', v_schedule.workflow_key)
    );
  end if;
  perform orchestrator.ring();
  return jsonb_build_object('result', 'started', 'workflow_run_id', v_run -> 'workflow_run_id');
end;
$$;

comment on function orchestrator._act_on_schedule(text, bigint) is
  'pause, resume, or run_now: a run as a slot of this moment would start it, also while the schedule is paused.';

create function orchestrator._set_policy(p_args jsonb)
returns jsonb
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_pattern text := p_args ->> 'pattern';
  v_capacity numeric;
  v_refill_rate numeric;
  v_problem text;
begin
  if coalesce(v_pattern !~ '^[[:graph:]]{1,200}$', true) then
    v_problem := format('pattern must be 1 to 200 characters without spaces, got %s', coalesce(p_args -> 'pattern', 'null'));
  elsif jsonb_typeof(p_args -> 'capacity') not in ('number', 'null') then
    v_problem := format('capacity must be a number, or null for no limit, got %s', p_args -> 'capacity');
  elsif jsonb_typeof(p_args -> 'refill_rate') is distinct from 'number' then
    v_problem := format('refill_rate must be a number, got %s', coalesce(p_args -> 'refill_rate', 'null'));
  else
    v_capacity := (p_args ->> 'capacity')::numeric;
    v_refill_rate := (p_args ->> 'refill_rate')::numeric;
    -- Narrower than the table: beyond these, the time of a token is no time that a job could wait.
    if v_capacity not between 1 and 1000000000 then
      v_problem := format('capacity must be from 1 to 1000000000, got %s', v_capacity);
    elsif v_refill_rate not between 0.000001 and 1000000000 then
      v_problem := format('refill_rate must be from 0.000001 to 1000000000 tokens a second, got %s', v_refill_rate);
    end if;
  end if;
  if v_problem is not null then
    return jsonb_build_object('result', 'invalid', 'reason', v_problem);
  end if;
  insert into public.rate_limit_policies (pattern, capacity, refill_rate, description)
  values (v_pattern, v_capacity, v_refill_rate, p_args ->> 'description')
  on conflict (pattern) do update set
    capacity = excluded.capacity, refill_rate = excluded.refill_rate, description = excluded.description;
  return jsonb_build_object('result', 'saved');
end;
$$;

comment on function orchestrator._set_policy(jsonb) is 'Makes or changes a rate limit policy; buckets follow at their next call.';

create function orchestrator._delete_policy(p_pattern text)
returns jsonb
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  if p_pattern = 'default' then
    return jsonb_build_object(
      'result', 'conflict', 'reason', 'the policy default is for all keys that no other one matches: change it instead'
    );
  end if;
  delete from public.rate_limit_policies where pattern = p_pattern;
  return jsonb_build_object('result', case when found then 'deleted' else 'not_found' end);
end;
$$;

comment on function orchestrator._delete_policy(text) is
  'Deletes a rate limit policy; its keys fall to the next one that matches.';

create function orchestrator._grant_role(p_args jsonb, p_granted_by text)
returns jsonb
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  insert into public.orchestrator_operators (user_id, email, role, granted_at, granted_by)
  values (
    (p_args ->> 'user_id')::uuid, coalesce(p_args ->> 'email', ''), coalesce(p_args ->> 'role', ''),
    orchestrator.now(), p_granted_by
  )
  on conflict (user_id) do update set
    email = excluded.email, role = excluded.role, granted_at = excluded.granted_at, granted_by = excluded.granted_by;
  return jsonb_build_object('result', 'granted');
exception
  when foreign_key_violation then
    return jsonb_build_object(
      'result', 'not_found', 'reason', format('Auth has no user with the id %s', p_args ->> 'user_id')
    );
  when check_violation then
    return jsonb_build_object(
      'result', 'invalid',
      'reason', format(
        'role must be viewer or operator, and email must not be empty, got %s and %s',
        coalesce(p_args -> 'role', 'null'), coalesce(p_args -> 'email', 'null')
      )
    );
end;
$$;

comment on function orchestrator._grant_role(jsonb, text) is 'Gives a user of Auth a role, or another one.';

create function orchestrator._revoke_role(p_user_id uuid)
returns jsonb
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  delete from public.orchestrator_operators where user_id = p_user_id;
  return jsonb_build_object('result', case when found then 'revoked' else 'not_found' end);
end;
$$;

comment on function orchestrator._revoke_role(uuid) is 'Takes a user''s role away, from their next call on.';

create function orchestrator._lock_target(p_action text, p_args jsonb)
returns void
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_run_id uuid := (p_args ->> 'workflow_run_id')::uuid;
begin
  -- What the action itself will lock, a moment earlier: nobody changes it between the look before and the act.
  case split_part(p_action, '.', 1)
    when 'run' then
      perform orchestrator.lock_runs(array[v_run_id], array[v_run_id]);
    when 'job' then
      perform orchestrator._lock_job((p_args ->> 'job_id')::bigint);
    when 'workflow' then
      perform pg_advisory_xact_lock(hashtext('orchestrator.publish'), hashtext(p_args #>> '{compiled,key}'));
    when 'schedule' then
      perform from public.workflow_schedules where schedule_id = (p_args ->> 'schedule_id')::bigint for update;
    when 'policy' then
      perform from public.rate_limit_policies where pattern = p_args ->> 'pattern' for update;
    when 'operator' then
      perform from public.orchestrator_operators where user_id = (p_args ->> 'user_id')::uuid for update;
    when 'hook' then
      -- By its name: there is no row yet when it is made.
      perform pg_advisory_xact_lock(hashtext('orchestrator.hook'), hashtext(p_args ->> 'hook'));
    when 'key' then
      perform from public.orchestrator_trigger_keys where key_id = p_args ->> 'key_id' for update;
    when 'destination' then
      -- By name, not by row: two who make the same one take turns too.
      perform pg_advisory_xact_lock(hashtext('orchestrator.destination'), hashtext(p_args ->> 'destination'));
    when 'alert_rule' then
      perform from public.orchestrator_alert_rules where name = p_args ->> 'alert_rule' for update;
    else
      null;
  end case;
end;
$$;

comment on function orchestrator._lock_target(text, jsonb) is 'Locks what an action is about, until its transaction ends.';

create function orchestrator._show_target(p_kind text, p_id text)
returns jsonb
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  return case p_kind
    when 'run' then (
      select jsonb_build_object(
        'workflow_run_id', r.workflow_run_id, 'workflow_key', r.workflow_key, 'status', r.status,
        'failed_jobs', r.failed_jobs, 'finished_at', r.finished_at, 'cancel_reason', r.cancel_reason,
        'jobs', (
          select jsonb_object_agg(status, jobs)
          from (
            select status, count(*) as jobs
            from public.job_queue
            where workflow_run_id = r.workflow_run_id
            group by status
          ) as counted
        )
      )
      from public.workflow_runs r
      where r.workflow_run_id = p_id::uuid
    )
    when 'job' then (
      select jsonb_build_object(
        'workflow_run_id', q.workflow_run_id, 'run_status', r.status, 'step_id', q.step_id, 'item_index', q.item_index,
        'status', q.status, 'attempts', q.attempts, 'max_attempts', q.max_attempts, 'error_class', q.error_class
      )
      from public.job_queue q
      join public.workflow_runs r using (workflow_run_id)
      where q.job_id = p_id::bigint
    )
    when 'workflow' then (
      select jsonb_build_object('version', d.version, 'sha256', d.sha256)
      from public.workflows w
      join public.workflow_definitions d using (definition_id)
      where w.workflow_key = p_id and w.archived_at is null
    )
    when 'schedule' then (
      select jsonb_build_object(
        'workflow_key', workflow_key, 'user_id', user_id, 'cron', cron, 'timezone', timezone, 'paused_at', paused_at,
        'next_run_at', case when isfinite(next_run_at) then next_run_at end
      )
      from public.workflow_schedules
      where schedule_id = p_id::bigint
    )
    when 'policy' then (
      select jsonb_build_object('capacity', capacity, 'refill_rate', refill_rate, 'description', description)
      from public.rate_limit_policies
      where pattern = p_id
    )
    when 'operator' then (
      select jsonb_build_object('email', email, 'role', role)
      from public.orchestrator_operators
      where user_id = p_id::uuid
    )
    when 'hook' then (
      select to_jsonb(h) - array['source', 'created_at', 'updated_at']
      from public.orchestrator_hook_sources h
      where h.source = p_id
    )
    when 'key' then (
      select orchestrator._describe_trigger_key(k) from public.orchestrator_trigger_keys k where k.key_id = p_id
    )
    when 'destination' then (
      select jsonb_build_object(
        'kind', kind, 'url', url, 'types', types, 'workflow_keys', workflow_keys, 'description', description,
        'disabled_at', disabled_at, 'disabled_reason', disabled_reason, 'previous_secret_until', previous_secret_until
      )
      from public.orchestrator_destinations
      where name = p_id
    )
    when 'alert_rule' then (
      select jsonb_build_object('threshold', threshold, 'for_span', for_span, 'enabled', enabled)
      from public.orchestrator_alert_rules
      where name = p_id
    )
  end;
end;
$$;

comment on function orchestrator._show_target(text, text) is
  'What an audit row keeps of what an action is about; null where there is none.';

create function orchestrator._do_action(p_action text, p_args jsonb, p_actor jsonb)
returns jsonb
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_run_id uuid := (p_args ->> 'workflow_run_id')::uuid;
  v_job_id bigint := (p_args ->> 'job_id')::bigint;
begin
  case p_action
    when 'run.cancel' then
      return public.cancel_run(v_run_id, p_args ->> 'reason');
    when 'run.restart' then
      return public.restart_run(
        v_run_id, p_args ->> 'mode', p_args ->> 'step_id', coalesce(p_args ->> 'definition', 'same'),
        p_payload => nullif(p_args -> 'payload', 'null')
      );
    when 'run.dispatch' then
      if jsonb_array_length(p_args -> 'requests') <> 1 then
        raise exception 'dispatching a run: requests must hold one, got %', jsonb_array_length(p_args -> 'requests')
          using errcode = 'WF001';
      end if;
      return public.dispatch_workflows(p_args -> 'requests', coalesce((p_args ->> 'ring')::boolean, true));
    when 'job.retry' then
      return public.retry_job(v_job_id);
    when 'job.reset' then
      return public.reset_job(v_job_id);
    when 'job.approve', 'job.reject' then
      return public.decide_wait(
        v_job_id, p_action = 'job.approve', coalesce(p_args ->> 'actor', p_actor ->> 'name'),
        coalesce(p_args -> 'payload', '{}')
      );
    when 'workflow.publish' then
      return public.publish_workflow(
        p_args -> 'compiled', p_args ->> 'source', p_args ->> 'source_path', p_args ->> 'source_etag'
      );
    when 'schedule.pause', 'schedule.resume', 'schedule.run_now' then
      return orchestrator._act_on_schedule(split_part(p_action, '.', 2), (p_args ->> 'schedule_id')::bigint);
    when 'policy.set' then
      return orchestrator._set_policy(p_args);
    when 'policy.delete' then
      return orchestrator._delete_policy(p_args ->> 'pattern');
    when 'operator.grant' then
      return orchestrator._grant_role(p_args, coalesce(p_actor ->> 'name', p_actor ->> 'id'));
    when 'operator.revoke' then
      return orchestrator._revoke_role((p_args ->> 'user_id')::uuid);
    when 'hook.set' then
      return orchestrator._set_hook(p_args);
    when 'hook.rotate' then
      return orchestrator._rotate_hook(p_args);
    when 'hook.delete' then
      return orchestrator._delete_hook(p_args ->> 'hook');
    when 'key.make' then
      return orchestrator._make_trigger_key(p_args, coalesce(p_actor ->> 'name', p_actor ->> 'id'));
    when 'key.revoke' then
      return orchestrator._revoke_trigger_key(p_args ->> 'key_id');
    when 'destination.set', 'destination.delete', 'destination.rotate', 'destination.enable', 'destination.replay',
      'destination.test'
    then
      return orchestrator._act_on_destination(split_part(p_action, '.', 2), p_args);
    when 'alert_rule.set' then
      return orchestrator.set_alert_rule(p_args);
    else
      raise exception 'acting: there is no action %', p_action using errcode = 'WF001';
  end case;
end;
$$;

comment on function orchestrator._do_action(text, jsonb, jsonb) is
  'Calls the function of an action with its arguments and answers what it answers.';

create function orchestrator._tell_args(p_action text, p_args jsonb)
returns jsonb
language plpgsql
immutable
security invoker
set search_path = ''
as $$
begin
  return case
    when p_action = 'workflow.publish' then jsonb_build_object(
      'workflow_key', p_args #> '{compiled,key}', 'source_path', p_args -> 'source_path'
    )
    when p_action = 'key.make' then p_args - 'hash'
    when p_action = 'run.dispatch' then (p_args #> '{requests,0}') - 'payload'
    when p_action = 'run.restart' then p_args - 'payload' || jsonb_build_object(
      'has_payload', coalesce(jsonb_typeof(p_args -> 'payload') <> 'null', false)
    )
    when p_action in ('job.approve', 'job.reject') then p_args - 'payload' || jsonb_build_object(
      'reason', left(p_args #>> '{payload,reason}', 1000)
    )
    else p_args - array['payload', 'secret', 'spare_secret']
  end;
end;
$$;

comment on function orchestrator._tell_args(text, jsonb) is
  'What an audit row keeps of an action''s arguments: no payloads, no sources, no secrets.';

create function public.act(p_actor jsonb, p_action text, p_args jsonb)
returns jsonb
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_kind text := split_part(p_action, '.', 1);
  v_target text := coalesce(
    -- What has a name of its own comes first: a user_id may be a part of it.
    p_args ->> 'hook', p_args ->> 'key_id', p_args ->> 'destination', p_args ->> 'alert_rule',
    p_args ->> 'workflow_run_id', p_args ->> 'job_id', p_args ->> 'schedule_id', p_args ->> 'pattern',
    p_args ->> 'user_id', p_args #>> '{compiled,key}', p_args #>> '{requests,0,workflow_key}'
  );
  v_before jsonb;
  v_after jsonb;
  v_done jsonb;
  v_answer jsonb;
begin
  if p_action in ('runs.cancel', 'runs.restart_failed', 'jobs.retry') then
    v_done := case v_kind
      when 'runs' then orchestrator._act_on_runs(split_part(p_action, '.', 2), p_args)
      else orchestrator._retry_jobs(p_args)
    end;
    v_target := (
      select coalesce(string_agg(key || '=' || value, ' ' order by key), 'all') from jsonb_each_text(p_args -> 'filter')
    );
    v_answer := v_done -> 'answer';
    v_before := v_done -> 'before';
    v_after := v_done -> 'after';
  else
    perform orchestrator._lock_target(p_action, p_args);
    if p_action <> 'run.dispatch' then
      v_before := orchestrator._show_target(v_kind, v_target);
    end if;
    v_answer := orchestrator._do_action(p_action, p_args, p_actor);
    if p_action = 'run.dispatch' then
      v_target := coalesce(v_answer #>> '{runs,0,workflow_run_id}', v_target);
      v_after := orchestrator._show_target('run', v_answer #>> '{runs,0,workflow_run_id}');
    elsif p_action = 'schedule.run_now' then
      v_after := orchestrator._show_target(v_kind, v_target)
        || jsonb_build_object('workflow_run_id', v_answer -> 'workflow_run_id');
    else
      -- Restarting a run as a whole leaves a new one.
      v_after := orchestrator._show_target(
        v_kind, case when p_action = 'run.restart' then coalesce(v_answer ->> 'workflow_run_id', v_target) else v_target end
      );
    end if;
  end if;

  insert into public.orchestrator_audit (
    at, actor_kind, actor_id, actor_name, action, target, args, before, after, result
  )
  values (
    orchestrator.now(), p_actor ->> 'kind', p_actor ->> 'id', p_actor ->> 'name', p_action, coalesce(v_target, ''),
    orchestrator._tell_args(p_action, p_args), v_before, v_after,
    coalesce(
      v_answer ->> 'result', v_answer #>> '{runs,0,result}',
      case when (v_answer ->> 'changed')::integer > 0 then 'changed' else 'unchanged' end
    )
  );
  return v_answer;
end;
$$;

comment on function public.act(jsonb, text, jsonb) is
  'Does what an operator, or a service in one''s place, asks, and answers as the function behind it does. p_actor: {kind, id, name}. The audit row is written in the same transaction, also for what was refused; an error takes both back.';

revoke execute on all functions in schema orchestrator from public, anon, authenticated;
grant execute on function
  orchestrator._page_of_runs(text, jsonb), orchestrator._lock_jobs_of_runs(uuid[], boolean),
  orchestrator._tell_page(anyarray, jsonb, jsonb, anyelement),
  orchestrator._act_on_runs(text, jsonb), orchestrator._retry_jobs(jsonb),
  orchestrator._act_on_schedule(text, bigint), orchestrator._set_policy(jsonb), orchestrator._delete_policy(text),
  orchestrator._grant_role(jsonb, text), orchestrator._revoke_role(uuid),
  orchestrator._lock_target(text, jsonb), orchestrator._show_target(text, text),
  orchestrator._do_action(text, jsonb, jsonb), orchestrator._tell_args(text, jsonb)
  to service_role;
revoke execute on function public.act(jsonb, text, jsonb) from public, anon, authenticated;
grant execute on function public.act(jsonb, text, jsonb) to service_role;
