-- Traces: a run that has ended is noted in the transaction that ended it, so that its spans reach the receiver
-- however many isolates end before that. Spans are no rows: they are made from runs, jobs and attempts at export.

create table orchestrator.trace_export (
  is_only_row boolean primary key default true,
  expires_at timestamptz not null,
  constraint trace_export_has_one_row check (is_only_row)
);

comment on table orchestrator.trace_export is
  'No row, or one that expired: nobody exports traces, and ended runs are not noted. Renewed by the functions, whose environment names the receiver.';

create table orchestrator.traces_due (
  workflow_run_id uuid primary key,
  noted_at timestamptz not null,
  due_at timestamptz not null,
  since timestamptz,
  tries integer not null default 0,
  lease_token uuid
);

comment on table orchestrator.traces_due is
  'Runs whose spans are still to be exported. since: a run that was restarted in place, with its spans until then exported before; due_at is infinity while it runs again.';

create index traces_due_by_time on orchestrator.traces_due (due_at);

alter table orchestrator.trace_export enable row level security;
alter table orchestrator.traces_due enable row level security;
create policy "nobody but the service role" on orchestrator.trace_export
  as permissive for all to anon, authenticated using (false) with check (false);
create policy "nobody but the service role" on orchestrator.traces_due
  as permissive for all to anon, authenticated using (false) with check (false);
grant select, insert, update, delete on orchestrator.trace_export, orchestrator.traces_due to service_role;

create function orchestrator._note_traces(p_workflow_run_ids uuid[])
returns void
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_now timestamptz := orchestrator.now();
begin
  if not exists (select from orchestrator.trace_export where expires_at > v_now) then
    return;
  end if;
  -- What a caller does not record (sampled flag 0) is not ours to record.
  insert into orchestrator.traces_due (workflow_run_id, noted_at, due_at)
  select workflow_run_id, v_now, v_now
  from public.workflow_runs
  where workflow_run_id = any (p_workflow_run_ids) and coalesce(trace_parent not like '%-00', true)
  order by workflow_run_id
  on conflict (workflow_run_id) do update set
    noted_at = excluded.noted_at, due_at = excluded.due_at, tries = 0, lease_token = null;
end;
$$;

comment on function orchestrator._note_traces(uuid[]) is
  'Notes runs that have just ended, while traces are exported (see announce_ended_runs).';

create function orchestrator._reopen_trace(p_workflow_run_id uuid)
returns void
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_now timestamptz := orchestrator.now();
begin
  if not exists (select from orchestrator.trace_export where expires_at > v_now) then
    return;
  end if;
  -- A row that is there was not exported: then all of it comes with the next end.
  insert into orchestrator.traces_due (workflow_run_id, noted_at, due_at, since)
  select workflow_run_id, v_now, 'infinity', finished_at
  from public.workflow_runs
  where workflow_run_id = p_workflow_run_id and status <> 'running' and coalesce(trace_parent not like '%-00', true)
  on conflict (workflow_run_id) do update set due_at = 'infinity', lease_token = null;
end;
$$;

comment on function orchestrator._reopen_trace(uuid) is
  'Remembers up to when a run that is about to be restarted in place has ended spans; nothing for a run that has not ended.';

create function public.switch_trace_export(p_is_on boolean)
returns jsonb
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  if p_is_on then
    -- A day, so that runs that end without a worker (a cancel, a deadline) are noted on a quiet day too.
    insert into orchestrator.trace_export (expires_at) values (orchestrator.now() + interval '1 day')
    on conflict (is_only_row) do update set expires_at = excluded.expires_at;
  else
    delete from orchestrator.trace_export;
    delete from orchestrator.traces_due;
  end if;
  return jsonb_build_object('is_on', p_is_on);
end;
$$;

comment on function public.switch_trace_export(boolean) is
  'Called by the functions, as their environment says: on lasts a day; off forgets what was noted.';

create function orchestrator._as_us(p_at timestamptz)
returns bigint
language plpgsql
stable
strict
security invoker
set search_path = ''
as $$
begin
  return (extract(epoch from p_at) * 1000000)::bigint;
