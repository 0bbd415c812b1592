begin;
select plan(1);
\ir ../fixture.psql

select pg_temp.publish_chain('chain', 2, '{"event_types": ["ping"]}');
insert into public.intent_events (user_id, type) values ('a', 'ping'), ('b', 'other'), ('c', 'ping');
select results_eq('select user_id from public.workflow_runs order by 1', array['a', 'c']);

select * from finish();
rollback;
