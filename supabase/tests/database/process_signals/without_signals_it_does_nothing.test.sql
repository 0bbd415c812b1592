begin;
select plan(1);
\ir ../fixture.psql

select is(public.process_signals(), '{"processed": 0}'::jsonb);

select * from finish();
rollback;
