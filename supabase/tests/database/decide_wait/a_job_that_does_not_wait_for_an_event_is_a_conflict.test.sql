begin;
select plan(2);
\ir ../fixture.psql

select pg_temp.publish_chain('chain', 1);
select pg_temp.start_run('chain');
select is(public.decide_wait(pg_temp.job_id('s1'), true), '{"result": "conflict", "status": "queued"}'::jsonb);
select is(public.decide_wait(-1, true), '{"result": "not_found", "status": null}'::jsonb);

select * from finish();
rollback;
