-- Notifications: what happened is told to Slack channels and webhooks, which are destinations.
--
-- Whatever happens puts a row into the outbox in its own transaction, and only where a destination listens. From there
-- dispatch_notifications makes deliveries, each a run of the built-in workflow orchestrator_delivery_v1: retries, backoff,
-- the dead letter and the dashboard are those of every run. The step calls POST /deliveries, which sends in the
-- background and settles its job by settle_delivery, so that no worker waits for a receiver.
--
-- A webhook gets one message a notification. A Slack channel has at most one open delivery, a digest, which takes all
-- that waits for the channel at the moment it is sent.

create table public.orchestrator_destinations (
  name text primary key,
  kind text not null,
  url text,
  types text[] not null,
  workflow_keys text[],
  description text,
  created_at timestamptz not null,
  changed_at timestamptz not null,
  previous_secret_until timestamptz,
  disabled_at timestamptz,
  disabled_reason text,
  constraint destinations_have_a_plain_name check (name ~ '^[a-z0-9][a-z0-9_-]{0,62}$'),
  constraint destinations_are_of_a_known_kind check (kind in ('slack', 'webhook')),
  constraint destinations_show_no_secret_url check ((kind = 'webhook') = (url is not null)),
  constraint destinations_listen_to_known_types check (
    cardinality(types) > 0
    and types <@ array[
      'run.succeeded', 'run.failed', 'run.cancelled', 'job.dead', 'approval.requested', 'alert.firing',
      'alert.resolved', 'destination.disabled'
    ]
  ),
  constraint destinations_listen_to_some_workflow check (cardinality(workflow_keys) > 0),
  constraint destinations_are_disabled_with_a_reason check ((disabled_at is null) = (disabled_reason is null))
);

comment on table public.orchestrator_destinations is
  'Who is told of what: Slack channels and webhook endpoints with the types and workflows that they listen to. Vault holds their secrets: a webhook''s signing secret, a channel''s URL. workflow_keys null: all, and what is of no workflow.';

create table orchestrator.notifications (
  notification_id bigint generated always as identity primary key,
  message_id uuid not null default gen_random_uuid(),
  destination text not null,
  type text not null,
  workflow_key text,
  workflow_run_id uuid,
  job_id bigint,
  data jsonb not null,
  delivery_id uuid,
  is_held boolean not null default false,
  created_at timestamptz not null
);

comment on table orchestrator.notifications is
  'The outbox: one row per notification and destination. Without a delivery it waits for one. is_held: it came while its destination was disabled, and waits for a replay. message_id stays the same over retries and replays.';

create index notifications_waiting on orchestrator.notifications (destination, notification_id) where delivery_id is null;
create index notifications_by_delivery on orchestrator.notifications (delivery_id);
create index notifications_by_destination on orchestrator.notifications (destination, created_at);
create index notifications_by_age on orchestrator.notifications (created_at);

create table orchestrator.deliveries (
  delivery_id uuid primary key,
  destination text not null,
  is_digest boolean not null,
  workflow_run_id uuid,
  status text not null default 'pending',
  types text[] not null default '{}',
  messages integer not null default 0,
  attempts integer not null default 0,
  status_code integer,
  error_text text,
  created_at timestamptz not null,
  finished_at timestamptz,
  constraint deliveries_have_a_known_status check (status in ('pending', 'delivered', 'dead')),
  constraint deliveries_end_with_a_time check ((status = 'pending') = (finished_at is null))
);

comment on table orchestrator.deliveries is
  'What was or will be sent to a destination, and by which run. types and messages: what it held when it was last tried.';

create unique index deliveries_one_open_digest on orchestrator.deliveries (destination) where status = 'pending' and is_digest;
create index deliveries_by_destination on orchestrator.deliveries (destination, delivery_id);
create index deliveries_by_run on orchestrator.deliveries (workflow_run_id);
create index deliveries_by_age on orchestrator.deliveries (finished_at);

alter table public.orchestrator_destinations enable row level security;
alter table orchestrator.notifications enable row level security;
alter table orchestrator.deliveries enable row level security;
create policy "nobody but the service role" on public.orchestrator_destinations
  as permissive for all to anon, authenticated using (false) with check (false);
create policy "nobody but the service role" on orchestrator.notifications
  as permissive for all to anon, authenticated using (false) with check (false);
create policy "nobody but the service role" on orchestrator.deliveries
  as permissive for all to anon, authenticated using (false) with check (false);
grant select, insert, update, delete
  on public.orchestrator_destinations, orchestrator.notifications, orchestrator.deliveries to service_role;

create function orchestrator.delivery_workflow_key()
returns text
language plpgsql  -- not sql: see orchestrator.now()
immutable
security invoker
set search_path = ''
as $$
begin
  return 'orchestrator_delivery_v1';
end;
$$;

comment on function orchestrator.delivery_workflow_key() is
  'The workflow that sends notifications. Nothing that happens to its runs is a notification.';

