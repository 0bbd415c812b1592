-- Hooks: the senders whose webhooks become events. A row says how a sender signs and what its deliveries are to us; its
-- secrets are in Vault, the one of today and, after a rotation and for a while, the one before.

create table public.orchestrator_hook_sources (
  source text primary key,
  preset text not null,
  settings jsonb not null,
  event_type text not null,
  filter text,
  user_id text not null,
  enabled boolean not null,
  tolerance_seconds integer not null,
  previous_valid_until timestamptz,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  constraint hook_sources_have_a_name_for_urls check (source ~ '^[a-z0-9][a-z0-9_-]{0,62}$'),
  constraint hook_sources_have_a_known_preset check (
    preset in ('standard', 'github', 'stripe', 'slack', 'hmac', 'api_key')
  ),
  constraint hook_sources_name_a_type_and_a_user check (event_type <> '' and user_id <> ''),
  constraint hook_sources_tolerate_some_time check (tolerance_seconds > 0)
);

comment on table public.orchestrator_hook_sources is
  'Senders of webhooks: how they sign (preset, settings), and which of their deliveries (filter) become intent events of which type and user. previous_valid_until: how long the secret before the last rotation is still taken. The secrets are in Vault.';

alter table public.orchestrator_hook_sources enable row level security;
create policy "nobody but the service role" on public.orchestrator_hook_sources
  as permissive for all to anon, authenticated using (false) with check (false);
grant select, insert, update, delete on public.orchestrator_hook_sources to service_role;

create function orchestrator._name_hook_secret(p_source text, p_which text)
returns text
language sql
immutable
security invoker
set search_path = ''
as $$
  select 'hook/' || p_source || '/' || p_which;
$$;

comment on function orchestrator._name_hook_secret(text, text) is
  'Where Vault has a source''s secret: p_which is current or previous.';

create function public.list_hooks()
returns jsonb
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  return (
    select coalesce(jsonb_agg(to_jsonb(h) order by h.source), '[]') from public.orchestrator_hook_sources h
  );
end;
$$;

comment on function public.list_hooks() is 'Every source of webhooks by its name, without its secrets.';

create function public.get_hook(p_source text)
returns jsonb
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  return (select to_jsonb(h) from public.orchestrator_hook_sources h where h.source = p_source);
end;
$$;

comment on function public.get_hook(text) is 'A source of webhooks without its secrets; null if there is none.';

create function public.open_hook(p_source text)
returns jsonb
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  v_hook public.orchestrator_hook_sources;
begin
  select * into v_hook from public.orchestrator_hook_sources where source = p_source;
  if not found then
    return null;
  end if;
  return to_jsonb(v_hook) || jsonb_build_object(
    'secrets', jsonb_path_query_array(
      jsonb_build_array(
        orchestrator.read_secret(orchestrator._name_hook_secret(p_source, 'current')),
        case when v_hook.previous_valid_until > orchestrator.now() then
          orchestrator.read_secret(orchestrator._name_hook_secret(p_source, 'previous'))
        end
      ),
      '$[*] ? (@ != null)'
    ),
    -- The policy default is for calls of agents: a sender that does not come again would lose what it refused.
    'is_limited', coalesce((orchestrator.policy_of('hook:' || p_source)).pattern <> 'default', false)
  );
end;
$$;

comment on function public.open_hook(text) is
  'A source with the secrets that are valid now, for the check of a delivery; null if there is none. is_limited: a rate limit policy is meant for hook:{source}.';

create function orchestrator._keep_hook_secrets(p_source text, p_current text, p_previous text)
returns void
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  perform orchestrator.keep_secret(orchestrator._name_hook_secret(p_source, 'current'), p_current);
  perform orchestrator.keep_secret(orchestrator._name_hook_secret(p_source, 'previous'), p_previous);
end;
$$;

comment on function orchestrator._keep_hook_secrets(text, text, text) is
  'Keeps both secrets of a source in place of those before; null forgets one.';

create function orchestrator._set_hook(p_args jsonb)
returns jsonb
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_now timestamptz := orchestrator.now();
  v_source text := p_args ->> 'hook';
  v_preset text := (select preset from public.orchestrator_hook_sources where source = v_source);
  v_secret text := p_args ->> 'secret';
