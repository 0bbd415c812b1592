begin;
select plan(2);
\ir ../fixture.psql

insert into public.rate_limit_policies (pattern, capacity, refill_rate)
values ('test:*', 7, 1), ('test:a*', 8, 1), ('test:ab', 9, 1);
select is(public.take_tokens('test:ab') -> 'capacity', '9'::jsonb);
select is(public.take_tokens('test:ac') -> 'capacity', '8'::jsonb);

select * from finish();
rollback;
