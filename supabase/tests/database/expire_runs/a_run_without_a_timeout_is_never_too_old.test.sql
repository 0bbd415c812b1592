begin;
select plan(2);
\ir ../fixture.psql

select pg_temp.publish_chain('chain', 1);
select pg_temp.start_run('chain');
select pg_temp.pass_time('10 years');
select is(public.expire_runs(10), 0);
select is((select status from public.workflow_runs), 'running');

select * from finish();
rollback;
