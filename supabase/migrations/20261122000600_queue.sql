-- Queue: leases with a token, heartbeats, and the doorbell.
--
-- The doorbell keeps one promise: a job that is ready is never left without a worker that will look again.
-- Whoever makes jobs ready holds the bell lock shared until it commits; a worker may stop only while it holds
-- the lock exclusively and sees no due job. So either the worker sees the job, or its maker sees the worker gone
-- and rings. The ring itself (pg_net) is a hint: the tick finds what a lost ring left.

create table orchestrator.workers (
  worker_id text primary key,
  started_at timestamptz not null,
  seen_at timestamptz not null,
  stopped_at timestamptz
);

comment on table orchestrator.workers is
  'Workers that drain or drained, by the server''s own clock: a worker not seen for 15 s counts as gone.';

create table orchestrator.doorbell (
  is_only_row boolean primary key default true,
  rung_at timestamptz not null default '-infinity',
  constraint doorbell_has_one_row check (is_only_row)
);

comment on table orchestrator.doorbell is
  'One row: when the bell was last rung, so that a burst of commits rings once a second, not once a row.';

insert into orchestrator.doorbell default values;

alter table orchestrator.workers enable row level security;
alter table orchestrator.doorbell enable row level security;
create policy "nobody but the service role" on orchestrator.workers
  as permissive for all to anon, authenticated using (false) with check (false);
create policy "nobody but the service role" on orchestrator.doorbell
  as permissive for all to anon, authenticated using (false) with check (false);
grant select, insert, update, delete on orchestrator.workers, orchestrator.doorbell to service_role;

create table orchestrator.leases (
  lease_token uuid primary key,
  lease_until timestamptz not null,
  job_ids bigint[] not null
);

comment on table orchestrator.leases is
  'One row per lease call until its time is over: where the sweep looks for lost leases, instead of in an index that every job would enter and leave. What became of the jobs stands with them.';

create index leases_by_end on orchestrator.leases (lease_until);

alter table orchestrator.leases enable row level security;
create policy "nobody but the service role" on orchestrator.leases
  as permissive for all to anon, authenticated using (false) with check (false);
grant select, insert, update, delete on orchestrator.leases to service_role;

create view orchestrator.leased_jobs with (security_invoker = true) as
  select q.*
  from orchestrator.leases l
  cross join unnest(l.job_ids) as u (job_id)
  cross join lateral (
    -- Fenced by the offset: a probe each, and never a look at all jobs.
    select * from public.job_queue j where j.job_id = u.job_id and j.lease_token = l.lease_token offset 0
  ) as q;

comment on view orchestrator.leased_jobs is 'The jobs that workers hold now, found by their leases.';

revoke all on orchestrator.leased_jobs from public, anon, authenticated;
grant select on orchestrator.leased_jobs to service_role;

create view orchestrator.living_workers with (security_invoker = true) as
  -- Three missed heartbeats of five seconds.
  select *
  from orchestrator.workers
  where stopped_at is null and seen_at > clock_timestamp() - interval '15 seconds';

comment on view orchestrator.living_workers is 'The workers that are draining now.';

revoke all on orchestrator.living_workers from public, anon, authenticated;
grant select on orchestrator.living_workers to service_role;

create function orchestrator.workers_alive()
returns integer
language sql
stable
security invoker
set search_path = ''
as $$
  select count(*)::integer from orchestrator.living_workers;
$$;

comment on function orchestrator.workers_alive() is 'How many workers are draining now.';

create function orchestrator.needs_ring()
returns boolean
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  perform pg_advisory_xact_lock_shared(hashtext('orchestrator.bell'), 0);
  -- An older snapshot cannot see a worker that stopped since: then ring rather than hope.
  return current_setting('transaction_isolation') <> 'read committed' or orchestrator.workers_alive() = 0;
end;
$$;

comment on function orchestrator.needs_ring() is
  'Takes the bell lock until commit and tells whether a worker must be woken for jobs made ready in this transaction.';

create function orchestrator.post_to_function(p_path text)
returns boolean
language plpgsql
volatile
-- Definer: reads the service key from Vault, which service_role may not do on every project.
security definer
set search_path = ''
as $$
declare
  v_base_url text;
  v_key text;
begin
  select decrypted_secret into v_base_url from vault.decrypted_secrets where name = 'orchestrator_base_url';
  select decrypted_secret into v_key from vault.decrypted_secrets where name = 'orchestrator_service_key';
  if v_base_url is null or v_key is null then
    return false;
  end if;
  perform net.http_post(
    url := v_base_url || p_path,
    body := '{}'::jsonb,
    headers := jsonb_build_object('Content-Type', 'application/json', 'apikey', v_key)
      -- A legacy service_role key is a JWT and travels as a bearer too; a secret key is none and must not.
      || case when v_key like 'eyJ%' then jsonb_build_object('Authorization', 'Bearer ' || v_key) else '{}' end,
    timeout_milliseconds := 5000
  );
  return true;
exception when others then
  -- A hint that cannot be given must never fail the transaction of the app that inserted the event.
  raise warning 'ringing % failed: %', p_path, sqlerrm;
  return false;
end;
$$;

comment on function orchestrator.post_to_function(text) is
  'Asks pg_net to POST to one of our functions after commit; false when Vault holds no URL and key yet.';

