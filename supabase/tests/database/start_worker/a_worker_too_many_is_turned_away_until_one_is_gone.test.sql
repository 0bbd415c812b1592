begin;
select plan(3);
\ir ../fixture.psql

select is(public.start_worker('a', 1) -> 'accepted', 'true'::jsonb);
select is(public.start_worker('b', 1) -> 'accepted', 'false'::jsonb);
update orchestrator.workers set seen_at = seen_at - interval '16 seconds';
select is(public.start_worker('b', 1) -> 'accepted', 'true'::jsonb, 'not seen for three heartbeats');

select * from finish();
rollback;
