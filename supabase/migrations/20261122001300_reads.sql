-- Reads: what people look at, by filter and page. Nothing here is called by the engine.
--
-- Filters are written out as statements of their own (quoted literals), so that each is planned for what it asks:
-- a plan for "any status" could not use the index of the dead letters. Pages go by key, newest first.

create function orchestrator.first_run_id(p_at timestamptz)
returns uuid
language plpgsql
stable
strict
security invoker
set search_path = ''
as $$
begin
  -- Ids are made by the server's clock; where tests have moved ours, the two say nothing about each other.
  if p_at is null or exists (select from orchestrator.clock where is_only_row and shift <> interval '0') then
    return null;
  end if;
  return (
    lpad(to_hex(floor(extract(epoch from greatest('1970-01-01', least(p_at, '9999-12-31'))) * 1000)::bigint), 12, '0')
    || repeat('0', 20)
  )::uuid;
end;
$$;

comment on function orchestrator.first_run_id(timestamptz) is
  'No run that was created at p_at or later has a smaller id; null if the clock was moved. created_at and id are taken within one call: leave seconds before a beginning, minutes after an end.';

create function orchestrator._write_pattern(p_text text)
returns text
language sql
immutable
security invoker
set search_path = ''
as $$
  select '%' || regexp_replace(p_text, '([\\%_])', '\\\1', 'g') || '%';
$$;

comment on function orchestrator._write_pattern(text) is
  'The pattern of LIKE that finds a text anywhere, itself taken as it is.';

create function orchestrator._refuse_unknown_parts(p_what text, p_filter jsonb, p_known text[])
returns void
language plpgsql
immutable
security invoker
set search_path = ''
as $$
declare
  v_unknown text;
begin
  -- A misspelt part that is passed over would make a bulk action reach further than was meant.
  select string_agg(key, ', ') into v_unknown from jsonb_object_keys(p_filter) as key where key <> all (p_known);
  if v_unknown is not null then
    raise exception 'filtering %: unknown part %, expected %', p_what, v_unknown, array_to_string(p_known, ', ')
      using errcode = 'WF001';
  end if;
end;
$$;

comment on function orchestrator._refuse_unknown_parts(text, jsonb, text[]) is
  'Raises for a filter that has a part which nobody would look at.';

create function orchestrator.find_runs(
  p_filter jsonb, p_action text, p_newest uuid, p_before uuid, p_limit integer
)
returns setof uuid
language plpgsql
stable
security invoker
set search_path = ''
set jit = off
rows 100
as $$
declare
  v_text text := nullif(p_filter ->> 'text', '');
  v_pattern text := quote_literal(orchestrator._write_pattern(v_text));
  v_filter text;
begin
  perform orchestrator._refuse_unknown_parts(
    'runs', p_filter, array['workflow_key', 'status', 'user_id', 'intent_id', 'from', 'to', 'text']
  );
  -- What has a null in it is left out.
  v_filter := concat_ws(
    ' and ', 'true',
    'r.workflow_run_id <= ' || quote_literal(p_newest) || '::uuid',
    'r.workflow_run_id < ' || quote_literal(p_before) || '::uuid',
    'r.workflow_key = ' || quote_literal(p_filter ->> 'workflow_key'),
    'r.status = ' || quote_literal(p_filter ->> 'status'),
    'r.user_id = ' || quote_literal(p_filter ->> 'user_id'),
    'r.intent_id = ' || quote_literal(p_filter ->> 'intent_id'),
    'r.created_at >= ' || quote_literal(p_filter ->> 'from') || '::timestamptz',
    'r.created_at < ' || quote_literal(p_filter ->> 'to') || '::timestamptz',
    'r.workflow_run_id >= '
      || quote_literal(orchestrator.first_run_id((p_filter ->> 'from')::timestamptz - interval '1 second')) || '::uuid',
    'r.workflow_run_id < '
      || quote_literal(orchestrator.first_run_id((p_filter ->> 'to')::timestamptz + interval '10 minutes')) || '::uuid',
    case p_action
      when 'cancel' then 'r.status = ''running'''
      -- A sub-run is done again by the step that started it.
      when 'restart_failed' then 'r.status in (''failed'', ''cancelled'') and r.parent_run_id is null'
    end
  );
  if v_text is null then
    return query execute format(
      'select r.workflow_run_id from public.workflow_runs r where %s order by r.workflow_run_id desc limit %L',
      v_filter, p_limit
    );
  elsif v_text ~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
    and exists (select from public.workflow_runs where workflow_run_id = v_text::uuid)
  then
    return query execute format(
      'select r.workflow_run_id from public.workflow_runs r where %s and r.workflow_run_id = %L', v_filter, v_text
    );
  else
    return query execute format(
      'select r.workflow_run_id
      from (
        select * from public.workflow_runs r where %s order by r.workflow_run_id desc limit 100000
      ) as r
      where r.workflow_run_id::text ilike %s
        or concat_ws(chr(10), r.user_id, r.intent_id, r.workflow_key) ilike %3$s or r.payload::text ilike %3$s
      order by r.workflow_run_id desc
      limit %4$L',
      v_filter, quote_literal(ltrim(orchestrator._write_pattern(v_text), '%')), v_pattern, p_limit
    );
  end if;
