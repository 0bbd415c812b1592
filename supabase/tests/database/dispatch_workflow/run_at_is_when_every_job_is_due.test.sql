begin;
select plan(1);
\ir ../fixture.psql

select pg_temp.publish_chain('chain', 2);

select public.dispatch_workflow('u', 'chain', p_run_at => '2100-01-01 07:00:00+00');
select is(array_agg(distinct next_run_at), array['2100-01-01 07:00:00+00'::timestamptz]) from public.job_queue;

select * from finish();
rollback;
