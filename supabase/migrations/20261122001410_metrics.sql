-- Metrics: what ran, what failed and how long it took, counted in the transaction that did it.
--
-- The statements that start, settle or end something append what they did to metric_deltas, a row for all that is
-- alike in a batch: no row is shared, so nobody waits, and nothing is looked up. The worker's tick folds the rows into
-- metric_totals, where they have their labels' names; a scrape adds up both in one snapshot. Nothing is ever counted
-- from the tables of runs and jobs, so pruning them lowers no counter.

create table orchestrator.metric_families (
  name text primary key,
  type text not null,
  labels text[] not null,
  help text not null,
  max_label_sets integer not null default 1000,
  constraint families_are_of_a_known_type check (type in ('counter', 'histogram', 'gauge')),
  constraint families_have_room_for_one check (max_label_sets >= 1)
);

comment on table orchestrator.metric_families is
  'Every metric, without the prefix orchestrator_. Beyond max_label_sets, what is new counts under other in the place of its workflow, step, agent or destination.';

insert into orchestrator.metric_families (name, type, labels, help) values
  ('runs_started_total', 'counter', '{workflow,trigger}', 'Runs that were created, by what started them: api, event, cron, key, workflow, restart or notification.'),
  ('runs_finished_total', 'counter', '{workflow,status}', 'Runs that ended: success, failed, cancelled or skipped. A run that is put back to work ends again.'),
  ('step_attempts_total', 'counter', '{workflow,step,outcome,error_class}', 'Attempts that ended, by outcome: success, retry, dead or cancelled. Late results are none.'),
  ('jobs_dead_total', 'counter', '{workflow,step,error_class}', 'Jobs that became dead letters.'),
  ('rate_limited_total', 'counter', '{agent}', 'Leases of a job that were put off for want of a token, by the agent it calls.'),
  ('lease_expired_total', 'counter', '{workflow}', 'Attempts that were lost with their worker.'),
  ('schedule_missed_total', 'counter', '{workflow}', 'Cron slots that were due and not fired, as catch_up has it.'),
  ('webhook_deliveries_total', 'counter', '{destination,outcome}', 'Attempts to deliver a notification.'),
  ('concurrency_conflicts_total', 'counter', '{workflow,policy}', 'Runs that met another one of their concurrency key, by what came of it: queue (it waits), skip, cancel_new or replace.'),
  ('run_duration_seconds', 'histogram', '{workflow}', 'From the creation of a run to its end.'),
  ('step_duration_seconds', 'histogram', '{workflow,step}', 'From the lease of an attempt to its end, with an answer or without; lost and cancelled attempts are not measured.'),
  ('step_queue_seconds', 'histogram', '{workflow}', 'From the time a job was due to its lease; jobs that waited for something else are not measured.'),
  ('queue_depth', 'gauge', '{status}', 'Jobs that are ready, due later, parked or being worked on. Jobs whose dependencies are open are in no queue yet.'),
  ('queue_oldest_ready_seconds', 'gauge', '{}', 'How long the oldest due job has been due; 0 when none is.'),
  ('workers_alive', 'gauge', '{}', 'Workers that are draining.'),
  ('rate_limit_tokens', 'gauge', '{key}', 'Tokens left: of buckets that users share, then of the emptiest others.'),
  ('dead_letters', 'gauge', '{workflow}', 'Jobs that are dead and were not put back to work, nor pruned.'),
  ('schedule_lag_seconds', 'gauge', '{workflow}', 'How long the oldest due cron slot has been due; 0 when none is.'),
  ('tick_last_success_timestamp_seconds', 'gauge', '{tick}', 'When a tick of pg_cron last did its work.'),
  ('build_info', 'gauge', '{version}', 'Always 1.');
update orchestrator.metric_families set max_label_sets = 5000 where name = 'step_attempts_total';
update orchestrator.metric_families set max_label_sets = 100 where name = 'rate_limit_tokens';

