-- Invariants: what holds between the rows whenever no transaction is under way. One view a rule, named broken_…,
-- that lists the rows that break it; a database without a fault has them all empty.

create view orchestrator.broken_sink_counts with (security_invoker = true) as
  select r.workflow_run_id, r.status, r.open_sinks, c.unfinished
  from public.workflow_runs r
  cross join lateral (
    select count(*) as unfinished
    from public.job_queue q
    join public.workflow_steps w on w.definition_id = q.definition_id and w.step_no = q.step_no
    where q.workflow_run_id = r.workflow_run_id and q.item_index = -1 and w.is_sink and q.finished_at is null
  ) as c
  where r.open_sinks <> c.unfinished;

comment on view orchestrator.broken_sink_counts is 'A run counts its unfinished sinks.';

create view orchestrator.broken_ends with (security_invoker = true) as
  select q.job_id, q.workflow_run_id, q.step_id, q.status, r.status as run_status
  from public.job_queue q
  join public.workflow_runs r using (workflow_run_id)
  where r.finished_at is not null and q.finished_at is null;

comment on view orchestrator.broken_ends is 'A run that ended has no unfinished job.';

create view orchestrator.broken_starts with (security_invoker = true) as
  select r.workflow_run_id, r.workflow_key
  from public.workflow_runs r
  where r.finished_at is null and not exists (
    select from public.job_queue q where q.workflow_run_id = r.workflow_run_id and q.finished_at is null
  );

comment on view orchestrator.broken_starts is 'A run that has not ended has a job that has not.';

create view orchestrator.broken_dependency_counts with (security_invoker = true) as
  select q.job_id, q.workflow_run_id, q.step_id, q.open_dependencies, c.unfinished
  from public.job_queue q
  cross join lateral (
    select count(*) filter (where p.finished_at is null) as unfinished
    from public.job_queue p
    join public.workflow_steps w on w.definition_id = p.definition_id and w.step_no = p.step_no
    where p.workflow_run_id = q.workflow_run_id and p.item_index = -1
      and q.step_no = any (w.dependents || p.extra_dependents)
  ) as c
  where q.item_index = -1 and q.status = 'waiting' and q.open_dependencies <> c.unfinished;

comment on view orchestrator.broken_dependency_counts is 'A waiting job counts its unfinished dependencies.';

create view orchestrator.broken_item_counts with (security_invoker = true) as
  select f.workflow_run_id, f.step_no, f.open, f.succeeded, f.failed, c.unfinished, c.good, c.bad
  from public.fan_outs f
  join public.job_queue p on p.workflow_run_id = f.workflow_run_id and p.step_no = f.step_no and p.item_index = -1
  cross join lateral (
    select
      count(*) filter (where q.finished_at is null) as unfinished,
      count(*) filter (where q.status = 'success') as good,
      count(*) filter (where q.status = 'dead') as bad
    from public.job_queue q
    where q.workflow_run_id = f.workflow_run_id and q.step_no = f.step_no and q.item_index >= 0
  ) as c
  where p.finished_at is null and (f.open, f.succeeded, f.failed) <> (c.unfinished, c.good, c.bad);

comment on view orchestrator.broken_item_counts is 'A fan-out counts its items by how they ended.';

create view orchestrator.broken_wake_ups with (security_invoker = true) as
  select q.job_id, q.workflow_run_id, q.step_id, q.parked, q.next_run_at
  from public.job_queue q
  left join public.workflow_runs r on r.workflow_run_id = (q.parked ->> 'workflow_run_id')::uuid
  left join public.fan_outs f on f.workflow_run_id = q.workflow_run_id and f.step_no = q.step_no
  where q.status = 'parked' and q.next_run_at > orchestrator.now()
    and not exists (select from orchestrator.signals s where s.job_id = q.job_id)
    and case q.parked ->> 'for'
      when 'run' then r.status is distinct from 'running'
      when 'items' then f.open is null or f.open = 0 or f.succeeded + f.open < f.needed
      when 'event' then exists (
        select
        from orchestrator.event_candidates c
        where c.job_id = q.job_id and not c.is_refused and not exists (
          select from orchestrator.consumed_events t
          where t.workflow_run_id = q.workflow_run_id and t.event_id = c.event_id
        )
      )
      when 'slot' then not exists (
        select from orchestrator.concurrency_slots s where s.job_id = q.job_id
      )
      else false
    end;

