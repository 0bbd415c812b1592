-- Definitions: a YAML file of the bucket, checked and compiled by the functions, becomes an immutable row.
-- A run points at its definition row for life; publishing changes what the next run gets, never a live one.

create table public.workflow_definitions (
  definition_id bigint generated always as identity primary key,
  workflow_key text not null,
  version integer not null,
  sha256 text not null,
  source text not null,
  compiled jsonb not null,
  source_path text,
  sinks integer not null,
  timeout_ms bigint,
  is_public boolean not null generated always as (compiled @> '{"public": true}') stored,
  published_at timestamptz not null,
  constraint definitions_have_one_version_number unique (workflow_key, version)
);

comment on table public.workflow_definitions is
  'Immutable versions of workflows: the YAML source, its sha256 and the compiled form. sinks: the steps whose end a run counts. Steps appended to a live run are a definition of their own, with the run''s id for a key.';

create index workflow_definitions_by_content on public.workflow_definitions (workflow_key, sha256);

create table public.workflow_steps (
  definition_id bigint not null references public.workflow_definitions on delete cascade,
  step_no integer not null,
  step_id text not null,
  kind text not null,
  phase text not null,
  agent text not null,
  config jsonb not null,
  depends_on integer[] not null,
  dependents integer[] not null,
  reads integer[] not null,
  is_sink boolean not null,
  is_result boolean not null,
  join_rule text,
  join_min integer,
  continue_on_error boolean not null,
  rate_limit text,
  takes_tokens boolean not null generated always as (kind = 'call' and not config ? 'for_each') stored,
  compensates integer,
  append_depth integer not null default 0,
  max_attempts integer not null,
  retry_initial_ms integer not null,
  retry_max_ms integer not null,
  retry_jitter boolean not null,
  primary key (definition_id, step_no),
  constraint steps_have_unique_ids unique (definition_id, step_id),
  constraint steps_are_tried_at_least_once check (max_attempts >= 1),
  constraint steps_are_of_a_known_kind check (kind in ('call', 'wait', 'sleep', 'workflow', 'start', 'failure')),
  constraint steps_belong_to_a_known_phase check (phase in ('main', 'compensate', 'on_failure')),
  constraint steps_join_by_a_known_rule check (join_rule in ('all', 'early', 'done', 'failed'))
);

comment on table public.workflow_steps is
  'The steps of each definition in topological order (step_no), with both directions of the graph as step numbers; config becomes job_queue.payload. is_sink: the run counts its end; is_result: its output is one of the run''s; reads: whose status and output its lease brings.';
comment on column public.workflow_steps.join_rule is
  'all: every dependency has ended, none failed, join_min succeeded (null stands for all with 1); early: as soon as join_min succeeded; done: every one has ended; failed: every one has ended and one failed.';

create table public.workflows (
  workflow_key text primary key,
  definition_id bigint not null references public.workflow_definitions,
  event_types text[] not null,
  published_at timestamptz not null,
  archived_at timestamptz
);

comment on table public.workflows is
  'What is published now: which definition a dispatch of workflow_key uses and which event types start it.';

create index workflows_by_definition on public.workflows (definition_id);
create index workflows_by_event_type on public.workflows using gin (event_types) where archived_at is null;

create table public.workflow_files (
  source_path text primary key,
  etag text not null,
  workflow_key text,
  problems jsonb,
  checked_at timestamptz not null
);

comment on table public.workflow_files is
  'The files of the bucket as last looked at: the etag, and the problems of a file that was refused while the published version stayed.';

alter table public.workflow_definitions enable row level security;
alter table public.workflow_steps enable row level security;
alter table public.workflows enable row level security;
alter table public.workflow_files enable row level security;

create policy "nobody but the service role" on public.workflow_definitions
  as permissive for all to anon, authenticated using (false) with check (false);
create policy "nobody but the service role" on public.workflow_steps
  as permissive for all to anon, authenticated using (false) with check (false);
create policy "nobody but the service role" on public.workflows
  as permissive for all to anon, authenticated using (false) with check (false);
create policy "nobody but the service role" on public.workflow_files
  as permissive for all to anon, authenticated using (false) with check (false);

grant select, insert, update, delete
  on public.workflow_definitions, public.workflow_steps, public.workflows, public.workflow_files to service_role;

