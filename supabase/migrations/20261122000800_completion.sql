-- Completion: a batch of results is settled and the dependents advance, in one transaction.
--
-- The token fences every result: a worker whose lease was lost changes nothing, its result is kept as a late
-- attempt. Successes, the hot path, are one statement; failures and skipped dependents take the slower one.

create function orchestrator.join_status(p_rule text, p_min integer, p_open integer, p_succeeded integer, p_failed integer)
returns text
language plpgsql
immutable
security invoker
set search_path = ''
as $$
begin
  return case
    when p_rule = 'early' then case
      when p_succeeded >= p_min then 'queued'
      -- Also where it cannot be met any more: only the last end tells whether one failed, in whatever order.
      when p_open > 0 then 'waiting'
      else 'skipped'
    end
    when p_open > 0 then 'waiting'
    when p_rule = 'done' then 'queued'
    when p_rule = 'failed' then case when p_failed > 0 then 'queued' else 'skipped' end
    when p_failed > 0 or p_succeeded < coalesce(p_min, 1) then 'skipped'
    else 'queued'
  end;
end;
$$;

comment on function orchestrator.join_status(text, integer, integer, integer, integer) is
  'What becomes of a waiting job, by its join rule and the counts of its dependencies.';

create function orchestrator.join_skip_reason(p_rule text, p_failed integer)
returns text
language plpgsql
immutable
security invoker
set search_path = ''
as $$
begin
  return case
    when p_rule = 'failed' then 'condition'
    when p_failed > 0 then 'upstream_failed'
    else 'dependency'
  end;
end;
$$;

comment on function orchestrator.join_skip_reason(text, integer) is
  'Why a job is skipped that join_status says to skip.';

create type orchestrator.results as (
  job_id bigint[],
  lease_token uuid[],
  outcome text[],
  status_code integer[],
  -- Lists as JSON: an array of Postgres would take a list of lists for one of two dimensions.
  output jsonb,
  output_ref jsonb,
  condition jsonb,
  logs jsonb
);

comment on type orchestrator.results is
  'What results say that are no more than successes, by columns: the first of each list belongs to the first result.';

create function orchestrator._list_results(p_results jsonb)
returns jsonb
language sql
immutable
security invoker
set search_path = ''
as $$
  select coalesce(jsonb_agg(r.result order by r.place), '[]')
  from (
    select v.place, jsonb_object_agg(c.name, v.value) as result
    from jsonb_each(p_results) as c (name, list)
    cross join lateral jsonb_array_elements(c.list) with ordinality as v (value, place)
    where v.value <> 'null'
    group by v.place
  ) as r;
$$;

comment on function orchestrator._list_results(jsonb) is
  'The rows of results that came by columns, each with the members that it has.';

create function orchestrator._gather_successes(p_results jsonb)
returns orchestrator.results
language sql
immutable
security invoker
set search_path = ''
as $$
  select (
    array_agg(job_id), array_agg(lease_token), array_agg(outcome), array_agg(status_code), jsonb_agg(output),
    jsonb_agg(output_ref), jsonb_agg(condition), jsonb_agg(logs)
  )::orchestrator.results
  from jsonb_to_recordset(p_results) as (
    job_id bigint, lease_token uuid, outcome text, status_code integer, output jsonb, output_ref jsonb,
    condition jsonb, logs jsonb
  )
  where outcome = 'success';
$$;

comment on function orchestrator._gather_successes(jsonb) is 'The successes among rows of results, by columns.';

