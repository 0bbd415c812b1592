-- Runs: events, runs, jobs and attempts, with the founding names and columns.
--
-- No foreign keys between the four: each costs a query and a parent lock per inserted row on the hot path, all
-- four are written by functions only, and pruning removes a run with everything that belongs to it.

create table public.intent_events (
  event_id uuid primary key default gen_random_uuid(),
  user_id text not null,
  intent_id text,
  type text not null,
  payload jsonb not null default '{}',
  idempotency_key text,
  created_at timestamptz not null default orchestrator.now(),
  constraint events_have_a_type check (type <> '')
);

comment on table public.intent_events is
  'Events of the app. Inserting a row starts the workflows that name its type, in the same transaction.';

create unique index intent_events_by_idempotency_key
  on public.intent_events (idempotency_key) where idempotency_key is not null;
create index intent_events_by_age on public.intent_events (created_at);

create table public.workflow_runs (
  workflow_run_id uuid primary key default orchestrator.uuid_v7(),
  workflow_key text not null,
  definition_id bigint not null,
  user_id text not null,
  intent_id text,
  status text not null default 'running',
  trigger_type text not null,
  trigger_event_id uuid,
  restarted_from uuid,
  payload jsonb not null default '{}',
  priority integer not null,
  idempotency_key text,
  request_hash text,
  open_sinks integer not null,
  failed_jobs integer not null default 0,
  cancel_reason text,
  created_at timestamptz not null,
  finished_at timestamptz,
  constraint runs_have_a_known_status check (status in ('running', 'success', 'failed', 'cancelled')),
  constraint runs_end_with_a_time check ((status = 'running') = (finished_at is null)),
  constraint runs_count_open_sinks check (open_sinks >= 0 and (status <> 'running' or open_sinks > 0)),
  constraint runs_fail_by_a_job check (status <> 'success' or failed_jobs = 0)
) with (fillfactor = 85);

comment on table public.workflow_runs is
  'One row per execution. open_sinks counts the unfinished jobs that no other job waits for: at zero the run is over, and a chain touches this row once.';

create unique index workflow_runs_by_idempotency_key
  on public.workflow_runs (idempotency_key) where idempotency_key is not null;

create table public.job_queue (
  job_id bigint generated always as identity primary key,
  workflow_run_id uuid not null,
  definition_id bigint not null,
  step_no integer not null,
  step_id text not null,
  agent text not null,
  user_id text not null,
  intent_id text,
  status text not null,
  priority integer not null default 100,
  attempts integer not null default 0,
  max_attempts integer not null,
  next_run_at timestamptz not null,
  dependencies integer not null default 0,
  open_dependencies integer not null default 0,
  has_failed_dependency boolean not null default false,
  generation integer not null default 0,
  lease_token uuid,
  lease_until timestamptz,
  leased_at timestamptz,
  leased_by text,
  payload jsonb not null,
  output jsonb,
  error_class text,
  error_text text,
  skip_reason text,
  created_at timestamptz not null,
  started_at timestamptz,
  finished_at timestamptz,
  constraint jobs_have_a_known_status check (
    status in ('waiting', 'queued', 'leased', 'running', 'success', 'failed', 'dead', 'skipped', 'cancelled')
  ),
  constraint jobs_lease_matches_status check (
    (status in ('leased', 'running')) = (lease_token is not null)
    and (lease_token is null) = (lease_until is null)
  ),
  constraint jobs_wait_for_something check ((status = 'waiting') <= (open_dependencies > 0)),
  constraint jobs_end_with_a_time check (
    (status in ('success', 'dead', 'skipped', 'cancelled')) = (finished_at is not null)
  ),
  constraint jobs_skip_with_a_reason check ((status = 'skipped') = (skip_reason is not null)),
  constraint jobs_have_a_sane_priority check (priority between 0 and 1000)
) with (fillfactor = 70);

comment on table public.job_queue is
  'One row per step of a run, from dispatch on. waiting: dependencies open; queued: ready at next_run_at; failed: a retry is due at next_run_at; dead: the dead letter.';
comment on column public.job_queue.generation is
  'Part of the idempotency key: raised when a job is done again after a definite outcome, kept when the outcome is unknown.';

create unique index job_queue_by_step on public.job_queue (workflow_run_id, step_no);
create index job_queue_ready on public.job_queue (priority, next_run_at, job_id)
  where status in ('queued', 'failed');
create index job_queue_leased on public.job_queue (lease_until) where status in ('leased', 'running');
create index job_queue_dead on public.job_queue (job_id) where status = 'dead';

create table public.job_attempts (
  attempt_id bigint generated always as identity,
  job_id bigint not null,
  workflow_run_id uuid not null,
  attempt integer not null,
  worker_id text,
  started_at timestamptz not null,
  finished_at timestamptz not null,
  success boolean not null,
  is_late boolean not null default false,
  status_code integer,
  error_class text,
  error_text text,
  logs jsonb,
  primary key (job_id, attempt_id),  -- one index serves the key and the way from a job to its attempts
  constraint attempts_fail_with_a_class check (success or is_late or error_class is not null)
);

comment on table public.job_attempts is
  'One row per ended attempt, inserted when it ends. is_late: the result came after the lease was lost and was not applied.';

create index job_attempts_failed on public.job_attempts (started_at) where not success;

alter table public.intent_events enable row level security;
alter table public.workflow_runs enable row level security;
alter table public.job_queue enable row level security;
alter table public.job_attempts enable row level security;

create policy "nobody but the service role" on public.intent_events
  as permissive for all to public using (false) with check (false);
create policy "nobody but the service role" on public.workflow_runs
  as permissive for all to public using (false) with check (false);
create policy "nobody but the service role" on public.job_queue
  as permissive for all to public using (false) with check (false);
create policy "nobody but the service role" on public.job_attempts
  as permissive for all to public using (false) with check (false);

grant select, insert, update, delete
  on public.intent_events, public.workflow_runs, public.job_queue, public.job_attempts to service_role;

create function orchestrator.lock_runs(p_workflow_run_ids uuid[], p_exclusive_run_ids uuid[] default '{}')
returns void
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  -- Sorted by the lock's own key, so that no two batches can wait for each other.
  perform case
    when s.is_exclusive then pg_advisory_xact_lock(hashtext('orchestrator.run'), s.run_hash)
    else pg_advisory_xact_lock_shared(hashtext('orchestrator.run'), s.run_hash)
  end
  from (
    select uuid_hash(r.run_id) as run_hash, bool_or(r.run_id = any (p_exclusive_run_ids)) as is_exclusive
    from unnest(p_workflow_run_ids) as r (run_id)
    group by 1
    order by 1
  ) as s;
end;
$$;

comment on function orchestrator.lock_runs(uuid[], uuid[]) is
  'Locks runs for this transaction in memory, without a row write: shared while results are settled, exclusive while a run is changed as a whole.';

revoke execute on all functions in schema orchestrator from public, anon, authenticated;
grant execute on function orchestrator.lock_runs(uuid[], uuid[]) to service_role;
