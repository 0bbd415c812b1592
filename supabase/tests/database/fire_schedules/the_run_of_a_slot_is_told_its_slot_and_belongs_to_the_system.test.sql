begin;
select plan(3);
\ir ../fixture.psql

select pg_temp.publish_chain('chain', 2, '{"cron": "0 7 * * *"}');

select public.claim_due_schedules(10);
select is(
  public.fire_schedules((
    select jsonb_agg(jsonb_build_object(
      'schedule_id', schedule_id, 'claim_token', claim_token, 'slots', array['2026-11-22T07:00:00Z'],
      'next_run_at', '2026-11-23T07:00:00Z'
    )) from public.workflow_schedules
  )),
  '{"fired": 1, "runs": 1}'::jsonb
);
select is(user_id || ' ' || trigger_type, 'system cron') from public.workflow_runs;
select is((payload ->> 'scheduled_for')::timestamptz, '2026-11-22T07:00:00Z'::timestamptz) from public.workflow_runs;

select * from finish();
rollback;