create function orchestrator._announce_notifications()
returns void
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  insert into orchestrator.signals (is_notice) values (true);
  perform orchestrator.ring();
end;
$$;

comment on function orchestrator._announce_notifications() is
  'Has the worker that looks next dispatch what waits in the outbox, and wakes one if none is at work.';

create function orchestrator._put_notifications(p_items jsonb)
returns void
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  insert into orchestrator.notifications (
    destination, type, workflow_key, workflow_run_id, job_id, data, created_at
  )
  select
    d.name, i.type, i.workflow_key, i.workflow_run_id, i.job_id,
    -- A message is thin: who wants more asks for the run.
    case
      when octet_length(i.data::text) > 16000 then jsonb_build_object('truncated', true)
      else i.data
    end,
    orchestrator.now()
  from jsonb_to_recordset(p_items) as i (
    type text, workflow_key text, workflow_run_id uuid, job_id bigint, data jsonb
  )
  join public.orchestrator_destinations d
    on i.type = any (d.types)
    and (d.workflow_keys is null or i.workflow_key = any (d.workflow_keys))
    and (i.type <> 'destination.disabled' or d.name <> i.data ->> 'destination');
  if found then
    perform orchestrator._announce_notifications();
  end if;
end;
$$;

comment on function orchestrator._put_notifications(jsonb) is
  'Puts notifications into the outbox, once for each destination that listens.';

create function orchestrator.notify(
  p_type text, p_workflow_key text, p_workflow_run_id uuid, p_job_id bigint, p_data jsonb
)
returns void
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  if p_workflow_key = orchestrator.delivery_workflow_key()
    or not exists (select from public.orchestrator_destinations where p_type = any (types))
  then
    return;
  end if;
  perform orchestrator._put_notifications(jsonb_build_array(jsonb_build_object(
    'type', p_type, 'workflow_key', p_workflow_key, 'workflow_run_id', p_workflow_run_id, 'job_id', p_job_id,
    'data', coalesce(p_data, '{}')
  )));
exception when others then
  -- What happened counts, whether or not it can be told.
  raise warning 'notifying of % failed: %', p_type, sqlerrm;
end;
$$;

comment on function orchestrator.notify(text, text, uuid, bigint, jsonb) is
  'Tells the destinations that listen to a type and workflow, once this transaction commits; does nothing where none listens, and never fails.';

create function orchestrator._describe_ended_run(p_run public.workflow_runs)
returns jsonb
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  return jsonb_build_object(
    'workflow_run_id', p_run.workflow_run_id, 'workflow_key', p_run.workflow_key, 'status', p_run.status,
    'user_id', p_run.user_id, 'intent_id', p_run.intent_id, 'trigger_type', p_run.trigger_type,
    'parent_run_id', p_run.parent_run_id, 'created_at', p_run.created_at, 'finished_at', p_run.finished_at,
    'cancel_reason', left(p_run.cancel_reason, 500)
  ) || case
    when p_run.status = 'failed' then coalesce((
      select jsonb_build_object(
        'failed_step', jsonb_build_object(
          'step_id', q.step_id, 'error_class', q.error_class, 'error_text', left(q.error_text, 500)
        )
      )
      from public.job_queue q
      where q.workflow_run_id = p_run.workflow_run_id and q.status = 'dead'
      order by q.finished_at, q.job_id
      limit 1
    ), '{}')
    else '{}'
  end;
end;
$$;

comment on function orchestrator._describe_ended_run(public.workflow_runs) is
  'What a notification tells of a run: no payloads, no outputs.';

create function orchestrator._tell_of_ended_runs(p_workflow_run_ids uuid[])
returns void
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_delivery_key constant text := orchestrator.delivery_workflow_key();
  v_items jsonb;
begin
  -- Asked first, because most runs end in a way that nobody listens to.
  if exists (
    select from public.workflow_runs a
    join public.orchestrator_destinations d
      on case a.status when 'success' then 'run.succeeded' else 'run.' || a.status end = any (d.types)
    where a.workflow_run_id = any (p_workflow_run_ids)
      and (d.workflow_keys is null or a.workflow_key = any (d.workflow_keys))
  ) then
    select jsonb_agg(jsonb_build_object(
      'type', case a.status when 'success' then 'run.succeeded' else 'run.' || a.status end,
      'workflow_key', a.workflow_key, 'workflow_run_id', a.workflow_run_id,
      'data', orchestrator._describe_ended_run(a)
    ))
    into v_items
    from public.workflow_runs a
    where a.workflow_run_id = any (p_workflow_run_ids) and a.status in ('success', 'failed', 'cancelled')
      and a.workflow_key <> v_delivery_key;
    if v_items is not null then
      perform orchestrator._put_notifications(v_items);
    end if;
  end if;

  -- A delivery whose run ended without it: cancelled, or its last attempt was lost.
  update orchestrator.deliveries d
  set
    status = 'dead', finished_at = orchestrator.now(),
    error_text = coalesce(a.cancel_reason, d.error_text, 'the last attempt was lost')
  from public.workflow_runs a
  where a.workflow_run_id = any (p_workflow_run_ids) and a.workflow_key = v_delivery_key
    and a.status in ('failed', 'cancelled') and d.workflow_run_id = a.workflow_run_id and d.status = 'pending';