create function orchestrator._ring_once()
returns boolean
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_rung_at timestamptz;
begin
  -- A committed ring less than a second old is still on its way. The row being locked means that another ring is
  -- not committed yet and may roll back: ring as well, and wait for nobody.
  select rung_at into v_rung_at from orchestrator.doorbell for update skip locked;
  if found then
    if v_rung_at > clock_timestamp() - interval '1 second' then
      return false;
    end if;
    update orchestrator.doorbell set rung_at = clock_timestamp();
  end if;
  return orchestrator.post_to_function('/functions/v1/orchestrator/worker');
end;
$$;

comment on function orchestrator._ring_once() is
  'Calls a worker after commit unless a ring is on its way; true when it rang.';

create function orchestrator.ring()
returns boolean
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  return orchestrator.needs_ring() and orchestrator._ring_once();
end;
$$;

comment on function orchestrator.ring() is
  'Wakes a worker for jobs made ready in this transaction, unless one is draining.';

create function public.ring_worker()
returns jsonb
language sql
volatile
security invoker
set search_path = ''
as $$
  select jsonb_build_object('rung', orchestrator.post_to_function('/functions/v1/orchestrator/worker'));
$$;

comment on function public.ring_worker() is
  'Rings whether or not a worker is draining: a worker at the end of its budget calls its successor with it.';

create function orchestrator._list_fronts(out p_priorities integer[], out p_firsts timestamptz[])
language plpgsql
volatile
security invoker
set search_path = ''
set enable_seqscan = off
set jit = off
set plan_cache_mode = force_generic_plan
as $$
declare
  v_priority integer := -1;
  v_first timestamptz;
begin
  p_priorities := '{}';
  p_firsts := '{}';
  -- A walk over the distinct priorities, one index probe each, so that jobs due later cost nothing. Without a
  -- lock: a job that a lease has locked counts as there, for its transaction may roll back. A loop and not a
  -- recursive query, whose start alone takes as long as five probes: most queues have one priority or two.
  loop
    select q.priority, q.next_run_at into v_priority, v_first
    from public.job_queue q
    where q.awaits_lease and q.priority > v_priority
    order by q.priority, q.next_run_at, q.job_id
    limit 1;
    exit when not found;
    p_priorities := p_priorities || v_priority;
    p_firsts := p_firsts || v_first;
  end loop;
end;
$$;

comment on function orchestrator._list_fronts() is
  'The priorities that have ready or parked jobs, most urgent first, and when the first of each is due.';

create function orchestrator._as_mark(p_at timestamptz)
returns bigint
language plpgsql  -- not sql: see now()
immutable
security invoker
set search_path = ''
as $$
begin
  return case p_at
    when '-infinity' then 0
    when 'infinity' then 9e15
    else floor(extract(epoch from p_at) * 1000000)
  end;
end;
$$;

comment on function orchestrator._as_mark(timestamptz) is
  'A time in microseconds since 1970: as text it means the same under every setting of a session.';

create function orchestrator._from_mark(p_mark bigint, p_now timestamptz)
returns timestamptz
language plpgsql  -- not sql: see now()
immutable
security invoker
set search_path = ''
as $$
begin
  -- What became ready within the last two seconds is always looked at: its transaction took the time from the clock
  -- and committed a little later.
  return case
    when p_mark > 0 then least(timestamptz 'epoch' + p_mark * interval '1 microsecond', p_now - interval '2 seconds')
    else '-infinity'
  end;
end;
$$;

comment on function orchestrator._from_mark(bigint, timestamptz) is
  'From which time on to look for the jobs of a priority.';

create function orchestrator._remember_for(p_look interval)
returns interval
language plpgsql  -- not sql: see now()
immutable
security invoker
set search_path = ''
as $$
begin
  -- As seldom as keeps looking under a tenth of the time; but a job that comes back late is not kept for longer.
  return least(interval '10 seconds', greatest(interval '1 second', 20 * p_look));
end;
$$;

comment on function orchestrator._remember_for(interval) is
  'For how long a session goes by what it knows of the front, after looks that took so long.';

create function orchestrator._fronts(
  out p_priorities integer[],
  out p_marks bigint[],
  out p_is_remembered boolean
)
language plpgsql
volatile
security invoker
set search_path = ''
set enable_seqscan = off
set jit = off
set plan_cache_mode = force_generic_plan
as $$
declare
  v_looks_at bigint := nullif(current_setting('orchestrator.front_looks_at', true), '')::bigint;
  v_known integer[] := nullif(current_setting('orchestrator.front_priorities', true), '')::integer[];
  v_look record;
  v_began_at timestamptz;
