begin;
select plan(2);
\ir ../fixture.psql

insert into public.rate_limit_policies (pattern, capacity, refill_rate) values ('test', 2, 0.001);
select is(public.take_tokens('test', 2, true) -> 'allowed', 'true'::jsonb);
select is(public.take_tokens('test', 2) -> 'allowed', 'true'::jsonb);

select * from finish();
rollback;
