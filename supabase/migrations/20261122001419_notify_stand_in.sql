-- Stands in for the notifications until they are merged; this file is deleted then.

create table public.orchestrator_destinations (
  name text primary key,
  kind text not null,
  url text,
  types text[] not null,
  created_at timestamptz not null,
  changed_at timestamptz not null
);

comment on table public.orchestrator_destinations is 'Who is told.';

create table orchestrator.notifications (
  notification_id bigint generated always as identity primary key,
  destination text not null,
  type text not null,
  workflow_key text,
  data jsonb not null
);

comment on table orchestrator.notifications is 'What notify was told.';

alter table public.orchestrator_destinations enable row level security;
alter table orchestrator.notifications enable row level security;
create policy "nobody but the service role" on public.orchestrator_destinations
  as permissive for all to public using (false) with check (false);
create policy "nobody but the service role" on orchestrator.notifications
  as permissive for all to public using (false) with check (false);
grant select, insert, update, delete on public.orchestrator_destinations, orchestrator.notifications to service_role;

create function orchestrator.notify(p_type text, p_workflow_key text, p_workflow_run_id uuid, p_job_id bigint, p_data jsonb)
returns void
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  insert into orchestrator.notifications (destination, type, workflow_key, data)
  select name, p_type, p_workflow_key, p_data from public.orchestrator_destinations where p_type = any (types);
end;
$$;

comment on function orchestrator.notify(text, text, uuid, bigint, jsonb) is 'Keeps what it is told.';

revoke execute on function orchestrator.notify(text, text, uuid, bigint, jsonb) from public, anon, authenticated;
grant execute on function orchestrator.notify(text, text, uuid, bigint, jsonb) to service_role;
