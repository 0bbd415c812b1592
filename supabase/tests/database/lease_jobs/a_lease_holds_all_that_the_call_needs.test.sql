begin;
select plan(6);
\ir ../fixture.psql

select pg_temp.publish_chain('chain', 2);

select public.dispatch_workflow('u', 'chain', 'i', '{"a": 1}');
create temp table lease as select public.lease_jobs('w', 1, 30000)::jsonb as answer;
select is(
  (answer #> '{configs,0}') - array['definition_id', 'step_no'],
  '{"is_item": false, "step_id": "s1", "agent": "noop", "config": {"call": "/functions/v1/agent-proxy/noop", "method": "POST", "timeout_ms": 15000}}'::jsonb,
  'what the jobs of a step share, once'
) from lease;
select is(
  (answer ->> 'lease_token')::uuid, (select lease_token from public.job_queue where step_id = 's1'),
  'one token for all jobs'
) from lease;
select is(
  answer -> 'runs',
  jsonb_build_object(
    'workflow_run_id', array[pg_temp.run_id()], 'workflow_key', array['chain'], 'user_id', array['u'],
    'intent_id', array['i'], 'payload', array['{"a": 1}'::jsonb], 'trace', array[null::text]
  ),
  'the run of the job, once'
) from lease;
select is(answer -> 'reads', 'null'::jsonb) from lease;
select is(
  jsonb_build_array(answer #> '{jobs,item_index}', answer #> '{jobs,generation}', answer #> '{jobs,more}'),
  '[[-1], [0], [null]]'::jsonb, 'what the job says besides, and no more'
) from lease;
select is(answer #> '{jobs,attempt}', '[1]'::jsonb) from lease;

select * from finish();
rollback;
