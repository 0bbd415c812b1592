begin;
select plan(1);
\ir ../fixture.psql

select pg_temp.publish_chain('chain', 2);

select public.dispatch_workflows('[{"user_id": "u", "workflow_key": "chain", "definition_id": -1}]');
select is(
  (select definition_id from public.workflow_runs),
  (select definition_id from public.workflows where workflow_key = 'chain')
);

select * from finish();
rollback;