create function orchestrator._settle_successes(
  p_results orchestrator.results,
  p_now timestamptz,
  p_max_ready integer,
  out p_settled bigint[],
  out p_skipped bigint[],
  out p_ready orchestrator.candidate[],
  out p_ready_priorities integer[],
  out p_item_runs uuid[],
  out p_item_steps integer[],
  out p_ended_runs uuid[]
)
language plpgsql
volatile
security invoker
set search_path = ''
set enable_seqscan = off
set jit = off
set enable_hashjoin = off
set enable_mergejoin = off
as $$
begin
  with result as materialized (
    select
      job_id, lease_token, status_code, output, nullif(output_ref, 'null') as output_ref,
      nullif(condition, 'null') as condition, nullif(logs, 'null') as logs
    from (
      -- In a list of columns: as a table, each list would be stored before it is read.
      select
        unnest(p_results.job_id) as job_id, unnest(p_results.lease_token) as lease_token,
        unnest(p_results.status_code) as status_code, jsonb_array_elements(p_results.output) as output,
        jsonb_array_elements(p_results.output_ref) as output_ref,
        jsonb_array_elements(p_results.condition) as condition, jsonb_array_elements(p_results.logs) as logs
    ) as column_by_column
    order by job_id
  ),
  settled as (
    update public.job_queue q
    set
      status = 'success',
      output = case when r.output_ref is null then coalesce(r.output, 'null') end,
      output_ref = r.output_ref,
      condition = coalesce(r.condition, q.condition),
      finished_at = p_now,
      lease_token = null, lease_until = null, error_class = null, error_text = null
    from result r
    where q.job_id = r.job_id and q.lease_token = r.lease_token
    returning
      q.job_id, q.workflow_run_id, q.definition_id, q.step_no, q.step_id, q.item_index, q.extra_dependents, q.attempts,
      q.leased_at, q.leased_by, r.status_code, r.logs,
      greatest(0, date_part('epoch', p_now - q.leased_at)) as took,
      case
        when q.is_handed_on then 0
        when q.parked is null and isfinite(q.next_run_at) then
          greatest(0, date_part('epoch', q.leased_at - q.next_run_at))
      end as waited
  ),
  attempt as (
    insert into public.job_attempts (
      job_id, workflow_run_id, attempt, worker_id, started_at, finished_at, success, status_code, logs
    )
    select job_id, workflow_run_id, attempts, leased_by, leased_at, p_now, true, status_code, logs
    from settled
  ),
  edge as (
    select s.workflow_run_id, w.dependents || s.extra_dependents as dependents, w.is_sink
    from settled s
    join public.workflow_steps w on w.definition_id = s.definition_id and w.step_no = s.step_no
    where s.item_index = -1
  ),
  opened as materialized (
    -- In the order in which their jobs are locked.
    select d.workflow_run_id, d.step_no, count(*)::integer as finished
    from (select workflow_run_id, unnest(dependents) as step_no from edge) as d
    group by d.workflow_run_id, d.step_no
    order by d.workflow_run_id, d.step_no
  ),
  dependent as materialized (
    select
      q.job_id, o.finished, q.user_id, q.agent, q.rate_limit_key, q.priority,
      q.join_rule is null and q.open_dependencies = o.finished and q.failed_dependencies = 0
        and q.next_run_at <= p_now as is_ready,
      -- The default rule in line: the others are rarer than a call of a function is cheap.
      case
        when q.join_rule is not null then orchestrator.join_status(
          q.join_rule, q.join_min, q.open_dependencies - o.finished, q.succeeded_dependencies + o.finished,
          q.failed_dependencies
        )
        when q.open_dependencies > o.finished then 'waiting'
        when q.failed_dependencies > 0 then 'skipped'
        else 'queued'
      end as next_status
    from opened o
    cross join lateral (
      -- Locked one by one in that order, whatever the plan: two batches that share dependents cannot wait in a circle.
      -- The lock also is a fence: a probe each, also with a plan that is older than the tables' first statistics.
      select
        w.job_id, w.user_id, w.agent, w.rate_limit_key, w.priority, w.next_run_at, w.join_rule, w.join_min,
        w.open_dependencies, w.succeeded_dependencies, w.failed_dependencies
      from public.job_queue w
      where w.workflow_run_id = o.workflow_run_id and w.step_no = o.step_no and w.item_index = -1
        and w.status = 'waiting'
      for update
    ) as q
  ),
  handed_on as materialized (
    -- The lease that follows writes these: `queued` would be a version that nobody sees. Older runs first.
    select job_id, user_id, agent, rate_limit_key, priority
    from dependent
    where is_ready
    order by priority, job_id
    limit p_max_ready
  ),
  advanced as (
    update public.job_queue q
    set
      open_dependencies = q.open_dependencies - d.finished,
      succeeded_dependencies = q.succeeded_dependencies + d.finished,
      status = d.next_status,
      skip_reason = case
        when d.next_status = 'skipped' then orchestrator.join_skip_reason(q.join_rule, q.failed_dependencies)
      end,
      finished_at = case when d.next_status = 'skipped' then p_now end,
      -- A run dispatched for later keeps its time; all else is ready now, behind what was ready before. What goes on
      -- waiting changes nothing that an index names.
      next_run_at = case when d.next_status = 'queued' then greatest(q.next_run_at, p_now) else q.next_run_at end
    from dependent d
    where q.job_id = d.job_id and q.status = 'waiting' and d.job_id not in (select job_id from handed_on)
    returning q.job_id, q.status
  ),
  closed as materialized (
    select workflow_run_id, count(*)::integer as sinks
    from edge
    where is_sink
    group by workflow_run_id
    order by workflow_run_id
  ),
  finished as (
    update public.workflow_runs r
    set
      open_sinks = r.open_sinks - c.sinks,
      status = case
        when r.open_sinks > c.sinks then r.status
        when r.failed_jobs > 0 then 'failed'
        else 'success'
      end,
      deadline_at = case when r.open_sinks > c.sinks then r.deadline_at end,
      finished_at = case when r.open_sinks = c.sinks then p_now end
    from closed c
    where r.workflow_run_id = c.workflow_run_id
    returning
      r.workflow_run_id, r.workflow_key, r.status, greatest(0, date_part('epoch', p_now - r.created_at)) as took
  ),
  counted as (
    -- A row for all that is alike: for most batches that is one of steps and one of runs (see the migration metrics).
    insert into orchestrator.metric_deltas (
      metric, definition_id, labels, value, took_bucket, took, waited_bucket, waited
    )
    select
      'step', definition_id, array[min(step_id), 'success'], count(*), took_bucket, sum(took), waited_bucket, sum(waited)
    from (
      select
        definition_id, step_no, step_id, took, waited,
        15 - width_bucket(-took, orchestrator.duration_bounds()) as took_bucket,
        15 - width_bucket(-waited, orchestrator.duration_bounds()) as waited_bucket
      from settled
    ) as step
    group by definition_id, step_no, took_bucket, waited_bucket
    union all
    select 'run', null, array[workflow_key, status], count(*), took_bucket, sum(took), null, null
    from (
      select
        workflow_key, status, took, 15 - width_bucket(-took, orchestrator.duration_bounds()) as took_bucket
      from finished
      where status <> 'running'
    ) as run
    group by workflow_key, status, took_bucket
  ),
  ready as (
    select
      array_agg((job_id, user_id, agent, rate_limit_key)::orchestrator.candidate) as jobs,
      array_agg(priority) as priorities
    from handed_on
  ),
  done as (
    select
      array_agg(job_id) as jobs,
      array_agg(workflow_run_id) filter (where item_index >= 0) as item_runs,
      array_agg(step_no) filter (where item_index >= 0) as item_steps
    from settled
  )
  select
    coalesce(done.jobs, '{}'),
    (select array_agg(job_id) from advanced where status = 'skipped'),
    coalesce(ready.jobs, '{}'), coalesce(ready.priorities, '{}'), done.item_runs, done.item_steps,
    (select array_agg(workflow_run_id) from finished where status <> 'running')
  into p_settled, p_skipped, p_ready, p_ready_priorities, p_item_runs, p_item_steps, p_ended_runs
  from ready, done;
