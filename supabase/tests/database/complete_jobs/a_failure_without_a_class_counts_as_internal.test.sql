begin;
select plan(2);
\ir ../fixture.psql

select pg_temp.publish_chain('chain', 2);
select pg_temp.start_run('chain');

select pg_temp.settle(pg_temp.lease(), 'retry');
select is(error_class, 'internal') from public.job_queue where step_id = 's1';
select is(error_class, 'internal') from public.job_attempts;

select * from finish();
rollback;
