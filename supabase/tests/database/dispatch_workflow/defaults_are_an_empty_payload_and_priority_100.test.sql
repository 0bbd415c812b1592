begin;
select plan(3);
\ir ../fixture.psql

select pg_temp.publish_chain('chain', 2);
select pg_temp.start_run('chain');

select is(payload, '{}'::jsonb) from public.workflow_runs;
select is(priority, 100) from public.workflow_runs;
select is(trigger_type, 'api') from public.workflow_runs;

select * from finish();
rollback;