end;
$$;

comment on function orchestrator.find_runs(jsonb, text, uuid, uuid, integer) is
  'Ids of runs, newest first, that all parts of a filter match and that a bulk action (cancel, restart_failed) would touch. text: the beginning of an id, or part of user, intent, workflow or payload; looked for in the newest 100,000 runs that match the rest.';

create function public.list_runs(p_filter jsonb default '{}', p_limit integer default 50, p_before uuid default null)
returns jsonb
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  return (
    select coalesce(jsonb_agg(
      to_jsonb(r) - array['request_hash', 'payload', 'inputs', 'trace_parent', 'trace_state'] || jsonb_build_object('version', d.version)
      order by r.workflow_run_id desc
    ), '[]')
    from orchestrator.find_runs(p_filter, null, null, p_before, least(p_limit, 1000)) as f (workflow_run_id)
    join public.workflow_runs r using (workflow_run_id)
    left join public.workflow_definitions d on d.definition_id = r.definition_id
  );
end;
$$;

comment on function public.list_runs(jsonb, integer, uuid) is
  'Runs that a filter matches (see orchestrator.find_runs), newest first, without payloads; p_before is the last id of the page before.';

create function public.count_runs(p_filter jsonb default '{}', p_action text default null)
returns jsonb
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  return (
    select jsonb_build_object(
      'count', least(count(*), 10000),
      'is_capped', count(*) > 10000,
      'newest', (select workflow_run_id from public.workflow_runs order by workflow_run_id desc limit 1)
    )
    from orchestrator.find_runs(p_filter, p_action, null, null, 10001)
  );
end;
$$;

comment on function public.count_runs(jsonb, text) is
  'How many runs a filter matches, of those that a bulk action would touch, counted to 10,000; and the newest run there is, beyond which the action must not reach.';

create function orchestrator._list_needs(p_job public.job_queue)
returns jsonb
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  v_kind text;
  v_needs integer[];
begin
  select kind, depends_on into v_kind, v_needs
  from public.workflow_steps
  where definition_id = p_job.definition_id and step_no = p_job.step_no;
  -- Appended steps know what they wait for; of the others only the failure step waits for them.
  if v_kind = 'failure' then
    v_needs := v_needs || array(
      select w.step_no
      from public.plan_revisions p
      join public.workflow_steps w on w.definition_id = p.definition_id
      where p.workflow_run_id = p_job.workflow_run_id and p_job.step_no = any (w.dependents)
    );
  end if;
  return (
    select coalesce(jsonb_agg(step_id order by step_no), '[]')
    from public.job_queue
    where workflow_run_id = p_job.workflow_run_id and step_no = any (v_needs) and item_index = -1
  );
end;
$$;

comment on function orchestrator._list_needs(public.job_queue) is 'Ids of the steps that a job''s step waits for, appended ones too.';

