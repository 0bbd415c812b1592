begin;
select plan(2);
\ir ../fixture.psql

select pg_temp.publish_chain('chain', 2);
select pg_temp.start_run('chain');

create temp table answer as select pg_temp.settle(pg_temp.lease(), 'success') as settlement;
select is(settlement -> 'jobs', 'null'::jsonb) from answer;
select is(status, 'queued') from public.job_queue where step_id = 's2';

select * from finish();
rollback;
