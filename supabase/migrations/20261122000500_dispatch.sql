-- Dispatch: a request becomes one run and one job per step, many requests in one statement.

create function orchestrator.expand_rate_limit(p_rate_limit text, p_user_id text, p_agent text)
returns text
language plpgsql
immutable
strict
security invoker
set search_path = ''
as $$
begin
  return replace(replace(p_rate_limit, '{user_id}', replace(p_user_id, ':', '%3A')), '{agent}', p_agent);
end;
$$;

comment on function orchestrator.expand_rate_limit(text, text, text) is
  'The bucket that a step names, with {user_id} and {agent} filled in; null where it names none.';

create function orchestrator._insert_runs(p_requests jsonb, p_trigger_type text, p_now timestamptz)
returns jsonb
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  -- Together: a call for each costs a fortieth of a dispatch.
  v_ids uuid[] := orchestrator.uuids_v7(jsonb_array_length(p_requests));
  v_created jsonb;
begin
  with requested as materialized (
    select
      r.ordinality::integer - 1 as request_index,
      case
        when r.parent_run_id is null then v_ids[r.ordinality]
        else orchestrator.kin_uuid(r.parent_run_id)
      end as workflow_run_id,
      coalesce(r.definition_id, w.definition_id) as definition_id,
      r.workflow_key, r.user_id, r.intent_id, coalesce(r.payload, '{}') as payload,
      r.idempotency_key, r.request_hash, r.trigger_event_id, r.trigger_key_id, r.event_type,
      r.restarted_from, r.parent_run_id, r.parent_job_id, coalesce(r.depth, 0) as depth,
      r.trace_parent, r.trace_state,
      coalesce(r.run_at, p_now) as run_at,
      coalesce(r.priority, 100) as priority
    from rows from (
      jsonb_to_recordset(p_requests) as (
        user_id text, workflow_key text, intent_id text, payload jsonb, idempotency_key text, request_hash text,
        run_at timestamptz, priority integer, trigger_event_id uuid, trigger_key_id text, event_type text,
        restarted_from uuid, parent_run_id uuid, parent_job_id bigint, depth integer, definition_id bigint,
        trace_parent text, trace_state text
      )
    ) with ordinality as r
    left join public.workflows w on w.workflow_key = r.workflow_key and w.archived_at is null
  ),
  inserted as (
    -- In key order, so that two batches with the same idempotency keys wait for each other, never in a circle. The
    -- others in the order of their requests: one key each, for a second one is looked up within the row.
    insert into public.workflow_runs (
      workflow_run_id, workflow_key, definition_id, user_id, intent_id, trigger_type, trigger_event_id, trigger_key_id,
      event_type, restarted_from, parent_run_id, parent_job_id, depth, payload, priority, idempotency_key, request_hash,
      trace_parent, trace_state, open_sinks, created_at, deadline_at
    )
    select
      r.workflow_run_id, r.workflow_key, r.definition_id, r.user_id, r.intent_id, p_trigger_type,
      r.trigger_event_id, r.trigger_key_id, r.event_type, r.restarted_from, r.parent_run_id, r.parent_job_id, r.depth,
      r.payload, r.priority, r.idempotency_key, r.request_hash, r.trace_parent, r.trace_state, d.sinks, p_now,
      r.run_at + d.timeout_ms * interval '1 millisecond'
    from requested r
    join public.workflow_definitions d using (definition_id)
    order by case when r.idempotency_key is null then r.request_index end, r.idempotency_key, r.request_index
    on conflict (idempotency_key) where idempotency_key is not null do nothing
    returning workflow_runs.workflow_run_id, workflow_runs.workflow_key
  ),
  counted as (
    insert into orchestrator.metric_deltas (metric, labels, value)
    select 'runs_started_total', array[workflow_key, p_trigger_type], count(*)
    from inserted
    group by workflow_key
  ),
  jobs as (
    insert into public.job_queue (
      workflow_run_id, definition_id, step_no, step_id, agent, rate_limit_key, user_id, intent_id, status, priority,
      max_attempts, next_run_at, dependencies, open_dependencies, join_rule, join_min, payload, created_at
    )
    select
      r.workflow_run_id, r.definition_id, s.step_no, s.step_id, s.agent,
      case
        when s.takes_tokens then orchestrator.expand_rate_limit(s.rate_limit, r.user_id, s.agent)
        else ''
      end,
      r.user_id, r.intent_id,
      case when cardinality(s.depends_on) = 0 then 'queued' else 'waiting' end,
      r.priority, s.max_attempts, r.run_at,
      cardinality(s.depends_on), cardinality(s.depends_on), s.join_rule, s.join_min, s.config, p_now
    from inserted i
    join requested r using (workflow_run_id)
    join public.workflow_steps s using (definition_id)
    where s.phase = 'main'
    order by (r.request_index::bigint << 32) | s.step_no  -- one key, as above
  )
  select jsonb_object_agg(r.request_index, r.workflow_run_id) into v_created
  from inserted i
  join requested r using (workflow_run_id);
  return coalesce(v_created, '{}');
end;
$$;

comment on function orchestrator._insert_runs(jsonb, text, timestamptz) is
  'One statement: the runs of a list of requests and all their jobs. Answers {request index: run id}; requests whose key exists, or whose workflow does not, are left out.';