create function orchestrator._describe_job(p_job public.job_queue, p_workflow_key text)
returns jsonb
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  return to_jsonb(p_job) - array['lease_token', 'definition_id', 'extra_dependents', 'is_handed_on', 'awaits_lease']
    || jsonb_build_object(
      'workflow_key', p_workflow_key,
      'needs', orchestrator._list_needs(p_job),
      'attempt_history', (
        select coalesce(jsonb_agg(to_jsonb(a) - array['job_id', 'workflow_run_id'] order by a.attempt_id), '[]')
        from public.job_attempts a
        where a.job_id = p_job.job_id
      )
    )
    || (
      select jsonb_build_object('kind', w.kind, 'phase', w.phase)
      from public.workflow_steps w
      where w.definition_id = p_job.definition_id and w.step_no = p_job.step_no
    )
    || coalesce((
      select jsonb_build_object('items', to_jsonb(f) - array['workflow_run_id', 'step_no', 'released'])
      from public.fan_outs f
      where f.workflow_run_id = p_job.workflow_run_id and f.step_no = p_job.step_no and p_job.item_index = -1
    ), '{}');
end;
$$;

comment on function orchestrator._describe_job(public.job_queue, text) is
  'A job with its attempts, its step''s kind, phase and needs, and its items as counts; the lease token stays inside.';

create function public.get_run(p_workflow_run_id uuid)
returns jsonb
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  return (
    select to_jsonb(r) - array['request_hash', 'trace_parent', 'trace_state']
      || orchestrator.describe_outputs(r.workflow_run_id) - 'others'
      || jsonb_build_object(
        'version', (select version from public.workflow_definitions d where d.definition_id = r.definition_id),
        'database_time', orchestrator.now(),
        'jobs', (
          select coalesce(json_agg(orchestrator._describe_job(q, r.workflow_key) order by q.step_no)::jsonb, '[]')
          from public.job_queue q
          where q.workflow_run_id = r.workflow_run_id and q.item_index = -1
        ),
        'plan_revisions', (
          select coalesce(jsonb_agg(to_jsonb(p) - 'workflow_run_id' order by p.revision), '[]')
          from public.plan_revisions p
          where p.workflow_run_id = r.workflow_run_id
        ),
        'sub_runs', (
          select coalesce(jsonb_agg(
            jsonb_build_object(
              'workflow_run_id', c.workflow_run_id, 'workflow_key', c.workflow_key, 'status', c.status,
              'parent_job_id', c.parent_job_id
            )
            order by c.workflow_run_id
          ), '[]')
          from (
            select * from public.workflow_runs where parent_run_id = r.workflow_run_id order by workflow_run_id limit 100
          ) as c
        )
      )
    from public.workflow_runs r
    where r.workflow_run_id = p_workflow_run_id
  );
end;
$$;

comment on function public.get_run(uuid) is 'A run with its version and outputs, the jobs of its steps with their attempts and needs (items as counts, see list_items), its plan revisions and up to 100 sub-runs; or null.';

create function public.list_items(
  p_workflow_run_id uuid, p_step_id text, p_limit integer default 50, p_after integer default -1
)
returns jsonb
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  return (
    select coalesce(json_agg(orchestrator._describe_job(q, i.workflow_key) order by q.item_index)::jsonb, '[]')
    from (
      select i.job_id, r.workflow_key
      from public.job_queue s
      join public.job_queue i on i.workflow_run_id = s.workflow_run_id and i.step_no = s.step_no
      join public.workflow_runs r on r.workflow_run_id = s.workflow_run_id
      where s.workflow_run_id = p_workflow_run_id and s.step_id = p_step_id and s.item_index = -1
        and i.item_index > greatest(p_after, -1)
      order by i.item_index
      limit least(p_limit, 1000)
    ) as i
    join public.job_queue q using (job_id)
  );
end;
$$;

comment on function public.list_items(uuid, text, integer, integer) is
  'The items of a fan-out with their attempts, in order; p_after is the index of the last one of the page before.';

create function orchestrator.find_jobs(p_filter jsonb, p_newest bigint, p_before bigint, p_limit integer)
returns setof bigint
language plpgsql
stable
security invoker
set search_path = ''
set jit = off
rows 100
as $$
declare
  v_text text := nullif(p_filter ->> 'text', '');
  v_pattern text := quote_literal(orchestrator._write_pattern(v_text));
  v_filter text;
