begin;
select plan(3);
\ir ../fixture.psql

select pg_temp.publish_chain('chain', 2);
select pg_temp.start_run('chain');

select public.start_worker('w', 1);
select is(public.stop_worker('w') -> 'stopped', 'false'::jsonb);
select is(public.stop_worker('w', true) -> 'stopped', 'true'::jsonb);
select is(orchestrator.workers_alive(), 0);

select * from finish();
rollback;
