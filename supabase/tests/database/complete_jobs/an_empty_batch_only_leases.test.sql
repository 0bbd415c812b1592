begin;
select plan(2);
\ir ../fixture.psql

select pg_temp.publish_chain('chain', 2);
select pg_temp.start_run('chain');

create temp table answer as select public.complete_jobs('w', '{}', 5)::jsonb as settlement;
select is(settlement -> 'results', '[]'::jsonb) from answer;
select is(settlement #>> '{configs,0,step_id}', 's1') from answer;

select * from finish();
rollback;