begin
  if v_looks_at > orchestrator._as_mark(clock_timestamp()) then
    p_priorities := v_known;
    p_marks := current_setting('orchestrator.front_marks')::bigint[];
    p_is_remembered := not exists (
      -- A priority that the last look has not seen.
      select
      from unnest(-1 || p_priorities, p_priorities || 1001) as gap (above, below)
      cross join lateral (
        select from public.job_queue
        where awaits_lease and priority > gap.above and priority < gap.below
        limit 1
      ) as unknown
    );
    if p_is_remembered then
      return;
    end if;
  end if;

  -- Twice, if the first took long: once may be a busy machine. Where it stays slow, a snapshot that somebody holds
  -- keeps the entries of jobs that are done, and every look walks them all.
  for v_try in 1 .. 2 loop
    v_began_at := clock_timestamp();
    v_look := orchestrator._list_fronts();
    p_is_remembered := clock_timestamp() - v_began_at > interval '1 millisecond';
    exit when not p_is_remembered;
  end loop;
  p_priorities := v_look.p_priorities;
  p_marks := array(select orchestrator._as_mark(f.first) from unnest(v_look.p_firsts) as f (first));
  if p_is_remembered then
    -- Priorities without jobs now are kept, a few: to find one of them empty is to walk its entries again.
    select coalesce(array_agg(f.priority order by f.priority), '{}'), coalesce(array_agg(f.mark order by f.priority), '{}')
    into p_priorities, p_marks
    from (
      select u.priority, u.mark from unnest(p_priorities, p_marks) as u (priority, mark)
      union all
      select k.priority, orchestrator._as_mark('infinity') from unnest(v_known[:32]) as k (priority)
      where k.priority <> all (p_priorities)
    ) as f;
    perform set_config('orchestrator.front_priorities', p_priorities::text, false);
    perform set_config('orchestrator.front_marks', p_marks::text, false);
    perform set_config(
      'orchestrator.front_looks_at',
      orchestrator._as_mark(
        clock_timestamp() + orchestrator._remember_for(clock_timestamp() - v_began_at)
      )::text,
      false
    );
  elsif v_looks_at is not null then
    perform set_config('orchestrator.front_looks_at', '', false);
  end if;
end;
$$;

comment on function orchestrator._fronts() is
  'The priorities that have jobs, and where those of each begin. While finding that out is slow, it is remembered in the session for one to ten seconds: a job that comes back from before a mark waits for so long.';

create function orchestrator.oldest_due_at()
returns timestamptz
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  return (select nullif(min(f.first), 'infinity') from unnest((orchestrator._list_fronts()).p_firsts) as f (first));
end;
$$;

comment on function orchestrator.oldest_due_at() is
  'Since when the oldest job that is ready has been due, or when the first one will be; signals that wait are no answer to that.';

create function orchestrator.next_due_at(p_is_sure boolean default true)
returns timestamptz
language plpgsql
volatile
security invoker
set search_path = ''
set enable_seqscan = off
set jit = off
set plan_cache_mode = force_generic_plan
as $$
declare
  v_now timestamptz := orchestrator.now();
begin
  if exists (select from orchestrator.signals) then
    return v_now;
  end if;
  if p_is_sure then
    return orchestrator.oldest_due_at();
  end if;
  return (
    select nullif(min(d.next_run_at), 'infinity')
    from orchestrator._fronts() as f
    cross join unnest(f.p_priorities, f.p_marks) as u (priority, mark)
    cross join lateral (
      select q.next_run_at from public.job_queue q
      where q.awaits_lease and q.priority = u.priority
        and q.next_run_at >= orchestrator._from_mark(u.mark, v_now)
      order by q.next_run_at
      limit 1
    ) as d
  );
end;
$$;

comment on function orchestrator.next_due_at(boolean) is
  'When the next job, retry or parked job is due, now if somebody signalled one; null when nothing ever will be. Not sure: as far as the marks of this session tell (see _fronts), which is enough for who looks again soon.';

create function public.start_worker(p_worker_id text, p_max_workers integer)
returns jsonb
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  -- A fresh worker looks after dead ones at once, also where no tick runs.
  perform orchestrator.sweep(1000);
  if orchestrator.workers_alive() >= p_max_workers then
    return jsonb_build_object('accepted', false);
  end if;
  insert into orchestrator.workers (worker_id, started_at, seen_at)
  values (p_worker_id, clock_timestamp(), clock_timestamp())
  on conflict (worker_id) do update set seen_at = excluded.seen_at, stopped_at = null;
  return jsonb_build_object('accepted', true);
end;
$$;

comment on function public.start_worker(text, integer) is
  'Frees the leases of dead workers, looks after deadlines, and enters a worker among those that drain unless enough are at work.';

create function public.stop_worker(p_worker_id text, p_force boolean default false)
returns jsonb
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  if not p_force then
    if not pg_try_advisory_xact_lock(hashtext('orchestrator.bell'), 0) then
      return jsonb_build_object('stopped', false);
    end if;
    if orchestrator.next_due_at() <= orchestrator.now() then
      return jsonb_build_object('stopped', false);
    end if;
  end if;
  update orchestrator.workers set stopped_at = clock_timestamp() where worker_id = p_worker_id;
  update orchestrator.doorbell set rung_at = '-infinity' where rung_at > '-infinity';
  return jsonb_build_object('stopped', true);
end;
$$;

comment on function public.stop_worker(text, boolean) is
  'Lets a worker stop when nothing is due and nobody is enqueuing; forced, it stops anyway (end of its budget).';

create sequence orchestrator.turns minvalue -2147483648 maxvalue 2147483647 start 0;

comment on sequence orchestrator.turns is
  'The hash of the user whose turn was last. A sequence, because it is set without a lock or a dead row.';

grant select, update on sequence orchestrator.turns to service_role;

create function orchestrator._list_users_in_turn(
  p_limit integer, p_priority integer, p_first timestamptz, p_now timestamptz
)
returns integer[]
language plpgsql
volatile
security invoker
set search_path = ''
set enable_seqscan = off
set jit = off
set enable_sort = off
set plan_cache_mode = force_generic_plan
as $$
declare
  v_turn bigint := (select last_value from orchestrator.turns);
  v_from bigint := v_turn;
  v_to bigint := 2147483647;
  v_users integer[] := array[]::integer[];
  v_found integer[];
  v_last integer;
  v_probes integer;
