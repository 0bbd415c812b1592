begin;
select plan(3);
\ir ../fixture.psql

select pg_temp.publish_chain('chain', 2);

select throws_ok($$select public.dispatch_workflow('u', 'chain', p_priority => 1001)$$, '23514');
select throws_ok($$select public.dispatch_workflow('u', 'chain', p_priority => -1)$$, '23514');
select is_empty('select from public.workflow_runs', 'and no run is left behind');

select * from finish();
rollback;