create function orchestrator.create_runs(p_requests jsonb, p_trigger_type text)
returns jsonb
language plpgsql
volatile
security invoker
set search_path = ''
set plan_cache_mode = force_generic_plan  -- nothing that it knows of a call would change the plan
set enable_seqscan = off
set jit = off
as $$
declare
  v_created jsonb := orchestrator._insert_runs(p_requests, p_trigger_type, orchestrator.now());
begin
  -- What was not inserted is looked up in a second statement: a run committed meanwhile is visible only to it.
  return (
    select coalesce(jsonb_agg(jsonb_build_object(
      'index', r.index,
      'workflow_key', r.request ->> 'workflow_key',
      'workflow_run_id', coalesce(r.created_id, (r.existing).workflow_run_id),
      'result', case
        when r.created_id is not null then 'created'
        when (r.existing).workflow_run_id is null then 'unknown_workflow'
        when (r.existing).request_hash is distinct from r.request ->> 'request_hash' then 'conflict'
        else 'existing'
      end
    ) order by r.index), '[]')
    from (
      select
        ordinality::integer - 1 as index,
        value as request,
        created_id,
        case when created_id is null then (
          select e from public.workflow_runs e where e.idempotency_key = value ->> 'idempotency_key'
        ) end as existing
      from jsonb_array_elements(p_requests) with ordinality
      cross join lateral (select (v_created ->> (ordinality - 1)::text)::uuid as created_id offset 0) as c
      offset 0  -- a fence: the look-up runs once a row, not once a field
    ) as r
  );
end;
$$;

comment on function orchestrator.create_runs(jsonb, text) is
  'Creates runs and jobs for a list of requests; answers per request created, existing, conflict or unknown_workflow.';

create function orchestrator._identify_request(p_request jsonb)
returns jsonb
language plpgsql  -- not sql: see orchestrator.now()
immutable
security invoker
set search_path = ''
as $$
declare
  -- Who asks again under the same key does so in another span.
  v_unhashed constant text[] := array['idempotency_key', 'trace_parent', 'trace_state'];
begin
  -- Callers' keys get a prefix of their own, so that none can pose as the key of an event or a cron slot.
  return case
    when p_request ->> 'idempotency_key' is null then p_request
    else p_request || jsonb_build_object(
      'idempotency_key', 'api:' || (p_request ->> 'idempotency_key'),
      'request_hash', md5((p_request - v_unhashed)::text)
    )
  end;
end;
$$;

comment on function orchestrator._identify_request(jsonb) is
  'A caller''s dispatch request with its idempotency key set apart and the hash that tells the same body from another.';

create function public.dispatch_workflows(p_requests jsonb, p_ring boolean default true)
returns jsonb
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_internal constant text[] := array[
    'definition_id', 'trigger_event_id', 'trigger_key_id', 'event_type', 'restarted_from', 'parent_run_id',
    'parent_job_id', 'depth'
  ];
  v_requests jsonb := p_requests;
  v_runs jsonb;
begin
  -- Written anew only where something must be: most callers send neither.
  if exists (
    select
    from jsonb_array_elements(p_requests) as r (request)
    where r.request ?| array_append(v_internal, 'idempotency_key')
  ) then
    select jsonb_agg(orchestrator._identify_request(r.request - v_internal) order by r.place)
    into v_requests
    from jsonb_array_elements(p_requests) with ordinality as r (request, place);
  end if;
  v_runs := orchestrator.create_runs(v_requests, 'api');
  return jsonb_build_object(
    'runs', v_runs,
    'wake', case when p_ring then orchestrator.ring() else orchestrator.needs_ring() end
  );
end;
$$;

comment on function public.dispatch_workflows(jsonb, boolean) is
  'Dispatches a list of requests in one transaction. With p_ring false nothing is rung and wake tells the caller to wake a worker.';

create function public.dispatch_workflow(
  p_user_id text,
  p_workflow_key text,
  p_intent_id text default null,
  p_payload jsonb default '{}',
  p_idempotency_key text default null,
  p_run_at timestamptz default null,
  p_priority integer default null
)
returns jsonb
language sql
volatile
security invoker
set search_path = ''
as $$
  select public.dispatch_workflows(jsonb_build_array(jsonb_strip_nulls(jsonb_build_object(
    'user_id', p_user_id,
    'workflow_key', p_workflow_key,
    'intent_id', p_intent_id,
    'idempotency_key', p_idempotency_key,
    'run_at', p_run_at,
    'priority', p_priority
  )) || jsonb_build_object('payload', coalesce(p_payload, '{}')))) #> '{runs,0}';
$$;

comment on function public.dispatch_workflow(text, text, text, jsonb, text, timestamptz, integer) is
  'Dispatches one run and rings a worker; for SQL callers. Answers {result, workflow_run_id, workflow_key}.';

revoke execute on all functions in schema orchestrator from public, anon, authenticated;
grant execute on function
  orchestrator.expand_rate_limit(text, text, text), orchestrator._insert_runs(jsonb, text, timestamptz), orchestrator.create_runs(jsonb, text),
  orchestrator._identify_request(jsonb)
  to service_role;
revoke execute on function
  public.dispatch_workflows(jsonb, boolean),
  public.dispatch_workflow(text, text, text, jsonb, text, timestamptz, integer)
  from public, anon, authenticated;
grant execute on function
  public.dispatch_workflows(jsonb, boolean),
  public.dispatch_workflow(text, text, text, jsonb, text, timestamptz, integer)
  to service_role;
