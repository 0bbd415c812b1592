begin;
select plan(3);
\ir ../fixture.psql

select pg_temp.publish_chain('chain', 2);
select pg_temp.start_run('chain');

select pg_temp.settle(pg_temp.lease(), 'dead');
select is(public.retry_job(pg_temp.job_id('s1')) ->> 'result', 'queued');
select is(pg_temp.lease() #> '{0,attempt}', '2'::jsonb);
select is(max_attempts, 4) from public.job_queue where step_id = 's1';

select * from finish();
rollback;
