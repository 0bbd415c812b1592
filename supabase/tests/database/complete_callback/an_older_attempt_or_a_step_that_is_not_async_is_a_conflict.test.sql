begin;
select plan(2);
\ir ../fixture.psql

select pg_temp.publish_chain('chain', 1);
select pg_temp.start_run('chain');
select pg_temp.settle(pg_temp.lease(), 'park', '{"parked": {"for": "callback"}, "park_ms": 60000}');
select is(
  public.complete_callback(pg_temp.job_id('s1'), 0, 1, '{"outcome": "success"}') ->> 'result', 'conflict',
  'the step is not async'
);
update public.job_queue set payload = payload || '{"mode": "async"}';
select is(
  public.complete_callback(pg_temp.job_id('s1'), 0, 2, '{"outcome": "success"}') ->> 'result', 'conflict',
  'there is no attempt 2'
);

select * from finish();
rollback;
