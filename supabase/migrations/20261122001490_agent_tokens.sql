-- Agent tokens: the keys that sign what an agent gets in place of the service key. The public part is here, for
-- whoever verifies; the private part is in Vault and leaves it for the worker alone.

create table orchestrator.agent_token_keys (
  key_id text primary key,
  public_key jsonb not null,
  created_at timestamptz not null,
  signs_from timestamptz not null,
  ends_at timestamptz,
  constraint agent_token_keys_are_public check (not public_key ? 'd'),
  constraint agent_token_keys_end_after_they_began check (ends_at >= signs_from)
);

comment on table orchestrator.agent_token_keys is
  'Public keys (JWK) by which agents verify their tokens. A key is published before signs_from, and until ends_at, so that whoever keeps the set for a while knows every key that signs.';

create unique index agent_token_keys_one_without_an_end on orchestrator.agent_token_keys ((true))
where ends_at is null;

alter table orchestrator.agent_token_keys enable row level security;
create policy "nobody but the service role" on orchestrator.agent_token_keys
  as permissive for all to anon, authenticated using (false) with check (false);
grant select, insert, update, delete on orchestrator.agent_token_keys to service_role;

create function orchestrator._drop_agent_token_keys(p_ended_at timestamptz)
returns void
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_key record;
begin
  for v_key in
    delete from orchestrator.agent_token_keys where p_ended_at is null or ends_at <= p_ended_at returning key_id
  loop
    perform orchestrator.keep_secret('agent_token_key/' || v_key.key_id, null);
  end loop;
end;
$$;

comment on function orchestrator._drop_agent_token_keys(timestamptz) is
  'Forgets the keys that had ended by then, with their private part in Vault; null: all keys.';

create function public.keep_agent_token_key(p_key_id text, p_public_key jsonb, p_private_key text, p_mode text)
returns jsonb
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  -- Longer than verifiers keep a set of keys (http/jwks.ts: 10 minutes), than a worker keeps a key (a minute), and
  -- than the last token of that key lives (three).
  v_overlap constant interval := interval '15 minutes';
  v_now timestamptz := orchestrator.now();
  v_newest orchestrator.agent_token_keys;
  v_signs_from timestamptz := v_now;
begin
  if p_mode not in ('ensure', 'rotate', 'replace') then
    raise exception 'keeping a key for agent tokens: mode must be ensure, rotate or replace, got %', p_mode
      using errcode = 'WF001';
  end if;
  lock table orchestrator.agent_token_keys in share row exclusive mode;
  perform orchestrator._drop_agent_token_keys(case when p_mode <> 'replace' then v_now end);
  select * into v_newest from orchestrator.agent_token_keys where ends_at is null;
  if found and orchestrator.read_secret('agent_token_key/' || v_newest.key_id) is null then
    -- A restored database without its Vault: nothing can be signed by these.
    perform orchestrator._drop_agent_token_keys(null);
  elsif found and (p_mode = 'ensure' or v_newest.signs_from > v_now) then
    return jsonb_build_object('result', 'kept', 'key_id', v_newest.key_id, 'signs_from', v_newest.signs_from);
  elsif found then
    v_signs_from := v_now + v_overlap;
    update orchestrator.agent_token_keys set ends_at = v_signs_from + v_overlap where key_id = v_newest.key_id;
  end if;
  insert into orchestrator.agent_token_keys (key_id, public_key, created_at, signs_from)
  values (p_key_id, p_public_key, v_now, v_signs_from);
  perform orchestrator.keep_secret('agent_token_key/' || p_key_id, p_private_key);
  return jsonb_build_object('result', 'made', 'key_id', p_key_id, 'signs_from', v_signs_from);
end;
$$;

comment on function public.keep_agent_token_key(text, jsonb, text, text) is
  'Keeps a new key for agent tokens: ensure only if there is none, rotate with an overlap in which both verify (or kept, while an earlier rotation is under way), replace at once, with all others gone.';

create function public.get_agent_token_key()
returns jsonb
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  v_now timestamptz := orchestrator.now();
begin
  return (
    select jsonb_build_object(
      'key_id', key_id,
      'private_key', orchestrator.read_secret('agent_token_key/' || key_id)
    )
    from orchestrator.agent_token_keys
    where signs_from <= v_now and (ends_at is null or ends_at > v_now)
    order by signs_from desc
    limit 1
  );
end;
$$;

comment on function public.get_agent_token_key() is
  'The key that signs agent tokens now, with its private part (JWK as text, null if Vault has none); null without a key.';

create function public.list_agent_token_keys()
returns jsonb
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  v_now timestamptz := orchestrator.now();
begin
  return coalesce(
    (
      select jsonb_agg(to_jsonb(k) order by k.signs_from)
      from orchestrator.agent_token_keys k
      where k.ends_at is null or k.ends_at > v_now
    ),
    jsonb_build_array()
  );
end;
$$;

comment on function public.list_agent_token_keys() is
  'The public keys by which agent tokens verify now, or soon.';

revoke execute on all functions in schema orchestrator from public, anon, authenticated;
grant execute on function orchestrator._drop_agent_token_keys(timestamptz) to service_role;
revoke execute on function
  public.keep_agent_token_key(text, jsonb, text, text), public.get_agent_token_key(), public.list_agent_token_keys()
  from public, anon, authenticated;
grant execute on function
  public.keep_agent_token_key(text, jsonb, text, text), public.get_agent_token_key(), public.list_agent_token_keys()
  to service_role;
