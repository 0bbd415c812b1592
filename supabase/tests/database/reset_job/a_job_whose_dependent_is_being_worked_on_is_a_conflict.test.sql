begin;
select plan(1);
\ir ../fixture.psql

select pg_temp.publish_chain('chain', 2);
select pg_temp.start_run('chain');

select pg_temp.settle(pg_temp.lease(), 'success');
select pg_temp.lease();
select is(public.reset_job(pg_temp.job_id('s1')) ->> 'result', 'conflict');

select * from finish();
rollback;