end;
$$;

comment on function orchestrator._settle_successes(orchestrator.results, timestamptz, integer) is
  'Applies the successes of a batch, records their attempts and advances dependents and runs. Answers the settled jobs, the jobs that became skipped, up to p_max_ready that became ready and are not written, with their priorities in order, the fan-out of each settled item, and the runs that ended, counted.';

create function orchestrator._settle_failures(
  p_results jsonb,
  p_now timestamptz,
  out p_settled bigint[],
  out p_item_runs uuid[],
  out p_item_steps integer[]
)
language plpgsql
volatile
security invoker
set search_path = ''
set enable_seqscan = off
set jit = off
set enable_hashjoin = off
set enable_mergejoin = off
as $$
declare
  v_dead_letters bigint[];
  v_dead bigint[];
  v_failed_runs uuid[];
begin
  with result as materialized (
    select r.*, case
      when q.is_handed_on then q.leased_at
      when q.parked is null and isfinite(q.next_run_at) then q.next_run_at
    end as due_at
    from jsonb_to_recordset(p_results) as r (
      job_id bigint, lease_token uuid, outcome text, condition jsonb, status_code integer,
      error_class text, error_text text, retry_after_ms double precision, logs jsonb
    )
    join public.job_queue q using (job_id)
    where r.outcome in ('retry', 'dead')
    order by r.job_id
  ),
  settled as (
    update public.job_queue q
    set
      status = case when r.outcome = 'dead' or q.attempts >= q.max_attempts then 'dead' else 'failed' end,
      finished_at = case when r.outcome = 'dead' or q.attempts >= q.max_attempts then p_now end,
      next_run_at = case
        when r.outcome = 'dead' or q.attempts >= q.max_attempts then q.next_run_at
        else p_now + coalesce(
          r.retry_after_ms,
          -- Capped exponential backoff with full jitter: anywhere between nothing and the cap of this attempt.
          case when w.retry_jitter then random() else 1 end
            * least(w.retry_max_ms, w.retry_initial_ms * power(2, least(q.attempts - 1, 30)))
        ) * interval '1 millisecond'
      end,
      condition = coalesce(r.condition, q.condition),
      -- An agent that never called back is called again; a lost worker's successor goes on where it was.
      parked = case
        when q.parked ->> 'for' = 'callback' and r.error_class is distinct from 'lease_expired' then null
        else q.parked
      end,
      lease_token = null, lease_until = null,
      error_class = coalesce(r.error_class, 'internal'), error_text = r.error_text
    from result r, public.workflow_steps w
    where q.job_id = r.job_id and q.lease_token = r.lease_token
      and w.definition_id = q.definition_id and w.step_no = q.step_no
    returning
      q.job_id, q.workflow_run_id, q.definition_id, q.step_no, q.step_id, q.item_index, q.attempts, q.leased_at,
      q.leased_by, q.status, q.error_class, q.error_text, w.continue_on_error, r.status_code, r.logs,
      case when q.error_class <> 'lease_expired' then greatest(0, date_part('epoch', p_now - q.leased_at)) end as took,
      -- Not greatest() alone, which passes over a null.
      case when r.due_at is not null then greatest(0, date_part('epoch', q.leased_at - r.due_at)) end as waited
  ),
  attempt as (
    insert into public.job_attempts (
      job_id, workflow_run_id, attempt, worker_id, started_at, finished_at, success,
      status_code, error_class, error_text, logs
    )
    select
      job_id, workflow_run_id, attempts, leased_by, leased_at, p_now, false,
      status_code, error_class, error_text, logs
    from settled
  ),
  counted as (
    insert into orchestrator.metric_deltas (
      metric, definition_id, labels, value, took_bucket, took, waited_bucket, waited
    )
    select
      'step', definition_id, array[step_id, case status when 'dead' then 'dead' else 'retry' end, error_class],
      count(*), took_bucket, sum(took), waited_bucket, sum(waited)
    from (
      select
        definition_id, step_id, status, error_class, took, waited,
        15 - width_bucket(-took, orchestrator.duration_bounds()) as took_bucket,
        15 - width_bucket(-waited, orchestrator.duration_bounds()) as waited_bucket
      from settled
    ) as s
    group by definition_id, step_id, status, error_class, took_bucket, waited_bucket
  )
  select
    coalesce(array_agg(job_id), '{}'),
    array_agg(job_id) filter (where status = 'dead'),
    array_agg(job_id) filter (where status = 'dead' and item_index = -1),
    array_agg(workflow_run_id) filter (where status = 'dead' and item_index = -1 and not continue_on_error),
    array_agg(workflow_run_id) filter (where status = 'dead' and item_index >= 0),
    array_agg(step_no) filter (where status = 'dead' and item_index >= 0)
  into p_settled, v_dead_letters, v_dead, v_failed_runs, p_item_runs, p_item_steps
  from settled;

  perform orchestrator._tell_of_dead_jobs(v_dead_letters);

  if v_dead is not null then
    update public.workflow_runs r
    set failed_jobs = r.failed_jobs + d.jobs, is_serial = true
    from (
      select run_id, count(*)::integer as jobs
      from unnest(v_failed_runs) as f (run_id)
      group by run_id
      order by run_id
    ) as d
    where r.workflow_run_id = d.run_id;
    perform orchestrator.carry_ends(v_dead, p_now);
  end if;
