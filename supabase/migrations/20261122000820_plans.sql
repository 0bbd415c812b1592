-- Plans: steps that come to a live run: its compensations and failure handlers, and steps appended by agents and people.

create function orchestrator._start_handlers(p_job public.job_queue, p_now timestamptz)
returns void
language plpgsql
volatile
security invoker
set search_path = ''
set enable_seqscan = off
set jit = off
as $$
declare
  v_chain integer[];
  v_roots integer[];
  v_handlers integer;
begin
  -- Undone in the reverse order of success, one after the other.
  select coalesce(array_agg(c.step_no order by q.finished_at desc, q.step_no desc), '{}') into v_chain
  from public.workflow_steps c
  join public.job_queue q
    on q.workflow_run_id = p_job.workflow_run_id and q.step_no = c.compensates and q.item_index = -1
  where c.definition_id = p_job.definition_id and c.phase = 'compensate' and q.status = 'success';
  select coalesce(array_agg(step_no), '{}') into v_roots
  from public.workflow_steps
  where definition_id = p_job.definition_id and phase = 'on_failure' and cardinality(depends_on) = 0;

  with planned as (
    select
      w.*,
      array_position(v_chain, w.step_no) as place,
      -- The first handlers wait for the last compensation, whatever became of it.
      case
        when w.phase = 'compensate' then (array_position(v_chain, w.step_no) > 1)::integer
        when cardinality(w.depends_on) = 0 then (cardinality(v_chain) > 0)::integer
        else cardinality(w.depends_on)
      end as waits_for
    from public.workflow_steps w
    where w.definition_id = p_job.definition_id
      and (w.phase = 'on_failure' or w.step_no = any (v_chain))
  )
  insert into public.job_queue (
    workflow_run_id, definition_id, step_no, step_id, agent, rate_limit_key, user_id, intent_id, status, priority,
    max_attempts, next_run_at, dependencies, open_dependencies, join_rule, join_min, extra_dependents, payload, created_at
  )
  select
    p_job.workflow_run_id, p_job.definition_id, p.step_no, p.step_id, p.agent,
    case when p.takes_tokens then orchestrator.expand_rate_limit(p.rate_limit, p_job.user_id, p.agent) else '' end,
    p_job.user_id, p_job.intent_id,
    case when p.waits_for = 0 then 'queued' else 'waiting' end,
    p_job.priority, p.max_attempts, p_now, p.waits_for, p.waits_for,
    case when p.phase = 'compensate' or cardinality(p.depends_on) = 0 then 'done' else p.join_rule end,
    p.join_min,
    case
      when p.place < cardinality(v_chain) then array[v_chain[p.place + 1]]
      when p.place = cardinality(v_chain) then v_roots
    end,
    p.config, p_now
  from planned p
  order by p.place nulls last, p.step_no
  -- A run that was restarted and failed again: once more, under another key to the agents.
  on conflict (workflow_run_id, step_no, item_index) do update set
    status = excluded.status, next_run_at = excluded.next_run_at, dependencies = excluded.dependencies,
    open_dependencies = excluded.open_dependencies, succeeded_dependencies = 0, failed_dependencies = 0,
    extra_dependents = excluded.extra_dependents, generation = job_queue.generation + 1,
    max_attempts = job_queue.attempts + excluded.max_attempts, condition = null, parked = null,
    output = null, output_ref = null, error_class = null, error_text = null, skip_reason = null,
    started_at = null, finished_at = null;
  get diagnostics v_handlers = row_count;

  update public.workflow_runs
  set
    open_sinks = open_sinks + (
      select count(*) from public.workflow_steps w
      where w.definition_id = p_job.definition_id
        and (w.phase = 'on_failure' and w.is_sink or w.step_no = any (v_chain))
    ),
    -- What ends a run is not cut short by the time that it took.
    deadline_at = null
  where workflow_run_id = p_job.workflow_run_id and v_handlers > 0;
end;
$$;

comment on function orchestrator._start_handlers(public.job_queue, timestamptz) is
  'Makes the jobs of a failed run''s compensations, as a chain, and of its on_failure steps behind them; the caller holds the run exclusively.';