begin
  perform orchestrator._refuse_unknown_parts(
    'jobs', p_filter, array['workflow_key', 'status', 'user_id', 'error_class', 'text']
  );
  v_filter := concat_ws(
    ' and ', 'true',
    'q.job_id <= ' || quote_literal(p_newest),
    'q.job_id < ' || quote_literal(p_before),
    'q.status = ' || quote_literal(p_filter ->> 'status'),
    -- What the status implies, in the words of an index: jobs that are done are not walked to find the others.
    case
      when p_filter ->> 'status' = 'dead' then 'q.error_class is not null'
      when p_filter ->> 'status' in ('queued', 'failed', 'parked') then 'q.awaits_lease'
      when p_filter ->> 'status' in ('leased', 'running')
        then 'q.job_id = any (array(select l.job_id from orchestrator.leased_jobs l))'
    end,
    'q.user_id = ' || quote_literal(p_filter ->> 'user_id'),
    'q.error_class = ' || quote_literal(p_filter ->> 'error_class'),
    -- By its run: an appended step's definition is none of the workflow's.
    'exists (select from public.workflow_runs r where r.workflow_run_id = q.workflow_run_id and r.workflow_key = '
      || quote_literal(p_filter ->> 'workflow_key') || ')'
  );
  if v_text is null then
    return query execute format(
      'select q.job_id from public.job_queue q where %s order by q.job_id desc limit %L', v_filter, p_limit
    );
  elsif v_text ~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
    and exists (select from public.workflow_runs where workflow_run_id = v_text::uuid)
  then
    return query execute format(
      'select q.job_id from public.job_queue q where %s and q.workflow_run_id = %L order by q.job_id desc limit %L',
      v_filter, v_text, p_limit
    );
  else
    return query execute format(
      'select q.job_id
      from (select * from public.job_queue q where %s order by q.job_id desc limit 100000) as q
      where q.job_id::text = %L or q.workflow_run_id::text ilike %s
        or concat_ws(chr(10), q.user_id, q.intent_id, q.step_id, q.agent, q.error_text) ilike %4$s
      order by q.job_id desc
      limit %5$L',
      v_filter, v_text, quote_literal(ltrim(orchestrator._write_pattern(v_text), '%')), v_pattern, p_limit
    );
  end if;
end;
$$;

comment on function orchestrator.find_jobs(jsonb, bigint, bigint, integer) is
  'Ids of jobs, newest first, that all parts of a filter match. text: a job''s id, the beginning of its run''s, or part of user, intent, step, agent or error; looked for in the newest 100,000 jobs that match the rest.';

create function public.list_jobs(p_filter jsonb default '{}', p_limit integer default 50, p_before bigint default null)
returns jsonb
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  return (
    select coalesce(jsonb_agg(
      to_jsonb(q) - array['lease_token', 'definition_id', 'extra_dependents', 'input', 'output', 'is_handed_on', 'awaits_lease']
        || jsonb_build_object('workflow_key', r.workflow_key)
      order by q.job_id desc
    ), '[]')
    from orchestrator.find_jobs(p_filter, null, p_before, least(p_limit, 1000)) as f (job_id)
    join public.job_queue q using (job_id)
    join public.workflow_runs r on r.workflow_run_id = q.workflow_run_id
  );
end;
$$;

comment on function public.list_jobs(jsonb, integer, bigint) is
  'Jobs that a filter matches (see orchestrator.find_jobs), newest first, without what went in and came out; p_before is the last id of the page before.';

create function public.count_jobs(p_filter jsonb default '{}')
returns jsonb
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  return (
    select jsonb_build_object(
      'count', least(count(*), 10000),
      'is_capped', count(*) > 10000,
      'newest', (select job_id from public.job_queue order by job_id desc limit 1)
    )
    from orchestrator.find_jobs(p_filter, null, null, 10001)
  );
end;
$$;

comment on function public.count_jobs(jsonb) is
  'How many jobs a filter matches, counted to 10,000; and the newest job there is, beyond which a bulk action must not reach.';

create function public.get_job(p_job_id bigint)
returns jsonb
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  return (
    select orchestrator._describe_job(q, r.workflow_key)
    from public.job_queue q
    join public.workflow_runs r on r.workflow_run_id = q.workflow_run_id
    where q.job_id = p_job_id
  );
end;
$$;

comment on function public.get_job(bigint) is 'A job with its attempts, needs and items as counts, or null.';

create function public.describe_call(p_job_id bigint)
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
  v_job public.job_queue;