end;
$$;

comment on function orchestrator._settle_failures(jsonb, timestamptz) is
  'Applies the failures of a batch: a retry after backoff or Retry-After, or the dead letter, carried down the graph. Answers the settled jobs and the fan-out of each dead item.';

create function orchestrator.carry_ends(p_job_ids bigint[], p_now timestamptz)
returns void
language plpgsql
volatile
security invoker
set search_path = ''
set enable_seqscan = off
set jit = off
set enable_hashjoin = off
set enable_mergejoin = off
as $$
declare
  v_ended bigint[] := p_job_ids;
  v_ended_runs uuid[];
begin
  -- Level by level: each pass ends what the pass before it left without a chance.
  while cardinality(v_ended) > 0 loop
    with edge as materialized (
      select
        q.workflow_run_id, w.dependents || q.extra_dependents as dependents, w.is_sink,
        (q.status = 'dead' and w.continue_on_error)::integer as succeeded,
        (q.status = 'dead' and not w.continue_on_error or q.status = 'cancelled'
          or coalesce(q.skip_reason = 'upstream_failed', false))::integer as failed
      from unnest(v_ended) as e (job_id)
      join public.job_queue q using (job_id)
      join public.workflow_steps w on w.definition_id = q.definition_id and w.step_no = q.step_no
    ),
    opened as materialized (
      select
        e.workflow_run_id, d.step_no, count(*)::integer as finished,
        sum(e.succeeded)::integer as succeeded, sum(e.failed)::integer as failed
      from edge e
      cross join unnest(e.dependents) as d (step_no)
      group by e.workflow_run_id, d.step_no
      order by e.workflow_run_id, d.step_no
    ),
    advanced as (
      update public.job_queue q
      set
        open_dependencies = q.open_dependencies - o.finished,
        succeeded_dependencies = q.succeeded_dependencies + o.succeeded,
        failed_dependencies = q.failed_dependencies + o.failed,
        status = orchestrator.join_status(
          q.join_rule, q.join_min, q.open_dependencies - o.finished,
          q.succeeded_dependencies + o.succeeded, q.failed_dependencies + o.failed
        ),
        skip_reason = case orchestrator.join_status(
            q.join_rule, q.join_min, q.open_dependencies - o.finished,
            q.succeeded_dependencies + o.succeeded, q.failed_dependencies + o.failed
          ) when 'skipped' then orchestrator.join_skip_reason(q.join_rule, q.failed_dependencies + o.failed) end,
        finished_at = case orchestrator.join_status(
            q.join_rule, q.join_min, q.open_dependencies - o.finished,
            q.succeeded_dependencies + o.succeeded, q.failed_dependencies + o.failed
          ) when 'skipped' then p_now end,
        next_run_at = greatest(q.next_run_at, p_now)
      from opened o
      where q.workflow_run_id = o.workflow_run_id and q.step_no = o.step_no and q.item_index = -1
        and q.status = 'waiting'
      returning q.job_id, q.status
    ),
    closed as materialized (
      select workflow_run_id, count(*)::integer as sinks
      from edge
      where is_sink
      group by workflow_run_id
      order by workflow_run_id
    ),
    finished as (
      update public.workflow_runs r
      set
        open_sinks = r.open_sinks - c.sinks,
        status = case
          when r.open_sinks > c.sinks then r.status
          when r.failed_jobs > 0 then 'failed'
          else 'success'
        end,
        deadline_at = case when r.open_sinks > c.sinks then r.deadline_at end,
        finished_at = case when r.open_sinks = c.sinks then p_now end
      from closed c
      where r.workflow_run_id = c.workflow_run_id
      returning r.workflow_run_id, r.status
    )
    select
      (select array_agg(job_id) from advanced where status = 'skipped'),
      (select array_agg(workflow_run_id) from finished where status <> 'running')
    into v_ended, v_ended_runs;
    if v_ended_runs is not null then
      perform orchestrator.note_ended_runs(v_ended_runs);
    end if;
  end loop;
