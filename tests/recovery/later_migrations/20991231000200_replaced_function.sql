-- The same signature, another body: workers of the release call it from their next settle on. The text is taken
-- from the database, so that this file need not follow the function.
create sequence orchestrator.settles;
grant usage on sequence orchestrator.settles to service_role;

do $$
declare
  v_definition text := pg_catalog.pg_get_functiondef('public.complete_jobs(text, jsonb, integer, integer)'::regprocedure);
begin
  execute regexp_replace(
    v_definition, '\nbegin\n', E'\nbegin\n  perform pg_catalog.nextval(''orchestrator.settles'');\n'
  );
end;
$$;
