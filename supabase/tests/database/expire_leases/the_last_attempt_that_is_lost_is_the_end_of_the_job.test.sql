begin;
select plan(2);
\ir ../fixture.psql

select pg_temp.publish_chain('chain', 2);
select pg_temp.start_run('chain');

update public.job_queue set max_attempts = 1;
select pg_temp.lease();
select pg_temp.pass_time('1 minute');
select public.expire_leases(10);
select is(status, 'dead') from public.job_queue where step_id = 's1';
select is(status, 'failed') from public.workflow_runs;

select * from finish();
rollback;