create function orchestrator._append_steps(
  p_workflow_run_id uuid, p_plan jsonb, p_author_step integer, p_now timestamptz
)
returns jsonb
language plpgsql
volatile
security invoker
set search_path = ''
set enable_seqscan = off
set jit = off
as $$
declare
  v_run public.workflow_runs;
  v_failure public.job_queue;
  v_last integer;
  v_depth integer;
  v_problem text;
  v_numbers jsonb;
  v_revision integer;
  v_definition_id bigint;
  v_sinks integer;
  v_doomed bigint[];
begin
  select * into strict v_run from public.workflow_runs where workflow_run_id = p_workflow_run_id;
  select * into v_failure
  from public.job_queue
  where workflow_run_id = p_workflow_run_id and payload ->> 'kind' = 'failure';
  if v_run.status <> 'running' then
    return jsonb_build_object('problem', format('the run has ended: it is %s', v_run.status));
  elsif v_failure.status <> 'waiting' then
    return jsonb_build_object('problem', 'the run is ending: its failure handlers have begun');
  end if;

  select
    greatest(
      max(q.step_no), (select max(step_no) from public.workflow_steps where definition_id = v_run.definition_id)
    ),
    jsonb_object_agg(q.step_id, q.step_no)
  into v_last, v_numbers
  from public.job_queue q
  where q.workflow_run_id = p_workflow_run_id and q.item_index = -1;

  -- The compiler has checked the plan by itself; what the run has become since is checked here.
  select string_agg(format('step id %s is taken', value -> 'step_id'), '; ') into v_problem
  from jsonb_array_elements(p_plan -> 'steps')
  where v_numbers ? (value ->> 'step_id');
  if v_problem is not null then
    return jsonb_build_object('problem', v_problem);
  end if;
  select v_numbers || jsonb_object_agg(value ->> 'step_id', v_last + ordinality) into v_numbers
  from jsonb_array_elements(p_plan -> 'steps') with ordinality;

  select string_agg(format('step %s depends on the unknown step %s', s.value -> 'step_id', d.value), '; ') into v_problem
  from jsonb_array_elements(p_plan -> 'steps') as s
  cross join jsonb_array_elements(s.value -> 'depends_on') as d
  where not v_numbers ? (d.value #>> '{}') or d.value #>> '{}' like '$%';
  if v_problem is null and v_last + jsonb_array_length(p_plan -> 'steps') > 5000 then
    v_problem := 'the run would have more than 5000 steps';
  end if;

  select 1 + coalesce(max(w.append_depth), 0) into v_depth
  from public.job_queue q
  join public.workflow_steps w on w.definition_id = q.definition_id and w.step_no = q.step_no
  where q.workflow_run_id = p_workflow_run_id and q.item_index = -1 and (
    q.step_no = p_author_step
    or q.step_id in (
      select d.value
      from jsonb_array_elements(p_plan -> 'steps') as s
      cross join jsonb_array_elements_text(s.value -> 'depends_on') as d
    )
  );
  if v_problem is null and v_depth > 3 then
    v_problem := 'appended steps may append steps no more than 3 deep';
  end if;
  if v_problem is not null then
    return jsonb_build_object('problem', v_problem);
  end if;

  v_revision := v_run.plan_revision + 1;
  select count(*) into v_sinks from jsonb_array_elements(p_plan -> 'steps') where (value ->> 'is_sink')::boolean;
  insert into public.workflow_definitions (
    workflow_key, version, sha256, source, compiled, sinks, published_at
  )
  values (
    p_workflow_run_id::text, v_revision, encode(sha256(convert_to(p_plan ->> 'source', 'UTF8')), 'hex'),
    p_plan ->> 'source', p_plan, v_sinks, p_now
  )
  returning definition_id into v_definition_id;
  insert into public.plan_revisions (workflow_run_id, revision, definition_id, author, reason, created_at)
  values (p_workflow_run_id, v_revision, v_definition_id, p_plan ->> 'author', p_plan ->> 'reason', p_now);

  with step as (
    select
      (v_numbers ->> s.step_id)::integer as step_no, s.*,
      array(select (v_numbers ->> d)::integer from unnest(s.depends_on_ids) as d order by 1) as depends_on
    from (
      select
        r.*,
        array(select jsonb_array_elements_text(r.depends_on)) as depends_on_ids,
        array(select jsonb_array_elements_text(r.reads)) as read_ids
      from jsonb_to_recordset(p_plan -> 'steps') as r (
        step_id text, kind text, agent text, config jsonb, depends_on jsonb, reads jsonb, is_sink boolean,
        is_result boolean, join_rule text, join_min integer, continue_on_error boolean, rate_limit text,
        max_attempts integer, retry_initial_ms integer, retry_max_ms integer, retry_jitter boolean
      )
    ) as s (
      step_id, kind, agent, config, depends_on_json, reads_json, is_sink, is_result, join_rule, join_min,
      continue_on_error, rate_limit, max_attempts, retry_initial_ms, retry_max_ms, retry_jitter,
      depends_on_ids, read_ids
    )
  )
  insert into public.workflow_steps (
    definition_id, step_no, step_id, kind, phase, agent, config, depends_on, dependents, reads, is_sink, is_result,
    join_rule, join_min, continue_on_error, rate_limit, append_depth,
    max_attempts, retry_initial_ms, retry_max_ms, retry_jitter
  )
  select
    v_definition_id, s.step_no, s.step_id, s.kind, 'main', s.agent, s.config, s.depends_on,
    array(select o.step_no from step o where s.step_no = any (o.depends_on) order by 1)
      -- The failure handlers of the run wait for these steps too.
      || case when s.is_sink then v_failure.step_no end,
    array(select (v_numbers ->> d)::integer from unnest(s.read_ids) as d order by 1),
    s.is_sink, s.is_result, s.join_rule, s.join_min, s.continue_on_error, s.rate_limit, v_depth,
    s.max_attempts, s.retry_initial_ms, s.retry_max_ms, s.retry_jitter
  from step s;

  if v_failure.job_id is not null then
    update public.job_queue
    set dependencies = dependencies + v_sinks, open_dependencies = open_dependencies + v_sinks
    where job_id = v_failure.job_id;
  end if;
  update public.job_queue q
  set extra_dependents = q.extra_dependents || e.dependents
  from (
    select d.step_no, array_agg(w.step_no order by w.step_no) as dependents
    from public.workflow_steps w
    cross join unnest(w.depends_on) as d (step_no)
    where w.definition_id = v_definition_id and d.step_no <= v_last
    group by d.step_no
  ) as e
  where q.workflow_run_id = p_workflow_run_id and q.step_no = e.step_no and q.item_index = -1;

  update public.workflow_runs
  set open_sinks = open_sinks + v_sinks, plan_revision = v_revision
  where workflow_run_id = p_workflow_run_id;

  with added as (
    insert into public.job_queue (
      workflow_run_id, definition_id, step_no, step_id, agent, rate_limit_key, user_id, intent_id, status, skip_reason,
      finished_at, priority, max_attempts, next_run_at, dependencies, open_dependencies, succeeded_dependencies,
      failed_dependencies, join_rule, join_min, payload, created_at
    )
    select
      p_workflow_run_id, v_definition_id, w.step_no, w.step_id, w.agent,
      case when w.takes_tokens then orchestrator.expand_rate_limit(w.rate_limit, v_run.user_id, w.agent) else '' end,
      v_run.user_id, v_run.intent_id, v.status,
      case when v.status = 'skipped' then orchestrator.join_skip_reason(w.join_rule, d.p_failed) end,
      case when v.status = 'skipped' then p_now end,
      v_run.priority, w.max_attempts, p_now, cardinality(w.depends_on), d.p_open, d.p_succeeded, d.p_failed,
      w.join_rule, w.join_min, w.config, p_now
    from public.workflow_steps w
    cross join lateral orchestrator.count_dependencies(p_workflow_run_id, w.depends_on) as d
    cross join lateral (
      select case
        when cardinality(w.depends_on) = 0 then 'queued'
        else orchestrator.join_status(w.join_rule, w.join_min, d.p_open, d.p_succeeded, d.p_failed)
      end as status
    ) as v
    where w.definition_id = v_definition_id
    order by w.step_no
    returning job_id, status
  )
  select array_agg(job_id) filter (where status = 'skipped') into v_doomed from added;
  if v_doomed is not null then
    update public.workflow_runs set is_serial = true where workflow_run_id = p_workflow_run_id;
    perform orchestrator.carry_ends(v_doomed, p_now);
  end if;
  return jsonb_build_object('revision', v_revision, 'steps', jsonb_array_length(p_plan -> 'steps'));
end;
$$;

comment on function orchestrator._append_steps(uuid, jsonb, integer, timestamptz) is
  'Adds checked steps to a live run as a plan revision, whole or not at all; {problem} tells why not. The caller holds the run exclusively.';

create function orchestrator.count_dependencies(
  p_workflow_run_id uuid,
  p_depends_on integer[],
  out p_open integer,
  out p_succeeded integer,
  out p_failed integer
)
language plpgsql
stable
security invoker
set search_path = ''
set enable_seqscan = off
set jit = off
as $$
begin
  select
    count(*) filter (where p.finished_at is null),
    count(*) filter (where p.status = 'success' or p.status = 'dead' and w.continue_on_error),
    count(*) filter (where
      p.status = 'dead' and not w.continue_on_error or p.status = 'cancelled' or p.skip_reason = 'upstream_failed'
    )
  into p_open, p_succeeded, p_failed
  from unnest(p_depends_on) as u (step_no)
  -- A dependency without a job is a sibling that is being added.
  left join public.job_queue p
    on p.workflow_run_id = p_workflow_run_id and p.step_no = u.step_no and p.item_index = -1
  left join public.workflow_steps w on w.definition_id = p.definition_id and w.step_no = p.step_no;
end;
$$;

comment on function orchestrator.count_dependencies(uuid, integer[]) is
  'The dependencies of a step of a run by how they ended.';

create function public.append_steps(p_workflow_run_id uuid, p_plan jsonb)
returns jsonb
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_answer jsonb;
begin
  perform orchestrator.lock_runs(array[p_workflow_run_id], array[p_workflow_run_id]);
  if not exists (select from public.workflow_runs where workflow_run_id = p_workflow_run_id) then
    return jsonb_build_object('result', 'not_found');
  end if;
  v_answer := orchestrator._append_steps(p_workflow_run_id, p_plan, null, orchestrator.now());
  if v_answer ? 'problem' then
    return jsonb_build_object('result', 'conflict', 'reason', v_answer -> 'problem');
  end if;
  perform orchestrator.ring();
  return v_answer || jsonb_build_object('result', 'appended');
end;
$$;

comment on function public.append_steps(uuid, jsonb) is
  'Appends checked steps to a live run: {result: appended | not_found | conflict, revision, steps, reason}.';

create function public.get_plan(p_workflow_run_id uuid)
returns jsonb
language sql
stable
security invoker
set search_path = ''
as $$
  select jsonb_build_object(
    'status', r.status,
    'revision', r.plan_revision,
    'steps', (
      select coalesce(jsonb_agg(jsonb_build_object('step_id', q.step_id, 'status', q.status) order by q.step_no), '[]')
      from public.job_queue q
      join public.workflow_steps w on w.definition_id = q.definition_id and w.step_no = q.step_no
      where q.workflow_run_id = r.workflow_run_id and q.item_index = -1 and w.phase = 'main' and q.step_id not like '$%'
    )
  )
  from public.workflow_runs r
  where r.workflow_run_id = p_workflow_run_id;
$$;

comment on function public.get_plan(uuid) is
  'The steps of a run that appended steps may depend on, and the revision of its plan; null if there is no such run.';

revoke execute on all functions in schema orchestrator from public, anon, authenticated;
grant execute on function
  orchestrator._start_handlers(public.job_queue, timestamptz),
  orchestrator._append_steps(uuid, jsonb, integer, timestamptz),
  orchestrator.count_dependencies(uuid, integer[])
  to service_role;
revoke execute on function public.append_steps(uuid, jsonb), public.get_plan(uuid) from public, anon, authenticated;
grant execute on function public.append_steps(uuid, jsonb), public.get_plan(uuid) to service_role;