create table orchestrator.metric_deltas (
  metric text not null,
  definition_id bigint,
  labels text[] not null,
  value double precision not null,
  took_bucket smallint,
  took double precision,
  waited_bucket smallint,
  waited double precision
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);  -- filled and emptied all day

comment on table orchestrator.metric_deltas is
  'What was counted and is not folded yet; inserted only, and without an index. metric: a family, or step (labels step, outcome and, if it failed, error class; the workflow by definition_id) and run (labels workflow, status), each of which makes several.';

create table orchestrator.metric_totals (
  metric text not null,
  labels text[] not null,
  bucket smallint not null,
  value double precision not null,
  sum double precision not null,
  primary key (metric, labels, bucket)
) with (fillfactor = 50);

comment on table orchestrator.metric_totals is
  'Counters since ever, by the labels of their family in order. bucket: the place of a histogram''s bucket, not cumulated, with the sum of the values in it; 0 for counters.';

alter table orchestrator.metric_families enable row level security;
alter table orchestrator.metric_deltas enable row level security;
alter table orchestrator.metric_totals enable row level security;
create policy "nobody but the service role" on orchestrator.metric_families
  as permissive for all to anon, authenticated using (false) with check (false);
create policy "nobody but the service role" on orchestrator.metric_deltas
  as permissive for all to anon, authenticated using (false) with check (false);
create policy "nobody but the service role" on orchestrator.metric_totals
  as permissive for all to anon, authenticated using (false) with check (false);
grant select, insert, update, delete on
  orchestrator.metric_families, orchestrator.metric_deltas, orchestrator.metric_totals
  to service_role;

create function orchestrator.duration_bounds()
returns double precision[]
language plpgsql  -- not sql: see now(); without arguments, it is asked once a plan
immutable
security invoker
set search_path = ''
as $$
begin
  return array[-1800, -300, -60, -30, -10, -5, -2.5, -1, -0.5, -0.25, -0.1, -0.05, -0.025, -0.01, -0.005]::double precision[];
end;
$$;

comment on function orchestrator.duration_bounds() is
  'The upper bounds of the histograms'' buckets in seconds, negated: width_bucket(-x, these) is how many are not below x, and 15 less that is the bucket of x, with a value at a bound inside.';

create function orchestrator.count(p_metric text, p_labels jsonb, p_value double precision default 1)
returns void
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_labels text[] := (
    select labels from orchestrator.metric_families where name = p_metric and type = 'counter'
  );
begin
  if v_labels is null then
    raise exception 'counting: there is no counter %', p_metric using errcode = 'WF001';
  elsif p_value < 0 then
    raise exception 'counting: % cannot fall, by %', p_metric, p_value using errcode = 'WF001';
  end if;
  insert into orchestrator.metric_deltas (metric, labels, value)
  select p_metric, array(select coalesce(p_labels ->> l.name, '') from unnest(v_labels) as l (name)), p_value;
end;
$$;

comment on function orchestrator.count(text, jsonb, double precision) is
  'Raises a counter, for what happens seldom: labels as an object, those that are not given are empty.';

create function orchestrator.announce_ended_runs(p_workflow_run_ids uuid[])
returns void
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  -- Most projects have one of these or none: asked here, that costs next to nothing at each batch.
  if exists (select from public.orchestrator_destinations) then
    perform orchestrator._tell_of_ended_runs(p_workflow_run_ids);
  end if;
  if exists (select from orchestrator.trace_export) then
    perform orchestrator._note_traces(p_workflow_run_ids);
  end if;
end;
$$;

comment on function orchestrator.announce_ended_runs(uuid[]) is
  'Tells destinations and traces of runs that have just ended. Not a trigger: with its transition tables it took 3 % of a drain.';

