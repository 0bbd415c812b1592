begin;
select plan(2);
\ir ../fixture.psql

select is(public.restart_run(gen_random_uuid(), 'failed') ->> 'result', 'not_found');
select is(public.restart_run(gen_random_uuid(), 'whole') ->> 'result', 'not_found');

select * from finish();
rollback;
