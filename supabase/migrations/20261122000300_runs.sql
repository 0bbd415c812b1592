-- Runs: events, runs, jobs and attempts, with the founding names and columns.
--
-- No foreign keys between the four: each costs a query and a parent lock per inserted row on the hot path, all
-- four are written by functions only, and pruning removes a run with everything that belongs to it.
--
-- Of runs and jobs, which are written again, columns of one width that are never null come first, then others that
-- are never null: Postgres knows where those stand without walking the row, and asks for each that an index names.

create table public.intent_events (
  event_id uuid primary key default gen_random_uuid(),
  user_id text not null,
  intent_id text,
  type text not null,
  payload jsonb not null default '{}',
  idempotency_key text,
  trace_parent text,
  trace_state text,
  created_at timestamptz not null default orchestrator.now(),
  constraint events_have_a_type check (type <> ''),
  constraint events_belong_to_a_valid_trace check (
    trace_parent ~ '^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-0[01]$'
  ),
  constraint events_have_a_valid_trace_state check (trace_state ~ '^[ -~]+$' and length(trace_state) <= 512)
);

comment on table public.intent_events is
  'Events of the app. Inserting a row starts the workflows that name its type, in the same transaction.';

create unique index intent_events_by_idempotency_key
  on public.intent_events (idempotency_key) where idempotency_key is not null;
create index intent_events_by_age on public.intent_events (created_at);

create table public.workflow_runs (
  workflow_run_id uuid primary key default orchestrator.uuid_v7(),
  definition_id bigint not null,
  created_at timestamptz not null,
  priority integer not null,
  open_sinks integer not null,
  failed_jobs integer not null default 0,
  depth integer not null default 0,
  plan_revision integer not null default 0,
  is_serial boolean not null default false,
  status text not null default 'running',
  workflow_key text not null,
  user_id text not null,
  trigger_type text not null,
  payload jsonb not null default '{}',
  intent_id text,
  finished_at timestamptz,
  deadline_at timestamptz,
  trigger_event_id uuid,
  trigger_key_id text,
  event_type text,
  restarted_from uuid,
  parent_run_id uuid,
  parent_job_id bigint,
  inputs jsonb,
  idempotency_key text,
  request_hash text,
  concurrency_key text,
  trace_parent text,
  trace_state text,
  cancel_reason text,
  skip_reason text,
  constraint runs_have_what_their_status_says check (
    case
      when status = 'running' then finished_at is null and open_sinks > 0 and skip_reason is null
      when finished_at is null or deadline_at is not null or open_sinks < 0 then false
      when status = 'success' then failed_jobs = 0 and skip_reason is null
      when status = 'skipped' then skip_reason is not null
      else status in ('failed', 'cancelled') and skip_reason is null
    end
  ),
  constraint runs_are_started_by_a_job_of_a_run check ((parent_run_id is null) = (parent_job_id is null)),
  constraint runs_belong_to_a_valid_trace check (
    trace_parent ~ '^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-0[01]$'
  ),
  constraint runs_have_a_valid_trace_state check (trace_state ~ '^[ -~]+$' and length(trace_state) <= 512)
) with (fillfactor = 50);  -- a run is written once more, at its end, and many of a page end together: room for each (HOT)

comment on table public.workflow_runs is
  'One row per execution. open_sinks counts the unfinished jobs that no other job waits for: at zero the run is over, and a chain touches this row once.';
comment on column public.workflow_runs.is_serial is
  'A job failed or was skipped: from then on whoever settles jobs of this run takes turns on its row.';
comment on column public.workflow_runs.trace_parent is
  'The caller''s W3C traceparent: the run is a span of that trace; null: a trace of its own, with the run''s id.';
comment on column public.workflow_runs.inputs is
  'What expressions name inputs: made and checked by the start step; null: the payload stands in for them.';

create unique index workflow_runs_by_idempotency_key
  on public.workflow_runs (idempotency_key) where idempotency_key is not null;
