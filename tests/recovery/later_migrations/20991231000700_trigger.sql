-- A trigger on a hot table: what it calls is there before it, and never fails the statement.
set lock_timeout = '2s';

create sequence orchestrator.ends_seen;
grant usage on sequence orchestrator.ends_seen to service_role;

create function orchestrator._note_end()
returns trigger
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  perform pg_catalog.nextval('orchestrator.ends_seen');
  return null;
end;
$$;

comment on function orchestrator._note_end() is 'Counts ends of runs.';
revoke execute on function orchestrator._note_end() from public, anon, authenticated;
grant execute on function orchestrator._note_end() to service_role;

create trigger notes_its_end
after update of status on public.workflow_runs
for each row when (new.status <> 'running')
execute function orchestrator._note_end();
