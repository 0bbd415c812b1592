begin;
select plan(4);
\ir ../fixture.psql

select pg_temp.publish_chain('chain', 2);
select pg_temp.start_run('chain');

select pg_temp.settle(pg_temp.lease(), 'success', '{"output": 1}');
select pg_temp.settle(pg_temp.lease(), 'success', '{"output": 2}');
select is(status, 'success') from public.workflow_runs;
select is(public.reset_job(pg_temp.job_id('s1')) ->> 'result', 'queued');
select is(array_agg(status || attempts || coalesce(output::text, '-') order by step_no), array['queued0-', 'waiting0-']) from public.job_queue;
select is(status, 'running') from public.workflow_runs;

select * from finish();
rollback;