begin
  select * into v_job from public.job_queue where job_id = p_job_id;
  if not found then
    return null;
  end if;
  -- In the words of a lease (see orchestrator._lease).
  return jsonb_build_object(
    'status', v_job.status,
    'open_dependencies', v_job.open_dependencies,
    'lease_token', '00000000-0000-0000-0000-000000000000',
    'leased_us', null,
    'jobs', jsonb_build_object(
      'job_id', array[v_job.job_id],
      'workflow_run_id', array[v_job.workflow_run_id],
      'definition_id', array[v_job.definition_id],
      'step_no', array[v_job.step_no],
      'item_index', array[v_job.item_index],
      'attempt', array[case
        when v_job.status in ('waiting', 'queued', 'failed') then v_job.attempts + 1
        else greatest(v_job.attempts, 1)
      end],
      'max_attempts', array[v_job.max_attempts],
      'generation', array[v_job.generation],
      'more', array[jsonb_build_object(
        'input', v_job.input,
        'scope', case when v_job.payload ? 'scoped' then orchestrator._describe_scope(v_job.workflow_run_id) end,
        'queued_ms', null,
        -- While an agent is at work the call is the one that it got, not what follows on its answer.
        'parked', case
          when v_job.parked ->> 'for' <> 'callback' then orchestrator._describe_parked(v_job, v_now)
        end
      )]
    ),
    'runs', (
      select jsonb_build_object(
        'workflow_run_id', array[workflow_run_id], 'workflow_key', array[workflow_key], 'user_id', array[user_id],
        'intent_id', array[intent_id], 'payload', array[payload], 'trace', array[null::text]
      )
      from public.workflow_runs
      where workflow_run_id = v_job.workflow_run_id
    ),
    'configs', jsonb_build_array(jsonb_build_object(
      'definition_id', v_job.definition_id, 'step_no', v_job.step_no, 'is_item', v_job.item_index >= 0,
      'step_id', v_job.step_id, 'agent', v_job.agent, 'config', v_job.payload
    )),
    'reads', (
      select jsonb_build_object(
        'job_id', jsonb_agg(v_job.job_id),
        'step_id', jsonb_agg(q.step_id),
        'output', jsonb_agg(case when q.status = 'success' and q.output_ref is null then q.output end),
        'other', jsonb_agg(case
          when q.status <> 'success' or q.output_ref is not null
            then jsonb_build_object('status', q.status, 'output_ref', q.output_ref)
        end)
      )
      from public.workflow_steps s
      join public.job_queue q
        on q.workflow_run_id = v_job.workflow_run_id and q.step_no = any (s.reads) and q.item_index = -1
      where s.definition_id = v_job.definition_id and s.step_no = v_job.step_no and v_job.item_index = -1
        and (v_job.dependencies > 0 or v_job.payload ? 'scoped' or v_job.join_rule = 'done')
      having count(*) > 0
    )
  );
end;
$$;

comment on function public.describe_call(bigint) is
  'What a lease would give the worker of a job (see orchestrator._lease), without leasing it, so that people see the call it makes; or null.';

create function orchestrator._count_ended_runs(p_workflow_key text default null)
returns table (p_key text, p_ended bigint, p_success_rate double precision)
language plpgsql
stable
security invoker
set search_path = ''
set jit = off
as $$
declare
  v_from timestamptz := orchestrator.now() - interval '7 days';
  v_first uuid := coalesce(
    orchestrator.first_run_id(v_from - interval '1 second'), '00000000-0000-0000-0000-000000000000'
  );
begin
  return query
    select
      workflow_key,
      count(*) filter (where status <> 'running'),
      count(*) filter (where status = 'success')::double precision
        / nullif(count(*) filter (where status in ('success', 'failed')), 0)
    from public.workflow_runs
    where workflow_run_id >= v_first and created_at >= v_from and (p_workflow_key is null or workflow_key = p_workflow_key)
    group by workflow_key;
end;
$$;

comment on function orchestrator._count_ended_runs(text) is
  'Runs created within 7 days that have ended, by workflow, and how many of those that succeeded or failed succeeded: one scan of the ids of these days.';

