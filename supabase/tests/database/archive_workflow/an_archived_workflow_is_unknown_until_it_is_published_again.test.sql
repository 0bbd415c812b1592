begin;
select plan(3);
\ir ../fixture.psql

select pg_temp.publish_chain('chain', 2);

select is(public.archive_workflow('chain') ->> 'result', 'archived');
select is(public.dispatch_workflow('u', 'chain') ->> 'result', 'unknown_workflow');
select pg_temp.publish_chain('chain', 2);
select is(public.dispatch_workflow('u', 'chain') ->> 'result', 'created');

select * from finish();
rollback;
