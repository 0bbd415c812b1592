begin;
select plan(2);
\ir ../fixture.psql

select pg_temp.publish_chain('chain', 2);

create temp table answer as select public.insert_event('u', 'unheard_of') as event;
select is(event ->> 'result', 'created') from answer;
select is(event -> 'workflow_run_ids', '[]'::jsonb) from answer;

select * from finish();
rollback;
