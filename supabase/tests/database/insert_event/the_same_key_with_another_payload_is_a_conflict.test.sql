begin;
select plan(3);
\ir ../fixture.psql

select pg_temp.publish_chain('chain', 2, '{"event_types": ["ping"]}');
select public.insert_event('u', 'ping', p_payload => '{"a": 1}', p_idempotency_key => 'k');
create temp table answer as
  select public.insert_event('u', 'ping', p_payload => '{"a": 2}', p_idempotency_key => 'k') as event;
select is(event ->> 'result', 'conflict') from answer;
select is(jsonb_array_length(event -> 'workflow_run_ids'), 1, 'the run of the first is named') from answer;
select is(count(*), 1::bigint) from public.workflow_runs;

select * from finish();
rollback;