end;
$$;

comment on function orchestrator.carry_ends(bigint[], timestamptz) is
  'Carries the end of dead or skipped jobs down the graph: dependents become ready or are skipped in turn, by their join rules; runs are closed.';

create function orchestrator._settle_skips(p_results jsonb, p_now timestamptz)
returns bigint[]
language plpgsql
volatile
security invoker
set search_path = ''
set enable_seqscan = off
set jit = off
as $$
declare
  v_skipped bigint[];
  v_runs uuid[];
begin
  with result as materialized (
    select *
    from jsonb_to_recordset(p_results) as (
      job_id bigint, lease_token uuid, outcome text, skip_reason text, condition jsonb
    )
    where outcome = 'skip'
    order by job_id
  ),
  skipped as (
    update public.job_queue q
    set
      status = 'skipped', skip_reason = coalesce(r.skip_reason, 'condition'), condition = r.condition,
      finished_at = p_now, attempts = greatest(q.attempts - 1, 0), lease_token = null, lease_until = null
    from result r
    where q.job_id = r.job_id and q.lease_token = r.lease_token
    returning q.job_id, q.workflow_run_id
  )
  select coalesce(array_agg(job_id), '{}'), array_agg(distinct workflow_run_id) into v_skipped, v_runs from skipped;

  update public.workflow_runs set is_serial = true where workflow_run_id = any (v_runs) and not is_serial;
  perform orchestrator.carry_ends(v_skipped, p_now);
  return v_skipped;
end;
$$;

comment on function orchestrator._settle_skips(jsonb, timestamptz) is
  'Ends the jobs whose condition was false, without an attempt.';

create function orchestrator._count_items(
  p_runs uuid[], p_steps integer[], p_failed_runs uuid[], p_failed_steps integer[], p_now timestamptz
)
returns void
language plpgsql
volatile
security invoker
set search_path = ''
set enable_seqscan = off
set jit = off
set enable_hashjoin = off
set enable_mergejoin = off
as $$
declare
  v_fan_out record;
begin
  for v_fan_out in
    with ended as (
      select run_id, step_no, 1 as succeeded, 0 as failed
      from unnest(p_runs, p_steps) as s (run_id, step_no)
      union all
      select run_id, step_no, 0, 1
      from unnest(p_failed_runs, p_failed_steps) as f (run_id, step_no)
    ),
    change as materialized (
      select
        run_id, step_no, sum(succeeded)::integer as succeeded, sum(failed)::integer as failed,
        count(*)::integer as ended
      from ended
      group by run_id, step_no
      order by run_id, step_no
    ),
    counted as (
      update public.fan_outs f
      set open = f.open - c.ended, succeeded = f.succeeded + c.succeeded, failed = f.failed + c.failed
      from change c
      where f.workflow_run_id = c.run_id and f.step_no = c.step_no
      returning
        f.workflow_run_id, f.step_no, f.released, f.max_concurrency, c.ended,
        f.open = 0 or f.succeeded + f.open < f.needed or f.ends_early and f.succeeded >= f.needed as is_decided
    )
    select * from counted where is_decided or max_concurrency is not null
  loop
    if v_fan_out.is_decided then
      update public.job_queue
      set next_run_at = p_now
      where job_id = (
        -- Whoever has the job locked found it due and leases it: waiting here, with the fan-out's row, for somebody
        -- who may want that row next would be a circle.
        select job_id
        from public.job_queue
        where workflow_run_id = v_fan_out.workflow_run_id and step_no = v_fan_out.step_no and item_index = -1
          and status = 'parked' and parked ->> 'for' = 'items' and next_run_at > p_now
        for update skip locked
      );
      continue;
    end if;
    with following as (
      -- From where the last look ended, so that all looks together read each item once.
      select job_id, item_index
      from public.job_queue
      where workflow_run_id = v_fan_out.workflow_run_id and step_no = v_fan_out.step_no
        and item_index >= v_fan_out.released and status = 'waiting'
      order by item_index
      limit v_fan_out.ended
    ),
    let_go as (
      update public.job_queue q
      set status = 'queued', open_dependencies = 0, next_run_at = p_now
      from following f
      where q.job_id = f.job_id
    )
    update public.fan_outs
    set released = (select max(item_index) + 1 from following)
    where workflow_run_id = v_fan_out.workflow_run_id and step_no = v_fan_out.step_no
      and exists (select from following);
  end loop;