begin
  -- Round the ring once: from the last turn to the end, then from the beginning to the last turn.
  for v_lap in 1 .. 2 loop
    with recursive ring as (
      (
        select hashtext(user_id) as user_hash, next_run_at <= p_now as is_due, 1 as place,
          cardinality(v_users) + (next_run_at <= p_now)::integer as due
        from public.job_queue
        where awaits_lease and priority = p_priority
          and hashtext(user_id) > v_from and hashtext(user_id) <= v_to and next_run_at >= p_first
        order by hashtext(user_id), next_run_at
        limit 1
      )
      union all
      select n.user_hash, n.is_due, r.place + 1, r.due + n.is_due::integer
      from ring r
      cross join lateral (
        select hashtext(q.user_id) as user_hash, q.next_run_at <= p_now as is_due
        from public.job_queue q
        where q.awaits_lease and q.priority = p_priority
          and hashtext(q.user_id) > r.user_hash and hashtext(q.user_id) <= v_to and q.next_run_at >= p_first
        order by hashtext(q.user_id), q.next_run_at
        limit 1
      ) as n
      -- Users whose jobs are all due later cost a probe each: the next lease goes on where this one ends.
      where r.due < p_limit and r.place < 16 + p_limit
    )
    select array_agg(user_hash) filter (where is_due), max(user_hash), count(*) into v_found, v_last, v_probes from ring;
    v_users := v_users || v_found;
    v_turn := coalesce(v_last, v_turn);
    exit when cardinality(v_users) >= p_limit or v_probes >= 16 + p_limit;
    v_to := v_from;
    v_from := -2147483649;
  end loop;
  perform setval('orchestrator.turns', v_turn);
  return v_users;
end;
$$;

comment on function orchestrator._list_users_in_turn(integer, integer, timestamptz, timestamptz) is
  'Up to p_limit users with a due job of a priority, by the hashes of their ids, from the one after the last turn on.';

create type orchestrator.candidate as (job_id bigint, user_id text, agent text, rate_limit_key text);

comment on type orchestrator.candidate is 'A locked job that may be leased, with what its rate limits are asked by.';

create function orchestrator._pick_in_turn(
  p_limit integer,
  p_priority integer,
  p_first timestamptz,
  p_now timestamptz
)
returns orchestrator.candidate[]
language plpgsql
volatile
security invoker
set search_path = ''
set enable_seqscan = off
set jit = off
set enable_sort = off
set plan_cache_mode = force_generic_plan
as $$
declare
  v_users integer[] := orchestrator._list_users_in_turn(p_limit, p_priority, p_first, p_now);
begin
  return array(
    select d.candidate
    from unnest(v_users) as u (user_hash)
    cross join lateral (
      select
        (
          job_id, user_id, agent, case when status = 'parked' then '' else rate_limit_key end
        )::orchestrator.candidate as candidate
      from public.job_queue
      where awaits_lease and priority = p_priority
        and hashtext(user_id) = u.user_hash and next_run_at >= p_first and next_run_at <= p_now
      order by next_run_at
      limit p_limit / nullif(cardinality(v_users), 0)
      for update skip locked
    ) as d
  );
end;
$$;

comment on function orchestrator._pick_in_turn(integer, integer, timestamptz, timestamptz) is
  'Locks due jobs of a priority, as many of each user who has some.';

create function orchestrator._places_for_ready(p_places integer)
returns integer
language plpgsql  -- not sql: see now()
immutable
security invoker
set search_path = ''
as $$
begin
  -- Two thirds, so that chains of three steps go on as they began; a third and two places at least for whoever waits.
  return greatest(0, (p_places - 1) * 2 / 3);
end;
$$;

comment on function orchestrator._places_for_ready(integer) is
  'How many places of a lease may go to jobs that the settle before it made ready, while others as urgent wait.';

create function orchestrator._pick_jobs(
  p_limit integer,
  p_now timestamptz,
  p_ready orchestrator.candidate[],
  p_ready_priorities integer[],
  out p_picked orchestrator.candidate[],
  out p_continued integer
)
language plpgsql
volatile
security invoker
set search_path = ''
set enable_seqscan = off
set jit = off
set enable_sort = off
set plan_cache_mode = force_generic_plan  -- or the limit makes Postgres plan anew at every call
as $$
declare
  v_front record := orchestrator._fronts();
  v_fronts integer := cardinality(v_front.p_priorities);
  v_marks bigint[] := v_front.p_marks;
  v_ahead integer;
  v_room integer;
  v_low timestamptz;
  v_first timestamptz;
  v_is_crowded boolean;
  v_jobs orchestrator.candidate[];
