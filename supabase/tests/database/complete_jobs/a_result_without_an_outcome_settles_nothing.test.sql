begin;
select plan(4);
\ir ../fixture.psql

select pg_temp.publish_chain('chain', 1);
select pg_temp.start_run('chain') from generate_series(1, 3);
create temp table held as
  select array_agg(j -> 'job_id') as ids, array_agg(j -> 'lease_token') as tokens
  from jsonb_array_elements(pg_temp.lease(3)) as j;

-- The second has none, the third a null.
select public.complete_jobs('w', jsonb_build_object('job_id', ids[1:2], 'lease_token', tokens[1:2], 'outcome', array['success']))
from held;
select is((select status from public.job_queue where job_id = ids[1]::text::bigint), 'success') from held;
select is((select status from public.job_queue where job_id = ids[2]::text::bigint), 'leased') from held;

select public.complete_jobs('w', jsonb_build_object('job_id', ids[2:3], 'lease_token', tokens[2:3], 'outcome', array['success', null]))
from held;
select is((select status from public.job_queue where job_id = ids[2]::text::bigint), 'success') from held;
select is((select status from public.job_queue where job_id = ids[3]::text::bigint), 'leased') from held;

select * from finish();
rollback;