end;
$$;

comment on function orchestrator._count_items(uuid[], integer[], uuid[], integer[], timestamptz) is
  'Counts ended items of fan-outs, lets the next ones go, and calls the step''s own job once its outcome is decided. Last in a transaction: all items of a fan-out share its row.';

create function orchestrator.settle(
  p_results jsonb,
  p_now timestamptz,
  p_max_ready integer default 0,
  out p_settled bigint[],
  out p_ready orchestrator.candidate[],
  out p_ready_priorities integer[],
  out p_item_runs uuid[],
  out p_item_steps integer[],
  out p_failed_runs uuid[],
  out p_failed_steps integer[],
  out p_has_plain_ends boolean,
  out p_has_holds boolean,
  out p_rows jsonb
)
language plpgsql
volatile
security invoker
set search_path = ''
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set jit = off
set enable_hashjoin = off
set enable_mergejoin = off
as $$
declare
  v_successes orchestrator.results := jsonb_populate_record(null::orchestrator.results, p_results);
  v_results jsonb;
  v_runs uuid[];
  v_exclusive uuid[];
  v_is_plain boolean;
  v_has_failures boolean := false;
  v_is_rare boolean := false;
  v_end record;
begin
  p_settled := array[]::bigint[];
  p_ready := '{}';
  p_ready_priorities := '{}';
  p_has_plain_ends := true;
  p_has_holds := false;
  select array_agg(workflow_run_id), bool_and(parked is null)
  into v_runs, v_is_plain
  from public.job_queue
  where job_id = any (v_successes.job_id);
  if v_runs is null then
    return;
  end if;
  v_is_plain := coalesce(
    v_is_plain and 'success' = all (v_successes.outcome)
      and cardinality(v_successes.outcome) = cardinality(v_successes.job_id)
      and not p_results ?| array['append', 'consumes', 'run_inputs', 'hold_key_ms'],
    false
  );
  if not v_is_plain then
    -- Asked apart: plain successes, which are most batches, need not know.
    p_rows := orchestrator._list_results(p_results);
    v_results := p_rows;
    select
      -- Whoever may walk down the graph or change a run as a whole has it alone.
      array_agg(q.workflow_run_id) filter (where
        r.outcome in ('skip', 'skip_run', 'handle') or r.append is not null or r.consumes is not null
        or q.parked is not null and r.outcome <> 'park'
        or q.item_index = -1 and (r.outcome = 'dead' or r.outcome = 'retry' and q.attempts >= q.max_attempts)
      ),
      bool_or(r.outcome in ('retry', 'dead')),
      bool_or(
        r.outcome not in ('success', 'retry', 'dead') or q.parked is not null or r.run_inputs is not null
        or r.append is not null or r.consumes is not null
      ),
      bool_and(r.outcome = 'success'),
      coalesce(bool_or(r.hold_key_ms > 0), false)
    into v_exclusive, v_has_failures, v_is_rare, p_has_plain_ends, p_has_holds
    from jsonb_to_recordset(v_results) as r (
      job_id bigint, outcome text, append jsonb, consumes uuid, run_inputs jsonb, hold_key_ms double precision
    )
    join public.job_queue q using (job_id);
  end if;
  perform orchestrator.lock_runs(v_runs, coalesce(v_exclusive, '{}'));
  -- In a run where a job failed or was skipped, a success too may skip dependents, level by level, in an order of
  -- its own. Whoever settles such a run takes turns on its row. Failing and skipping take the lock exclusively,
  -- so all who hold it shared see the same: either all of them come by here or none.
  perform from public.workflow_runs
  where workflow_run_id = any (v_runs) and is_serial
  order by workflow_run_id
  for update;

  if v_is_rare then
    v_results := orchestrator._prepare_results(v_results, p_now);
    v_has_failures := jsonb_path_exists(v_results, '$[*] ? (@.outcome == "retry" || @.outcome == "dead")');
  end if;
  if not v_is_plain then
    v_successes := orchestrator._gather_successes(v_results);
  end if;
  -- Assigned, here and where else a row is answered on the hot path: a select from the function takes twice as long.
  v_end := orchestrator._settle_successes(
    v_successes, p_now,
    -- What is rare may yet change the graph, and after a pause is asked for, nothing is leased.
    case when p_has_holds or v_is_rare then 0 else p_max_ready end
  );
  p_settled := v_end.p_settled;
  p_ready := v_end.p_ready;
  p_ready_priorities := v_end.p_ready_priorities;
  p_item_runs := v_end.p_item_runs;
  p_item_steps := v_end.p_item_steps;
  if v_end.p_ended_runs is not null then
    perform orchestrator.announce_ended_runs(v_end.p_ended_runs);
  end if;
  if v_end.p_skipped is not null then
    perform orchestrator.carry_ends(v_end.p_skipped, p_now);
  end if;
  if v_has_failures then
    select settle.p_settled || f.p_settled, f.p_item_runs, f.p_item_steps
    into p_settled, p_failed_runs, p_failed_steps
    from orchestrator._settle_failures(v_results, p_now) as f;
  end if;
  if v_is_rare then
    p_settled := p_settled
      || orchestrator._settle_skips(v_results, p_now)
      || orchestrator._settle_parks(v_results, p_now)
      || orchestrator._settle_skipped_runs(v_results, p_now);
    perform orchestrator._tidy_parked(v_results, p_settled, p_now);
  end if;