begin
  p_picked := '{}';
  p_continued := 0;
  for v_at in 1 .. v_fronts + 1 loop
    -- Those that the settle before made ready go ahead of all that waits and is less urgent.
    v_ahead := least(
      p_continued + p_limit - cardinality(p_picked),
      case
        when v_at > v_fronts then cardinality(p_ready)
        else width_bucket(v_front.p_priorities[v_at] - 1, p_ready_priorities)
      end
    );
    if v_ahead > p_continued then
      p_picked := p_picked || p_ready[p_continued + 1 : v_ahead];
      p_continued := v_ahead;
    end if;
    v_room := p_limit - cardinality(p_picked);
    exit when v_at > v_fronts or v_room = 0;
    -- Those as urgent as what waits come behind it, but have places kept.
    v_room := v_room - least(
      orchestrator._places_for_ready(v_room),
      width_bucket(v_front.p_priorities[v_at], p_ready_priorities) - p_continued
    );

    v_low := orchestrator._from_mark(v_marks[v_at], p_now);
    -- A few users hold the front: by age alone, everybody else would wait until their backlog is done.
    select count(*) = 20 and count(distinct d.user_id) <= 5, min(d.next_run_at) into v_is_crowded, v_first
    from (
      select user_id, next_run_at
      from public.job_queue
      where awaits_lease and priority = v_front.p_priorities[v_at]
        and next_run_at >= v_low and next_run_at <= p_now
      order by next_run_at, job_id
      limit 20
    ) as d;
    -- What lies before the first is done.
    v_marks[v_at] := orchestrator._as_mark(coalesce(v_first, p_now));
    continue when v_first is null;

    v_jobs := '{}';
    if v_is_crowded then
      v_jobs := orchestrator._pick_in_turn(v_room, v_front.p_priorities[v_at], v_first, p_now);
      p_picked := p_picked || v_jobs;
      v_room := v_room - cardinality(v_jobs);
      continue when v_room = 0;
    end if;

    -- Within a priority, the index order is age, and jobs due later end the scan.
    p_picked := p_picked || array(
      select
        (
          job_id, user_id, agent, case when status = 'parked' then '' else rate_limit_key end
        )::orchestrator.candidate
      from public.job_queue
      where awaits_lease and priority = v_front.p_priorities[v_at]
        and next_run_at >= v_first and next_run_at <= p_now
        and job_id <> all (array(select j.job_id from unnest(v_jobs) as j))
      order by next_run_at, job_id
      limit v_room
      for update skip locked
    );
  end loop;
  if v_front.p_is_remembered then
    perform set_config('orchestrator.front_marks', v_marks::text, false);
  end if;
end;
$$;

comment on function orchestrator._pick_jobs(integer, timestamptz, orchestrator.candidate[], integer[]) is
  'Locks due jobs for this transaction, in order of priority, then age, or by turns where few users hold the front, and puts those among them that the settle before made ready. p_limit at most; answers how many of the ready ones, which come by priority, have a place.';

create function orchestrator._describe_scope(p_workflow_run_id uuid)
returns json
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  return (
    select json_build_object(
      'inputs', r.inputs,
      'event', json_build_object(
        'type', coalesce(r.event_type, case r.trigger_type
          when 'cron' then 'cron.tick'
          when 'workflow' then 'workflow.call'
          when 'key' then 'trigger.call'
          else 'api.dispatch'
        end),
        'id', r.trigger_event_id,
        'user_id', r.user_id,
        'intent_id', r.intent_id,
        'created_at', r.created_at
      ),
      'run', json_build_object(
        'id', r.workflow_run_id,
        'workflow_key', r.workflow_key,
        'user_id', r.user_id,
        'intent_id', r.intent_id,
        'failed_steps', case when r.failed_jobs = 0 then '[]' else (
          select coalesce(json_agg(q.step_id order by q.step_no), '[]')
          from public.job_queue q
          where q.workflow_run_id = r.workflow_run_id and q.item_index = -1 and q.status = 'dead'
        ) end
      )
    )
    from public.workflow_runs r
    where r.workflow_run_id = p_workflow_run_id
  );
end;
$$;

comment on function orchestrator._describe_scope(uuid) is
  'What expressions of a run can name besides its steps: inputs, event (its payload comes with the run), run.';

create function orchestrator._describe_parked(p_job public.job_queue, p_now timestamptz)
returns json
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_reason text := p_job.parked ->> 'for';
  v_more jsonb;
begin
  case v_reason
    when 'event' then
      select jsonb_build_object('events', coalesce(json_agg(to_jsonb(e) - 'created_at' order by e.created_at)::jsonb, '[]')) into v_more
      from (
        select e.event_id, e.type, e.payload, e.user_id, e.created_at
        from orchestrator.event_candidates c
        join public.intent_events e using (event_id)
        where c.job_id = p_job.job_id and not c.is_refused and not exists (
          select from orchestrator.consumed_events t
          where t.workflow_run_id = p_job.workflow_run_id and t.event_id = c.event_id
        )
        order by e.created_at, e.event_id
        limit 100
      ) as e;
    when 'items' then
      select to_jsonb(f) - array['workflow_run_id', 'step_no', 'open', 'released', 'max_concurrency', 'ends_early']
        || jsonb_build_object('items', orchestrator._collect_items(p_job.workflow_run_id, p_job.step_no))
      into v_more
      from public.fan_outs f
      where f.workflow_run_id = p_job.workflow_run_id and f.step_no = p_job.step_no;
    when 'run' then
      select jsonb_build_object('workflow_run_id', r.workflow_run_id, 'status', r.status)
        || orchestrator.describe_outputs(r.workflow_run_id)
      into v_more
      from public.workflow_runs r
      where r.workflow_run_id = (p_job.parked ->> 'workflow_run_id')::uuid;
    else
      v_more := '{}';
  end case;
  return p_job.parked - 'until' || v_more || jsonb_build_object(
    'is_over', v_reason = 'callback' or (p_job.parked ->> 'until')::timestamptz <= p_now
  );
end;
$$;

comment on function orchestrator._describe_parked(public.job_queue, timestamptz) is
  'What a parked job waited for, with what came of it.';

create function orchestrator._collect_items(p_workflow_run_id uuid, p_step_no integer)
returns jsonb
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  -- Larger than any output may be: the worker need not see it to refuse it.
  if (
    select sum(coalesce((output_ref ->> 'bytes')::bigint, pg_column_size(output)))
    from public.job_queue
    where workflow_run_id = p_workflow_run_id and step_no = p_step_no and item_index >= 0
  ) > orchestrator.output_max_bytes() then
    return null;
  end if;
  return (
    select coalesce(json_agg(
      jsonb_build_object('status', status, 'output', output, 'output_ref', output_ref) order by item_index
    )::jsonb, '[]')
    from public.job_queue
    where workflow_run_id = p_workflow_run_id and step_no = p_step_no and item_index >= 0
  );
