begin;
select plan(2);
\ir ../fixture.psql

select pg_temp.publish_chain('chain', 2);
select pg_temp.start_run('chain');

select pg_temp.settle(pg_temp.lease(), 'retry', '{"error_class": "rate_limited", "retry_after_ms": 60000, "hold_key_ms": 60000}');
select is(public.take_tokens('user:u:agent:noop') -> 'allowed', 'false'::jsonb);
select is(public.take_tokens('user:v:agent:noop') -> 'allowed', 'true'::jsonb, 'another user is not held up');

select * from finish();
rollback;
