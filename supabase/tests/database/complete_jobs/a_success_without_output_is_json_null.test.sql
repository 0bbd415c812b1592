begin;
select plan(1);
\ir ../fixture.psql

select pg_temp.publish_chain('chain', 2);
select pg_temp.start_run('chain');

select pg_temp.settle(pg_temp.lease(), 'success');
select is(output, 'null'::jsonb) from public.job_queue where step_id = 's1';

select * from finish();
rollback;
