begin;
select plan(1);
\ir ../fixture.psql

select pg_temp.publish_chain('chain', 2);

select public.dispatch_workflow('u', 'chain', p_payload => null);
select is(payload, '{}'::jsonb) from public.workflow_runs;

select * from finish();
rollback;