create function orchestrator.note_ended_runs(p_workflow_run_ids uuid[])
returns void
language plpgsql
volatile
security invoker
set search_path = ''
set enable_seqscan = off
set jit = off
as $$
begin
  insert into orchestrator.metric_deltas (metric, labels, value, took_bucket, took)
  select 'run', array[workflow_key, status], count(*), took_bucket, sum(took)
  from (
    select e.*, 15 - width_bucket(-e.took, orchestrator.duration_bounds()) as took_bucket
    from (
      select workflow_key, status, greatest(0, date_part('epoch', finished_at - created_at)) as took
      from public.workflow_runs
      where workflow_run_id = any (p_workflow_run_ids)
    ) as e
  ) as r
  group by workflow_key, status, took_bucket;
  perform orchestrator.announce_ended_runs(p_workflow_run_ids);
end;
$$;

comment on function orchestrator.note_ended_runs(uuid[]) is
  'Counts and announces runs that have just ended, in another way than by the success of their last step (see _settle_successes).';

create function orchestrator._expand_deltas(p_deltas orchestrator.metric_deltas[])
returns table (p_metric text, p_labels text[], p_bucket smallint, p_value double precision, p_sum double precision)
language plpgsql
stable
security invoker
set search_path = ''
set jit = off
as $$
begin
  return query
  with named as materialized (
    select d.*, array[coalesce(r.workflow_key, w.workflow_key, 'other')] as workflow
    from unnest(p_deltas) as d
    left join public.workflow_definitions w on w.definition_id = d.definition_id
    -- Steps that were appended to a run are a definition with the run's id for a key.
    left join public.workflow_runs r
      on r.workflow_run_id = case when w.workflow_key ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then w.workflow_key::uuid end
  )
  select 'step_attempts_total', n.workflow || n.labels[1 : 2] || coalesce(n.labels[3], ''), 0::smallint, n.value, 0::double precision
  from named n where n.metric = 'step'
  union all
  select 'step_duration_seconds', n.workflow || n.labels[1], n.took_bucket, n.value, n.took
  from named n where n.metric = 'step' and n.took_bucket is not null
  union all
  select 'step_queue_seconds', n.workflow, n.waited_bucket, n.value, n.waited
  from named n where n.metric = 'step' and n.waited_bucket is not null
  union all
  select 'jobs_dead_total', n.workflow || n.labels[1] || n.labels[3], 0::smallint, n.value, 0
  from named n where n.metric = 'step' and n.labels[2] = 'dead'
  union all
  select 'lease_expired_total', n.workflow, 0::smallint, n.value, 0
  from named n where n.metric = 'step' and n.labels[3] = 'lease_expired'
  union all
  select 'runs_finished_total', n.labels, 0::smallint, n.value, 0 from named n where n.metric = 'run'
  union all
  select 'run_duration_seconds', n.labels[1 : 1], n.took_bucket, n.value, n.took from named n where n.metric = 'run'
  union all
  select n.metric, n.labels, 0::smallint, n.value, 0 from named n where n.metric not in ('step', 'run');
end;
$$;

comment on function orchestrator._expand_deltas(orchestrator.metric_deltas[]) is
  'Deltas as rows of totals: each as all the metrics that it makes, with the workflow''s name.';

create function orchestrator._name_deltas(p_deltas orchestrator.metric_deltas[])
returns setof orchestrator.metric_totals
language plpgsql
stable
security invoker
set search_path = ''
set jit = off
as $$
begin
  return query
  with expanded as materialized (
    select e.p_metric as metric, e.p_labels as labels, e.p_bucket as bucket, sum(e.p_value) as value, sum(e.p_sum) as sum
    from orchestrator._expand_deltas(p_deltas) as e
    group by 1, 2, 3
  ),
  fresh as (
    select distinct e.metric, e.labels
    from expanded e
    where not exists (
      select from orchestrator.metric_totals t where t.metric = e.metric and t.labels = e.labels
    )
  ),
  known as (
    select f.name as metric, f.labels as names, f.max_label_sets - (
      select count(distinct t.labels) from orchestrator.metric_totals t where t.metric = f.name
    ) as room
    from orchestrator.metric_families f
    where f.name in (select metric from fresh)
  ),
  beyond as (
    select r.metric, r.labels, array(
      select case when l.name in ('workflow', 'step', 'agent', 'destination') then 'other' else l.value end
      from unnest(r.names, r.labels) with ordinality as l (name, value, place)
      order by l.place
    ) as under
    from (
      select f.*, k.names, k.room, row_number() over (partition by f.metric order by f.labels) as rank
      from fresh f
      join known k using (metric)
    ) as r
    where r.rank > r.room
  )
  select e.metric, coalesce(b.under, e.labels), e.bucket, sum(e.value), sum(e.sum)
  from expanded e
  left join beyond b using (metric, labels)
  group by 1, 2, 3;
