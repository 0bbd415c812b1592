begin;
select plan(3);
\ir ../fixture.psql

select pg_temp.publish_chain('chain', 2);
select pg_temp.start_run('chain');

create temp table lease as select jsonb_set(pg_temp.lease(), '{0,delay_ms}', '60000') as jobs;
select is(public.hand_back_jobs('w', jobs) -> 'released', '1'::jsonb) from lease;
select is(attempts, 0) from public.job_queue where step_id = 's1';
select is(jsonb_array_length(pg_temp.lease()), 1, 'a delay is not for handing back');

select * from finish();
rollback;
