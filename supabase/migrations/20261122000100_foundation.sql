-- Foundation: the private schema, the one clock, settings rows.
--
-- The path through these migrations, in order:
--   definitions   what a workflow is (immutable rows, by content hash)
--   runs          events, runs, jobs, attempts
--   trigger       an event row starts runs in its own transaction
--   dispatch      a request becomes one run and one job per step
--   queue         lease, heartbeat, hand back; the doorbell that wakes a worker
--   rate_limit    token buckets, taken inside the lease
--   completion    a batch of results is settled and dependents advance, in one transaction
--   parking       jobs that wait: events, timers, items, sub-runs, callbacks, slots
--   plans         steps that come to a live run: handlers, appended steps
--   schedule      cron slots, one row per workflow and per subscriber
--   maintenance   ticks, sweeps, the set-up
--   operators     cancel, retry, reset, restart, views, health
--   agent_replies replies of example agents, kept for idempotent replay
--   reads         runs, jobs, workflows, schedules, rate limits: what people look at, by filter and page
--   overview      the figures of the dashboard's first page
--   access        who may sign in to the dashboard, and the audit of what was done
--   actions       one door for all that operators do, with its audit row
--   secrets       what must be kept and not shown, in Vault
--   metrics       counters and durations, counted by the statements that did it
--   notifications what happened, told to Slack channels and webhooks
--   alerts        what is wrong, found by rules that the ticks look at
--   monitoring    what a read-only role sees, for Grafana
--   hooks         senders whose webhooks become events
--   triggers      public workflows, and the keys that start them from outside
--   traces        runs that have ended, until their spans are exported
--   progress      how far a run is, for apps that show it
--   retention     what is old: archived where that is asked for, and deleted in small batches
--   agent_tokens  the keys that sign what agents get in place of the service key
--   invariants    what holds between the rows, and the view of each that shows what breaks it
--
-- Tables and RPCs that callers name live in public; helpers live in orchestrator.
-- Lock order everywhere: run (advisory, see orchestrator.lock_runs), then jobs (those that are settled by
-- id, then their dependents, which wait and are in no lease, by run and step), then run rows; then buckets by key, and
-- last the rows of fan-outs. Only the lease statement locks jobs alone, and it never waits (skip locked); as it comes
-- behind a settle, nobody who has a bucket or a fan-out may wait for a job or a run. The sweep has rows of leases
-- before all that, and nobody waits for one (skip locked).

create schema orchestrator;

comment on schema orchestrator is
  'Private helpers of the workflow orchestrator; the callable surface is in public, for service_role alone.';

revoke all on schema orchestrator from public;
grant usage on schema orchestrator to service_role;

create table orchestrator.clock (
  is_only_row boolean primary key default true,
  shift interval not null default interval '0',
  constraint clock_has_one_row check (is_only_row)
);

comment on table orchestrator.clock is
  'One row: how far orchestrator.now() is ahead of the server''s clock. Zero in production; tests and the demo move it.';

insert into orchestrator.clock default values;

create function orchestrator.now()
returns timestamptz
language plpgsql  -- not sql: functions in sql are planned anew at every call
stable
security invoker
set search_path = ''
as $$
begin
  -- By its key: where a caller's setting forbids sequential scans, one of even this table counts as dear.
  return clock_timestamp() + (select shift from orchestrator.clock where is_only_row);
end;
$$;

comment on function orchestrator.now() is
  'The only clock of the engine: read once per function, so that tests set time and isolates cannot skew it.';

create function orchestrator.uuids_v7(p_count integer)
returns uuid[]
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  -- RFC 9562 version 7: 48 bits of unix milliseconds, then random bits; the two set_bit calls turn version 4 into 7.
  return array(
    select encode(
      set_bit(
        set_bit(
          overlay(
            uuid_send(gen_random_uuid())
            placing substring(int8send((extract(epoch from clock_timestamp()) * 1000)::bigint) from 3)
            from 1 for 6
          ),
          52, 1
        ),
        53, 1
      ),
      'hex'
    )::uuid
    from generate_series(1, p_count)
  );
end;
$$;

comment on function orchestrator.uuids_v7(integer) is
  'Time-ordered uuids (RFC 9562, version 7), so that new runs land at the right edge of their index.';

create function orchestrator.uuid_v7()
returns uuid
language plpgsql  -- not sql: see now()
volatile
security invoker
set search_path = ''
as $$
begin
  return (orchestrator.uuids_v7(1))[1];
end;
$$;

comment on function orchestrator.uuid_v7() is 'One of uuids_v7.';

create function orchestrator.kin_uuid(p_kin uuid)
returns uuid
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  return (left(orchestrator.uuid_v7()::text, 28) || right(p_kin::text, 8))::uuid;
end;
$$;

comment on function orchestrator.kin_uuid(uuid) is
  'A new time-ordered uuid with the last four bytes of another: runs and their sub-runs share these, and so one lock (see orchestrator.lock_runs).';

create table public.orchestrator_settings (
  name text primary key,
  value jsonb not null,
  updated_at timestamptz not null default now()
);

comment on table public.orchestrator_settings is
  'Settings changed at run time; a row here wins over the environment, which wins over the default. Names and defaults: .env.example.';

alter table orchestrator.clock enable row level security;
alter table public.orchestrator_settings enable row level security;

create policy "nobody but the service role" on orchestrator.clock
  as permissive for all to anon, authenticated using (false) with check (false);
create policy "nobody but the service role" on public.orchestrator_settings
  as permissive for all to anon, authenticated using (false) with check (false);

grant select on orchestrator.clock to service_role;
grant select, insert, update, delete on public.orchestrator_settings to service_role;

create function public.get_settings()
returns jsonb
language sql
stable
security invoker
set search_path = ''
as $$
  select coalesce(jsonb_object_agg(name, value), '{}') from public.orchestrator_settings;
$$;

comment on function public.get_settings() is
  'The settings rows as one object {name: value}; defaults and environment are the functions'' business.';

revoke execute on all functions in schema orchestrator from public, anon, authenticated;
revoke execute on function public.get_settings() from public, anon, authenticated;
grant execute on function orchestrator.now(), orchestrator.uuids_v7(integer), orchestrator.uuid_v7(), orchestrator.kin_uuid(uuid) to service_role;
grant execute on function public.get_settings() to service_role;
