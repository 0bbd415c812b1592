begin;
select plan(2);
\ir ../fixture.psql

select pg_temp.publish_chain('chain', 2);
select pg_temp.start_run('chain');

select pg_temp.settle(pg_temp.lease(), 'success');
create temp table answer as select public.retry_job(pg_temp.job_id('s1')) as retry;
select is(retry ->> 'result', 'conflict') from answer;
select is(retry ->> 'status', 'success') from answer;

select * from finish();
rollback;