begin
  -- A secret is in the form of its preset, and stays with it.
  if v_secret is null and v_preset is distinct from p_args ->> 'preset' then
    v_secret := p_args ->> 'spare_secret';
    if v_secret is null then
      return jsonb_build_object('result', 'invalid', 'reason', 'is missing: give the one that the sender shows');
    end if;
  end if;
  insert into public.orchestrator_hook_sources (
    source, preset, settings, event_type, filter, user_id, enabled, tolerance_seconds, created_at, updated_at
  )
  values (
    v_source, p_args ->> 'preset', p_args -> 'settings', p_args ->> 'event_type', p_args ->> 'filter',
    p_args ->> 'user_id', (p_args ->> 'enabled')::boolean, (p_args ->> 'tolerance_seconds')::integer, v_now, v_now
  )
  on conflict (source) do update set
    preset = excluded.preset, settings = excluded.settings, event_type = excluded.event_type,
    filter = excluded.filter, user_id = excluded.user_id, enabled = excluded.enabled,
    tolerance_seconds = excluded.tolerance_seconds, updated_at = excluded.updated_at,
    previous_valid_until = case when v_secret is null then orchestrator_hook_sources.previous_valid_until end;
  if v_secret is not null then
    perform orchestrator._keep_hook_secrets(v_source, v_secret, null);
  end if;
  return jsonb_build_object(
    'result', case when v_preset is null then 'created' else 'saved' end,
    'took_spare', p_args ->> 'secret' is null and v_secret is not null,
    'hook', public.get_hook(v_source)
  );
end;
$$;

comment on function orchestrator._set_hook(jsonb) is
  'Makes or changes a source. secret takes the place of the one before at once; spare_secret is taken if there is none and none is given, or if the preset changes, and then took_spare is true. Answers the source as it is now, too.';

create function orchestrator._rotate_hook(p_args jsonb)
returns jsonb
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_source text := p_args ->> 'hook';
  v_overlap interval := make_interval(secs => (p_args ->> 'overlap_seconds')::double precision);
  v_until timestamptz := orchestrator.now() + v_overlap;
  v_preset text := (select preset from public.orchestrator_hook_sources where source = v_source);
begin
  if v_preset is null then
    return jsonb_build_object('result', 'not_found');
  elsif v_preset <> p_args ->> 'preset' then
    return jsonb_build_object('result', 'conflict', 'reason', format('its preset is %s by now', v_preset));
  end if;
  perform orchestrator._keep_hook_secrets(
    v_source, p_args ->> 'secret', orchestrator.read_secret(orchestrator._name_hook_secret(v_source, 'current'))
  );
  update public.orchestrator_hook_sources
  set previous_valid_until = v_until, updated_at = orchestrator.now()
  where source = v_source;
  return jsonb_build_object('result', 'rotated', 'previous_valid_until', v_until);
end;
$$;

comment on function orchestrator._rotate_hook(jsonb) is
  'Gives a source a new secret; the one before is taken for overlap_seconds more.';

create function orchestrator._delete_hook(p_source text)
returns jsonb
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  delete from public.orchestrator_hook_sources where source = p_source;
  if not found then
    return jsonb_build_object('result', 'not_found');
  end if;
  perform orchestrator._keep_hook_secrets(p_source, null, null);
  return jsonb_build_object('result', 'deleted');
end;
$$;

comment on function orchestrator._delete_hook(text) is 'Deletes a source with its secrets; its events stay.';

revoke execute on all functions in schema orchestrator from public, anon, authenticated;
grant execute on function
  orchestrator._name_hook_secret(text, text), orchestrator._keep_hook_secrets(text, text, text),
  orchestrator._set_hook(jsonb), orchestrator._rotate_hook(jsonb), orchestrator._delete_hook(text)
  to service_role;
revoke execute on function public.list_hooks(), public.get_hook(text), public.open_hook(text)
  from public, anon, authenticated;
grant execute on function public.list_hooks(), public.get_hook(text), public.open_hook(text) to service_role;
