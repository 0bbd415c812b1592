-- What a simulation adds to the migrated database: a clock that stands still until it is moved, and a
-- log of every change of runs and jobs, from which the timeline is told.

-- orchestrator.now() runs on from clock.shift; here it is the shift itself, counted from 1970, so that
-- the time that the simulation takes shows nowhere.
create or replace function orchestrator.now()
returns timestamptz
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  return 'epoch'::timestamptz + (select shift from orchestrator.clock);
end;
$$;

create schema simulation;
grant usage on schema simulation to service_role;

-- Definer, like the other functions of this schema: service_role may not move the clock.
create function simulation.set_clock(p_milliseconds double precision)
returns void
language sql
security definer
set search_path = ''
as $$
  update orchestrator.clock set shift = make_interval(secs => p_milliseconds / 1000);
$$;

create table simulation.changes (
  change_id bigint generated always as identity primary key,
  subject text not null,
  was text,
  row_after jsonb not null
);

create function simulation.note_change()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
declare
  -- Bodies are not told here; they may be large, and a fan-out has thousands.
  v_row jsonb := to_jsonb(new) - array['output', 'input', 'inputs'] - case tg_table_name when 'job_queue' then 'payload' else '' end;
begin
  if tg_op = 'INSERT' then
    insert into simulation.changes (subject, row_after) values (tg_table_name, v_row);
  elsif new.status is distinct from old.status
    -- A job that is ready and due later than it was: its rate limit put it off.
    or v_row ->> 'next_run_at' > to_jsonb(old) ->> 'next_run_at' and new.status in ('queued', 'failed')
  then
    insert into simulation.changes (subject, was, row_after) values (tg_table_name, old.status, v_row);
  end if;
  return null;
end;
$$;

create trigger note_change after insert or update on public.job_queue
  for each row execute function simulation.note_change();
create trigger note_change after insert or update on public.workflow_runs
  for each row execute function simulation.note_change();

create function simulation.take_changes()
returns jsonb
language sql
security definer
set search_path = ''
as $$
  with taken as (
    delete from simulation.changes returning *
  )
  select coalesce(jsonb_agg(to_jsonb(taken) order by change_id), '[]') from taken;
$$;

create function simulation.look()
returns jsonb
language sql
security definer
set search_path = ''
as $$
  select jsonb_build_object(
    'has_signals', exists (select from orchestrator.signals),
    'next_deadline_ms', (select ceil(extract(epoch from min(deadline_at)) * 1000) from public.workflow_runs)
  );
$$;
