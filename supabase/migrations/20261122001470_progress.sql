-- Progress: what an app shows of a live run. The whole state each time and a version of it, so that whoever
-- looks again misses nothing, and is told nothing while nothing changed.

create function public.get_progress(p_workflow_run_id uuid, p_seen text default null, p_user_id text default null)
returns jsonb
language plpgsql
stable
security invoker
set search_path = ''
set enable_seqscan = off
set jit = off
as $$
declare
  v_run public.workflow_runs;
  v_progress jsonb;
  v_version text;
begin
  -- Somebody else's run is none.
  select * into v_run
  from public.workflow_runs
  where workflow_run_id = p_workflow_run_id and (p_user_id is null or user_id = p_user_id);
  if not found then
    return jsonb_build_object('result', 'not_found');
  end if;

  v_progress := jsonb_build_object(
    'workflow_run_id', v_run.workflow_run_id,
    'workflow_key', v_run.workflow_key,
    'status', v_run.status,
    'created_at', v_run.created_at,
    'finished_at', v_run.finished_at,
    'steps', (
      -- From the steps of the definitions, so that the items of a fan-out are not walked: its row counts them.
      select coalesce(jsonb_agg(jsonb_build_object(
        'step_id', q.step_id,
        -- Which worker holds it, and how long already, is nothing that an app shows.
        'status', case q.status when 'leased' then 'running' else q.status end,
        'attempt', q.attempts,
        'items', case when f.total is not null then jsonb_build_object(
          'total', f.total, 'open', f.open, 'succeeded', f.succeeded, 'failed', f.failed
        ) end,
        'started_at', q.started_at,
        'finished_at', q.finished_at
      ) order by q.step_no), '[]')
      from public.workflow_steps s
      join public.job_queue q
        on q.workflow_run_id = v_run.workflow_run_id and q.step_no = s.step_no and q.item_index = -1
      left join public.fan_outs f on f.workflow_run_id = q.workflow_run_id and f.step_no = q.step_no
      where s.definition_id = any (
        v_run.definition_id
        || array(select p.definition_id from public.plan_revisions p where p.workflow_run_id = v_run.workflow_run_id)
      )
        and q.step_id not like '$%'
    )
  );
  v_version := md5(v_progress::text);
  if v_version = p_seen then
    return jsonb_build_object('result', 'unchanged');
  end if;
  return jsonb_build_object('result', 'changed', 'version', v_version, 'progress', v_progress);
end;
$$;

comment on function public.get_progress(uuid, text, text) is
  'How far a run is, without what goes in and comes out: changed with its version, unchanged where p_seen is that version, or not_found, also where p_user_id is given and not the run''s.';

create function orchestrator.let_users_listen()
returns boolean
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  if to_regclass('realtime.messages') is null or to_regprocedure('realtime.topic()') is null then
    return false;
  end if;
  drop policy if exists "users hear of their own runs" on realtime.messages;
  -- The topic has the user's id before the run's, so that no table of ours is asked.
  create policy "users hear of their own runs" on realtime.messages
    for select to authenticated
    using (
      extension = 'broadcast'
      and starts_with((select realtime.topic()), 'run:' || (select auth.uid()) || ':')
    );
  return true;
end;
$$;

comment on function orchestrator.let_users_listen() is
  'Lets signed-in users join the private topics of their own runs, where the platform has Realtime; sending stays with the service.';

select orchestrator.let_users_listen();

revoke execute on function orchestrator.let_users_listen() from public, anon, authenticated, service_role;
revoke execute on function public.get_progress(uuid, text, text) from public, anon, authenticated;
grant execute on function public.get_progress(uuid, text, text) to service_role;