end;
$$;

comment on function orchestrator._as_us(timestamptz) is 'Microseconds since 1970, which a JSON number holds exactly.';

create function orchestrator._describe_trace(p_run public.workflow_runs, p_due orchestrator.traces_due)
returns jsonb
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  return jsonb_build_object(
    'workflow_run_id', p_run.workflow_run_id,
    'lease_token', p_due.lease_token,
    'tries', p_due.tries,
    'since_us', orchestrator._as_us(p_due.since),
    'workflow_key', p_run.workflow_key,
    'version', (select d.version from public.workflow_definitions d where d.definition_id = p_run.definition_id),
    'status', p_run.status,
    'trigger_type', p_run.trigger_type,
    'trace_parent', p_run.trace_parent,
    'trace_state', p_run.trace_state,
    'started_us', orchestrator._as_us(p_run.created_at),
    'finished_us', orchestrator._as_us(p_run.finished_at),
    'parent', (
      select jsonb_build_object(
        'workflow_run_id', r.workflow_run_id, 'trace_parent', r.trace_parent,
        'since_us', orchestrator._as_us(d.since), 'step_no', q.step_no, 'item_index', q.item_index
      )
      from public.workflow_runs r
      join public.job_queue q on q.job_id = p_run.parent_job_id
      left join orchestrator.traces_due d on d.workflow_run_id = r.workflow_run_id
      where r.workflow_run_id = p_run.parent_run_id
    ),
    'restarted_from', (
      select jsonb_build_object('workflow_run_id', r.workflow_run_id, 'trace_parent', r.trace_parent)
      from public.workflow_runs r
      where r.workflow_run_id = p_run.restarted_from
    )
  );
end;
$$;

comment on function orchestrator._describe_trace(public.workflow_runs, orchestrator.traces_due) is
  'What the span of a run is made of, and what ties it to other traces.';

create function public.claim_traces(p_limit integer, p_lease_ms integer)
returns jsonb
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_now timestamptz := orchestrator.now();
  v_dropped integer;
  v_runs jsonb;
begin
  delete from orchestrator.traces_due
  where workflow_run_id = any (array(
    select workflow_run_id
    from orchestrator.traces_due
    where due_at <= v_now and noted_at < v_now - interval '1 day'
    limit 10000
    for update skip locked
  ));
  get diagnostics v_dropped = row_count;

  with claimed as (
    update orchestrator.traces_due
    set
      lease_token = gen_random_uuid(),
      tries = tries + 1,
      due_at = v_now + p_lease_ms * interval '1 millisecond'
    where workflow_run_id = any (array(
      select workflow_run_id
      from orchestrator.traces_due
      where due_at <= v_now
      order by due_at
      limit p_limit
      for update skip locked
    ))
    returning *
  )
  select jsonb_agg(
    case
      -- Deleted meanwhile: there is nothing to tell but that it can be forgotten.
      when r.workflow_run_id is null
        then jsonb_build_object('workflow_run_id', c.workflow_run_id, 'lease_token', c.lease_token, 'status', null)
      else orchestrator._describe_trace(r, c)
    end
    order by c.noted_at
  ) into v_runs
  from claimed c
  left join public.workflow_runs r using (workflow_run_id);
  return jsonb_build_object('runs', coalesce(v_runs, '[]'), 'dropped', v_dropped);
end;
$$;

comment on function public.claim_traces(integer, integer) is
  'Gives up to p_limit runs that are to be exported to one exporter, for p_lease_ms. dropped: those that nobody took within a day.';

