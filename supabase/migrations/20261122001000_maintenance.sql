-- Maintenance: the ticks of pg_cron, pruning, and the set-up of both.

create table orchestrator.ticks (
  name text primary key,
  ticked_at timestamptz not null
);

comment on table orchestrator.ticks is 'When each pg_cron tick last ran: health warns when one is silent.';

alter table orchestrator.ticks enable row level security;
create policy "nobody but the service role" on orchestrator.ticks
  as permissive for all to public using (false) with check (false);
grant select, insert, update, delete on orchestrator.ticks to service_role;

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
  v_has_rung := coalesce(orchestrator.next_due_at() <= orchestrator.now(), false) and orchestrator.ring();
  perform orchestrator.fold_metrics();
  return v_has_rung;
end;
$$;

comment on function orchestrator.tick_worker() is
  'The safety net, run by pg_cron: takes back expired leases, fails runs past their timeout, rings when work is due and nobody drains, and folds the metrics. Idle, it makes no HTTP call.';

create function orchestrator.tick_cron()
returns boolean
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  perform orchestrator._record_tick('cron');
  if not exists (
    select from public.workflow_schedules
    where cron is not null and paused_at is null and next_run_at <= orchestrator.now()
  ) and public.list_stale_workflow_files() = '[]' and not exists (select from orchestrator.stale_outputs) then
    return false;
  end if;
  return orchestrator.post_to_function('/functions/v1/cron-orchestrator');
end;
$$;

comment on function orchestrator.tick_cron() is
  'Calls cron-orchestrator when a slot is due, a workflow file of the bucket changed, or outputs in Storage are to be deleted. Idle, it makes no HTTP call.';

create function public.prune_history(p_older_than interval, p_limit integer)
returns jsonb
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_before timestamptz := orchestrator.now() - p_older_than;
  v_runs uuid[];
  v_old_jobs bigint[];
  v_jobs integer;
  v_attempts integer;
  v_events integer;
begin
  -- What was counted for steps that were appended to a run has its workflow's name from the run. Waited for before
  -- anything else is held.
  perform pg_advisory_xact_lock(hashtext('orchestrator.metrics'), 0);
  perform orchestrator.fold_metrics(null);

  -- Run ids are time-ordered, so the oldest come first without an index on the finish time.
  select array_agg(workflow_run_id) into v_runs
  from (
    select workflow_run_id
    from public.workflow_runs
    where finished_at < v_before
    order by workflow_run_id
    limit p_limit
    for update skip locked
  ) as old;

  select array_agg(job_id) into v_old_jobs from public.job_queue where workflow_run_id = any (v_runs);
  perform orchestrator._forget_work(v_old_jobs);
  delete from public.job_attempts where job_id = any (v_old_jobs);
  get diagnostics v_attempts = row_count;
  delete from public.job_queue where job_id = any (v_old_jobs);
  get diagnostics v_jobs = row_count;
  delete from public.fan_outs where workflow_run_id = any (v_runs);
  delete from orchestrator.consumed_events where workflow_run_id = any (v_runs);
  delete from public.plan_revisions where workflow_run_id = any (v_runs);
  delete from public.workflow_definitions where workflow_key = any (v_runs::text[]);
  delete from public.workflow_runs where workflow_run_id = any (v_runs);

  delete from public.intent_events
  where event_id = any (array(
    select event_id from public.intent_events
    where created_at < v_before order by created_at limit p_limit for update skip locked
  ));
  get diagnostics v_events = row_count;

  delete from orchestrator.workers where seen_at < clock_timestamp() - interval '1 day';
  delete from public.agent_replies where created_at < v_before;
  -- A bucket that has refilled is the same as none.
  delete from public.rate_limits
  where last_refill < orchestrator.now() - interval '1 day'
    and coalesce(held_until, '-infinity') < orchestrator.now();

  return jsonb_build_object(
    'runs', coalesce(cardinality(v_runs), 0), 'jobs', v_jobs, 'attempts', v_attempts, 'events', v_events
  );
end;
$$;

comment on function public.prune_history(interval, integer) is
  'Deletes up to p_limit runs that finished before p_older_than ago, with their jobs, attempts and old events; live runs and the queue are never touched.';

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

create function public.configure_orchestrator(p_base_url text, p_service_key text, p_history_days integer)
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

  perform cron.schedule('orchestrator-worker', orchestrator._tick_interval(), 'select orchestrator.tick_worker()');
  perform cron.schedule('orchestrator-cron', '* * * * *', 'select orchestrator.tick_cron()');
  perform cron.schedule(
    'orchestrator-prune', '*/5 * * * *',
    format('select public.prune_history(interval %L, 5000)', p_history_days || ' days')
  );
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

comment on function public.configure_orchestrator(text, text, integer) is
  'Stores where Postgres reaches the functions and with which key (Vault), and schedules the ticks and the pruning (pg_cron). Safe to repeat.';

revoke execute on all functions in schema orchestrator from public, anon, authenticated;
grant execute on function
  orchestrator._record_tick(text), orchestrator.tick_worker(), orchestrator.tick_cron()
  to service_role;
revoke execute on function
  public.prune_history(interval, integer), public.configure_orchestrator(text, text, integer)
  from public, anon, authenticated;
grant execute on function
  public.prune_history(interval, integer), public.configure_orchestrator(text, text, integer)
  to service_role;
