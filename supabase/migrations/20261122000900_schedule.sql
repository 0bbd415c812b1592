-- Schedule: one row per workflow with a cron, and one per subscriber. Slots are computed by cron-orchestrator
-- (IANA zones, daylight saving); here they are claimed by one ticker and fired once.

create table public.workflow_schedules (
  schedule_id bigint generated always as identity primary key,
  workflow_key text not null,
  user_id text,
  intent_id text,
  payload jsonb not null default '{}',
  cron text,
  timezone text not null,
  own_timezone text,
  catch_up text not null,
  next_run_at timestamptz not null default '-infinity',
  last_slot_at timestamptz,
  paused_at timestamptz,
  missed_slots bigint not null default 0,
  last_missed_at timestamptz,
  claim_token uuid,
  claimed_until timestamptz,
  constraint schedules_are_one_per_user unique nulls not distinct (workflow_key, user_id),
  constraint schedules_catch_up_by_a_known_policy check (catch_up in ('none', 'last', 'all'))
);

comment on table public.workflow_schedules is
  'When a workflow runs by itself. user_id null: the workflow''s own row, which fires while nobody has subscribed; else a subscriber''s. next_run_at -infinity: not planned yet; cron null: switched off. missed_slots: due and not fired since ever, as catch_up has it; slots while it is paused are none.';

create index workflow_schedules_due on public.workflow_schedules (next_run_at)
  where cron is not null and paused_at is null;

alter table public.workflow_schedules enable row level security;
create policy "nobody but the service role" on public.workflow_schedules
  as permissive for all to anon, authenticated using (false) with check (false);
grant select, insert, update, delete on public.workflow_schedules to service_role;

create function orchestrator._apply_trigger(p_workflow_key text, p_trigger jsonb)
returns void
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_cron text := p_trigger ->> 'cron';
  v_timezone text := coalesce(p_trigger ->> 'timezone', 'UTC');
begin
  if v_cron is not null then
    insert into public.workflow_schedules (workflow_key, cron, timezone, catch_up)
    values (p_workflow_key, v_cron, v_timezone, coalesce(p_trigger ->> 'catch_up', 'none'))
    on conflict (workflow_key, user_id) do nothing;
  end if;
  update public.workflow_schedules s
  set
    cron = v_cron,
    timezone = t.timezone,
    catch_up = coalesce(p_trigger ->> 'catch_up', 'none'),
    -- Another cron or zone is planned anew; an unchanged one keeps its slot, so publishing skips nothing.
    next_run_at = case when (s.cron, s.timezone) is distinct from (v_cron, t.timezone) then '-infinity' else s.next_run_at end
  from (
    select
      schedule_id,
      case when v_timezone = 'user' then coalesce(own_timezone, 'UTC') else v_timezone end as timezone
    from public.workflow_schedules
    where workflow_key = p_workflow_key
  ) as t
  where s.schedule_id = t.schedule_id;
end;
$$;

comment on function orchestrator._apply_trigger(text, jsonb) is
  'Brings the schedules of a workflow in line with the trigger just published.';

create function public.subscribe_schedule(
  p_workflow_key text,
  p_user_id text,
  p_timezone text default null,
  p_intent_id text default null,
  p_payload jsonb default '{}'
)
returns jsonb
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_trigger jsonb;
  v_schedule_id bigint;
begin
  select d.compiled -> 'trigger' into v_trigger
  from public.workflows w
  join public.workflow_definitions d using (definition_id)
  where w.workflow_key = p_workflow_key and w.archived_at is null;
  if not found then
    return jsonb_build_object('result', 'unknown_workflow');
  end if;
  if p_timezone is not null and not exists (select from pg_timezone_names where name = p_timezone) then
    return jsonb_build_object('result', 'unknown_timezone');
  end if;

  insert into public.workflow_schedules (
    workflow_key, user_id, intent_id, payload, timezone, own_timezone, catch_up
  )
  values (p_workflow_key, p_user_id, p_intent_id, coalesce(p_payload, '{}'), 'UTC', p_timezone, 'none')
  on conflict (workflow_key, user_id) do update set
    intent_id = excluded.intent_id,
    payload = excluded.payload,
    own_timezone = excluded.own_timezone
  returning schedule_id into v_schedule_id;

  perform orchestrator._apply_trigger(p_workflow_key, v_trigger);
  return jsonb_build_object('result', 'subscribed', 'schedule_id', v_schedule_id);
end;
$$;

comment on function public.subscribe_schedule(text, text, text, text, jsonb) is
  'Subscribes a user to the schedule of a workflow; the user''s own time zone counts where the workflow says timezone: user.';

create function public.unsubscribe_schedule(p_workflow_key text, p_user_id text)
returns jsonb
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  delete from public.workflow_schedules where workflow_key = p_workflow_key and user_id = p_user_id;
  return jsonb_build_object('result', case when found then 'unsubscribed' else 'not_found' end);
