begin;
select plan(3);
\ir ../fixture.psql
insert into public.orchestrator_settings (name, value)
select name, '0' from unnest(array['failed_history_days', 'cancelled_history_days', 'event_days', 'archive_history']) as name
on conflict (name) do update set value = excluded.value;
insert into public.orchestrator_settings (name, value) values ('history_days', '30')
on conflict (name) do update set value = excluded.value;

select pg_temp.publish_chain('chain', 2);
select pg_temp.start_run('chain');

select pg_temp.start_run('chain'), pg_temp.start_run('chain');
select public.cancel_run(workflow_run_id) from public.workflow_runs;
select pg_temp.pass_time('31 days');
select is(public.prune_history(2) -> 'runs', '2'::jsonb);
select is(count(*), 2::bigint, 'the jobs of the third') from public.job_queue;
select is(public.prune_history(2) -> 'runs', '1'::jsonb);

select * from finish();
rollback;
