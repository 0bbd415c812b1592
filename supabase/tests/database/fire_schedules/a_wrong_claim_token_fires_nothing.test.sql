begin;
select plan(2);
\ir ../fixture.psql

select pg_temp.publish_chain('chain', 2, '{"cron": "0 7 * * *"}');

select public.claim_due_schedules(10);
select is(
  public.fire_schedules((
    select jsonb_agg(jsonb_build_object(
      'schedule_id', schedule_id, 'claim_token', gen_random_uuid(), 'slots', array['2026-11-22 07:00:00+00']
    )) from public.workflow_schedules
  )),
  '{"fired": 0, "runs": 0}'::jsonb
);
select is_empty('select from public.workflow_runs');

select * from finish();
rollback;
