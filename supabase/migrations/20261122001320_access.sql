-- Access: who may sign in to the dashboard, and the audit of what was done there.

create table public.orchestrator_operators (
  user_id uuid primary key references auth.users (id) on delete cascade,
  email text not null,
  role text not null,
  granted_at timestamptz not null,
  granted_by text,
  constraint operators_have_a_known_role check (role in ('viewer', 'operator')),
  constraint operators_have_an_email check (email <> '')
);

comment on table public.orchestrator_operators is
  'Users of Auth with a role: a viewer looks, an operator also acts. Asked at every call, so that a role that is taken away ends at once.';

create table public.orchestrator_audit (
  audit_id bigint generated always as identity primary key,
  at timestamptz not null,
  actor_kind text not null,
  actor_id text,
  actor_name text,
  action text not null,
  target text not null,
  args jsonb not null,
  before jsonb,
  after jsonb,
  result text not null,
  constraint audit_names_a_known_kind_of_actor check (actor_kind in ('operator', 'service'))
);

comment on table public.orchestrator_audit is
  'What operators did, or tried: one row an action, in the action''s own transaction, with what it found and what it left. Never changed, and deleted only where audit_days says so; payloads are not kept here.';

create index orchestrator_audit_by_target on public.orchestrator_audit (target, audit_id);

alter table public.orchestrator_operators enable row level security;
alter table public.orchestrator_audit enable row level security;
create policy "nobody but the service role" on public.orchestrator_operators
  as permissive for all to anon, authenticated using (false) with check (false);
create policy "nobody but the service role" on public.orchestrator_audit
  as permissive for all to anon, authenticated using (false) with check (false);
grant select, insert, update, delete on public.orchestrator_operators to service_role;
-- Older projects grant all on every new table.
revoke update, delete, truncate on public.orchestrator_audit from service_role;
grant select, insert on public.orchestrator_audit to service_role;

create function public.get_operator(p_user_id uuid)
returns jsonb
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  return (
    select jsonb_build_object('user_id', user_id, 'email', email, 'role', role)
    from public.orchestrator_operators
    where user_id = p_user_id
  );
end;
$$;

comment on function public.get_operator(uuid) is 'The role of a signed-in user, or null.';

create function public.list_operators()
returns jsonb
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  return (
    select coalesce(jsonb_agg(to_jsonb(o) order by o.email, o.user_id), '[]') from public.orchestrator_operators o
  );
end;
$$;

comment on function public.list_operators() is 'Everybody who has a role, by e-mail address.';

create function public.list_audit(p_filter jsonb default '{}', p_limit integer default 50, p_before bigint default null)
returns jsonb
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  perform orchestrator._refuse_unknown_parts('the audit', p_filter, array['action', 'actor', 'target']);
  return (
    select coalesce(jsonb_agg(to_jsonb(a) order by a.audit_id desc), '[]')
    from (
      select *
      from public.orchestrator_audit
      where (p_filter ->> 'action' is null or action = p_filter ->> 'action')
        and (p_filter ->> 'actor' is null or p_filter ->> 'actor' in (actor_id, actor_name))
        and (p_filter ->> 'target' is null or target = p_filter ->> 'target')
        and (p_before is null or audit_id < p_before)
      order by audit_id desc
      limit least(p_limit, 1000)
    ) as a
  );
end;
$$;

comment on function public.list_audit(jsonb, integer, bigint) is
  'Audit rows, newest first, by action, actor (id or e-mail address) and target; p_before is the last id of the page before.';

revoke execute on function
  public.get_operator(uuid), public.list_operators(), public.list_audit(jsonb, integer, bigint)
  from public, anon, authenticated;
grant execute on function
  public.get_operator(uuid), public.list_operators(), public.list_audit(jsonb, integer, bigint)
  to service_role;