end;
$$;

comment on function public.unsubscribe_schedule(text, text) is 'Ends a user''s subscription to a schedule.';

create function public.claim_due_schedules(p_limit integer)
returns jsonb
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_now timestamptz := orchestrator.now();
  v_claimed jsonb;
begin
  with claimed as (
    update public.workflow_schedules
    set claim_token = gen_random_uuid(), claimed_until = clock_timestamp() + interval '1 minute'
    where schedule_id = any (array(
      select schedule_id
      from public.workflow_schedules
      where cron is not null and paused_at is null and next_run_at <= v_now
        and (claimed_until is null or claimed_until < clock_timestamp())
      order by next_run_at
      limit p_limit
      for update skip locked
    ))
    returning schedule_id, workflow_key, user_id, cron, timezone, catch_up, next_run_at, claim_token
  )
  select jsonb_agg(to_jsonb(claimed) || jsonb_build_object(
    'next_run_at', case when next_run_at > '-infinity' then to_jsonb(next_run_at) else 'null' end
  )) into v_claimed
  from claimed;
  return jsonb_build_object('now', v_now, 'schedules', coalesce(v_claimed, '[]'));
end;
$$;

comment on function public.claim_due_schedules(integer) is
  'Gives due schedules to one ticker for a minute; next_run_at is the slot that is due, or null when none was planned yet.';

create function public.fire_schedules(p_schedules jsonb, p_ring boolean default true)
returns jsonb
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_requests jsonb;
  v_runs integer := 0;
  v_fired integer;
begin
  -- The claim is the fence: a ticker that lost it fires nothing. The slot's own key keeps a second run out
  -- even where a ticker died between firing and planning.
  with planned as (
    select
      s.*, p.slots, p.next_run_at as following, p.missed, p.last_missed_at as now_missed_at,
      s.user_id is not null or not exists (
        select from public.workflow_schedules o where o.workflow_key = s.workflow_key and o.user_id is not null
      ) as starts_runs
    from jsonb_to_recordset(p_schedules) as p (
      schedule_id bigint, claim_token uuid, slots timestamptz[], next_run_at timestamptz,
      missed integer, last_missed_at timestamptz
    )
    join public.workflow_schedules s on s.schedule_id = p.schedule_id and s.claim_token = p.claim_token
    order by s.schedule_id
    for update of s
  ),
  moved as (
    update public.workflow_schedules s
    set
      next_run_at = coalesce(p.following, 'infinity'),
      last_slot_at = coalesce(p.slots[cardinality(p.slots)], s.last_slot_at),
      missed_slots = s.missed_slots + case when p.starts_runs then coalesce(p.missed, 0) else 0 end,
      last_missed_at = case when p.starts_runs then coalesce(p.now_missed_at, s.last_missed_at) else s.last_missed_at end,
      claim_token = null,
      claimed_until = null
    from planned p
    where s.schedule_id = p.schedule_id
    returning s.schedule_id
  ),
  counted as (
    insert into orchestrator.metric_deltas (metric, labels, value)
    select 'schedule_missed_total', array[workflow_key], sum(missed)
    from planned
    where missed > 0 and starts_runs
    group by workflow_key
  )
  select
    (select count(*) from moved),
    jsonb_agg(jsonb_build_object(
      'user_id', coalesce(p.user_id, 'system'),
      'workflow_key', p.workflow_key,
      'intent_id', p.intent_id,
      'payload', p.payload || jsonb_build_object('scheduled_for', slot),
      'idempotency_key', 'cron:' || p.schedule_id || ':' || extract(epoch from slot)::bigint
    ) order by slot) filter (where slot is not null and p.starts_runs)
  into v_fired, v_requests
  from planned p
  left join lateral unnest(p.slots) as slot on true;

  if v_requests is not null then
    select count(*) into v_runs
    from jsonb_array_elements(orchestrator.create_runs(v_requests, 'cron')) as run
    where run ->> 'result' = 'created';
    if p_ring then
      perform orchestrator.ring();
    end if;
  end if;
  return jsonb_build_object('fired', v_fired, 'runs', v_runs);
end;
$$;

comment on function public.fire_schedules(jsonb, boolean) is
  'Starts the runs of claimed slots and plans the next ones, in one transaction; a slot starts one run however often it is fired.';

revoke execute on all functions in schema orchestrator from public, anon, authenticated;
grant execute on function orchestrator._apply_trigger(text, jsonb) to service_role;
revoke execute on function
  public.subscribe_schedule(text, text, text, text, jsonb), public.unsubscribe_schedule(text, text),
  public.claim_due_schedules(integer), public.fire_schedules(jsonb, boolean)
  from public, anon, authenticated;
grant execute on function
  public.subscribe_schedule(text, text, text, text, jsonb), public.unsubscribe_schedule(text, text),
  public.claim_due_schedules(integer), public.fire_schedules(jsonb, boolean)
  to service_role;
