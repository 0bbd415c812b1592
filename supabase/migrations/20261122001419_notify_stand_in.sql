-- Stands in for the notifications until they are merged; this file is deleted then.

create table orchestrator.stand_in_notifications (
  notification_id bigint generated always as identity primary key,
  type text not null,
  workflow_key text,
  data jsonb not null
);

comment on table orchestrator.stand_in_notifications is 'What notify was told.';

alter table orchestrator.stand_in_notifications enable row level security;
create policy "nobody but the service role" on orchestrator.stand_in_notifications
  as permissive for all to public using (false) with check (false);
grant select, insert, update, delete on orchestrator.stand_in_notifications to service_role;

create function orchestrator.notify(p_type text, p_workflow_key text, p_workflow_run_id uuid, p_job_id bigint, p_data jsonb)
returns void
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  insert into orchestrator.stand_in_notifications (type, workflow_key, data) values (p_type, p_workflow_key, p_data);
end;
$$;

comment on function orchestrator.notify(text, text, uuid, bigint, jsonb) is 'Keeps what it is told.';

revoke execute on function orchestrator.notify(text, text, uuid, bigint, jsonb) from public, anon, authenticated;
grant execute on function orchestrator.notify(text, text, uuid, bigint, jsonb) to service_role;