create index workflow_runs_by_parent on public.workflow_runs (parent_run_id) where parent_run_id is not null;
-- No index names the status, also in a condition: closing a run then stays a cheap update (HOT).
create index workflow_runs_serial on public.workflow_runs (workflow_run_id) where is_serial;
create index workflow_runs_by_deadline on public.workflow_runs (deadline_at) where deadline_at is not null;

create table public.job_queue (
  job_id bigint generated always as identity primary key with (fillfactor = 50),  -- see job_queue_by_step
  workflow_run_id uuid not null,
  definition_id bigint not null,
  next_run_at timestamptz not null,
  created_at timestamptz not null,
  step_no integer not null,
  item_index integer not null default -1,
  priority integer not null default 100,
  attempts integer not null default 0,
  max_attempts integer not null,
  dependencies integer not null default 0,
  open_dependencies integer not null default 0,
  succeeded_dependencies integer not null default 0,
  failed_dependencies integer not null default 0,
  generation integer not null default 0,
  is_handed_on boolean not null default false,
  awaits_lease boolean not null generated always as (status in ('queued', 'failed', 'parked')) stored,
  user_id text not null,
  status text not null,
  step_id text not null,
  agent text not null,
  payload jsonb not null,
  intent_id text,
  rate_limit_key text,
  lease_token uuid,
  lease_until timestamptz,
  leased_at timestamptz,
  leased_by text,
  started_at timestamptz,
  finished_at timestamptz,
  join_rule text,
  join_min integer,
  extra_dependents integer[],
  input jsonb,
  condition jsonb,
  parked jsonb,
  output jsonb,
  output_ref jsonb,
  error_class text,
  error_text text,
  skip_reason text,
  -- One constraint, asked by the status alone: nine that look at every row took a twentieth of a drain.
  constraint jobs_have_what_their_status_says check (
    case
      when output is not null and output_ref is not null then false
      when status in ('leased', 'running') then
        lease_token is not null and lease_until is not null and finished_at is null and skip_reason is null
      when lease_token is not null or lease_until is not null then false
      when status in ('success', 'dead', 'cancelled') then finished_at is not null and skip_reason is null
      when status = 'skipped' then
        finished_at is not null
        and coalesce(skip_reason in ('condition', 'dependency', 'upstream_failed', 'concurrency'), false)
      when finished_at is not null or skip_reason is not null then false
      when status = 'waiting' then open_dependencies > 0
      when status = 'parked' then parked is not null
      else status in ('queued', 'failed')
    end
  ),
  constraint jobs_have_a_sane_priority check (priority between 0 and 1000)
) with (fillfactor = 50);  -- a job is written twice after its insert, and many of a page together: room for each (HOT)

comment on table public.job_queue is
  'One row per step of a run, from dispatch on, and one per item of a fan-out. waiting: dependencies open; queued: ready at next_run_at; parked: waits for an event, a timer, items, a run, a callback or a slot, until next_run_at at the latest; failed: a retry is due at next_run_at; dead: the dead letter.';
comment on column public.job_queue.item_index is '-1: the step''s own job; else the place of this item in the list of its fan-out.';
comment on column public.job_queue.input is 'What the agent of an item gets, evaluated when the fan-out began.';
comment on column public.job_queue.condition is 'The step''s condition as it was evaluated: {expression, result}.';
comment on column public.job_queue.parked is 'What the job waits or waited for: {for, until, …}; kept while it is leased again.';
comment on column public.job_queue.extra_dependents is 'Steps that were appended behind this one while the run was live.';
comment on column public.job_queue.rate_limit_key is 'The bucket that the step names; null: the user''s at the agent; empty: takes no token, because it calls nobody.';
comment on column public.job_queue.is_handed_on is 'Leased by the call that made it ready: it never queued, and next_run_at is not when it became due.';
comment on column public.job_queue.awaits_lease is 'It is leased when next_run_at comes. The indexes name this instead of the status, so that to settle a job changes no indexed value.';
comment on column public.job_queue.generation is
  'Part of the idempotency key: raised when a job is done again after a definite outcome, kept when the outcome is unknown.';

