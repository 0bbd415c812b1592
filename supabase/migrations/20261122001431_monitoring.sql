-- Monitoring: what a read-only role sees, for the Postgres data source of Grafana and for reports.
--
-- The views run with their owner's rights, on purpose: the tables refuse everybody but the service role, and the role
-- that looks here must reach nothing but these columns. So payloads, inputs, outputs, error texts, users and whatever
-- names a user stay out of them.

create schema orchestrator_monitoring;

comment on schema orchestrator_monitoring is
  'Views for dashboards: figures, states and names of workflows, steps and agents; no payloads, no outputs, no users.';

-- Roles belong to the whole server: another database of it may have made this one.
do $$
begin
  if not exists (select from pg_roles where rolname = 'orchestrator_grafana') then
    create role orchestrator_grafana nologin noinherit connection limit 10;
  end if;
end;
$$;

-- A dashboard that asks for too much ends, and does not slow the queue.
alter role orchestrator_grafana set statement_timeout = '15s';
alter role orchestrator_grafana set default_transaction_read_only = on;

create function orchestrator_monitoring.first_run_id(p_at timestamptz)
returns uuid
language sql
immutable
security invoker
set search_path = ''
as $$
  -- Not orchestrator.first_run_id, which reads the clock's table.
  select (
    lpad(to_hex(floor(extract(epoch from p_at) * 1000)::bigint), 12, '0') || repeat('0', 20)
  )::uuid;
$$;

comment on function orchestrator_monitoring.first_run_id(timestamptz) is
  'No run that was created later has a smaller id: a condition by which a span of time is found without reading the runs before it.';

create view orchestrator_monitoring.workflows as
select w.workflow_key, d.version, w.published_at
from public.workflows w
join public.workflow_definitions d using (definition_id)
where w.archived_at is null;

comment on view orchestrator_monitoring.workflows is 'The published workflows.';

create view orchestrator_monitoring.steps as
select w.workflow_key, s.step_no, s.step_id, s.kind, s.agent
from public.workflows w
join public.workflow_steps s using (definition_id)
where w.archived_at is null;

comment on view orchestrator_monitoring.steps is 'The steps of the published workflows.';

create view orchestrator_monitoring.runs as
select
  workflow_run_id, workflow_key, status, trigger_type, priority, failed_jobs, created_at, finished_at,
  extract(epoch from finished_at - created_at)::double precision as duration_seconds
from public.workflow_runs;

comment on view orchestrator_monitoring.runs is 'Every run that is kept, with its duration once it has ended.';

create view orchestrator_monitoring.attempts as
select
  r.workflow_key, q.step_id, q.agent, a.attempt, a.started_at, a.finished_at, a.success, a.status_code, a.error_class,
  extract(epoch from a.finished_at - a.started_at)::double precision as duration_seconds
from public.job_attempts a
join public.job_queue q on q.job_id = a.job_id
join public.workflow_runs r on r.workflow_run_id = q.workflow_run_id
where not a.is_late;

comment on view orchestrator_monitoring.attempts is
  'Every attempt that is kept and counted, by workflow, step and agent. A span of finished_at is found without reading the others.';

create view orchestrator_monitoring.queue as
select
  status, agent, count(*) as jobs,
  min(next_run_at) filter (where awaits_lease) as next_due_at
from public.job_queue
where status not in ('success', 'skipped', 'cancelled')
group by status, agent;

comment on view orchestrator_monitoring.queue is 'Jobs that are not done, by status and agent.';

create view orchestrator_monitoring.dead_letters as
select
  q.job_id, q.workflow_run_id, r.workflow_key, q.step_id, q.agent, q.attempts, q.error_class, q.created_at, q.finished_at
from public.job_queue q
join public.workflow_runs r on r.workflow_run_id = q.workflow_run_id
where q.status = 'dead' and q.error_class is not null;  -- by which there is an index

comment on view orchestrator_monitoring.dead_letters is 'The jobs that died, with the class of their last error.';

create view orchestrator_monitoring.schedules as
select
  workflow_key, cron, timezone, count(*) filter (where user_id is not null) as subscribers,
  min(next_run_at) filter (where paused_at is null and isfinite(next_run_at)) as next_run_at,
  max(last_slot_at) as last_slot_at, sum(missed_slots) as missed_slots,
  count(*) filter (where paused_at is not null) as paused
from public.workflow_schedules
where cron is not null
group by workflow_key, cron, timezone;

comment on view orchestrator_monitoring.schedules is 'Schedules by workflow and zone, with how many users subscribe.';

create view orchestrator_monitoring.rate_limits as
select
  coalesce(substring(rl_key from 'agent:([^:]+)$'), 'others') as agent,
  count(*) as keys,
  count(*) filter (where deferred_until > c.now) as keys_waiting,
  count(*) filter (where held_until > c.now) as keys_held,
  max(greatest(held_until, deferred_until)) as waiting_until
from public.rate_limits
-- Not by calling orchestrator.now(), for which the role would need a right of its own.
cross join (select clock_timestamp() + shift as now from orchestrator.clock) as c
group by 1;

comment on view orchestrator_monitoring.rate_limits is
  'Rate limit keys by agent: how many there are, have jobs in line, or were told to pause. Keys of other names are one row.';

create view orchestrator_monitoring.workers as
select worker_id, started_at, seen_at
from orchestrator.workers
-- As orchestrator.living_workers has it, which reads with the rights of whoever asks.
where stopped_at is null and seen_at > clock_timestamp() - interval '15 seconds';

comment on view orchestrator_monitoring.workers is 'The workers that are draining now.';

create view orchestrator_monitoring.ticks as
select name, ticked_at, extract(epoch from clock_timestamp() - ticked_at)::double precision as silent_seconds
from orchestrator.ticks;

comment on view orchestrator_monitoring.ticks is 'When each pg_cron tick ran last.';

create view orchestrator_monitoring.alerts as
select
  a.name, r.severity, a.subject, a.value, r.threshold, r.unit, a.pending_since, a.firing_since, a.resolved_at,
  case
    when a.resolved_at is not null then 'resolved'
    when a.firing_since is not null then 'firing'
    else 'pending'
  end as state
from orchestrator.alerts a
join public.orchestrator_alert_rules r using (name);

comment on view orchestrator_monitoring.alerts is 'Alerts that are pending, firing, or were resolved within a day.';

grant usage on schema orchestrator_monitoring to orchestrator_grafana, service_role;
grant select on
  orchestrator_monitoring.workflows, orchestrator_monitoring.steps, orchestrator_monitoring.runs, orchestrator_monitoring.attempts, orchestrator_monitoring.queue,
  orchestrator_monitoring.dead_letters, orchestrator_monitoring.schedules, orchestrator_monitoring.rate_limits,
  orchestrator_monitoring.workers, orchestrator_monitoring.ticks, orchestrator_monitoring.alerts
  to orchestrator_grafana, service_role;
revoke execute on function orchestrator_monitoring.first_run_id(timestamptz) from public, anon, authenticated;
grant execute on function orchestrator_monitoring.first_run_id(timestamptz) to orchestrator_grafana, service_role;
