begin;
select plan(5);
\ir ../fixture.psql

select pg_temp.publish_chain('chain', 2);

select public.dispatch_workflow('u', 'chain', 'i', '{"a": 1}');
create temp table lease as select pg_temp.lease() -> 0 as job;
select is(job -> 'config', '{"call": "/functions/v1/agent-proxy/noop", "method": "POST", "timeout_ms": 15000}'::jsonb) from lease;
select is(job -> 'run_payload', '{"a": 1}'::jsonb) from lease;
select is(job -> 'inputs', '{}'::jsonb) from lease;
select is(job ->> 'idempotency_key', pg_temp.run_id() || ':s1:0') from lease;
select is(job -> 'attempt', '1'::jsonb) from lease;

select * from finish();
rollback;
