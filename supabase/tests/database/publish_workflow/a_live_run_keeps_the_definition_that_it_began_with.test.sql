begin;
select plan(1);
\ir ../fixture.psql

select pg_temp.publish_chain('chain', 2);
select pg_temp.start_run('chain');

select pg_temp.publish_chain('chain', 5);
select is(count(*), 2::bigint) from public.job_queue;

select * from finish();
rollback;