end;
$$;

comment on function orchestrator._collect_items(uuid, integer) is
  'The items of a fan-out in their order, with their outputs; null if these are too large together.';

create function orchestrator.output_max_bytes()
returns integer
language sql
immutable
security invoker
set search_path = ''
as $$
  select 5242880;
$$;

comment on function orchestrator.output_max_bytes() is
  'Most bytes of one output, as the setting output_max_bytes at its highest.';

create function orchestrator.describe_outputs(p_workflow_run_id uuid)
returns jsonb
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  return (
    select case
      when sum(coalesce((q.output_ref ->> 'bytes')::bigint, pg_column_size(q.output))) > orchestrator.output_max_bytes()
        then '{"outputs": null, "others": null}'
      else jsonb_build_object(
        'outputs', coalesce((json_object_agg(q.step_id, q.output) filter (where q.output_ref is null))::jsonb, '{}'),
        'others', jsonb_object_agg(q.step_id, jsonb_build_object('status', q.status, 'output_ref', q.output_ref))
          filter (where q.output_ref is not null)
      )
    end
    from public.job_queue q
    join public.workflow_steps w on w.definition_id = q.definition_id and w.step_no = q.step_no
    where q.workflow_run_id = p_workflow_run_id and q.item_index = -1 and w.is_result and q.status = 'success'
  );
end;
$$;

comment on function orchestrator.describe_outputs(uuid) is
  'The outputs of a run: those of the steps that no other step depends on, by step id.';

create type orchestrator.lease as (
  jobs json,  -- json, not jsonb: built once, sent once, never looked into
  runs json,
  configs json,
  reads json,
  lease_token uuid,
  leased_us bigint,
  deferred integer,
  next_due_ms numeric,
  signals boolean
);

comment on type orchestrator.lease is 'What a worker is answered when it asks for jobs; null in place of empty lists.';

create function orchestrator._lease(
  p_worker_id text,
  p_job_ids bigint[],
  p_lease interval,
  p_now timestamptz
)
returns orchestrator.lease
language plpgsql
volatile
security invoker
set search_path = ''
set plan_cache_mode = force_generic_plan  -- or every lease plans anew, which costs more than a small batch
set enable_seqscan = off
set jit = off
set enable_hashjoin = off
set enable_mergejoin = off
as $$
declare
  v_lease orchestrator.lease;
begin
  -- One for all: a job is in one lease at a time, and to make a token takes as long as a fifth of writing a job.
  v_lease.lease_token := gen_random_uuid();
  with leased as (
    update public.job_queue
    set
      status = 'leased',
      -- A parked job goes on with the attempt that it had begun.
      attempts = attempts + case when status = 'parked' then 0 else 1 end,
      -- Made ready by the settle before, and not written since (see _settle_successes).
      open_dependencies = case when status = 'waiting' then 0 else open_dependencies end,
      succeeded_dependencies = succeeded_dependencies + case when status = 'waiting' then open_dependencies else 0 end,
      is_handed_on = status = 'waiting',
      lease_token = v_lease.lease_token,
      lease_until = p_now + p_lease,
      leased_at = p_now,
      leased_by = p_worker_id,
      started_at = coalesce(started_at, p_now)
    where job_id = any (p_job_ids)
    returning
      job_id, workflow_run_id, definition_id, step_no, step_id, item_index, attempts, max_attempts, agent, payload,
      generation, input, case when is_handed_on then p_now else next_run_at end as due_at, dependencies,
      join_rule, parked is not null as is_parked
  ),
  noted as (
    insert into orchestrator.leases (lease_token, lease_until, job_ids)
    values (v_lease.lease_token, p_now + p_lease, p_job_ids)
  )
  -- By columns: a row as an object writes every name again, and looks up every type: twice the work.
  select
    json_build_object(
      'job_id', json_agg(l.job_id),
      'workflow_run_id', json_agg(l.workflow_run_id),
      'definition_id', json_agg(l.definition_id),
      'step_no', json_agg(l.step_no),
      'item_index', json_agg(l.item_index),
      'attempt', json_agg(l.attempts),
      'max_attempts', json_agg(l.max_attempts),
      'generation', json_agg(l.generation),
      -- Apart, because most jobs have none of it.
      'more', json_agg(case
        when l.input is not null or l.is_parked or l.payload ?| array['scoped', 'queue_timeout_ms'] then
          json_build_object(
            'input', l.input,
            'scope', case when l.payload ? 'scoped' then orchestrator._describe_scope(l.workflow_run_id) end,
            'queued_ms', case
              when l.payload ? 'queue_timeout_ms' then floor(extract(epoch from p_now - l.due_at) * 1000)
            end,
            'parked', case
              when l.is_parked then
                (select orchestrator._describe_parked(q, p_now) from public.job_queue q where q.job_id = l.job_id)
            end
          )
      end)
    ),
    -- Once a run: the payload of a run with 10,000 items must not travel 10,000 times.
    (
      select json_build_object(
        'workflow_run_id', json_agg(workflow_run_id),
        'workflow_key', json_agg(workflow_key),
        'user_id', json_agg(user_id),
        'intent_id', json_agg(intent_id),
        'payload', json_agg(payload),
        'trace', json_agg(case
          when trace_parent is not null then
            json_build_object('trace_parent', trace_parent, 'trace_state', trace_state)
        end)
      )
      from public.workflow_runs
      where workflow_run_id = any (array(select distinct workflow_run_id from leased))
    ),
    -- Once a step: a config may be large. Items have a shorter one than their step.
    (
      select json_agg(c)
      from (
        select distinct on (definition_id, step_no, item_index >= 0)
          definition_id, step_no, item_index >= 0 as is_item, step_id, agent, payload as config
        from leased
        order by definition_id, step_no, item_index >= 0
      ) as c
    ),
    -- One list for the whole lease: gathering the reads of each job for itself took a tenth of a chain's drain more.
    (
      select json_build_object(
        'job_id', json_agg(d.job_id),
        'step_id', json_agg(d.step_id),
        'output', json_agg(case when d.is_plain then d.output end),
        'other', json_agg(case
          when not d.is_plain then json_build_object('status', d.status, 'output_ref', d.output_ref)
        end)
      )
      from (
        select l.job_id, p.*
        from leased l
        join public.workflow_steps s on s.definition_id = l.definition_id and s.step_no = l.step_no
        -- In a list of columns: as a table, each would be stored before it is read.
        cross join lateral (select unnest(s.reads) as step_no) as u
        cross join lateral (
          -- Fenced by the offset, so that each dependency is one probe of the index, however many steps the run has.
          select q.step_id, q.output, q.status, q.output_ref, q.status = 'success' and q.output_ref is null as is_plain
          from public.job_queue q
          where q.workflow_run_id = l.workflow_run_id and q.step_no = u.step_no and q.item_index = -1
          offset 0
        ) as p
        where l.item_index = -1
          -- What undoes a step reads it without waiting for it; its rule is `done`.
          and (l.dependencies > 0 or l.payload ? 'scoped' or l.join_rule = 'done')
      ) as d
      having count(*) > 0
    )
  into v_lease.jobs, v_lease.runs, v_lease.configs, v_lease.reads
  from leased l;
  return v_lease;
