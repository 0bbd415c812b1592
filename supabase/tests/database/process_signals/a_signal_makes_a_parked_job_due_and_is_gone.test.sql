begin;
select plan(4);
\ir ../fixture.psql

select pg_temp.publish_chain('chain', 1);
select pg_temp.start_run('chain');
select pg_temp.settle(pg_temp.lease(), 'park', '{"parked": {"for": "callback"}, "park_ms": 60000}');
select is((select status from public.job_queue), 'parked');
insert into orchestrator.signals (job_id) select pg_temp.job_id('s1');
select is(public.process_signals(), '{"processed": 1}'::jsonb);
select ok((select next_run_at <= orchestrator.now() from public.job_queue), 'it is due');
select is((select count(*) from orchestrator.signals), 0::bigint);

select * from finish();
rollback;