comment on view orchestrator.broken_wake_ups is 'A job that is parked for what has come is due or signalled.';

create view orchestrator.broken_waits with (security_invoker = true) as
  select w.job_id, w.event_type, q.status
  from orchestrator.event_waits w
  left join public.job_queue q using (job_id)
  where q.job_id is null or q.finished_at is not null;

comment on view orchestrator.broken_waits is 'Only unfinished jobs wait for events.';

create view orchestrator.broken_slots with (security_invoker = true) as
  select s.workflow_run_id, s.workflow_key, s.concurrency_key, s.is_held, r.status
  from orchestrator.concurrency_slots s
  left join public.workflow_runs r using (workflow_run_id)
  where r.status is distinct from 'running';

comment on view orchestrator.broken_slots is 'Only live runs hold a slot of a concurrency key, or want one.';

create view orchestrator.broken_slot_limits with (security_invoker = true) as
  select workflow_key, concurrency_key, count(*) as held, max(max_runs) as max_runs
  from orchestrator.concurrency_slots
  where is_held
  group by workflow_key, concurrency_key
  having count(*) > max(max_runs);

comment on view orchestrator.broken_slot_limits is 'No more runs hold a slot than their concurrency key allows.';

create view orchestrator.broken_failures with (security_invoker = true) as
  select r.workflow_run_id, r.status, r.failed_jobs, c.dead
  from public.workflow_runs r
  cross join lateral (
    select count(*) as dead
    from public.job_queue q
    join public.workflow_steps w on w.definition_id = q.definition_id and w.step_no = q.step_no
    where q.workflow_run_id = r.workflow_run_id and q.item_index = -1 and q.status = 'dead'
      and not w.continue_on_error
  ) as c
  where r.cancel_reason is null and r.failed_jobs <> c.dead;

comment on view orchestrator.broken_failures is 'A run that nobody stopped counts its dead jobs, and failed if it has one.';

create view orchestrator.broken_attempts with (security_invoker = true) as
  select q.job_id, q.workflow_run_id, q.step_id, q.status, q.attempts, c.recorded
  from public.job_queue q
  cross join lateral (
    select count(*) as recorded
    from public.job_attempts a
    where a.job_id = q.job_id and not a.is_late
  ) as c
  -- Whoever resets a job counts its attempts anew and keeps their rows.
  where q.status in ('success', 'dead') and c.recorded < q.attempts;

comment on view orchestrator.broken_attempts is 'A job that ended has a row for each of its attempts.';

create view orchestrator.broken_leases with (security_invoker = true) as
  select q.job_id, q.workflow_run_id, q.step_id, q.status, q.leased_by, q.lease_until
  from public.job_queue q
  where q.status in ('leased', 'running') and not exists (
    select from orchestrator.leases l where l.lease_token = q.lease_token and q.job_id = any (l.job_ids)
  );

comment on view orchestrator.broken_leases is 'The lease of a job that a worker holds is noted where the sweep looks for it.';

create view orchestrator.broken_homes with (security_invoker = true) as
  select 'job' as kind, q.job_id::text as id, q.workflow_run_id
  from public.job_queue q
  where not exists (select from public.workflow_runs r where r.workflow_run_id = q.workflow_run_id)
  union all
  select 'attempt', a.attempt_id::text, a.workflow_run_id
  from public.job_attempts a
  where not exists (select from public.job_queue q where q.job_id = a.job_id)
  union all
  select 'fan-out', f.step_no::text, f.workflow_run_id
  from public.fan_outs f
  where not exists (select from public.workflow_runs r where r.workflow_run_id = f.workflow_run_id)
  union all
  select 'consumed event', e.event_id::text, e.workflow_run_id
  from orchestrator.consumed_events e
  where not exists (select from public.workflow_runs r where r.workflow_run_id = e.workflow_run_id);

