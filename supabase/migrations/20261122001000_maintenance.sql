-- Maintenance: the ticks of pg_cron, and the set-up. What they prune: retention.

create table orchestrator.ticks (
  name text primary key,
  ticked_at timestamptz not null
);

comment on table orchestrator.ticks is 'When each pg_cron tick last ran: health warns when one is silent.';

alter table orchestrator.ticks enable row level security;
create policy "nobody but the service role" on orchestrator.ticks
  as permissive for all to anon, authenticated using (false) with check (false);
grant select, insert, update, delete on orchestrator.ticks to service_role;

create table orchestrator.settings_at_setup (
  name text primary key,
  value integer not null
);

comment on table orchestrator.settings_at_setup is
  'The settings that SQL reads, as set-up found them in its environment or by default: SQL sees neither. A row in orchestrator_settings wins.';

create table orchestrator.archive_batches (
  batch_id bigint generated always as identity primary key,
  workflow_key text not null,
  finished_on date not null,
  created_at timestamptz not null default clock_timestamp(),
  archived_at timestamptz
);

comment on table orchestrator.archive_batches is
  'Runs of one workflow and one day that go into the archive together, until a day after they are deleted. archived_at null: the cron tick has to write them.';

create index archive_batches_open on orchestrator.archive_batches (created_at) where archived_at is null;

create table orchestrator.archive_runs (
  workflow_run_id uuid primary key,
  batch_id bigint not null,
  finished_at timestamptz not null
);

comment on table orchestrator.archive_runs is
  'The runs of each batch of the archive, with the end that is written: a run that was restarted and ended again has another one, and is written again.';

create index archive_runs_by_batch on orchestrator.archive_runs (batch_id);

alter table orchestrator.settings_at_setup enable row level security;
alter table orchestrator.archive_batches enable row level security;
alter table orchestrator.archive_runs enable row level security;
create policy "nobody but the service role" on orchestrator.settings_at_setup
  as permissive for all to anon, authenticated using (false) with check (false);
create policy "nobody but the service role" on orchestrator.archive_batches
  as permissive for all to anon, authenticated using (false) with check (false);
create policy "nobody but the service role" on orchestrator.archive_runs
  as permissive for all to anon, authenticated using (false) with check (false);
grant select, insert, update, delete on
  orchestrator.settings_at_setup, orchestrator.archive_batches, orchestrator.archive_runs to service_role;

create function orchestrator._record_tick(p_name text)
returns void
language sql
volatile
security invoker
set search_path = ''
as $$
  insert into orchestrator.ticks (name, ticked_at)
  values (p_name, clock_timestamp())
  on conflict (name) do update set ticked_at = excluded.ticked_at;
$$;

comment on function orchestrator._record_tick(text) is 'Notes that a tick ran.';

create function orchestrator.tick_worker()
returns boolean
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_has_rung boolean;
begin
  perform orchestrator._record_tick('worker');
  perform orchestrator.sweep(1000);
  perform orchestrator.dispatch_notifications();
  v_has_rung := coalesce(orchestrator.next_due_at() <= orchestrator.now(), false) and orchestrator.ring();
  perform orchestrator.fold_metrics();
  perform orchestrator.evaluate_alerts();
  return v_has_rung;
end;
$$;

comment on function orchestrator.tick_worker() is
  'The safety net, run by pg_cron: takes back expired leases, fails runs past their timeout, dispatches notifications, rings when work is due and nobody drains, folds the metrics, and looks at the alert rules. Idle, it makes no HTTP call.';

create function orchestrator.tick_cron()
returns boolean
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  perform orchestrator._record_tick('cron');
  perform orchestrator.evaluate_alerts();
  if not exists (
    select from public.workflow_schedules
    where cron is not null and paused_at is null and next_run_at <= orchestrator.now()
  ) and public.list_stale_workflow_files() = '[]' and not exists (select from orchestrator.stale_outputs)
    and not exists (select from orchestrator.traces_due where due_at <= orchestrator.now())
    and not exists (select from orchestrator.archive_batches where archived_at is null)
  then
    return false;
  end if;
  return orchestrator.post_to_function('/functions/v1/cron-orchestrator');