end;
$$;

comment on function orchestrator._name_deltas(orchestrator.metric_deltas[]) is
  'What deltas add to the totals: label sets for which a family has no room are put together under other.';

create function orchestrator.fold_metrics(p_limit integer default 100000)
returns integer
language plpgsql
volatile
security invoker
set search_path = ''
set jit = off
as $$
declare
  v_deltas orchestrator.metric_deltas[];
  v_folded integer;
begin
  -- One at a time, and nobody waits. Deleting and adding are one transaction: killed between them, neither is done.
  if not pg_try_advisory_xact_lock(hashtext('orchestrator.metrics'), 0) then
    return 0;
  end if;
  with taken as (
    delete from orchestrator.metric_deltas
    where ctid = any (array(select d.ctid from orchestrator.metric_deltas d limit p_limit))
    returning *
  ),
  alike as (
    select
      (metric, definition_id, labels, sum(value), took_bucket, sum(took), waited_bucket, sum(waited))::orchestrator.metric_deltas as delta,
      count(*) as rows
    from taken
    group by metric, definition_id, labels, took_bucket, waited_bucket
  )
  select array_agg(delta), coalesce(sum(rows), 0) into v_deltas, v_folded from alike;

  insert into orchestrator.metric_totals as t
  select * from orchestrator._name_deltas(v_deltas)
  on conflict (metric, labels, bucket) do update set value = t.value + excluded.value, sum = t.sum + excluded.sum;
  return v_folded;
end;
$$;

comment on function orchestrator.fold_metrics(integer) is
  'Adds up to p_limit deltas (null: all) to the totals and deletes them; answers how many, 0 while somebody else is at it. Nobody waits for a total: readers see the last commit, ticks try the lock, and only pruning waits for it, while it holds nothing.';

create function orchestrator._read_gauges(p_version text)
returns table (p_metric text, p_labels text[], p_value double precision)
language plpgsql
stable
security invoker
set search_path = ''
set enable_seqscan = off
set jit = off
as $$
declare
  v_now timestamptz := orchestrator.now();
begin
  return query
  select 'queue_depth', array[s.status], coalesce(q.jobs, 0)::double precision
  from unnest(array['queued', 'failed', 'parked', 'leased', 'running']) as s (status)
  left join (
    -- In two parts, neither of which reads the jobs that are done.
    select status, count(*) as jobs from public.job_queue where awaits_lease group by status
    union all
    select status, count(*) from orchestrator.leased_jobs group by status
  ) as q on q.status = s.status
  union all
  select 'queue_oldest_ready_seconds', '{}', coalesce(greatest(0, date_part('epoch', v_now - orchestrator.oldest_due_at())), 0)
  union all
  select 'workers_alive', '{}', orchestrator.workers_alive()
  union all
  (
    select 'rate_limit_tokens', array[b.rl_key], b.tokens
    from (
      select rl_key, capacity, least(
        capacity::double precision,
        tokens + greatest(0, date_part('epoch', v_now - last_refill)) * refill_rate::double precision
      ) as tokens
      from public.rate_limits
      where capacity is not null
    ) as b
    order by b.rl_key like 'user:%', b.tokens / b.capacity::double precision, b.rl_key
    limit (select f.max_label_sets from orchestrator.metric_families f where f.name = 'rate_limit_tokens')
  )
  union all
  (
    select 'dead_letters', array[r.workflow_key], count(*)::double precision
    from public.job_queue q
    join public.workflow_runs r using (workflow_run_id)
    where q.status = 'dead' and q.error_class is not null  -- by which there is an index
    group by r.workflow_key
    order by count(*) desc, r.workflow_key
    limit (select f.max_label_sets from orchestrator.metric_families f where f.name = 'dead_letters')
  )
  union all
  (
    select 'schedule_lag_seconds', array[s.workflow_key],
      greatest(0, max(date_part('epoch', v_now - s.next_run_at)) filter (where isfinite(s.next_run_at)))
    from public.workflow_schedules s
    where s.cron is not null and s.paused_at is null
    group by s.workflow_key
    order by 3 desc, s.workflow_key
    limit (select f.max_label_sets from orchestrator.metric_families f where f.name = 'schedule_lag_seconds')
  )
  union all
  select 'tick_last_success_timestamp_seconds', array[t.name], date_part('epoch', t.ticked_at) from orchestrator.ticks t
  union all
  select 'build_info', array[p_version], 1
  union all
  select * from orchestrator.read_alert_gauges();
