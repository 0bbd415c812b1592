begin;
select plan(3);
\ir ../fixture.psql

select pg_temp.publish_chain('chain', 2);
select pg_temp.start_run('chain');

select public.cancel_run(pg_temp.run_id());
create temp table answer as select public.restart_run(pg_temp.run_id(), 'whole') as restart;
select is(restart -> 'jobs', '2'::jsonb) from answer;
select is(r.restarted_from, pg_temp.run_id())
  from answer join public.workflow_runs r on r.workflow_run_id = (restart ->> 'workflow_run_id')::uuid;
select is(status, 'cancelled', 'the old one stays as it was') from public.workflow_runs where restarted_from is null;

select * from finish();
rollback;
