begin;
select plan(2);
\ir ../fixture.psql

select pg_temp.publish_chain('chain', 2);
select pg_temp.start_run('chain');

select pg_temp.pass_time('10 years');
select is(public.prune_history('30 days', 10) -> 'runs', '0'::jsonb);
select is(count(*), 2::bigint) from public.job_queue;

select * from finish();
rollback;
