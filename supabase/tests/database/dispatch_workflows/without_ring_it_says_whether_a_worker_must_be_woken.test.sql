begin;
select plan(2);
\ir ../fixture.psql

select pg_temp.publish_chain('chain', 2);

select is(
  public.dispatch_workflows('[{"user_id": "u", "workflow_key": "chain"}]', false) -> 'wake',
  'true'::jsonb, 'nobody drains'
);
select public.start_worker('w', 1);
select is(
  public.dispatch_workflows('[{"user_id": "u", "workflow_key": "chain"}]', false) -> 'wake',
  'false'::jsonb, 'a worker drains and will look again'
);

select * from finish();
rollback;
