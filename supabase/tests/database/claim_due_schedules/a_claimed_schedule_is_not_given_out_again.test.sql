begin;
select plan(3);
\ir ../fixture.psql

select pg_temp.publish_chain('chain', 2, '{"cron": "0 7 * * *"}');

create temp table claim as select public.claim_due_schedules(10) -> 'schedules' as schedules;
select is(jsonb_array_length(schedules), 1) from claim;
select is(schedules #> '{0,next_run_at}', 'null'::jsonb, 'never planned') from claim;
select is(public.claim_due_schedules(10) -> 'schedules', '[]'::jsonb);

select * from finish();
rollback;