end;
$$;

comment on function orchestrator._read_gauges(text) is
  'The gauges as they are this moment, found by indexes: a scrape never walks the history.';

create function public.get_metrics(p_version text)
returns json
language plpgsql
-- Stable, so that all of it sees one snapshot: a delta is folded or not, never neither or both.
stable
security invoker
set search_path = ''
set jit = off
as $$
declare
  v_deltas orchestrator.metric_deltas[] := array(
    select (d.metric, d.definition_id, d.labels, sum(d.value), d.took_bucket, sum(d.took), d.waited_bucket, sum(d.waited))::orchestrator.metric_deltas
    from orchestrator.metric_deltas d
    group by d.metric, d.definition_id, d.labels, d.took_bucket, d.waited_bucket
  );
begin
  return (
    with series as (
      select
        c.metric, c.labels, sum(c.value) as value, sum(c.sum) as sum,
        json_object_agg(c.bucket, c.value) as buckets
      from (
        select a.metric, a.labels, a.bucket, sum(a.value) as value, sum(a.sum) as sum
        from (
          select * from orchestrator.metric_totals
          union all
          select * from orchestrator._name_deltas(v_deltas)
        ) as a
        group by 1, 2, 3
      ) as c
      group by 1, 2
      union all
      select g.p_metric, g.p_labels, g.p_value, null, null from orchestrator._read_gauges(p_version) as g
    )
    select json_build_object(
      'bounds', (select array_agg(-b order by -b) from unnest(orchestrator.duration_bounds()) as b),
      'families', json_agg(json_build_object(
        'name', 'orchestrator_' || f.name, 'type', f.type, 'help', f.help, 'labels', f.labels,
        'samples', (
          select coalesce(json_agg(
            case f.type
              when 'histogram' then json_build_object(
                'labels', s.labels, 'value', s.value, 'sum', s.sum, 'buckets', s.buckets
              )
              else json_build_object('labels', s.labels, 'value', s.value)
            end
            order by s.labels
          ), '[]')
          from series s
          where s.metric = f.name
        )
      ) order by f.name)
    )
    from orchestrator.metric_families f
  );
end;
$$;

comment on function public.get_metrics(text) is
  'Every metric with its samples: {bounds, families: [{name, type, help, labels, samples: [{labels, value}]}]}, labels by the order of the family''s; a histogram''s samples also have sum, and buckets by place, not cumulated.';

revoke execute on all functions in schema orchestrator from public, anon, authenticated;
grant execute on function
  orchestrator.duration_bounds(), orchestrator.count(text, jsonb, double precision),
  orchestrator.announce_ended_runs(uuid[]), orchestrator.note_ended_runs(uuid[]), orchestrator._expand_deltas(orchestrator.metric_deltas[]),
  orchestrator._name_deltas(orchestrator.metric_deltas[]), orchestrator.fold_metrics(integer),
  orchestrator._read_gauges(text)
  to service_role;
revoke execute on function public.get_metrics(text) from public, anon, authenticated;
grant execute on function public.get_metrics(text) to service_role;
