-- `create or replace` with one more parameter would make a second function of the name, and the Data API could not
-- choose between them (PGRST203). So the old one is dropped in the same transaction, and the grants are given anew.
create sequence orchestrator.leases_told;
grant usage on sequence orchestrator.leases_told to service_role;

do $$
declare
  v_definition text := pg_catalog.pg_get_functiondef('public.heartbeat_jobs(text, jsonb, integer)'::regprocedure);
begin
  v_definition := regexp_replace(v_definition, 'p_lease_ms integer\)', 'p_lease_ms integer, p_note text default ''none'')');
  v_definition := regexp_replace(
    v_definition, '\nbegin\n', E'\nbegin\n  perform pg_catalog.nextval(''orchestrator.leases_told'');\n'
  );
  drop function public.heartbeat_jobs(text, jsonb, integer);
  execute v_definition;
end;
$$;

comment on function public.heartbeat_jobs(text, jsonb, integer, text) is 'Extends leases, with a note.';
revoke execute on function public.heartbeat_jobs(text, jsonb, integer, text) from public, anon, authenticated;
grant execute on function public.heartbeat_jobs(text, jsonb, integer, text) to service_role;
