begin;
select plan(2);
\ir ../fixture.psql

select pg_temp.publish_chain('chain', 2);
select pg_temp.start_run('chain');

select pg_temp.start_run('chain'), pg_temp.start_run('chain');
select pg_temp.lease(3);
select pg_temp.pass_time('1 minute');
select is(public.expire_leases(2), 2);
select is(public.expire_leases(2), 1);

select * from finish();
rollback;