-- No index names what a settle or the lease of a handed-on job changes, also in a condition: both stay cheap
-- updates (HOT), which enter no index. The lease of a queued job is none: it enters this index and the key anew, and
-- both have room for that in each page.
create unique index job_queue_by_step on public.job_queue (workflow_run_id, step_no, item_index) with (fillfactor = 50);
create index job_queue_ready on public.job_queue (priority, next_run_at, job_id) where awaits_lease;
-- By a hash of the user: half as wide as a user's id; two users of one hash share their turns.
create index job_queue_ready_by_user on public.job_queue (priority, hashtext(user_id), next_run_at) where awaits_lease;
-- The dead letter, with what is about to be tried again.
create index job_queue_with_error on public.job_queue (job_id) where error_class is not null;

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

create table public.fan_outs (
  workflow_run_id uuid not null,
  step_no integer not null,
  total integer not null,
  open integer not null,
  succeeded integer not null default 0,
  failed integer not null default 0,
  needed integer not null,
  ends_early boolean not null,
  max_concurrency integer,
  released integer not null,
  primary key (workflow_run_id, step_no),
  constraint fan_outs_add_up check (open >= 0 and open + succeeded + failed <= total)
) with (fillfactor = 50);

comment on table public.fan_outs is
  'One row per fan-out that has begun: its items by how they ended, counted once a batch. released: where max_concurrency bounds them, the place from which the next item to let go is looked for.';

create table public.plan_revisions (
  workflow_run_id uuid not null,
  revision integer not null,
  definition_id bigint not null,
  author text not null,
  reason text,
  created_at timestamptz not null,
  primary key (workflow_run_id, revision)
);

comment on table public.plan_revisions is
  'Steps appended to a live run: who, why, and the definition row that holds them.';

create table orchestrator.signals (
  signal_id bigint generated always as identity primary key,
  job_id bigint,
  workflow_key text,
  concurrency_key text,
  is_notice boolean not null default false,
  constraint signals_name_one_thing check (
    (job_id is not null)::integer + (concurrency_key is not null)::integer + is_notice::integer = 1
  )
);

comment on table orchestrator.signals is
  'Something to look at: a parked job that may go on, a concurrency key whose slots changed, or (is_notice) notifications that wait. Inserted only, without a lock on what is meant; process_signals takes them in a transaction of its own.';

alter table public.fan_outs enable row level security;
alter table public.plan_revisions enable row level security;
alter table orchestrator.signals enable row level security;
create policy "nobody but the service role" on public.fan_outs
  as permissive for all to anon, authenticated using (false) with check (false);
create policy "nobody but the service role" on public.plan_revisions
  as permissive for all to anon, authenticated using (false) with check (false);
create policy "nobody but the service role" on orchestrator.signals
  as permissive for all to anon, authenticated using (false) with check (false);
grant select, insert, update, delete on public.fan_outs, public.plan_revisions, orchestrator.signals to service_role;

alter table public.intent_events enable row level security;
alter table public.workflow_runs enable row level security;
alter table public.job_queue enable row level security;
alter table public.job_attempts enable row level security;

create policy "nobody but the service role" on public.intent_events
  as permissive for all to anon, authenticated using (false) with check (false);
create policy "nobody but the service role" on public.workflow_runs
  as permissive for all to anon, authenticated using (false) with check (false);
create policy "nobody but the service role" on public.job_queue
  as permissive for all to anon, authenticated using (false) with check (false);
create policy "nobody but the service role" on public.job_attempts
  as permissive for all to anon, authenticated using (false) with check (false);

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
  'Locks runs, each with its sub-runs, for this transaction in memory, without a row write: shared while results are settled, exclusive while a run is changed as a whole. The lock''s key is what kin ids share.';

revoke execute on all functions in schema orchestrator from public, anon, authenticated;
grant execute on function orchestrator.lock_runs(uuid[], uuid[]) to service_role;
