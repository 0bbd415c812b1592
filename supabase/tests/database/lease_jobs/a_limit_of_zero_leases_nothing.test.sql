begin;
select plan(2);
\ir ../fixture.psql

select pg_temp.publish_chain('chain', 2);
select pg_temp.start_run('chain');

select is(pg_temp.lease(0), '[]'::jsonb);
select is(count(*), 0::bigint) from public.job_queue where lease_token is not null;

select * from finish();
rollback;
