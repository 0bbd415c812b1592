begin;
select plan(2);
\ir ../fixture.psql

select pg_temp.publish_chain('chain', 2);

create temp table answer as
  select public.dispatch_workflows('[
    {"user_id": "u", "workflow_key": "chain"},
    {"user_id": "u", "workflow_key": "nowhere"},
    {"user_id": "u", "workflow_key": "chain"}
  ]') -> 'runs' as runs;
select is(jsonb_path_query_array(runs, '$[*].result'), '["created", "unknown_workflow", "created"]'::jsonb) from answer;
select is(jsonb_path_query_array(runs, '$[*].index'), '[0, 1, 2]'::jsonb) from answer;

select * from finish();
rollback;
