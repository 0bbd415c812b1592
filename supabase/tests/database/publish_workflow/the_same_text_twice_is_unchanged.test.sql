begin;
select plan(3);
\ir ../fixture.psql

select is(pg_temp.publish_chain('chain', 2) ->> 'result', 'published');
select is(pg_temp.publish_chain('chain', 2) ->> 'result', 'unchanged');
select is(pg_temp.publish_chain('chain', 3) ->> 'result', 'published');

select * from finish();
rollback;
