begin;
select plan(1);
\ir ../fixture.psql

select throws_ok($$select public.insert_event('u', '')$$, '23514');

select * from finish();
rollback;