create function public.list_trace_jobs(p_runs jsonb, p_limit integer)
returns jsonb
language plpgsql
stable
security invoker
set search_path = ''
set enable_seqscan = off
set jit = off
as $$
begin
  return (
    select coalesce(jsonb_agg(jsonb_build_object(
      'workflow_run_id', j.workflow_run_id,
      'step_no', j.step_no,
      'item_index', j.item_index,
      'job_id', j.job_id,
      'step_id', j.step_id,
      'agent', j.agent,
      'kind', coalesce(j.payload ->> 'kind', 'call'),
      -- The step's own job of a fan-out calls nobody.
      'calls', not j.payload ? 'kind' and (j.item_index >= 0 or not j.payload ? 'for_each'),
      'method', coalesce(j.payload ->> 'method', 'POST'),
      'status', j.status,
      'skip_reason', j.skip_reason,
      'error_class', j.error_class,
      'started_us', orchestrator._as_us(greatest(coalesce(j.started_at, j.finished_at), r.since)),
      'finished_us', orchestrator._as_us(j.finished_at),
      'attempts', (
        select coalesce(jsonb_agg(jsonb_build_object(
          'attempt', a.attempt,
          'started_us', orchestrator._as_us(a.started_at),
          'finished_us', orchestrator._as_us(a.finished_at),
          'success', a.success,
          'status_code', a.status_code,
          'error_class', a.error_class
        ) order by a.attempt_id), '[]')
        from (
          select *
          from public.job_attempts
          -- A late result is of an attempt that has its row already.
          where job_id = j.job_id and not is_late and (r.since is null or finished_at > r.since)
          order by attempt_id desc
          limit 100
        ) as a
      )
    ) order by j.workflow_run_id, j.step_no, j.item_index), '[]')
    from (
      select
        workflow_run_id, coalesce(after_step_no, -1) as after_step_no, coalesce(after_item_index, -1) as after_item_index,
        to_timestamp(0) + since_us * interval '1 microsecond' as since
      from jsonb_to_recordset(p_runs) as p (
        workflow_run_id uuid, after_step_no integer, after_item_index integer, since_us bigint
      )
    ) as r
    cross join lateral (
      select *
      from public.job_queue q
      where q.workflow_run_id = r.workflow_run_id
        and (q.step_no, q.item_index) > (r.after_step_no, r.after_item_index)
        and q.finished_at is not null and (r.since is null or q.finished_at > r.since)
      order by q.step_no, q.item_index
      limit p_limit
    ) as j
  );
end;
$$;

comment on function public.list_trace_jobs(jsonb, integer) is
  'The ended jobs of runs with their attempts, up to p_limit of each run behind its after_step_no and after_item_index; nothing that went in or came out.';

create function public.settle_traces(p_results jsonb)
returns jsonb
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_now timestamptz := orchestrator.now();
begin
  -- Fenced by the token: another exporter may have the run by now, or it was restarted.
  delete from orchestrator.traces_due d
  using jsonb_to_recordset(p_results) as r (workflow_run_id uuid, lease_token uuid, retry_ms bigint)
  where d.workflow_run_id = r.workflow_run_id and d.lease_token = r.lease_token and r.retry_ms is null;
  update orchestrator.traces_due d
  set due_at = v_now + r.retry_ms * interval '1 millisecond', lease_token = null
  from jsonb_to_recordset(p_results) as r (workflow_run_id uuid, lease_token uuid, retry_ms bigint)
  where d.workflow_run_id = r.workflow_run_id and d.lease_token = r.lease_token and r.retry_ms is not null;
  return jsonb_build_object();
end;
$$;

comment on function public.settle_traces(jsonb) is
  'Ends the claims of an exporter: runs that were exported are forgotten, those with retry_ms are due again after that time.';

revoke execute on all functions in schema orchestrator from public, anon, authenticated;
grant execute on function
  orchestrator._note_traces(uuid[]), orchestrator._reopen_trace(uuid), orchestrator._as_us(timestamptz),
  orchestrator._describe_trace(public.workflow_runs, orchestrator.traces_due)
  to service_role;
revoke execute on function
  public.switch_trace_export(boolean), public.claim_traces(integer, integer),
  public.list_trace_jobs(jsonb, integer), public.settle_traces(jsonb)
  from public, anon, authenticated;
grant execute on function
  public.switch_trace_export(boolean), public.claim_traces(integer, integer),
  public.list_trace_jobs(jsonb, integer), public.settle_traces(jsonb)
  to service_role;