end;
$$;

comment on function orchestrator._lease(text, bigint[], interval, timestamptz) is
  'Leases the picked jobs and gives the worker all that it needs: the token of the lease, and of each job what it waited for if it was parked; once each, their runs and configs; of each step that a job reads the output, or else status and reference. Jobs, runs and reads come by columns: {name: [value of each]}; null where there are none.';

create function orchestrator._queue_ready(p_job_ids bigint[], p_now timestamptz)
returns void
language plpgsql
volatile
security invoker
set search_path = ''
set enable_seqscan = off
set jit = off
as $$
begin
  update public.job_queue
  set
    status = 'queued', open_dependencies = 0, succeeded_dependencies = succeeded_dependencies + open_dependencies,
    next_run_at = greatest(next_run_at, p_now)
  where job_id = any (p_job_ids);
end;
$$;

comment on function orchestrator._queue_ready(bigint[], timestamptz) is
  'Queues jobs that a settle made ready and the lease behind it did not take, each for its time.';

create function orchestrator.lease_due_jobs(
  p_worker_id text,
  p_limit integer,
  p_lease_ms integer,
  p_ready orchestrator.candidate[],
  p_ready_priorities integer[]
)
returns orchestrator.lease
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_now timestamptz := orchestrator.now();
  v_pick record := orchestrator._pick_jobs(p_limit, v_now, p_ready, p_ready_priorities);
  v_count integer := cardinality(v_pick.p_picked);
  v_allowed bigint[] := array[]::bigint[];
  v_lease orchestrator.lease;
begin
  if v_count > 0 then
    v_allowed := orchestrator.take_tokens_for_jobs(v_pick.p_picked, v_now);
  end if;
  if cardinality(v_allowed) > 0 then
    v_lease := orchestrator._lease(p_worker_id, v_allowed, p_lease_ms * interval '1 millisecond', v_now);
  end if;
  -- No place, or no token: then they wait as others do, those without a token at the time that it is due.
  if v_pick.p_continued < cardinality(p_ready) or v_pick.p_continued > 0 and cardinality(v_allowed) < v_count then
    perform orchestrator._queue_ready(
      array(select r.job_id from unnest(p_ready) as r except select unnest(v_allowed)), v_now
    );
  end if;
  v_lease.leased_us := orchestrator._as_mark(v_now);
  v_lease.deferred := v_count - cardinality(v_allowed);
  if v_count < p_limit then
    v_lease.next_due_ms := ceil(extract(epoch from orchestrator.next_due_at(false) - v_now) * 1000);
    -- greatest() passes over a null, which must stay: nothing is queued.
    if v_lease.next_due_ms < 0 then
      v_lease.next_due_ms := 0;
    end if;
  end if;
  v_lease.signals := exists (select from orchestrator.signals);
  return v_lease;
end;
$$;

comment on function orchestrator.lease_due_jobs(text, integer, integer, orchestrator.candidate[], integer[]) is
  'Leases up to p_limit due jobs within their rate limits, and those that the settle before made ready.';

create function public.lease_jobs(p_worker_id text, p_limit integer, p_lease_ms integer)
returns json
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  return row_to_json(orchestrator.lease_due_jobs(p_worker_id, p_limit, p_lease_ms, '{}', '{}'));
end;
$$;