create function orchestrator._register_definition(
  p_compiled jsonb,
  p_source text,
  p_source_path text,
  p_now timestamptz
)
returns bigint
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_key text := p_compiled ->> 'key';
  v_sha256 text := encode(sha256(convert_to(p_source, 'UTF8')), 'hex');
  v_definition_id bigint;
begin
  -- The same text compiled under other default settings is another definition, hence the second comparison.
  select definition_id into v_definition_id
  from public.workflow_definitions
  where workflow_key = v_key and sha256 = v_sha256 and compiled = p_compiled;
  if found then
    return v_definition_id;
  end if;

  insert into public.workflow_definitions (
    workflow_key, version, sha256, source, compiled, source_path, sinks, timeout_ms, published_at
  )
  select
    v_key, coalesce(max(version), 0) + 1, v_sha256, p_source, p_compiled, p_source_path,
    (
      select count(*) from jsonb_to_recordset(p_compiled -> 'steps') as s (phase text, is_sink boolean)
      where s.phase = 'main' and s.is_sink
    ),
    (p_compiled ->> 'timeout_ms')::bigint, p_now
  from public.workflow_definitions
  where workflow_key = v_key
  returning definition_id into v_definition_id;

  insert into public.workflow_steps (
    definition_id, step_no, step_id, kind, phase, agent, config, depends_on, dependents, reads, is_sink, is_result,
    join_rule, join_min, continue_on_error, rate_limit, compensates,
    max_attempts, retry_initial_ms, retry_max_ms, retry_jitter
  )
  select
    v_definition_id, s.step_no, s.step_id, s.kind, s.phase, s.agent, s.config, s.depends_on, s.dependents, s.reads,
    -- Nothing waits for a compensation but the run itself.
    s.is_sink or s.phase = 'compensate', s.is_result,
    s.join_rule, s.join_min, s.continue_on_error, s.rate_limit, s.compensates,
    s.max_attempts, s.retry_initial_ms, s.retry_max_ms, s.retry_jitter
  from jsonb_to_recordset(p_compiled -> 'steps') as s (
    step_no integer, step_id text, kind text, phase text, agent text, config jsonb,
    depends_on integer[], dependents integer[], reads integer[], is_sink boolean, is_result boolean,
    join_rule text, join_min integer, continue_on_error boolean, rate_limit text, compensates integer,
    max_attempts integer, retry_initial_ms integer, retry_max_ms integer, retry_jitter boolean
  );
  return v_definition_id;
end;
$$;

comment on function orchestrator._register_definition(jsonb, text, text, timestamptz) is
  'Finds or inserts the immutable row of a compiled workflow and its steps.';

create function public.publish_workflow(
  p_compiled jsonb,
  p_source text,
  p_source_path text default null,
  p_source_etag text default null
)
returns jsonb
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_now timestamptz := orchestrator.now();
  v_key text := p_compiled ->> 'key';
  v_before bigint;
  v_definition_id bigint;
  v_definition public.workflow_definitions;
