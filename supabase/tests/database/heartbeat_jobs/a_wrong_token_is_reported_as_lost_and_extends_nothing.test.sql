begin;
select plan(2);
\ir ../fixture.psql

select pg_temp.publish_chain('chain', 2);
select pg_temp.start_run('chain');

create temp table lease as select pg_temp.lease() -> 0 as job;
select is(
  public.heartbeat_jobs('w', (
    select jsonb_build_array(jsonb_build_object('job_id', job -> 'job_id', 'lease_token', gen_random_uuid())) from lease
  ), 30000) -> 'lost',
  jsonb_build_array(pg_temp.job_id('s1'))
);
select is(status, 'leased', 'not running') from public.job_queue where step_id = 's1';

select * from finish();
rollback;
