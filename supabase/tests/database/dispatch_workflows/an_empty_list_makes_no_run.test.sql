begin;
select plan(2);
\ir ../fixture.psql

select is(public.dispatch_workflows('[]') -> 'runs', '[]'::jsonb);
select is_empty('select from public.workflow_runs');

select * from finish();
rollback;
