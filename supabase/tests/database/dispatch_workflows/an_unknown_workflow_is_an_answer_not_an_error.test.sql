begin;
select plan(3);
\ir ../fixture.psql

create temp table answer as
  select public.dispatch_workflows('[{"user_id": "u", "workflow_key": "nowhere"}]') #> '{runs,0}' as run;
select is(run ->> 'result', 'unknown_workflow') from answer;
select is(run ->> 'workflow_run_id', null) from answer;
select is_empty('select from public.workflow_runs', 'and nothing is written');

select * from finish();
rollback;