comment on function public.lease_jobs(text, integer, integer) is
  'Leases up to p_limit due jobs within their rate limits. deferred counts jobs put off to their bucket''s next token; next_due_ms is null while more may be due; signals: process_signals has work; leased_us: when, in microseconds since 1970.';

create function public.heartbeat_jobs(p_worker_id text, p_leases jsonb, p_lease_ms integer)
returns jsonb
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
  v_lost jsonb;
begin
  update orchestrator.workers set seen_at = clock_timestamp() where worker_id = p_worker_id;
  -- Before any job is locked: the sweeps lock runs.
  perform orchestrator.sweep(100);

  with held as materialized (
    select job_id, lease_token
    from jsonb_to_recordset(p_leases) as (job_id bigint, lease_token uuid)
  ),
  ours as materialized (
    -- A job that is locked is being settled this moment: its lease needs no more time.
    select q.job_id
    from held h
    join public.job_queue q on q.job_id = h.job_id and q.lease_token = h.lease_token
    order by q.job_id
    for update of q skip locked
  ),
  extended as (
    update public.job_queue q
    set status = 'running', lease_until = v_now + p_lease_ms * interval '1 millisecond'
    from ours o
    where q.job_id = o.job_id
  )
  select coalesce(jsonb_agg(h.job_id), '[]') into v_lost
  from held h
  where not exists (
    select from public.job_queue q where q.job_id = h.job_id and q.lease_token = h.lease_token
  );

  -- Jobs that have been due for a while are more than the workers at hand can do: call another one, which
  -- start_worker refuses when there are enough.
  if orchestrator.next_due_at() < v_now - interval '2 seconds' then
    perform orchestrator._ring_once();
  end if;
  return jsonb_build_object('lost', v_lost);
end;
$$;

comment on function public.heartbeat_jobs(text, jsonb, integer) is
  'Marks calls in flight as running, extends their leases, and answers which leases were lost or cancelled. Also frees the leases of dead workers, and calls another worker when jobs have been due for two seconds.';

create function public.snooze_jobs(p_worker_id text, p_leases jsonb)
returns jsonb
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
  v_released integer;
begin
  with held as materialized (
    select job_id, lease_token, coalesce(delay_ms, 0) as delay_ms
    from jsonb_to_recordset(p_leases) as (job_id bigint, lease_token uuid, delay_ms double precision)
    order by job_id
  )
  update public.job_queue q
  set
    status = 'queued',
    attempts = attempts - 1,
    next_run_at = case
      when h.delay_ms > 0 then v_now + h.delay_ms * interval '1 millisecond'
      when q.is_handed_on then q.leased_at
      else q.next_run_at  -- handed back: it keeps its age, and so its place
    end,
    lease_token = null,
    lease_until = null,
    leased_at = null,
    leased_by = null
  from held h
  where q.job_id = h.job_id and q.lease_token = h.lease_token and q.leased_by = p_worker_id;
  get diagnostics v_released = row_count;
  return jsonb_build_object('released', v_released);
end;
$$;

comment on function public.snooze_jobs(text, jsonb) is
  'Puts leased jobs back for delay_ms without using an attempt.';

create function public.hand_back_jobs(p_worker_id text, p_leases jsonb)
returns jsonb
language sql
volatile
security invoker
set search_path = ''
as $$
  select public.snooze_jobs(
    p_worker_id, (select coalesce(jsonb_agg(value - 'delay_ms'), '[]') from jsonb_array_elements(p_leases))
  );
$$;

comment on function public.hand_back_jobs(text, jsonb) is
  'Returns leases that have not begun, so that no job waits for the lease of a worker that ends.';

revoke execute on all functions in schema orchestrator from public, anon, authenticated;
grant execute on function
  orchestrator.workers_alive(), orchestrator.needs_ring(), orchestrator.post_to_function(text), orchestrator._ring_once(),
  orchestrator.ring(),
  orchestrator._list_fronts(), orchestrator._as_mark(timestamptz), orchestrator._from_mark(bigint, timestamptz),
  orchestrator._remember_for(interval),
  orchestrator._fronts(), orchestrator.oldest_due_at(), orchestrator.next_due_at(boolean),
  orchestrator._list_users_in_turn(integer, integer, timestamptz, timestamptz),
  orchestrator._pick_in_turn(integer, integer, timestamptz, timestamptz), orchestrator._places_for_ready(integer),
  orchestrator._pick_jobs(integer, timestamptz, orchestrator.candidate[], integer[]), orchestrator._describe_scope(uuid),
  orchestrator._describe_parked(public.job_queue, timestamptz), orchestrator._collect_items(uuid, integer),
  orchestrator.output_max_bytes(), orchestrator.describe_outputs(uuid),
  orchestrator._lease(text, bigint[], interval, timestamptz), orchestrator._queue_ready(bigint[], timestamptz),
  orchestrator.lease_due_jobs(text, integer, integer, orchestrator.candidate[], integer[])
  to service_role;
revoke execute on function
  public.ring_worker(), public.start_worker(text, integer), public.stop_worker(text, boolean),
  public.lease_jobs(text, integer, integer), public.heartbeat_jobs(text, jsonb, integer),
  public.snooze_jobs(text, jsonb), public.hand_back_jobs(text, jsonb)
  from public, anon, authenticated;
grant execute on function
  public.ring_worker(), public.start_worker(text, integer), public.stop_worker(text, boolean),
  public.lease_jobs(text, integer, integer), public.heartbeat_jobs(text, jsonb, integer),
  public.snooze_jobs(text, jsonb), public.hand_back_jobs(text, jsonb)
  to service_role;
