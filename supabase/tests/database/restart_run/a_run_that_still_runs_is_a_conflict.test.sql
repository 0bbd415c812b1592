begin;
select plan(2);
\ir ../fixture.psql

select pg_temp.publish_chain('chain', 2);
select pg_temp.start_run('chain');

create temp table answer as select public.restart_run(pg_temp.run_id(), 'failed') as restart;
select is(restart ->> 'result', 'conflict') from answer;
select is(restart ->> 'reason', 'a run that is running has no failed steps to restart from') from answer;

select * from finish();
rollback;