create function orchestrator._describe_workflow(p_workflow_key text, p_is_whole boolean)
returns jsonb
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  return (
    select jsonb_build_object(
      'workflow_key', w.workflow_key,
      'version', d.version,
      'sha256', d.sha256,
      'description', d.compiled -> 'description',
      'trigger', d.compiled -> 'trigger',
      -- As the file has them: the compiler adds hidden ones.
      'steps', (
        select count(*) from jsonb_array_elements(d.compiled -> 'steps') as s where s ->> 'step_id' not like '$%'
      ),
      'published_at', w.published_at,
      'archived_at', w.archived_at,
      'source_path', d.source_path,
      'problems', (
        select f.problems
        from public.workflow_files f
        where f.problems is not null and f.source_path in (w.workflow_key || '.yml', w.workflow_key || '.yaml')
        limit 1
      )
    ) || case when p_is_whole then jsonb_build_object('source', d.source, 'compiled', d.compiled) else '{}' end
    from public.workflows w
    join public.workflow_definitions d using (definition_id)
    where w.workflow_key = p_workflow_key
  );
end;
$$;

comment on function orchestrator._describe_workflow(text, boolean) is
  'One published workflow as the HTTP surface shows it; whole adds the source and the compiled form.';

create function public.list_workflows()
returns jsonb
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  return (
    select coalesce(jsonb_agg(
      orchestrator._describe_workflow(w.workflow_key, false)
        || jsonb_build_object('runs_7d', coalesce(c.p_ended, 0), 'success_rate_7d', c.p_success_rate)
      order by w.workflow_key
    ), '[]')
    from public.workflows w
    left join orchestrator._count_ended_runs() as c on c.p_key = w.workflow_key
    where w.archived_at is null
  );
end;
$$;

comment on function public.list_workflows() is
  'The published workflows, by key, with the runs of the last 7 days that ended and their success rate.';

create function public.get_workflow(p_workflow_key text)
returns jsonb
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  return (
    select orchestrator._describe_workflow(w.workflow_key, true) || jsonb_build_object(
      'runs_7d', coalesce(c.p_ended, 0),
      'success_rate_7d', c.p_success_rate,
      'versions', (
        select jsonb_agg(jsonb_build_object(
          'version', d.version, 'sha256', d.sha256, 'created_at', d.published_at,
          'is_published', d.definition_id = w.definition_id
        ) order by d.version desc)
        from (
          select *
          from public.workflow_definitions
          where workflow_key = w.workflow_key
          order by version desc
          limit 200
        ) as d
      )
    )
    from public.workflows w
    left join orchestrator._count_ended_runs(p_workflow_key) as c on c.p_key = w.workflow_key
    where w.workflow_key = p_workflow_key
  );
end;
$$;

comment on function public.get_workflow(text) is
  'One workflow with its source and compiled form, its last 7 days and its newest 200 versions; or null.';

create function public.get_workflow_version(p_workflow_key text, p_version integer)
returns jsonb
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  return (
    select jsonb_build_object(
      'workflow_key', d.workflow_key, 'version', d.version, 'sha256', d.sha256, 'created_at', d.published_at,
      'source', d.source, 'compiled', d.compiled
    )
    from public.workflow_definitions d
    join public.workflows w using (workflow_key)
    where d.workflow_key = p_workflow_key and d.version = p_version
  );
end;
$$;

comment on function public.get_workflow_version(text, integer) is
  'One version of a workflow with its source and compiled form, or null.';

create function public.list_schedules(
  p_workflow_key text default null, p_limit integer default 50, p_after bigint default null
)
returns jsonb
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  return (
    select coalesce(jsonb_agg(jsonb_build_object(
      'schedule_id', s.schedule_id,
      'workflow_key', s.workflow_key,
      'user_id', s.user_id,
      'cron', s.cron,
      'timezone', s.timezone,
      'catch_up', s.catch_up,
      'next_run_at', case when isfinite(s.next_run_at) then s.next_run_at end,
      'last_slot_at', s.last_slot_at,
      'paused_at', s.paused_at,
      'missed_slots', s.missed_slots,
      'last_missed_at', s.last_missed_at,
      'starts_runs', s.user_id is not null or not exists (
        select from public.workflow_schedules o where o.workflow_key = s.workflow_key and o.user_id is not null
      )
    ) order by s.schedule_id), '[]')
    from (
      select *
      from public.workflow_schedules
      where (p_workflow_key is null or workflow_key = p_workflow_key) and schedule_id > coalesce(p_after, 0)
      order by schedule_id
      limit least(p_limit, 1000)
    ) as s
  );
