-- Trigger: inserting an event starts the workflows that name its type, and calls the jobs that wait for it, in the
-- app's own transaction.

create function orchestrator._start_runs_of_events()
returns trigger
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_requests jsonb;
begin
  -- Not jsonb_agg: that one measures the rest of the value at each text in it, which takes a minute for a map
  -- of 60,000 keys. So everywhere where payloads and outputs are gathered.
  select json_agg(jsonb_build_object(
    'user_id', e.user_id,
    'workflow_key', w.workflow_key,
    'intent_id', e.intent_id,
    'payload', e.payload,
    'idempotency_key', 'event:' || e.event_id || ':' || w.workflow_key,
    'trigger_event_id', e.event_id,
    'event_type', e.type,
    'trace_parent', e.trace_parent,
    'trace_state', e.trace_state
  ))::jsonb
  into v_requests
  from inserted_events e
  join public.workflows w on w.event_types @> array[e.type] and w.archived_at is null;

  if v_requests is not null then
    perform orchestrator.create_runs(v_requests, 'event');
  end if;
  if orchestrator.offer_events((select array_agg(event_id) from inserted_events)) or v_requests is not null then
    perform orchestrator.ring();
  end if;
  return null;
end;
$$;

comment on function orchestrator._start_runs_of_events() is
  'Statement-level trigger of intent_events: one run per event and workflow, and a look for each job that waits for its type; rolled back with the event.';

create trigger start_runs_of_events
  after insert on public.intent_events
  referencing new table as inserted_events
  for each statement execute function orchestrator._start_runs_of_events();

create function public.insert_event(
  p_user_id text,
  p_type text,
  p_intent_id text default null,
  p_payload jsonb default '{}',
  p_idempotency_key text default null,
  p_trace_parent text default null,
  p_trace_state text default null
)
returns jsonb
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_event public.intent_events;
  v_result text := 'created';
begin
  insert into public.intent_events (
    user_id, type, intent_id, payload, idempotency_key, trace_parent, trace_state, created_at
  )
  values (
    p_user_id, p_type, p_intent_id, coalesce(p_payload, '{}'), p_idempotency_key, p_trace_parent, p_trace_state,
    orchestrator.now()
  )
  on conflict (idempotency_key) where idempotency_key is not null do nothing
  returning * into v_event;

  if not found then
    select * into strict v_event from public.intent_events where idempotency_key = p_idempotency_key;
    v_result := case
      when (v_event.user_id, v_event.type, v_event.payload) = (p_user_id, p_type, coalesce(p_payload, '{}'))
        and v_event.intent_id is not distinct from p_intent_id then 'existing'
      else 'conflict'
    end;
  end if;

  return jsonb_build_object(
    'event_id', v_event.event_id,
    'result', v_result,
    'workflow_run_ids', (
      select coalesce(jsonb_agg(r.workflow_run_id order by r.workflow_key), '[]')
      from public.workflows w
      join public.workflow_runs r on r.idempotency_key = 'event:' || v_event.event_id || ':' || w.workflow_key
    )
  );
end;
$$;

comment on function public.insert_event(text, text, text, jsonb, text, text, text) is
  'Inserts an event once per idempotency key and tells which runs it started.';

revoke execute on all functions in schema orchestrator from public, anon, authenticated;
grant execute on function orchestrator._start_runs_of_events() to service_role;
revoke execute on function public.insert_event(text, text, text, jsonb, text, text, text) from public, anon, authenticated;
grant execute on function public.insert_event(text, text, text, jsonb, text, text, text) to service_role;
