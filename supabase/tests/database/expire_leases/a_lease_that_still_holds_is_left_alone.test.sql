begin;
select plan(2);
\ir ../fixture.psql

select pg_temp.publish_chain('chain', 2);
select pg_temp.start_run('chain');

select pg_temp.lease();
select pg_temp.pass_time('29 seconds');
select is(public.expire_leases(10), 0);
select pg_temp.pass_time('2 seconds');
select is(public.expire_leases(10), 1);

select * from finish();
rollback;
