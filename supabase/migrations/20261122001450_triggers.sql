-- Triggers: keys with which others than the project itself start public workflows, and see what becomes of their runs.
-- A key is a secret of 256 random bits that is kept as its hash alone: the table opens nothing to whoever reads it.

create table public.orchestrator_trigger_keys (
  key_id text primary key,
  name text not null,
  hash text not null,
  workflow_keys text[] not null,
  user_id text not null,
  may_name_user boolean not null,
  rate_per_minute integer not null,
  networks cidr[],
  created_at timestamptz not null,
  created_by text,
  expires_at timestamptz not null,
  revoked_at timestamptz,
  last_used_at timestamptz,
  constraint trigger_keys_are_kept_as_a_sha256 check (hash ~ '^[0-9a-f]{64}$'),
  constraint trigger_keys_name_a_workflow check (cardinality(workflow_keys) > 0),
  constraint trigger_keys_name_a_network_or_take_any check (cardinality(networks) > 0),
  constraint trigger_keys_have_a_rate check (rate_per_minute > 0)
);

comment on table public.orchestrator_trigger_keys is
  'Who may start which public workflows from outside: hash is the SHA-256 of the whole key. Keys that ended stay, so that a run tells who started it.';
comment on column public.orchestrator_trigger_keys.workflow_keys is 'The public workflows that it starts; * stands for all of them.';
comment on column public.orchestrator_trigger_keys.networks is 'Where requests may come from; null: from anywhere.';
comment on column public.orchestrator_trigger_keys.last_used_at is 'Written once a minute at most.';

alter table public.orchestrator_trigger_keys enable row level security;
create policy "nobody but the service role" on public.orchestrator_trigger_keys
  as permissive for all to anon, authenticated using (false) with check (false);
grant select, insert, update, delete on public.orchestrator_trigger_keys to service_role;

create function orchestrator._describe_trigger_key(p_key public.orchestrator_trigger_keys)
returns jsonb
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  return to_jsonb(p_key) - 'hash' || jsonb_build_object(
    'status', case
      when p_key.revoked_at is not null then 'revoked'
      when p_key.expires_at <= orchestrator.now() then 'expired'
      else 'active'
    end
  );
end;
$$;

comment on function orchestrator._describe_trigger_key(public.orchestrator_trigger_keys) is
  'A trigger key for people to look at, with its status: active, expired or revoked; never its hash.';

create function orchestrator._make_trigger_key(p_args jsonb, p_created_by text)
returns jsonb
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_now timestamptz := orchestrator.now();
  v_key public.orchestrator_trigger_keys;
begin
  insert into public.orchestrator_trigger_keys (
    key_id, name, hash, workflow_keys, user_id, may_name_user, rate_per_minute, networks, created_at, created_by,
    expires_at
  )
  values (
    p_args ->> 'key_id', p_args ->> 'name', p_args ->> 'hash',
    array(select jsonb_array_elements_text(p_args -> 'workflow_keys')),
    p_args ->> 'user_id', (p_args ->> 'may_name_user')::boolean, (p_args ->> 'rate_per_minute')::integer,
    case when jsonb_typeof(p_args -> 'networks') = 'array' then array(
      -- 10.1.2.3/8 means 10.0.0.0/8; cidr takes it in no other form.
      select network(value::inet)::cidr from jsonb_array_elements_text(p_args -> 'networks')
    ) end,
    v_now, p_created_by,
    v_now + (p_args ->> 'expires_in_ms')::bigint * interval '1 millisecond'
  )
  returning * into v_key;
  return jsonb_build_object('result', 'made', 'key', orchestrator._describe_trigger_key(v_key));
end;
$$;

comment on function orchestrator._make_trigger_key(jsonb, text) is
  'Keeps a new trigger key: its id and the SHA-256 of the whole, which whoever makes it has computed.';

create function orchestrator._revoke_trigger_key(p_key_id text)
returns jsonb
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_key public.orchestrator_trigger_keys;
begin
  update public.orchestrator_trigger_keys
  set revoked_at = coalesce(revoked_at, orchestrator.now())
  where key_id = p_key_id
  returning * into v_key;
  if not found then
    return jsonb_build_object('result', 'not_found');
  end if;
  return jsonb_build_object('result', 'revoked', 'key', orchestrator._describe_trigger_key(v_key));
end;
$$;

comment on function orchestrator._revoke_trigger_key(text) is
  'Ends a trigger key, from its next request on; one that was revoked before keeps its time.';

create function public.list_trigger_keys()
returns jsonb
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  return (
    select coalesce(jsonb_agg(orchestrator._describe_trigger_key(k) order by k.created_at desc, k.key_id), '[]')
    from public.orchestrator_trigger_keys k
    where k.key_id = any (array(
      select key_id from public.orchestrator_trigger_keys order by created_at desc, key_id limit 1000
    ))
  );
end;
$$;

comment on function public.list_trigger_keys() is 'The newest 1,000 trigger keys, those that ended included; never their hashes.';

create function public.find_trigger_key(p_key_id text, p_address text)
returns jsonb
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  return (
    select jsonb_build_object(
      'key_id', k.key_id,
      'hash', k.hash,
      'user_id', k.user_id,
      'may_name_user', k.may_name_user,
      'expires_at', k.expires_at,
      'revoked_at', k.revoked_at,
      'fault', case
        when k.revoked_at is not null then 'revoked'
        when k.expires_at <= orchestrator.now() then 'expired'
        -- An address that nobody knows is in no network.
        when k.networks is not null and not coalesce(p_address::inet <<= any (k.networks), false) then 'network'
      end
    )
    from public.orchestrator_trigger_keys k
    where k.key_id = p_key_id
  );
