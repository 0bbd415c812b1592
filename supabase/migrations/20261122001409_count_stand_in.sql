-- Stands in for the counters of the metrics until both are merged; deleted then.

create function orchestrator.count(p_metric text, p_labels jsonb, p_value double precision default 1)
returns void
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  null;
end;
$$;

comment on function orchestrator.count(text, jsonb, double precision) is 'Counts nothing yet.';

revoke execute on all functions in schema orchestrator from public, anon, authenticated;
grant execute on function orchestrator.count(text, jsonb, double precision) to service_role;
