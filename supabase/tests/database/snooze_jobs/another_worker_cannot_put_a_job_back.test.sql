begin;
select plan(2);
\ir ../fixture.psql

select pg_temp.publish_chain('chain', 2);
select pg_temp.start_run('chain');

create temp table lease as select pg_temp.lease() as jobs;
select is(public.snooze_jobs('thief', jobs) -> 'released', '0'::jsonb) from lease;
select is(public.snooze_jobs('w', jobs) -> 'released', '1'::jsonb) from lease;

select * from finish();
rollback;
