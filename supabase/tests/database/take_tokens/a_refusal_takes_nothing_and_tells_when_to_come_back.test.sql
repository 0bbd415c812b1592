begin;
select plan(3);
\ir ../fixture.psql

insert into public.rate_limit_policies (pattern, capacity, refill_rate) values ('test', 10, 1);
select public.take_tokens('test', 8);
create temp table answer as select public.take_tokens('test', 5) as taken;
select is(taken -> 'allowed', 'false'::jsonb) from answer;
select ok((taken ->> 'retry_after_ms')::int between 2000 and 3000, taken ->> 'retry_after_ms') from answer;
select is(public.take_tokens('test', 2) -> 'allowed', 'true'::jsonb, 'what was left is still there');

select * from finish();
rollback;
