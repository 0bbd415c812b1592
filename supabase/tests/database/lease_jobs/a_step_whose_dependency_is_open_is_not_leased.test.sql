begin;
select plan(1);
\ir ../fixture.psql

select pg_temp.publish_chain('chain', 2);
select pg_temp.start_run('chain');

select is(jsonb_path_query_array(pg_temp.lease(10), '$[*].step_id'), '["s1"]'::jsonb);

select * from finish();
rollback;