end;
$$;

comment on function orchestrator.tick_cron() is
  'Calls cron-orchestrator when a slot is due, a workflow file of the bucket changed, outputs in Storage are to be deleted, runs are to be archived, or traces are to be exported, and looks at the alert rules. Idle, it makes no HTTP call.';

create function orchestrator.prune_cron_history()
returns integer
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_deleted integer;
begin
  -- pg_cron keeps every run for ever; only our own jobs' rows are ours to delete.
  delete from cron.job_run_details d
  using cron.job j
  where j.jobid = d.jobid and j.jobname like 'orchestrator-%' and d.end_time < clock_timestamp() - interval '1 day';
  get diagnostics v_deleted = row_count;
  return v_deleted;
end;
$$;

comment on function orchestrator.prune_cron_history() is
  'Deletes day-old pg_cron history of the orchestrator''s own jobs.';

create function orchestrator._tick_interval()
returns text
language sql
stable
security invoker
set search_path = ''
as $$
  -- pg_cron knows seconds from 1.5 on; before, a minute is the shortest.
  select coalesce(
    (
      select '30 seconds'
      from pg_extension
      where extname = 'pg_cron' and regexp_match(extversion, '^(\d+)\.(\d+)')::integer[] >= array[1, 5]
    ),
    case when exists (select from pg_extension where extname = 'pg_cron') then '* * * * *' else '30 seconds' end
  );
$$;

comment on function orchestrator._tick_interval() is 'The shortest tick not under 30 s that this pg_cron can do.';

create function public.configure_orchestrator(p_base_url text, p_service_key text, p_settings jsonb)
returns jsonb
language plpgsql
volatile
-- Definer: Vault and pg_cron belong to postgres; set-up needs no database password this way.
security definer
set search_path = ''
as $$
declare
  v_secret record;
begin
  for v_secret in
    select n.name, n.value, s.id
    from (values ('orchestrator_base_url', rtrim(p_base_url, '/')), ('orchestrator_service_key', p_service_key)) as n (name, value)
    left join vault.secrets s on s.name = n.name
  loop
    if v_secret.id is null then
      perform vault.create_secret(v_secret.value, v_secret.name);
    else
      perform vault.update_secret(v_secret.id, v_secret.value);
    end if;
  end loop;

  insert into orchestrator.settings_at_setup (name, value)
  select key, value::integer from jsonb_each_text(p_settings)
  on conflict (name) do update set value = excluded.value;

  perform cron.schedule('orchestrator-worker', orchestrator._tick_interval(), 'select orchestrator.tick_worker()');
  perform cron.schedule('orchestrator-cron', '* * * * *', 'select orchestrator.tick_cron()');
  perform cron.schedule('orchestrator-prune', '* * * * *', 'call orchestrator.prune()');
  perform cron.schedule('orchestrator-prune-definitions', '47 * * * *', 'call orchestrator.prune_definitions()');
  perform cron.schedule('orchestrator-prune-cron', '17 * * * *', 'select orchestrator.prune_cron_history()');

  -- Health counts the silence of a tick from here on.
  perform orchestrator._record_tick('worker');
  perform orchestrator._record_tick('cron');

  return jsonb_build_object('cron_jobs', (
    select jsonb_agg(jsonb_build_object('name', jobname, 'schedule', schedule) order by jobname)
    from cron.job
    where jobname like 'orchestrator-%'
  ));
end;
$$;

comment on function public.configure_orchestrator(text, text, jsonb) is
  'Stores where Postgres reaches the functions and with which key (Vault), and p_settings, those that SQL reads; schedules the ticks and the pruning (pg_cron). Safe to repeat.';

revoke execute on all functions in schema orchestrator from public, anon, authenticated;
grant execute on function
  orchestrator._record_tick(text), orchestrator.tick_worker(), orchestrator.tick_cron()
  to service_role;
revoke execute on function public.configure_orchestrator(text, text, jsonb) from public, anon, authenticated;
grant execute on function public.configure_orchestrator(text, text, jsonb) to service_role;
