begin;
select plan(2);
\ir ../fixture.psql

select pg_temp.publish_chain('chain', 2, '{"cron": "0 7 * * *"}');

select public.subscribe_schedule('chain', 'u');
select is(public.unsubscribe_schedule('chain', 'v') ->> 'result', 'not_found');
select is(public.unsubscribe_schedule('chain', 'u') ->> 'result', 'unsubscribed');

select * from finish();
rollback;
