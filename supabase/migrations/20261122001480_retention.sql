-- Retention: what is old is archived where that is asked for, and deleted in small batches that no worker waits for.
--
-- No index tells which runs are old: one on the end of runs would make every end dearer (see runs). Run ids are ordered
-- by time, so a walk along the primary key meets the oldest first. It remembers how far it came, which spares it what is
-- kept for longer and the index entries of what it has deleted, and ends where runs are too young.

create table orchestrator.prune_mark (
  is_only_row boolean primary key default true,
  after_run_id uuid not null default '00000000-0000-0000-0000-000000000000',
  after_rate_limit text not null default '',
  constraint prune_mark_has_one_row check (is_only_row)
) with (fillfactor = 50);

comment on table orchestrator.prune_mark is
  'One row: how far the walk over runs, and the one over buckets, came. Whoever prunes holds it, so that nobody prunes beside another.';

insert into orchestrator.prune_mark default values;

alter table orchestrator.prune_mark enable row level security;
create policy "nobody but the service role" on orchestrator.prune_mark
  as permissive for all to anon, authenticated using (false) with check (false);
grant select, insert, update, delete on orchestrator.prune_mark to service_role;

create function orchestrator._read_number(p_name text, p_min integer)
returns integer
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  v_text text := coalesce(
    (select value #>> '{}' from public.orchestrator_settings where name = p_name),
    (select value::text from orchestrator.settings_at_setup where name = p_name)
  );
begin
  if v_text is null then
    raise exception 'reading the setting %: set-up has not told it, run task setup', p_name using errcode = 'WF001';
  elsif v_text !~ '^\d{1,5}$' or v_text::integer < p_min then
    -- Deletes nothing: the functions refuse the same row, with the bounds.
    raise exception 'reading the setting %: it must be a whole number from %, got %', p_name, p_min, v_text
      using errcode = 'WF001';
  end if;
  return v_text::integer;
end;
$$;

comment on function orchestrator._read_number(text, integer) is
  'A setting that SQL reads: the row of orchestrator_settings, else what set-up found. An error if it is neither or below p_min.';

create function orchestrator._list_cutoffs(p_now timestamptz)
returns jsonb
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  v_days integer := orchestrator._read_number('history_days', 1);
  v_failed integer := coalesce(nullif(orchestrator._read_number('failed_history_days', 0), 0), v_days);
  v_cancelled integer := coalesce(nullif(orchestrator._read_number('cancelled_history_days', 0), 0), v_days);
  v_archives boolean := orchestrator._read_number('archive_history', 0) > 0;
  -- Whole days go into the archive, or it would be one small file a minute.
  v_from timestamptz := case when v_archives then date_trunc('day', p_now, 'UTC') else p_now end;
begin
  return jsonb_build_object(
    'archives', v_archives,
    'success', v_from - make_interval(days => v_days),
    'skipped', v_from - make_interval(days => v_days),
    'failed', v_from - make_interval(days => v_failed),
    'cancelled', v_from - make_interval(days => v_cancelled),
    'youngest', v_from - make_interval(days => least(v_days, v_failed, v_cancelled)),
    'oldest', v_from - make_interval(days => greatest(v_days, v_failed, v_cancelled)),
    'events', p_now - make_interval(
      days => coalesce(nullif(orchestrator._read_number('event_days', 0), 0), v_days)
    )
  );
end;
$$;

comment on function orchestrator._list_cutoffs(timestamptz) is
  'Before when runs that ended with each status, and events that came, are old, as the settings have it.';

create function orchestrator._list_old_runs(p_workflow_run_ids uuid[], p_cutoffs jsonb)
returns setof public.workflow_runs
language plpgsql
stable
security invoker
set search_path = ''
set enable_seqscan = off
set jit = off
as $$
begin
  return query
  select r.*
  from public.workflow_runs r
  where r.workflow_run_id = any (p_workflow_run_ids)
    and r.finished_at < (p_cutoffs ->> r.status)::timestamptz
    -- A run is kept with its sub-runs.
    and not exists (select from public.workflow_runs p where p.workflow_run_id = r.parent_run_id)
  order by r.workflow_run_id;
end;
$$;

comment on function orchestrator._list_old_runs(uuid[], jsonb) is 'Those of the runs that have ended and are old.';

create function orchestrator._batch_for_archive(p_runs uuid[], p_cutoffs jsonb)
returns void
language plpgsql
volatile
security invoker
set search_path = ''
set enable_seqscan = off
set jit = off
as $$
begin
  with fresh as (
    select r.workflow_run_id, r.workflow_key, r.finished_at, (r.finished_at at time zone 'utc')::date as finished_on
    from orchestrator._list_old_runs(p_runs, p_cutoffs) r
    where not exists (
      select from orchestrator.archive_runs a
      where a.workflow_run_id = r.workflow_run_id and a.finished_at = r.finished_at
    )
  ),
  batch as (
    insert into orchestrator.archive_batches (workflow_key, finished_on)
    select distinct workflow_key, finished_on from fresh
    returning batch_id, workflow_key, finished_on
  )
  insert into orchestrator.archive_runs (workflow_run_id, batch_id, finished_at)
  select f.workflow_run_id, b.batch_id, f.finished_at
  from fresh f
  join batch b using (workflow_key, finished_on)
  on conflict (workflow_run_id) do update set batch_id = excluded.batch_id, finished_at = excluded.finished_at;
end;
$$;

comment on function orchestrator._batch_for_archive(uuid[], jsonb) is
  'Puts the old ones of the runs, but for those that have a batch, into new batches: one a workflow and day.';

create function orchestrator._list_archived(p_workflow_run_ids uuid[])
returns uuid[]
language plpgsql
stable
security invoker
set search_path = ''
set enable_seqscan = off
set jit = off
as $$
begin
  return array(
    select a.workflow_run_id
    from orchestrator.archive_runs a
    join orchestrator.archive_batches b using (batch_id)
    join public.workflow_runs r on r.workflow_run_id = a.workflow_run_id and r.finished_at = a.finished_at
    where a.workflow_run_id = any (p_workflow_run_ids) and b.archived_at is not null
    order by a.workflow_run_id
  );
end;
$$;

comment on function orchestrator._list_archived(uuid[]) is
  'Those of the runs that lie in the archive with the end that they have now.';

create function orchestrator._take_batch(p_workflow_run_ids uuid[])
returns uuid[]
language plpgsql
stable
security invoker
set search_path = ''
set enable_seqscan = off
set jit = off
as $$
begin
  return array(
    select workflow_run_id
    from (
      select workflow_run_id, sum(jobs) over (order by workflow_run_id) - jobs as jobs_before
      from (
        select id as workflow_run_id, (select count(*) from public.job_queue where workflow_run_id = id) as jobs
        from unnest(p_workflow_run_ids) as id
      ) as counted
    ) as summed
    where jobs_before < 2000
    order by workflow_run_id
  );
end;
$$;

comment on function orchestrator._take_batch(uuid[]) is
  'The first of the runs, as many as have a few thousand jobs together, and one in any case.';

create function orchestrator._delete_jobs(p_workflow_run_ids uuid[], p_keeps_outputs boolean, p_limit integer)
returns jsonb
language plpgsql
volatile
security invoker
set search_path = ''
set enable_seqscan = off
set jit = off
as $$
declare
  v_all bigint[];
  v_jobs bigint[];
  v_attempts bigint := 0;
  v_deleted bigint;
begin
  select array_agg(job_id) into v_all
  from (
    select job_id from public.job_queue where workflow_run_id = any (p_workflow_run_ids) order by job_id for update
  ) as locked;
  -- By so many at a time, also those of one run: its items may be a hundred thousand.
  for v_at in 1 .. coalesce(cardinality(v_all), 0) by p_limit loop
    v_jobs := v_all[v_at : v_at + p_limit - 1];
    delete from orchestrator.event_waits where job_id = any (v_jobs);
    delete from orchestrator.event_candidates where job_id = any (v_jobs);
    if not p_keeps_outputs then
      insert into orchestrator.stale_outputs (path)
      select output_ref ->> 'path' from public.job_queue where job_id = any (v_jobs) and output_ref is not null
      on conflict (path) do nothing;
    end if;
    delete from public.job_attempts where job_id = any (v_jobs);
    get diagnostics v_deleted = row_count;
    v_attempts := v_attempts + v_deleted;
    delete from public.job_queue where job_id = any (v_jobs);
  end loop;
  return jsonb_build_object('jobs', coalesce(cardinality(v_all), 0), 'attempts', v_attempts);
end;
$$;

comment on function orchestrator._delete_jobs(uuid[], boolean, integer) is
  'Deletes the jobs of runs, p_limit a statement, with all that hangs on them. With p_keeps_outputs their outputs in Storage stay: the archive refers to them.';

create function orchestrator._delete_runs(p_workflow_run_ids uuid[], p_cutoffs jsonb)
returns jsonb
language plpgsql
volatile
security invoker
set search_path = ''
set enable_seqscan = off
set jit = off
as $$
declare
  v_locked uuid[];
  v_runs uuid[];
  v_archived uuid[];
  v_done jsonb;
  v_kept jsonb;
begin
  -- Tried, not waited for: a run that somebody restarts or retries meanwhile is his, and is looked at again next time.
  select array_agg(id order by id) into v_locked
  from unnest(p_workflow_run_ids) as id
  where pg_try_advisory_xact_lock(
    hashtext('orchestrator.run'), uuid_hash(id)
  );
  -- Only now nobody else can bring them back to life, so this look is the one that counts.
  select array_agg(workflow_run_id) into v_runs from orchestrator._list_old_runs(v_locked, p_cutoffs);
  v_archived := orchestrator._list_archived(v_runs);
  if (p_cutoffs ->> 'archives')::boolean then
    v_runs := v_archived;
  end if;

  v_done := orchestrator._delete_jobs(array(select unnest(v_runs) except select unnest(v_archived)), false, 2000);
  v_kept := orchestrator._delete_jobs(v_archived, true, 2000);
  delete from public.fan_outs where workflow_run_id = any (v_runs);
  delete from orchestrator.consumed_events where workflow_run_id = any (v_runs);
  delete from public.plan_revisions where workflow_run_id = any (v_runs);
  delete from public.workflow_definitions where workflow_key = any (v_runs::text[]);
  delete from public.workflow_runs where workflow_run_id = any (v_runs);
  delete from orchestrator.archive_runs where workflow_run_id = any (v_runs);
  return jsonb_build_object(
    'runs', coalesce(cardinality(v_runs), 0),
    'jobs', (v_done ->> 'jobs')::bigint + (v_kept ->> 'jobs')::bigint,
    'attempts', (v_done ->> 'attempts')::bigint + (v_kept ->> 'attempts')::bigint
  );
end;
$$;

comment on function orchestrator._delete_runs(uuid[], jsonb) is
  'Deletes those of the runs that are old, are archived where that is asked for, and are nobody''s at this moment, with all that belongs to them.';

create function orchestrator._delete_aged(p_cutoffs jsonb, p_after_rate_limit text, p_limit integer, p_now timestamptz)
returns jsonb
language plpgsql
volatile
security invoker
set search_path = ''
set enable_seqscan = off
set jit = off
as $$
declare
  v_events integer;
  v_replies integer;
  v_keys text[];
begin
  delete from public.intent_events
  where event_id = any (array(
    select event_id from public.intent_events
    where created_at < (p_cutoffs ->> 'events')::timestamptz
    order by created_at limit p_limit for update skip locked
  ));
  get diagnostics v_events = row_count;
  -- As long as any run that could be restarted: its agents are asked under the same keys.
  delete from public.agent_replies
  where idempotency_key = any (array(
    select idempotency_key from public.agent_replies
    where created_at < (p_cutoffs ->> 'oldest')::timestamptz
    order by created_at limit p_limit for update skip locked
  ));
  get diagnostics v_replies = row_count;
  perform orchestrator.prune_notifications((p_cutoffs ->> 'oldest')::timestamptz, p_limit);
  delete from orchestrator.workers where seen_at < clock_timestamp() - interval '1 day';

  -- A bucket that has refilled is the same as none.
  select array_agg(rl_key order by rl_key) into v_keys
  from (
    select rl_key from public.rate_limits where rl_key > p_after_rate_limit order by rl_key limit p_limit
  ) as slice;
  delete from public.rate_limits
  where rl_key = any (array(
    select rl_key from public.rate_limits
    where rl_key = any (v_keys) and last_refill < p_now - interval '1 day'
      and coalesce(tokens + extract(epoch from p_now - last_refill) * refill_rate >= capacity, true)
      and coalesce(held_until, '-infinity') < p_now
    order by rl_key for update skip locked
  ));
  return jsonb_build_object(
    'events', v_events,
    'replies', v_replies,
    'after_rate_limit', case when cardinality(v_keys) = p_limit then v_keys[p_limit] else '' end,
    -- The buckets have no end to wait for: the next call goes on with them.
    'is_done', greatest(v_events, v_replies) < p_limit
  );
end;
$$;

comment on function orchestrator._delete_aged(jsonb, text, integer, timestamptz) is
  'Deletes up to p_limit old events and replies of agents, workers that are gone, and those of the next p_limit buckets that are full again.';

create function public.prune_history(p_limit integer)
returns jsonb
language plpgsql
volatile
security invoker
set search_path = ''
set enable_seqscan = off
set jit = off
as $$
declare
  v_now timestamptz := orchestrator.now();
  v_cutoffs jsonb := orchestrator._list_cutoffs(v_now);
  v_mark orchestrator.prune_mark;
  v_last uuid;
  v_is_end boolean;
  v_due uuid[];
  v_old uuid[];
  v_runs jsonb;
  v_aged jsonb;
begin
  -- What was counted for steps that were appended to a run has its workflow's name from the run. Waited for before
  -- anything else is held.
  perform pg_advisory_xact_lock(hashtext('orchestrator.metrics'), 0);
  perform orchestrator.fold_metrics(null);
  select * into v_mark from orchestrator.prune_mark where is_only_row for update skip locked;
  if not found then
    return jsonb_build_object('runs', 0, 'jobs', 0, 'attempts', 0, 'events', 0, 'replies', 0, 'is_done', true);
  end if;

  select
    array_agg(workflow_run_id order by workflow_run_id) filter (
      where finished_at < (v_cutoffs ->> status)::timestamptz
    ),
    (array_agg(workflow_run_id order by workflow_run_id desc))[1],
    count(*) < 2000 or max(created_at) >= (v_cutoffs ->> 'youngest')::timestamptz
  into v_due, v_last, v_is_end
  from (
    select workflow_run_id, status, created_at, finished_at
    from public.workflow_runs
    where workflow_run_id > v_mark.after_run_id
    order by workflow_run_id
    limit 2000
  ) as slice;
  v_due := array(select workflow_run_id from orchestrator._list_old_runs(v_due, v_cutoffs));
  if (v_cutoffs ->> 'archives')::boolean then
    perform orchestrator._batch_for_archive(v_due, v_cutoffs);
    v_due := orchestrator._list_archived(v_due);
  end if;
  v_old := orchestrator._take_batch(v_due[: p_limit]);
  v_runs := orchestrator._delete_runs(v_old, v_cutoffs);
  v_aged := orchestrator._delete_aged(v_cutoffs, v_mark.after_rate_limit, 1000, v_now);

  if cardinality(v_due) > cardinality(v_old) then
    v_mark.after_run_id := v_old[cardinality(v_old)];
    v_is_end := false;
  elsif v_is_end then
    v_mark.after_run_id := '00000000-0000-0000-0000-000000000000'::uuid;
    -- Kept for a day without its runs: health looks when one was archived last.
    delete from orchestrator.archive_batches b
    where coalesce(b.archived_at, '-infinity') < clock_timestamp() - interval '1 day'
      and not exists (select from orchestrator.archive_runs a where a.batch_id = b.batch_id);
  else
    v_mark.after_run_id := v_last;
  end if;
  update orchestrator.prune_mark
  set after_run_id = v_mark.after_run_id, after_rate_limit = v_aged ->> 'after_rate_limit'
  where is_only_row;
  return v_runs || jsonb_build_object(
    'events', v_aged -> 'events', 'replies', v_aged -> 'replies',
    'is_done', v_is_end and (v_aged ->> 'is_done')::boolean
  );
end;
$$;

comment on function public.prune_history(integer) is
  'Deletes up to p_limit runs that are old, as the settings of retention have it, with their jobs and attempts, and old events and replies; live runs and the queue are never touched. is_done: nothing is left to delete at this moment.';

create function orchestrator._prune_audit(p_limit integer)
returns boolean
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_days integer := orchestrator._read_number('audit_days', 0);
  v_deleted integer := 0;
begin
  if v_days > 0 then
    delete from public.orchestrator_audit
    where audit_id = any (array(
      select audit_id
      from (select audit_id, at from public.orchestrator_audit order by audit_id limit p_limit) as first
      where at < orchestrator.now() - make_interval(days => v_days)
    ));
    get diagnostics v_deleted = row_count;
  end if;
  return v_deleted < p_limit;
end;
$$;

comment on function orchestrator._prune_audit(integer) is
  'Deletes up to p_limit audit rows older than audit_days, by nobody but pg_cron: the service role has no right to. True if none is left.';

-- No search_path of its own: a procedure that has one may not commit. Every name in it has its schema.
create procedure orchestrator.prune(p_budget interval default '45 seconds')
language plpgsql
security invoker
as $$
declare
  v_until timestamptz := clock_timestamp() + p_budget;
  v_began_at timestamptz;
  v_is_done boolean;
begin
  loop
    v_began_at := clock_timestamp();
    v_is_done := (public.prune_history(200) ->> 'is_done')::boolean;
    v_is_done := orchestrator._prune_audit(1000) and v_is_done;
    commit;
    exit when v_is_done or clock_timestamp() >= v_until;
    -- At most half of one connection's time: the rest is the queue's.
    perform pg_sleep(extract(epoch from clock_timestamp() - v_began_at));
  end loop;
end;
$$;

comment on procedure orchestrator.prune(interval) is
  'Run by pg_cron: prunes batch by batch, each in a transaction of its own, with a pause behind each, until nothing is left or p_budget is used up.';

create function orchestrator._drop_unused_definitions(p_definition_ids bigint[])
returns integer
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_keys text[];
  v_deleted integer;
begin
  -- Tried, not waited for: whoever publishes one of them brings it back to life.
  select array_agg(workflow_key) into v_keys
  from (select distinct workflow_key from public.workflow_definitions where definition_id = any (p_definition_ids)) as k
  where pg_try_advisory_xact_lock(hashtext('orchestrator.publish'), hashtext(workflow_key));
  delete from public.workflows
  where workflow_key = any (v_keys) and definition_id = any (p_definition_ids) and archived_at is not null;
  delete from public.workflow_schedules s
  where workflow_key = any (v_keys) and user_id is null and cron is null
    and not exists (select from public.workflows w where w.workflow_key = s.workflow_key);
  delete from public.workflow_definitions d
  where definition_id = any (p_definition_ids) and workflow_key = any (v_keys)
    and not exists (select from public.workflows w where w.workflow_key = d.workflow_key and w.archived_at is null)
    and not exists (select from public.workflows w where w.definition_id = d.definition_id);
  get diagnostics v_deleted = row_count;
  return v_deleted;
end;
$$;

comment on function orchestrator._drop_unused_definitions(bigint[]) is
  'Deletes definitions of archived workflows that the caller found no run of, and the workflow with its last one.';

-- No search_path of its own: see prune.
create procedure orchestrator.prune_definitions()
language plpgsql
security invoker
as $$
declare
  v_before timestamptz := orchestrator.now()
    - make_interval(days => orchestrator._read_number('history_days', 1));
  v_unused bigint[] := array(
    select d.definition_id
    from public.workflows w
    join public.workflow_definitions d using (workflow_key)
    where w.archived_at < v_before
  );
  v_after uuid := '00000000-0000-0000-0000-000000000000'::uuid;
  v_used bigint[];
begin
  -- No index tells which runs a definition has, so all runs are looked at, slice by slice. A run that comes meanwhile
  -- stands at the end, or was started anew from one that was looked at.
  while cardinality(v_unused) > 0 and v_after is not null loop
    select array_agg(distinct definition_id), (array_agg(workflow_run_id order by workflow_run_id desc))[1]
    into v_used, v_after
    from (
      select workflow_run_id, definition_id
      from public.workflow_runs
      where workflow_run_id > v_after
      order by workflow_run_id
      limit 5000
    ) as slice;
    v_unused := array(select unnest(v_unused) except select unnest(v_used));
    commit;
  end loop;
  perform orchestrator._drop_unused_definitions(v_unused);
end;
$$;

comment on procedure orchestrator.prune_definitions() is
  'Run by pg_cron: deletes the definitions of workflows that have been archived for history_days and have no run left.';

create function public.list_archive_batches(p_limit integer)
returns jsonb
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  return jsonb_build_object('batches', (
    select coalesce(jsonb_agg(to_jsonb(b) order by b.batch_id), jsonb_build_array())
    from (
      select
        batch_id, workflow_key, finished_on,
        array(
          select workflow_run_id from orchestrator.archive_runs a
          where a.batch_id = b.batch_id order by workflow_run_id
        ) as workflow_run_ids
      from orchestrator.archive_batches b
      where archived_at is null
      order by created_at
      limit p_limit
    ) as b
  ));
end;
$$;

comment on function public.list_archive_batches(integer) is
  'Batches that are not in the archive yet: [{batch_id, workflow_key, finished_on, workflow_run_ids}].';

create function public.read_archive(p_workflow_run_id uuid, p_after_job bigint, p_max_bytes integer)
returns jsonb
language plpgsql
stable
security invoker
set search_path = ''
set enable_seqscan = off
set jit = off
as $$
declare
  v_run jsonb;
  v_jobs jsonb;
begin
  select to_jsonb(r) || jsonb_build_object('workflow_version', d.version) into v_run
  from public.workflow_runs r
  -- Brought back to life, or ended anew since it was chosen: it goes into another batch.
  join orchestrator.archive_runs a on a.workflow_run_id = r.workflow_run_id and a.finished_at = r.finished_at
  left join public.workflow_definitions d on d.definition_id = r.definition_id
  where r.workflow_run_id = p_workflow_run_id;
  if v_run is null then
    return null;
  end if;

  select coalesce(json_agg(job order by job_id)::jsonb, jsonb_build_array()) into v_jobs
  from (
    select job_id, job, sum(octet_length(job::text)) over (order by job_id) - octet_length(job::text) as bytes_before
    from (
      select
        q.job_id,
        to_jsonb(q) - array['lease_token', 'lease_until', 'leased_at', 'leased_by', 'is_handed_on', 'awaits_lease'] || jsonb_build_object(
          'attempts_made', (
            select coalesce(jsonb_agg(to_jsonb(t) - array['job_id', 'workflow_run_id'] order by t.attempt_id), jsonb_build_array())
            from public.job_attempts t where t.job_id = q.job_id
          )
        ) as job
      from public.job_queue q
      where q.workflow_run_id = p_workflow_run_id and q.job_id > p_after_job
      order by q.job_id
      limit 500
    ) as page
  ) as measured
  where bytes_before < p_max_bytes;
  return v_run || jsonb_build_object(
    'jobs', v_jobs,
    'has_more', exists (
      select from public.job_queue
      where workflow_run_id = p_workflow_run_id and job_id > coalesce((v_jobs #>> '{-1,job_id}')::bigint, p_after_job)
    )
  );
end;
$$;

comment on function public.read_archive(uuid, bigint, integer) is
  'What the archive keeps of a run: its row, its jobs after p_after_job up to p_max_bytes and the one that crosses it, each with its attempts, and has_more; null if the run does not await the archive.';

create function public.finish_archive(p_batch_id bigint, p_workflow_run_ids uuid[])
returns jsonb
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_batches integer;
begin
  -- What did not fit is no part of the batch any more: the walk puts it into another one.
  delete from orchestrator.archive_runs
  where batch_id = p_batch_id and workflow_run_id <> all (p_workflow_run_ids)
    and exists (
      select from orchestrator.archive_batches b where b.batch_id = p_batch_id and b.archived_at is null
    );
  update orchestrator.archive_batches
  set archived_at = clock_timestamp()
  where batch_id = p_batch_id and archived_at is null;
  get diagnostics v_batches = row_count;
  return jsonb_build_object('archived', v_batches > 0);
end;
$$;

comment on function public.finish_archive(bigint, uuid[]) is
  'Notes that these runs of a batch are in the archive, and may be deleted; the others leave it.';

revoke execute on all functions in schema orchestrator from public, anon, authenticated;
revoke execute on all procedures in schema orchestrator from public, anon, authenticated;
grant execute on function
  orchestrator._read_number(text, integer), orchestrator._list_cutoffs(timestamptz),
  orchestrator._list_old_runs(uuid[], jsonb), orchestrator._batch_for_archive(uuid[], jsonb),
  orchestrator._list_archived(uuid[]), orchestrator._take_batch(uuid[]),
  orchestrator._delete_jobs(uuid[], boolean, integer), orchestrator._delete_runs(uuid[], jsonb),
  orchestrator._delete_aged(jsonb, text, integer, timestamptz),
  orchestrator._drop_unused_definitions(bigint[])
  to service_role;
revoke execute on function
  public.prune_history(integer), public.list_archive_batches(integer),
  public.read_archive(uuid, bigint, integer), public.finish_archive(bigint, uuid[])
  from public, anon, authenticated;
grant execute on function
  public.prune_history(integer), public.list_archive_batches(integer),
  public.read_archive(uuid, bigint, integer), public.finish_archive(bigint, uuid[])
  to service_role;