end;
$$;

comment on function public.find_trigger_key(text, text) is
  'A trigger key with its hash and the fault that a request from this address has: revoked, expired, network or null; null where there is no such key.';

create function orchestrator._find_public_definition(p_key_id text, p_workflow_key text)
returns bigint
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  return (
    select d.definition_id
    from public.orchestrator_trigger_keys k
    join public.workflows w on w.workflow_key = p_workflow_key and w.archived_at is null
    join public.workflow_definitions d on d.definition_id = w.definition_id and d.is_public
    where k.key_id = p_key_id
      and (p_workflow_key = any (k.workflow_keys) or '*' = any (k.workflow_keys))
      and k.revoked_at is null
      and k.expires_at > orchestrator.now()
  );
end;
$$;

comment on function orchestrator._find_public_definition(text, text) is
  'The published definition of a public workflow that this key may start now, or null.';

create function public.use_trigger_key(p_key_id text, p_workflow_key text)
returns jsonb
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_now timestamptz := orchestrator.now();
  v_rate integer := (select rate_per_minute from public.orchestrator_trigger_keys where key_id = p_key_id);
begin
  update public.orchestrator_trigger_keys
  set last_used_at = v_now
  where key_id = p_key_id and coalesce(last_used_at <= v_now - interval '1 minute', true);
  return orchestrator.take_from_bucket('trigger:' || p_key_id, v_rate, v_rate / 60.0, 1, false)
    || jsonb_build_object('is_startable', orchestrator._find_public_definition(p_key_id, p_workflow_key) is not null);
end;
$$;

comment on function public.use_trigger_key(text, text) is
  'Notes a use of a key and takes one token of its rate, whatever comes of the request: as take_tokens answers, with is_startable. The caller has checked the key.';

create function public.start_triggered_run(
  p_key_id text, p_workflow_key text, p_user_id text, p_payload jsonb, p_idempotency_key text default null,
  p_trace_parent text default null, p_trace_state text default null
)
returns jsonb
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  -- Bound to the definition that was public: one published a moment later may not be.
  v_definition_id bigint := orchestrator._find_public_definition(p_key_id, p_workflow_key);
  v_request jsonb := jsonb_build_object('user_id', p_user_id, 'workflow_key', p_workflow_key, 'payload', p_payload);
  v_run jsonb;
begin
  if v_definition_id is null then
    return jsonb_build_object('result', 'unknown_workflow');
  end if;
  v_run := orchestrator.create_runs(
    jsonb_build_array(v_request || jsonb_build_object(
      'definition_id', v_definition_id,
      'trigger_key_id', p_key_id,
      -- Each key has idempotency keys of its own, apart from those of dispatch.
      'idempotency_key', 'trigger:' || p_key_id || ':' || p_idempotency_key,
      'request_hash', md5(v_request::text),
      'trace_parent', p_trace_parent,
      'trace_state', p_trace_state
    )),
    'key'
  ) -> 0;
  return v_run || jsonb_build_object('wake', orchestrator.needs_ring());
end;
$$;

comment on function public.start_triggered_run(text, text, text, jsonb, text, text, text) is
  'Starts a run for the holder of a key: {result, workflow_run_id, wake}; result is created, existing, conflict, or unknown_workflow for whatever the key may not start now. wake tells the caller to wake a worker.';

create function public.get_triggered_run(p_key_id text, p_workflow_run_id uuid)
returns jsonb
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  return (
    select jsonb_build_object(
      'workflow_run_id', r.workflow_run_id, 'workflow_key', r.workflow_key, 'status', r.status,
      'created_at', r.created_at, 'finished_at', r.finished_at
    ) || case r.status
      when 'success' then orchestrator.describe_outputs(r.workflow_run_id)
      when 'failed' then jsonb_build_object('error', coalesce(
        (
          select jsonb_build_object('step_id', q.step_id, 'error_class', q.error_class)
          from public.job_queue q
          join public.workflow_steps w on w.definition_id = q.definition_id and w.step_no = q.step_no
          where q.workflow_run_id = r.workflow_run_id and q.item_index = -1 and q.status = 'dead'
            and not w.continue_on_error
          order by q.finished_at, q.step_no
          limit 1
        ),
        -- Without a dead step it was the run's own timeout.
        jsonb_build_object('step_id', null, 'error_class', 'timeout')
      ))
      else '{}'
    end
    from public.workflow_runs r
    join public.orchestrator_trigger_keys k on k.key_id = r.trigger_key_id
    where r.workflow_run_id = p_workflow_run_id and r.trigger_key_id = p_key_id
      and k.revoked_at is null and k.expires_at > orchestrator.now()
  );
end;
$$;

comment on function public.get_triggered_run(text, uuid) is
  'What the holder of a key may know of a run that the key started: status and times, outputs if it succeeded (others: those in Storage), which step failed and how; or null.';

revoke execute on all functions in schema orchestrator from public, anon, authenticated;
grant execute on function
  orchestrator._describe_trigger_key(public.orchestrator_trigger_keys),
  orchestrator._make_trigger_key(jsonb, text), orchestrator._revoke_trigger_key(text),
  orchestrator._find_public_definition(text, text)
  to service_role;
revoke execute on function
  public.list_trigger_keys(), public.find_trigger_key(text, text), public.use_trigger_key(text, text),
  public.start_triggered_run(text, text, text, jsonb, text, text, text), public.get_triggered_run(text, uuid)
  from public, anon, authenticated;
grant execute on function
  public.list_trigger_keys(), public.find_trigger_key(text, text), public.use_trigger_key(text, text),
  public.start_triggered_run(text, text, text, jsonb, text, text, text), public.get_triggered_run(text, uuid)
  to service_role;
