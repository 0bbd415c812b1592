begin;
select plan(2);
\ir ../fixture.psql

insert into public.rate_limit_policies (pattern, capacity, refill_rate) values ('test:*', null, 1);
create temp table answer as select public.take_tokens('test:1', 1000000) as taken;
select is(taken -> 'allowed', 'true'::jsonb) from answer;
select is(taken -> 'tokens', 'null'::jsonb) from answer;

select * from finish();
rollback;
