begin;
select plan(3);
\ir ../fixture.psql

select pg_temp.publish_chain('chain', 2);
select pg_temp.start_run('chain');

select pg_temp.lease();
select public.cancel_run(pg_temp.run_id(), 'changed my mind');
select is(cancel_reason, 'changed my mind') from public.workflow_runs;
select is(error_text, 'changed my mind') from public.job_attempts;
select is(array_agg(distinct status), array['cancelled']) from public.job_queue;

select * from finish();
rollback;