exception when others then
  raise warning 'notifying of ended runs failed: %', sqlerrm;
end;
$$;

comment on function orchestrator._tell_of_ended_runs(uuid[]) is
  'Notifies of runs that have just ended (see announce_ended_runs); never fails.';

create function orchestrator._tell_of_dead_jobs(p_job_ids bigint[])
returns void
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_items jsonb;
begin
  if p_job_ids is null or not exists (select from public.orchestrator_destinations where 'job.dead' = any (types)) then
    return;
  end if;
  select jsonb_agg(jsonb_build_object(
    'type', 'job.dead', 'workflow_key', r.workflow_key, 'workflow_run_id', r.workflow_run_id, 'job_id', q.job_id,
    'data', jsonb_build_object(
      'job_id', q.job_id, 'workflow_run_id', r.workflow_run_id, 'workflow_key', r.workflow_key, 'step_id', q.step_id,
      'item_index', nullif(q.item_index, -1), 'attempts', q.attempts, 'error_class', q.error_class,
      'error_text', left(q.error_text, 500)
    )
  ) order by q.job_id)
  into v_items
  from public.job_queue q
  join public.workflow_runs r using (workflow_run_id)
  where q.job_id = any (p_job_ids) and r.workflow_key <> orchestrator.delivery_workflow_key();
  if v_items is not null then
    perform orchestrator._put_notifications(v_items);
  end if;
exception when others then
  raise warning 'notifying of dead jobs failed: %', sqlerrm;
end;
$$;

comment on function orchestrator._tell_of_dead_jobs(bigint[]) is
  'Notifies of dead letters; does nothing where nobody listens, and never fails.';

create function orchestrator._tell_of_wait(p_job public.job_queue, p_event_type text)
returns void
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  if not exists (select from public.orchestrator_destinations where 'approval.requested' = any (types)) then
    return;
  end if;
  perform orchestrator.notify(
    'approval.requested', r.workflow_key, r.workflow_run_id, p_job.job_id,
    jsonb_build_object(
      'job_id', p_job.job_id, 'workflow_run_id', r.workflow_run_id, 'workflow_key', r.workflow_key,
      'step_id', p_job.step_id, 'user_id', r.user_id, 'intent_id', r.intent_id, 'event_type', p_event_type,
      'until', nullif(p_job.parked ->> 'until', 'infinity')
    )
  )
  from public.workflow_runs r
  where r.workflow_run_id = p_job.workflow_run_id;
end;
$$;

comment on function orchestrator._tell_of_wait(public.job_queue, text) is
  'Notifies that a step began to wait for an event, in whose place somebody may approve or reject it.';

create function orchestrator._open_digests(p_now timestamptz)
returns jsonb
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_requests jsonb;
begin
  with opened as (
    insert into orchestrator.deliveries (delivery_id, destination, is_digest, created_at)
    select orchestrator.uuid_v7(), d.name, true, p_now
    from public.orchestrator_destinations d
    where d.kind = 'slack' and d.disabled_at is null and exists (
      select from orchestrator.notifications n
      where n.destination = d.name and n.delivery_id is null and not n.is_held
    )
    on conflict (destination) where status = 'pending' and is_digest do nothing
    returning delivery_id, destination
  )
  select jsonb_agg(jsonb_build_object('delivery_id', delivery_id, 'user_id', 'slack/' || destination)) into v_requests
  from opened;
  return coalesce(v_requests, '[]');
end;
$$;

comment on function orchestrator._open_digests(timestamptz) is
  'Opens a delivery for each channel for which something waits and none is open; what it takes along is decided when it is sent.';

create function orchestrator._open_messages(p_limit integer, p_now timestamptz)
returns jsonb
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_requests jsonb;
begin
  with waiting as materialized (
    select n.notification_id, n.destination, n.type, orchestrator.uuid_v7() as delivery_id
    from orchestrator.notifications n
    join public.orchestrator_destinations d on d.name = n.destination
    where n.delivery_id is null and not n.is_held and d.kind = 'webhook' and d.disabled_at is null
    order by n.notification_id
    limit p_limit
    for update of n skip locked
  ),
  opened as (
    insert into orchestrator.deliveries (delivery_id, destination, is_digest, types, messages, created_at)
    select delivery_id, destination, false, array[type], 1, p_now
    from waiting
  ),
  taken as (
    update orchestrator.notifications n
    set delivery_id = w.delivery_id
    from waiting w
    where n.notification_id = w.notification_id
  )
  select jsonb_agg(
    jsonb_build_object('delivery_id', delivery_id, 'user_id', 'webhook/' || destination) order by notification_id
  )
  into v_requests
  from waiting;
  return coalesce(v_requests, '[]');
