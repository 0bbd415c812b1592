begin;
select plan(3);
\ir ../fixture.psql

select pg_temp.publish_chain('chain', 2, '{"cron": "0 7 * * *"}');

select is(public.subscribe_schedule('nowhere', 'u') ->> 'result', 'unknown_workflow');
select is(public.subscribe_schedule('chain', 'u', 'Mars/Olympus') ->> 'result', 'unknown_timezone');
select is(count(*), 1::bigint, 'only the row of the workflow itself') from public.workflow_schedules;

select * from finish();
rollback;