end;
$$;

comment on function orchestrator.settle(jsonb, timestamptz, integer) is
  'Settles a batch of results, which come by columns ({job_id: […], lease_token: […], outcome: […], …}), under the lock order; answers the jobs whose lease token was right, whether all were successes, whether an agent asked for a pause, the results as rows if they were more than plain successes, and the fan-outs of the items that ended: count_items follows, last in the transaction. Up to p_max_ready jobs that became ready are answered too, locked and as they were: who asks for them writes them.';

create function orchestrator._record_late(p_worker_id text, p_results jsonb, p_settled bigint[], p_now timestamptz)
returns void
language sql
volatile
security invoker
set search_path = ''
as $$
  insert into public.job_attempts (
    job_id, workflow_run_id, attempt, worker_id, started_at, finished_at, success, is_late,
    status_code, error_class, error_text, logs
  )
  select
    q.job_id, q.workflow_run_id, coalesce(r.attempt, q.attempts), p_worker_id,
    p_now - coalesce((r.logs ->> 'duration_ms')::double precision, 0) * interval '1 millisecond', p_now,
    r.outcome = 'success', true, r.status_code, r.error_class, r.error_text, r.logs
  from jsonb_to_recordset(p_results) as r (
    job_id bigint, attempt integer, outcome text, status_code integer, error_class text, error_text text, logs jsonb
  )
  join public.job_queue q using (job_id)
  where r.job_id <> all (p_settled) and r.outcome in ('success', 'retry', 'dead')
    -- The worker's own result delivered again, because the answer to the first delivery was lost, is not late.
    and not exists (
      select from public.job_attempts a
      where a.job_id = q.job_id and a.worker_id = p_worker_id and a.attempt = coalesce(r.attempt, q.attempts)
        and coalesce(a.error_class, '') not in ('lease_expired', 'cancelled')
    );
$$;

comment on function orchestrator._record_late(text, jsonb, bigint[], timestamptz) is
  'Keeps results that came after their lease was lost, without applying them.';

create function public.complete_jobs(
  p_worker_id text,
  p_results jsonb,
  p_lease_limit integer default 0,
  p_lease_ms integer default 30000
)
returns json
language plpgsql
volatile
security invoker
set search_path = ''
set enable_seqscan = off
set jit = off
set enable_hashjoin = off
set enable_mergejoin = off
as $$
declare
  v_now timestamptz := orchestrator.now();
  v_end record := orchestrator.settle(p_results, v_now, orchestrator._places_for_ready(p_lease_limit));
  v_settled bigint[] := v_end.p_settled;
  v_lease orchestrator.lease;
  v_are_lost boolean := cardinality(v_settled) < jsonb_array_length(p_results -> 'job_id');
  v_rows jsonb := v_end.p_rows;
  v_results json := '[]'::json;
begin
  if v_are_lost then
    v_end.p_has_plain_ends := false;
    v_rows := coalesce(v_rows, orchestrator._list_results(p_results));
    perform orchestrator._record_late(p_worker_id, v_rows, v_settled, v_now);
    perform orchestrator._drop_outputs(v_rows, v_settled);
  end if;

  if v_end.p_has_holds then
    perform orchestrator.hold_keys(
      array_agg(
        coalesce(nullif(q.rate_limit_key, ''), orchestrator.rate_limit_key(q.user_id, q.agent)) order by r.job_id
      ),
      array_agg(v_now + r.hold_key_ms * interval '1 millisecond' order by r.job_id),
      v_now
    )
    from jsonb_to_recordset(v_rows) as r (job_id bigint, hold_key_ms double precision)
    join public.job_queue q using (job_id)
    where r.hold_key_ms > 0;
    -- No lease on top: it locks buckets too, and two calls that lock buckets twice could wait in a circle.
    v_lease.next_due_ms := 0;
  elsif p_lease_limit > 0 then
    v_lease := orchestrator.lease_due_jobs(
      p_worker_id, p_lease_limit, p_lease_ms, v_end.p_ready, v_end.p_ready_priorities
    );
  end if;

  -- Last, so that parallel batches of one fan-out hold its row for no longer than a commit takes.
  if v_end.p_item_runs is not null or v_end.p_failed_runs is not null then
    perform orchestrator._count_items(
      v_end.p_item_runs, v_end.p_item_steps, v_end.p_failed_runs, v_end.p_failed_steps, v_now
    );
    v_lease.next_due_ms := 0;
  end if;

  if not v_end.p_has_plain_ends then
    select coalesce(json_agg(s), '[]') into v_results
    from (
      select
        r.job_id,
        r.job_id = any (v_settled) as applied,
        (select q.status from public.job_queue q where q.job_id = r.job_id) as status
      from jsonb_to_recordset(v_rows) as r (job_id bigint, outcome text)
      where r.outcome <> 'success' or r.job_id <> all (v_settled)
    ) as s;
  end if;

  return json_build_object(
    'results', v_results,
    'jobs', v_lease.jobs,
    'runs', v_lease.runs,
    'configs', v_lease.configs,
    'reads', v_lease.reads,
    'lease_token', v_lease.lease_token,
    'leased_us', v_lease.leased_us,
    'deferred', coalesce(v_lease.deferred, 0),
    'next_due_ms', v_lease.next_due_ms,
    'signals', coalesce(v_lease.signals, false)
  );