begin
  -- Two publishers of one key take turns, so that version numbers have no gap and no clash.
  perform pg_advisory_xact_lock(hashtext('orchestrator.publish'), hashtext(v_key));

  select definition_id into v_before from public.workflows where workflow_key = v_key and archived_at is null;

  v_definition_id := orchestrator._register_definition(p_compiled, p_source, p_source_path, v_now);
  select * into strict v_definition from public.workflow_definitions where definition_id = v_definition_id;

  if v_before is distinct from v_definition.definition_id then
    insert into public.workflows (workflow_key, definition_id, event_types, published_at)
    values (
      v_key, v_definition.definition_id,
      array(select jsonb_array_elements_text(p_compiled #> '{trigger,event_types}')), v_now
    )
    on conflict (workflow_key) do update set
      definition_id = excluded.definition_id,
      event_types = excluded.event_types,
      published_at = excluded.published_at,
      archived_at = null;
    perform orchestrator._apply_trigger(v_key, p_compiled -> 'trigger');
  end if;

  if p_source_path is not null then
    insert into public.workflow_files (source_path, etag, workflow_key, problems, checked_at)
    values (p_source_path, coalesce(p_source_etag, ''), v_key, null, v_now)
    on conflict (source_path) do update set
      etag = excluded.etag, workflow_key = excluded.workflow_key, problems = null, checked_at = excluded.checked_at;
  end if;

  return jsonb_build_object(
    'workflow_key', v_key,
    'definition_id', v_definition.definition_id,
    'sha256', v_definition.sha256,
    'version', v_definition.version,
    'result', case when v_before is distinct from v_definition.definition_id then 'published' else 'unchanged' end
  );
end;
$$;

comment on function public.publish_workflow(jsonb, text, text, text) is
  'Registers a compiled workflow and makes it the one that the next dispatch uses; repeating it changes nothing.';

create function public.reject_workflow_file(p_source_path text, p_source_etag text, p_problems jsonb)
returns jsonb
language sql
volatile
security invoker
set search_path = ''
as $$
  insert into public.workflow_files (source_path, etag, workflow_key, problems, checked_at)
  values (p_source_path, coalesce(p_source_etag, ''), null, p_problems, orchestrator.now())
  on conflict (source_path) do update set
    etag = excluded.etag, problems = excluded.problems, checked_at = excluded.checked_at;
  select '{}'::jsonb;
$$;

comment on function public.reject_workflow_file(text, text, jsonb) is
  'Remembers why a file of the bucket was refused; the version published before stays.';

create function public.archive_workflow(p_workflow_key text)
returns jsonb
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  update public.workflows
  set archived_at = orchestrator.now()
  where workflow_key = p_workflow_key and archived_at is null;
  if not found then
    return jsonb_build_object('result', 'not_found');
  end if;
  update public.workflow_schedules set cron = null where workflow_key = p_workflow_key;
  delete from public.workflow_files where workflow_key = p_workflow_key;
  return jsonb_build_object('result', 'archived');
end;
$$;

comment on function public.archive_workflow(text) is
  'Takes a workflow out of dispatch, events and schedules; its runs and definitions stay.';

create function public.remove_workflow_file(p_source_path text)
returns jsonb
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_workflow_key text;
begin
  delete from public.workflow_files where source_path = p_source_path returning workflow_key into v_workflow_key;
  -- The same workflow may have moved to another file name.
  if v_workflow_key is null or exists (select from public.workflow_files where workflow_key = v_workflow_key) then
    return jsonb_build_object('result', 'forgotten');
  end if;
  return public.archive_workflow(v_workflow_key);
end;
$$;

comment on function public.remove_workflow_file(text) is
  'Forgets a file that is gone from the bucket, and archives the workflow that it published.';

create function public.list_stale_workflow_files(p_bucket text default 'workflows')
returns jsonb
language sql
stable
security invoker
set search_path = ''
as $$
  with listed as (
    select name as source_path, coalesce(metadata ->> 'eTag', updated_at::text) as etag
    from storage.objects
    where bucket_id = p_bucket and name ~ '^[^/]+\.ya?ml$'
  )
  select coalesce(jsonb_agg(jsonb_build_object(
    'source_path', coalesce(l.source_path, f.source_path),
    'etag', coalesce(l.etag, f.etag),
    'state', case when l.source_path is null then 'removed' else 'changed' end,
    'workflow_key', f.workflow_key
  ) order by coalesce(l.source_path, f.source_path)), '[]')
  from listed l
  full join public.workflow_files f using (source_path)
  where l.source_path is null or f.source_path is null or f.etag <> l.etag;
$$;

comment on function public.list_stale_workflow_files(text) is
  'Files of the bucket that the registry has not seen in this form, and files it knows that are gone.';

revoke execute on all functions in schema orchestrator from public, anon, authenticated;
grant execute on function orchestrator._register_definition(jsonb, text, text, timestamptz) to service_role;
revoke execute on function
  public.publish_workflow(jsonb, text, text, text), public.reject_workflow_file(text, text, jsonb),
  public.archive_workflow(text), public.remove_workflow_file(text), public.list_stale_workflow_files(text)
  from public, anon, authenticated;
grant execute on function
  public.publish_workflow(jsonb, text, text, text), public.reject_workflow_file(text, text, jsonb),
  public.archive_workflow(text), public.remove_workflow_file(text), public.list_stale_workflow_files(text)
  to service_role;