end;
$$;

comment on function orchestrator._open_messages(integer, timestamptz) is
  'Makes a delivery of each notification that waits for a webhook, oldest first.';

create function orchestrator._start_deliveries(p_requests jsonb)
returns void
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_runs jsonb;
begin
  -- Each destination is a user: they take turns in the queue, and the backlog of one delays no other.
  v_runs := orchestrator.create_runs(
    (
      select jsonb_agg(jsonb_build_object(
        'workflow_key', orchestrator.delivery_workflow_key(), 'user_id', value -> 'user_id',
        'payload', jsonb_build_object('delivery_id', value -> 'delivery_id'),
        'idempotency_key', 'delivery:' || (value ->> 'delivery_id')
      ) order by ordinality)
      from jsonb_array_elements(p_requests) with ordinality
    ),
    'notification'
  );
  update orchestrator.deliveries d
  set workflow_run_id = (r.value ->> 'workflow_run_id')::uuid
  from jsonb_array_elements(v_runs) as r
  where d.delivery_id = (p_requests #>> array[r.value ->> 'index', 'delivery_id'])::uuid;
  perform orchestrator.ring();
end;
$$;

comment on function orchestrator._start_deliveries(jsonb) is
  'Starts the runs that send deliveries: [{delivery_id, user_id}].';

create function orchestrator._is_delivery_workflow_published()
returns boolean
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  return exists (
    select from public.workflows
    where workflow_key = orchestrator.delivery_workflow_key() and archived_at is null
  );
end;
$$;

comment on function orchestrator._is_delivery_workflow_published() is
  'Whether deliveries can be sent; saving a destination publishes the workflow.';

create function orchestrator.dispatch_notifications()
returns integer
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_limit constant integer := 500;
  v_now timestamptz := orchestrator.now();
  v_messages jsonb;
  v_requests jsonb;
begin
  if not exists (select from orchestrator.notifications where delivery_id is null and not is_held)
    or not pg_try_advisory_xact_lock(hashtext('orchestrator.notifications'), 0)
  then
    return 0;
  end if;
  if not orchestrator._is_delivery_workflow_published() then
    raise warning 'notifications wait: the workflow % is not published; saving a destination again publishes it',
      orchestrator.delivery_workflow_key();
    return 0;
  end if;
  -- Put there while its destination was being deleted.
  delete from orchestrator.notifications n
  where n.delivery_id is null
    and not exists (select from public.orchestrator_destinations d where d.name = n.destination);

  v_messages := orchestrator._open_messages(v_limit, v_now);
  v_requests := v_messages || orchestrator._open_digests(v_now);
  if v_requests = '[]' then
    return 0;
  end if;
  perform orchestrator._start_deliveries(v_requests);
  if jsonb_array_length(v_messages) = v_limit then
    perform orchestrator._announce_notifications();
  end if;
  return jsonb_array_length(v_requests);
exception when others then
  -- Called beside work that must not fail by this; the next tick comes back to it.
  raise warning 'dispatching notifications failed: %', sqlerrm;
  return 0;
end;
$$;

comment on function orchestrator.dispatch_notifications() is
  'Turns what waits in the outbox into deliveries and starts their runs, one caller at a time: after a signal, and at each tick. Answers how many.';

create function public.begin_delivery(p_delivery_id uuid)
returns jsonb
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_delivery orchestrator.deliveries;
  v_destination public.orchestrator_destinations;
  v_types text[];
  v_messages integer;
begin
  select * into v_delivery from orchestrator.deliveries where delivery_id = p_delivery_id for update;
  if v_delivery.status = 'delivered' then
    return jsonb_build_object('result', 'delivered');
  end if;
  select * into v_destination from public.orchestrator_destinations where name = v_delivery.destination;
  if v_destination.name is null then
    return jsonb_build_object('result', 'refused', 'reason', 'the destination is gone');
  elsif v_destination.disabled_at is not null then
    return jsonb_build_object(
      'result', 'refused', 'reason', 'the destination is disabled: ' || v_destination.disabled_reason
    );
  end if;

  if v_delivery.is_digest then
    if exists (
      select from orchestrator.deliveries
      where destination = v_delivery.destination and is_digest and status = 'pending' and delivery_id <> p_delivery_id
    ) then
      -- Tried again by hand: the one that is open takes its messages.
      update orchestrator.notifications set delivery_id = null where delivery_id = p_delivery_id;
      return jsonb_build_object('result', 'refused', 'reason', 'a newer delivery to the channel is open and takes its messages');
    end if;
    update orchestrator.notifications
    set delivery_id = p_delivery_id
    where notification_id in (
      select notification_id from orchestrator.notifications
      where destination = v_delivery.destination and delivery_id is null and not is_held
      order by notification_id
      limit 5000
      for update skip locked
    );
  end if;

  select count(*), array_agg(distinct type order by type) into v_messages, v_types
  from orchestrator.notifications
  where delivery_id = p_delivery_id;
  if v_messages = 0 then
    return jsonb_build_object('result', 'refused', 'reason', 'its messages are gone, or went with another delivery');
  end if;
  update orchestrator.deliveries
  set status = 'pending', finished_at = null, attempts = attempts + 1, messages = v_messages, types = v_types
  where delivery_id = p_delivery_id;
  return orchestrator._describe_delivery(v_delivery, v_destination);
end;
$$;

comment on function public.begin_delivery(uuid) is
  'What is to be sent, where to and signed by what; a digest takes all that waits for its channel. Or that it was delivered already, or why it must not be sent.';

create function orchestrator._describe_delivery(
  p_delivery orchestrator.deliveries, p_destination public.orchestrator_destinations
)
returns jsonb
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  v_secret text := orchestrator.read_secret(orchestrator._name_secret(p_destination.name));
begin
  return jsonb_build_object(
    'result', 'send',
    'destination', p_destination.name,
    'kind', p_destination.kind,
    'url', coalesce(p_destination.url, v_secret),
    'secrets', case
      when p_destination.kind = 'slack' then jsonb_build_array()
      when p_destination.previous_secret_until > orchestrator.now() then jsonb_build_array(
        v_secret, orchestrator.read_secret(orchestrator._name_secret(p_destination.name, 'previous'))
      )
      else jsonb_build_array(v_secret)
    end,
    'counts', (
      select jsonb_object_agg(c.type, c.messages)
      from (
        select type, count(*) as messages
        from orchestrator.notifications
        where delivery_id = p_delivery.delivery_id
        group by type
      ) as c
    ),
    'messages', (
      select jsonb_agg(
        jsonb_build_object('id', 'msg_' || m.message_id, 'type', m.type, 'timestamp', m.created_at, 'data', m.data)
        order by m.notification_id
      )
      from (
        select * from orchestrator.notifications
        where delivery_id = p_delivery.delivery_id
        order by notification_id
        limit 50  -- as many blocks as a message to Slack may have
      ) as m
    )
  );
end;
$$;

comment on function orchestrator._describe_delivery(orchestrator.deliveries, public.orchestrator_destinations) is
  'What begin_delivery answers for a delivery that is to be sent: the oldest 50 messages, and how many there are of each type.';

create function public.settle_delivery(
  p_delivery_id uuid, p_job_id bigint, p_generation integer, p_attempt integer, p_result jsonb,
  p_disable_reason text default null
)
returns jsonb
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_now timestamptz := orchestrator.now();
  -- First of all, so that nobody who holds a delivery or a destination waits for a job.
  v_settled jsonb := public.complete_callback(p_job_id, p_generation, p_attempt, p_result);
  v_status text := case p_result ->> 'outcome' when 'success' then 'delivered' when 'retry' then 'pending' else 'dead' end;
  v_delivery orchestrator.deliveries;
begin
  -- Also where the job was settled without us meanwhile: a message that got through is not sent again.
  update orchestrator.deliveries
  set
    status = v_status,
    status_code = (p_result ->> 'status_code')::integer,
    error_text = left(p_result ->> 'error_text', 500),
    finished_at = case when v_status <> 'pending' then v_now end
  where delivery_id = p_delivery_id and status <> 'delivered' and (v_status = 'delivered' or v_settled ->> 'result' = 'applied')
  returning * into v_delivery;
  if not found then
    return v_settled;
  end if;
  perform orchestrator.count(
    'webhook_deliveries_total',
    jsonb_build_object(
      'destination', v_delivery.destination, 'outcome', case v_status when 'pending' then 'retry' else v_status end
    ),
    1
  );
  if p_disable_reason is not null then
    perform orchestrator._disable_destination(v_delivery.destination, p_disable_reason, v_now);
  end if;
  if v_delivery.is_digest and v_status <> 'pending' and exists (
    select from orchestrator.notifications
    where destination = v_delivery.destination and delivery_id is null and not is_held
  ) then
    perform orchestrator._announce_notifications();
  end if;
  return v_settled;
end;
$$;

comment on function public.settle_delivery(uuid, bigint, integer, integer, jsonb, text) is
  'Notes what came of an attempt to send a delivery and settles its job; p_disable_reason disables the destination. Answers as complete_callback does.';

create function orchestrator._disable_destination(p_name text, p_reason text, p_now timestamptz)
returns void
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  update public.orchestrator_destinations
  set disabled_at = p_now, disabled_reason = p_reason
  where name = p_name and disabled_at is null;
  if not found then
    return;
  end if;
  -- Skipping those that are being settled this moment, by somebody who may want the destination's row next.
  update orchestrator.deliveries
  set status = 'dead', finished_at = p_now, error_text = 'the destination is disabled: ' || p_reason
  where delivery_id in (
    select delivery_id from orchestrator.deliveries
    where destination = p_name and status = 'pending'
    for update skip locked
  );
  perform orchestrator.notify(
    'destination.disabled', null, null, null, jsonb_build_object('destination', p_name, 'reason', p_reason)
  );
end;
$$;

comment on function orchestrator._disable_destination(text, text, timestamptz) is
  'Ends what is under way to a destination; what comes for it is kept from now on, and sent only by a replay. The other destinations are told.';

create function orchestrator._name_secret(p_destination text, p_which text default 'current')
returns text
language sql
immutable
security invoker
set search_path = ''
as $$
  select format('destination/%s/%s', p_destination, p_which);
$$;

comment on function orchestrator._name_secret(text, text) is
  'The name in Vault of a destination''s secret, or of the previous one.';

create function orchestrator._set_destination(p_args jsonb)
returns jsonb
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_now timestamptz := orchestrator.now();
  v_name text := p_args ->> 'destination';
  v_kind text := p_args ->> 'kind';
  v_before public.orchestrator_destinations;
begin
  select * into v_before from public.orchestrator_destinations where name = v_name for update;
  if v_before.kind <> v_kind then
    return jsonb_build_object(
      'result', 'conflict', 'reason', format('it is of the kind %s, not %s: delete it first', v_before.kind, v_kind)
    );
  elsif v_before.name is null and p_args ->> 'secret' is null then
    return jsonb_build_object('result', 'conflict', 'reason', 'there is no such destination yet, and its url is missing');
  end if;
  insert into public.orchestrator_destinations (
    name, kind, url, types, workflow_keys, description, created_at, changed_at
  )
  values (
    v_name, v_kind, p_args ->> 'url', array(select jsonb_array_elements_text(p_args -> 'types')),
    case when jsonb_typeof(p_args -> 'workflow_keys') = 'array'
      then array(select jsonb_array_elements_text(p_args -> 'workflow_keys'))
    end,
    p_args ->> 'description', v_now, v_now
  )
  on conflict (name) do update set
    url = excluded.url, types = excluded.types, workflow_keys = excluded.workflow_keys,
    description = excluded.description, changed_at = excluded.changed_at;
  -- A webhook keeps the secret that it has until it is rotated; a channel's is its URL.
  if p_args ->> 'secret' is not null and (v_before.name is null or v_kind = 'slack') then
    perform orchestrator.keep_secret(orchestrator._name_secret(v_name), p_args ->> 'secret');
  end if;
  -- Kept where somebody changed them: one message a second and channel, as Slack has it.
  insert into public.rate_limit_policies (pattern, capacity, refill_rate, description)
  values
    ('notify:slack/*', 1, 1, 'Notifications: one message a second to each Slack channel.'),
    ('notify:webhook/*', 20, 20, 'Notifications: 20 messages a second to each webhook.')
  on conflict (pattern) do nothing;
  return jsonb_build_object('result', case when v_before.name is null then 'created' else 'changed' end);
end;
$$;

comment on function orchestrator._set_destination(jsonb) is
  'Makes or changes a destination. secret: a new webhook''s signing secret, or a channel''s URL; it goes to Vault.';

create function orchestrator._delete_destination(p_name text)
returns jsonb
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  perform orchestrator.keep_secret(orchestrator._name_secret(p_name), null);
  perform orchestrator.keep_secret(orchestrator._name_secret(p_name, 'previous'), null);
  delete from orchestrator.notifications where destination = p_name;
  delete from public.orchestrator_destinations where name = p_name;
  return jsonb_build_object('result', 'deleted');
end;
$$;

comment on function orchestrator._delete_destination(text) is
  'Deletes a destination with its secrets and what waits for it; the runs under way end as refused.';

create function orchestrator._rotate_secret(p_destination public.orchestrator_destinations, p_secret text)
returns jsonb
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_until timestamptz := orchestrator.now() + interval '24 hours';
begin
  if p_destination.kind <> 'webhook' then
    return jsonb_build_object('result', 'conflict', 'reason', 'a Slack channel has no signing secret: save it with its new url');
  end if;
  perform orchestrator.keep_secret(
    orchestrator._name_secret(p_destination.name, 'previous'),
    orchestrator.read_secret(orchestrator._name_secret(p_destination.name))
  );
  perform orchestrator.keep_secret(orchestrator._name_secret(p_destination.name), p_secret);
  update public.orchestrator_destinations
  set previous_secret_until = v_until, changed_at = orchestrator.now()
  where name = p_destination.name;
  return jsonb_build_object('result', 'rotated', 'previous_until', v_until);
end;
$$;

comment on function orchestrator._rotate_secret(public.orchestrator_destinations, text) is
  'Gives a webhook another signing secret; for 24 hours messages are signed by the previous one too.';

create function orchestrator._enable_destination(p_destination public.orchestrator_destinations)
returns jsonb
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_held integer := 0;
begin
  if p_destination.disabled_at is not null then
    -- A flood of old news is nobody's wish: who wants it asks for the replay.
    update orchestrator.notifications
    set is_held = true
    where destination = p_destination.name and delivery_id is null and not is_held;
    get diagnostics v_held = row_count;
    update public.orchestrator_destinations
    set disabled_at = null, disabled_reason = null
    where name = p_destination.name;
  end if;
  return jsonb_build_object('result', 'enabled', 'held', v_held);
end;
$$;

comment on function orchestrator._enable_destination(public.orchestrator_destinations) is
  'Sends to a destination again. held: how many notifications came meanwhile and wait for a replay.';

create function orchestrator._replay_deliveries(p_destination public.orchestrator_destinations, p_args jsonb)
returns jsonb
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_limit constant integer := 1000;
  v_delivery_id uuid := (p_args ->> 'delivery_id')::uuid;
  v_is_all boolean := coalesce((p_args ->> 'all')::boolean, false);
  v_replayed integer;
begin
  if p_destination.disabled_at is not null then
    return jsonb_build_object('result', 'conflict', 'reason', 'it is disabled: enable it first');
  elsif v_delivery_id is not null and not exists (
    select from orchestrator.deliveries
    where delivery_id = v_delivery_id and destination = p_destination.name and status <> 'pending'
  ) then
    return jsonb_build_object('result', 'conflict', 'reason', format('it has no delivery %s that has ended', v_delivery_id));
  end if;
  update orchestrator.notifications
  set delivery_id = null, is_held = false
  where notification_id in (
    select n.notification_id
    from orchestrator.notifications n
    left join orchestrator.deliveries d using (delivery_id)
    where n.destination = p_destination.name and (
      n.delivery_id = v_delivery_id
      or v_delivery_id is null and n.created_at >= (p_args ->> 'from')::timestamptz
        and n.created_at < (p_args ->> 'to')::timestamptz
        and (n.is_held or d.status = 'dead' or v_is_all and d.status = 'delivered')
    )
    order by n.notification_id
    limit v_limit
    for update of n
  );
  get diagnostics v_replayed = row_count;
  if v_replayed > 0 then
    perform orchestrator._announce_notifications();
  end if;
  return jsonb_build_object('result', 'replayed', 'replayed', v_replayed, 'is_complete', v_replayed < v_limit);
end;
$$;

comment on function orchestrator._replay_deliveries(public.orchestrator_destinations, jsonb) is
  'Has the messages of one delivery, or those of a time that were held or did not get through, sent again under their ids; with all: also those that did. At most 1,000 a call.';

create function orchestrator._test_destination(p_destination public.orchestrator_destinations)
returns jsonb
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_now timestamptz := orchestrator.now();
  v_delivery_id uuid := orchestrator.uuid_v7();
  v_delivery orchestrator.deliveries;
begin
  if p_destination.disabled_at is not null then
    return jsonb_build_object('result', 'conflict', 'reason', 'it is disabled: enable it first');
  elsif not orchestrator._is_delivery_workflow_published() then
    return jsonb_build_object('result', 'conflict', 'reason', 'the workflow that sends is not published: save it again');
  end if;
  -- One at a time with dispatch_notifications, which would open a delivery for it too.
  perform pg_advisory_xact_lock(hashtext('orchestrator.notifications'), 0);
  insert into orchestrator.deliveries (delivery_id, destination, is_digest, types, messages, created_at)
  values (v_delivery_id, p_destination.name, p_destination.kind = 'slack', array['test'], 1, v_now)
  on conflict (destination) where status = 'pending' and is_digest do nothing
  returning * into v_delivery;
  if not found then
    -- The channel's open delivery takes it along.
    select * into v_delivery
    from orchestrator.deliveries
    where destination = p_destination.name and is_digest and status = 'pending';
  end if;
  insert into orchestrator.notifications (destination, type, data, delivery_id, created_at)
  values (
    p_destination.name, 'test', jsonb_build_object('destination', p_destination.name),
    case when not v_delivery.is_digest then v_delivery_id end, v_now
  );
  if v_delivery.workflow_run_id is null then
    perform orchestrator._start_deliveries(jsonb_build_array(jsonb_build_object(
      'delivery_id', v_delivery.delivery_id, 'user_id', p_destination.kind || '/' || p_destination.name
    )));
  end if;
  return jsonb_build_object('result', 'sent', 'delivery_id', v_delivery.delivery_id, 'workflow_run_id', (
    select workflow_run_id from orchestrator.deliveries where delivery_id = v_delivery.delivery_id
  ));
end;
$$;

comment on function orchestrator._test_destination(public.orchestrator_destinations) is
  'Sends a message of the type test the way of all others; answers the run that does it.';

create function orchestrator._act_on_destination(p_action text, p_args jsonb)
returns jsonb
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_destination public.orchestrator_destinations;
begin
  if p_action = 'set' then
    return orchestrator._set_destination(p_args);
  end if;
  select * into v_destination
  from public.orchestrator_destinations
  where name = p_args ->> 'destination'
  for update;
  if not found then
    return jsonb_build_object('result', 'not_found');
  end if;
  return case p_action
    when 'delete' then orchestrator._delete_destination(v_destination.name)
    when 'rotate' then orchestrator._rotate_secret(v_destination, p_args ->> 'secret')
    when 'enable' then orchestrator._enable_destination(v_destination)
    when 'replay' then orchestrator._replay_deliveries(v_destination, p_args)
    when 'test' then orchestrator._test_destination(v_destination)
  end;
end;
$$;

comment on function orchestrator._act_on_destination(text, jsonb) is
  'set, delete, rotate, enable, replay or test: what operators do with a destination.';

create function public.list_destinations(p_name text default null)
returns jsonb
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  return (
    select coalesce(jsonb_agg(to_jsonb(d) || jsonb_build_object(
      'waiting', (
        select count(*) from orchestrator.notifications n where n.destination = d.name and n.delivery_id is null
      ),
      'last_delivery', (
        select to_jsonb(e)
        from orchestrator.deliveries e
        where e.destination = d.name
        order by e.delivery_id desc
        limit 1
      )
    ) order by d.name), '[]')
    from public.orchestrator_destinations d
    where p_name is null or d.name = p_name
  );
end;
$$;

comment on function public.list_destinations(text) is
  'Destinations by name, or one: without secrets, with how many notifications wait for a delivery or a replay, and the last delivery.';

create function public.list_deliveries(
  p_destination text, p_status text default null, p_limit integer default 50, p_before uuid default null
)
returns jsonb
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  return (
    select coalesce(jsonb_agg(to_jsonb(d) order by d.delivery_id desc), '[]')
    from (
      select *
      from orchestrator.deliveries
      where destination = p_destination
        and (p_status is null or status = p_status)
        and (p_before is null or delivery_id < p_before)
      order by delivery_id desc
      limit least(p_limit, 1000)
    ) as d
  );
end;
$$;

comment on function public.list_deliveries(text, text, integer, uuid) is
  'Deliveries to a destination, newest first; p_before is the last id of the page before.';

create function orchestrator.prune_notifications(p_before timestamptz, p_limit integer)
returns integer
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_deleted integer;
begin
  delete from orchestrator.notifications
  where notification_id in (
    select n.notification_id
    from orchestrator.notifications n
    left join orchestrator.deliveries d using (delivery_id)
    where n.created_at < p_before and d.status is distinct from 'pending'
    order by n.created_at
    limit p_limit
    for update of n skip locked
  );
  get diagnostics v_deleted = row_count;
  delete from orchestrator.deliveries
  where delivery_id in (
    select delivery_id from orchestrator.deliveries
    where finished_at < p_before
    order by finished_at
    limit p_limit
    for update skip locked
  );
  perform orchestrator.keep_secret(orchestrator._name_secret(name, 'previous'), null)
  from public.orchestrator_destinations
  where previous_secret_until < orchestrator.now();
  update public.orchestrator_destinations set previous_secret_until = null where previous_secret_until < orchestrator.now();
  return v_deleted;
end;
$$;

comment on function orchestrator.prune_notifications(timestamptz, integer) is
  'Deletes old notifications, up to p_limit, with the deliveries that have ended, and previous signing secrets that are not used any more.';

revoke execute on all functions in schema orchestrator from public, anon, authenticated;
grant execute on function
  orchestrator.delivery_workflow_key(), orchestrator._announce_notifications(), orchestrator._put_notifications(jsonb),
  orchestrator.notify(text, text, uuid, bigint, jsonb), orchestrator._describe_ended_run(public.workflow_runs),
  orchestrator._tell_of_ended_runs(uuid[]), orchestrator._tell_of_dead_jobs(bigint[]),
  orchestrator._tell_of_wait(public.job_queue, text), orchestrator._open_digests(timestamptz),
  orchestrator._open_messages(integer, timestamptz), orchestrator._start_deliveries(jsonb),
  orchestrator._is_delivery_workflow_published(), orchestrator.dispatch_notifications(),
  orchestrator._describe_delivery(orchestrator.deliveries, public.orchestrator_destinations),
  orchestrator._disable_destination(text, text, timestamptz), orchestrator._name_secret(text, text),
  orchestrator._set_destination(jsonb), orchestrator._delete_destination(text),
  orchestrator._rotate_secret(public.orchestrator_destinations, text),
  orchestrator._enable_destination(public.orchestrator_destinations),
  orchestrator._replay_deliveries(public.orchestrator_destinations, jsonb),
  orchestrator._test_destination(public.orchestrator_destinations), orchestrator._act_on_destination(text, jsonb),
  orchestrator.prune_notifications(timestamptz, integer)
  to service_role;
revoke execute on function
  public.begin_delivery(uuid), public.settle_delivery(uuid, bigint, integer, integer, jsonb, text),
  public.list_destinations(text), public.list_deliveries(text, text, integer, uuid)
  from public, anon, authenticated;
grant execute on function
  public.begin_delivery(uuid), public.settle_delivery(uuid, bigint, integer, integer, jsonb, text),
  public.list_destinations(text), public.list_deliveries(text, text, integer, uuid)
  to service_role;