end;
$$;

comment on function public.complete_jobs(text, jsonb, integer, integer) is
  'Settles a worker''s results (success, retry, dead), which come by columns ({job_id: […], lease_token: […], outcome: […], …}), and leases its next jobs, in one round trip. results tells of those that are no plain success: what became of the job, and applied: false where its lease was lost. next_due_ms 0 without jobs means: lease again at once.';

create function orchestrator._take_lost_leases(p_limit integer, p_now timestamptz)
returns jsonb
language sql
volatile
security invoker
set search_path = ''
set enable_seqscan = off
set jit = off
set enable_hashjoin = off
set enable_mergejoin = off
as $$
  with over as materialized (
    -- Fifty times as many: most have no jobs left, or jobs whose heartbeats gave them more time.
    select lease_token, job_ids
    from orchestrator.leases
    where lease_until < p_now
    order by lease_until
    limit 50 * p_limit
    for update skip locked
  ),
  held as materialized (
    select q.job_id, q.lease_token, q.lease_until
    from over o
    cross join unnest(o.job_ids) as u (job_id)
    join public.job_queue q on q.job_id = u.job_id and q.lease_token = o.lease_token
  ),
  lost as materialized (
    select job_id, lease_token from held where lease_until < p_now order by lease_until limit p_limit
  ),
  kept as materialized (
    select lease_token, min(lease_until) as lease_until, array_agg(job_id) as job_ids
    from held
    where job_id not in (select job_id from lost)
    group by lease_token
  ),
  prolonged as (
    update orchestrator.leases l
    set lease_until = k.lease_until, job_ids = k.job_ids
    from kept k
    where l.lease_token = k.lease_token
  ),
  ended as (
    delete from orchestrator.leases l
    using over o
    where l.lease_token = o.lease_token and o.lease_token not in (select lease_token from kept)
  )
  select case
    when count(*) = 0 then '{}'
    else jsonb_build_object(
      'job_id', jsonb_agg(job_id),
      'lease_token', jsonb_agg(lease_token),
      'outcome', jsonb_agg('retry'::text),
      'error_class', jsonb_agg('lease_expired'::text),
      'retry_after_ms', jsonb_agg(0),  -- the lease was the wait
      'error_text', jsonb_agg('the worker was not heard of before the lease ended'::text)
    )
  end
  from lost;
$$;

comment on function orchestrator._take_lost_leases(integer, timestamptz) is
  'Tidies up lease calls that are over, and answers the jobs whose lease was never ended or prolonged, up to p_limit, as results by columns: settled like a worker''s own failure, and fenced by the token against whoever was quicker.';

create function public.expire_leases(p_limit integer)
returns integer
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_now timestamptz := orchestrator.now();
  v_end record := orchestrator.settle(orchestrator._take_lost_leases(p_limit, v_now), v_now);
begin
  perform orchestrator._count_items(
    v_end.p_item_runs, v_end.p_item_steps, v_end.p_failed_runs, v_end.p_failed_steps, v_now
  );
  return cardinality(v_end.p_settled);
end;
$$;

comment on function public.expire_leases(integer) is
  'Takes back the jobs of workers that were not heard of within the lease, up to p_limit; each uses an attempt (lease_expired).';

revoke execute on all functions in schema orchestrator from public, anon, authenticated;
grant execute on function
  orchestrator.join_status(text, integer, integer, integer, integer), orchestrator.join_skip_reason(text, integer),
  orchestrator._settle_successes(orchestrator.results, timestamptz, integer),
  orchestrator._list_results(jsonb), orchestrator._gather_successes(jsonb), orchestrator._settle_failures(jsonb, timestamptz),
  orchestrator._settle_skips(jsonb, timestamptz), orchestrator.carry_ends(bigint[], timestamptz),
  orchestrator._count_items(uuid[], integer[], uuid[], integer[], timestamptz),
  orchestrator.settle(jsonb, timestamptz, integer),
  orchestrator._record_late(text, jsonb, bigint[], timestamptz),
  orchestrator._take_lost_leases(integer, timestamptz)
  to service_role;
revoke execute on function
  public.complete_jobs(text, jsonb, integer, integer), public.expire_leases(integer)
  from public, anon, authenticated;
grant execute on function
  public.complete_jobs(text, jsonb, integer, integer), public.expire_leases(integer)
  to service_role;
