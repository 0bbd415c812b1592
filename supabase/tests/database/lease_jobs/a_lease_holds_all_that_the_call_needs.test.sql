begin;
select plan(5);
\ir ../fixture.psql

select pg_temp.publish_chain('chain', 2);

select public.dispatch_workflow('u', 'chain', 'i', '{"a": 1}');
create temp table lease as select public.lease_jobs('w', 1, 30000)::jsonb as answer;
select is(answer #> '{jobs,0,config}', '{"call": "/functions/v1/agent-proxy/noop", "method": "POST", "timeout_ms": 15000}'::jsonb) from lease;
select is(
  jsonb_build_array((answer #> '{runs,0}') - array['leased_us', 'trace_parent', 'trace_state']),
  jsonb_build_array(jsonb_build_object('workflow_run_id', pg_temp.run_id(), 'workflow_key', 'chain', 'payload', '{"a": 1}'::jsonb)),
  'the run of the job, once'
) from lease;
select is(answer -> 'reads', '[]'::jsonb) from lease;
select is(answer #>> '{jobs,0,idempotency_key}', pg_temp.run_id() || ':s1:0') from lease;
select is(answer #> '{jobs,0,attempt}', '1'::jsonb) from lease;

select * from finish();
rollback;
