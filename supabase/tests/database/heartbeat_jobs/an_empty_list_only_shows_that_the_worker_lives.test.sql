begin;
select plan(2);
\ir ../fixture.psql

select public.start_worker('w', 1);
update orchestrator.workers set seen_at = '-infinity';
select is(public.heartbeat_jobs('w', '[]', 30000) -> 'lost', '[]'::jsonb);
select is(orchestrator.workers_alive(), 1);

select * from finish();
rollback;