comment on view orchestrator.broken_homes is 'Whatever belongs to a run goes with it.';

create view orchestrator.broken_buckets with (security_invoker = true) as
  select rl_key, tokens, capacity
  from public.rate_limits
  where tokens < 0 or tokens > capacity;

comment on view orchestrator.broken_buckets is 'No bucket holds more tokens than its capacity, or owes any.';

create function orchestrator.check_invariants()
returns table (invariant text, broken_by jsonb)
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  return query
  select obj_description(a.rule, 'pg_class'), a.row
  from (
    select 'orchestrator.broken_sink_counts'::regclass, to_jsonb(b) from (table orchestrator.broken_sink_counts limit 100) as b
    union all
    select 'orchestrator.broken_ends'::regclass, to_jsonb(b) from (table orchestrator.broken_ends limit 100) as b
    union all
    select 'orchestrator.broken_starts'::regclass, to_jsonb(b) from (table orchestrator.broken_starts limit 100) as b
    union all
    select 'orchestrator.broken_dependency_counts'::regclass, to_jsonb(b) from (table orchestrator.broken_dependency_counts limit 100) as b
    union all
    select 'orchestrator.broken_item_counts'::regclass, to_jsonb(b) from (table orchestrator.broken_item_counts limit 100) as b
    union all
    select 'orchestrator.broken_wake_ups'::regclass, to_jsonb(b) from (table orchestrator.broken_wake_ups limit 100) as b
    union all
    select 'orchestrator.broken_waits'::regclass, to_jsonb(b) from (table orchestrator.broken_waits limit 100) as b
    union all
    select 'orchestrator.broken_slots'::regclass, to_jsonb(b) from (table orchestrator.broken_slots limit 100) as b
    union all
    select 'orchestrator.broken_slot_limits'::regclass, to_jsonb(b) from (table orchestrator.broken_slot_limits limit 100) as b
    union all
    select 'orchestrator.broken_failures'::regclass, to_jsonb(b) from (table orchestrator.broken_failures limit 100) as b
    union all
    select 'orchestrator.broken_attempts'::regclass, to_jsonb(b) from (table orchestrator.broken_attempts limit 100) as b
    union all
    select 'orchestrator.broken_leases'::regclass, to_jsonb(b) from (table orchestrator.broken_leases limit 100) as b
    union all
    select 'orchestrator.broken_homes'::regclass, to_jsonb(b) from (table orchestrator.broken_homes limit 100) as b
    union all
    select 'orchestrator.broken_buckets'::regclass, to_jsonb(b) from (table orchestrator.broken_buckets limit 100) as b
  ) as a (rule, row);
end;
$$;

comment on function orchestrator.check_invariants() is
  'The rows that break a rule of the engine, each with the rule, up to 100 a rule; none in a database without a fault. Reads every live and kept run: minutes, where there are millions.';

revoke execute on all functions in schema orchestrator from public, anon, authenticated;
grant execute on function orchestrator.check_invariants() to service_role;
revoke all on
  orchestrator.broken_sink_counts, orchestrator.broken_ends, orchestrator.broken_starts,
  orchestrator.broken_dependency_counts, orchestrator.broken_item_counts, orchestrator.broken_wake_ups,
  orchestrator.broken_waits, orchestrator.broken_slots, orchestrator.broken_slot_limits,
  orchestrator.broken_failures, orchestrator.broken_attempts, orchestrator.broken_leases,
  orchestrator.broken_homes, orchestrator.broken_buckets
  from public, anon, authenticated;
grant select on
  orchestrator.broken_sink_counts, orchestrator.broken_ends, orchestrator.broken_starts,
  orchestrator.broken_dependency_counts, orchestrator.broken_item_counts, orchestrator.broken_wake_ups,
  orchestrator.broken_waits, orchestrator.broken_slots, orchestrator.broken_slot_limits,
  orchestrator.broken_failures, orchestrator.broken_attempts, orchestrator.broken_leases,
  orchestrator.broken_homes, orchestrator.broken_buckets
  to service_role;