end;
$$;

comment on function public.list_schedules(text, integer, bigint) is
  'Schedules in the order of their ids; p_after is the last one of the page before. starts_runs is false for a workflow''s own schedule while users have subscribed.';

create function orchestrator.describe_bucket(p_bucket public.rate_limits, p_now timestamptz)
returns jsonb
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  -- As take_tokens sees it: by the policy of this moment, which may not be the one of the last call.
  v_policy public.rate_limit_policies := orchestrator.policy_of(p_bucket.rl_key);
begin
  return jsonb_build_object(
    'rl_key', p_bucket.rl_key,
    'tokens', trunc(least(
      v_policy.capacity,
      p_bucket.tokens + greatest(0, extract(epoch from p_now - p_bucket.last_refill)) * v_policy.refill_rate
    ), 3),
    'capacity', v_policy.capacity,
    'refill_rate', v_policy.refill_rate,
    'last_refill', p_bucket.last_refill,
    'held_until', case when p_bucket.held_until > p_now then p_bucket.held_until end,
    'deferred_until', case when p_bucket.deferred_until > p_now then p_bucket.deferred_until end
  );
end;
$$;

comment on function orchestrator.describe_bucket(public.rate_limits, timestamptz) is
  'A bucket as it is now, refilled, without writing it; pauses and lines that have passed are null.';

create function public.list_rate_limits(
  p_text text default null, p_limit integer default 50, p_after text default null
)
returns jsonb
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  v_now timestamptz := orchestrator.now();
begin
  return jsonb_build_object(
    'policies', (
      select coalesce(jsonb_agg(jsonb_build_object(
        'pattern', pattern, 'capacity', capacity, 'refill_rate', refill_rate, 'description', description
      ) order by specificity desc, pattern), '[]')
      from public.rate_limit_policies
    ),
    'buckets', (
      select coalesce(jsonb_agg(orchestrator.describe_bucket(b, v_now) order by b.rl_key), '[]')
      from (
        select *
        from public.rate_limits
        where rl_key > coalesce(p_after, '')
          and (p_text is null or rl_key ilike orchestrator._write_pattern(p_text))
        order by rl_key
        limit least(p_limit, 1000)
      ) as b
    )
  );
end;
$$;

comment on function public.list_rate_limits(text, integer, text) is
  'All policies, the most specific first, and a page of the buckets whose key has a text in it, as they are now; p_after is the last key of the page before.';

revoke execute on all functions in schema orchestrator from public, anon, authenticated;
grant execute on function
  orchestrator.first_run_id(timestamptz), orchestrator._write_pattern(text),
  orchestrator._refuse_unknown_parts(text, jsonb, text[]),
  orchestrator.find_runs(jsonb, text, uuid, uuid, integer), orchestrator.find_jobs(jsonb, bigint, bigint, integer),
  orchestrator._list_needs(public.job_queue), orchestrator._describe_job(public.job_queue, text),
  orchestrator._count_ended_runs(text), orchestrator._describe_workflow(text, boolean),
  orchestrator.describe_bucket(public.rate_limits, timestamptz)
  to service_role;
revoke execute on function
  public.list_runs(jsonb, integer, uuid), public.count_runs(jsonb, text), public.get_run(uuid),
  public.list_items(uuid, text, integer, integer),
  public.list_jobs(jsonb, integer, bigint), public.count_jobs(jsonb), public.get_job(bigint),
  public.describe_call(bigint),
  public.list_workflows(), public.get_workflow(text), public.get_workflow_version(text, integer),
  public.list_schedules(text, integer, bigint), public.list_rate_limits(text, integer, text)
  from public, anon, authenticated;
grant execute on function
  public.list_runs(jsonb, integer, uuid), public.count_runs(jsonb, text), public.get_run(uuid),
  public.list_items(uuid, text, integer, integer),
  public.list_jobs(jsonb, integer, bigint), public.count_jobs(jsonb), public.get_job(bigint),
  public.describe_call(bigint),
  public.list_workflows(), public.get_workflow(text), public.get_workflow_version(text, integer),
  public.list_schedules(text, integer, bigint), public.list_rate_limits(text, integer, text)
  to service_role;
