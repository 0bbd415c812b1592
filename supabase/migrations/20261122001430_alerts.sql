-- Alerts: the rules of monitoring/prometheus/orchestrator.rules.yml, evaluated by the ticks for those who have no
-- Prometheus. Names, thresholds and durations are the same there and here, which a test holds.
--
-- What must be counted over a span of time is read from the counters of the metrics: a sample a minute keeps those
-- that have changed, and an increase is the difference to one of them. So a look costs by workflows and agents, not by jobs.

create table public.orchestrator_alert_rules (
  name text primary key,
  severity text not null,
  description text not null,
  subject_kind text,
  unit text not null,
  threshold numeric not null,
  at_least integer,
  over_span interval,
  for_span interval not null,
  enabled boolean not null default true,
  error text,
  constraint alert_rules_have_a_known_severity check (severity in ('warning', 'critical')),
  constraint alert_rules_are_about_something_known check (subject_kind in ('workflow', 'agent', 'tick', 'destination')),
  constraint alert_rules_have_a_sane_threshold check (threshold between 0 and 1000000000),
  constraint alert_rules_hold_for_a_day_at_most check (for_span between interval '0' and interval '1 day'),
  -- Samples are kept for little longer.
  constraint alert_rules_look_back_an_hour_at_most check (over_span between interval '1 minute' and interval '1 hour')
);

comment on table public.orchestrator_alert_rules is
  'When to alert: the measured value is above threshold (in unit) for at least for_span. over_span: what is counted, and of at least at_least events. error: why the last look at this rule failed. Changing threshold, for_span and enabled is for operators; the names are code.';

insert into public.orchestrator_alert_rules
  (name, severity, subject_kind, unit, threshold, at_least, over_span, for_span, description)
values
  (
    'OrchestratorRunsFailing', 'critical', 'workflow', 'ratio', 0.1, 5, '15 minutes', '1 minute',
    'More than a tenth of a workflow''s runs that ended in the last 15 minutes failed, of at least 5.'
  ),
  (
    'OrchestratorQueueStalled', 'critical', null, 'seconds', 300, null, null, '1 minute',
    'The oldest job that could run has waited for over 5 minutes: no worker is reachable, or too few are.'
  ),
  (
    'OrchestratorTickSilent', 'critical', 'tick', 'seconds', 180, null, null, '1 minute',
    'A pg_cron tick has been silent for over 3 minutes. Each tick looks after the other one; that both are silent only a dead-man''s switch outside can tell.'
  ),
  (
    'OrchestratorDeadLettersRising', 'warning', 'workflow', 'jobs', 0, null, '15 minutes', '0',
    'Jobs of a workflow died in the last 15 minutes: their retries are used up, or their error is permanent.'
  ),
  (
    'OrchestratorScheduleLate', 'warning', 'workflow', 'seconds', 120, null, null, '1 minute',
    'A slot of a workflow''s schedule is due for over 2 minutes and has not been fired.'
  ),
  (
    'OrchestratorAgentLimited', 'warning', 'agent', 'ratio', 0.5, 20, '5 minutes', '10 minutes',
    'More than half of the calls to an agent have been put off by a rate limit for 10 minutes.'
  ),
  (
    'OrchestratorLeasesExpiring', 'warning', 'workflow', 'leases', 0, null, '10 minutes', '0',
    'Leases of a workflow''s jobs ran out in the last 10 minutes: workers die, or lose the database.'
  ),
  (
    'OrchestratorDestinationFailing', 'warning', 'destination', 'deliveries', 0, null, '1 hour', '30 minutes',
    'Deliveries to a destination failed in the last hour, and none has succeeded.'
  ),
  (
    'OrchestratorScheduleWithoutSuccess', 'critical', 'workflow', 'periods', 2, null, null, '1 minute',
    'A scheduled workflow has had no successful run in two of its periods.'
  );

create table orchestrator.alerts (
  name text not null references public.orchestrator_alert_rules (name) on delete cascade,
  subject text not null,
  value numeric not null,
  pending_since timestamptz not null,
  firing_since timestamptz,
  resolved_at timestamptz,
  primary key (name, subject),
  constraint alerts_resolve_after_they_fired check (resolved_at is null or firing_since is not null)
);

comment on table orchestrator.alerts is
  'One row per rule and what it is about (a workflow, an agent, a tick, a destination, or empty): pending until for_span is over, then firing, then resolved; a resolved one is kept for a day.';

create table orchestrator.alert_looks (
  is_only_row boolean primary key default true,
  looked_at timestamptz not null default '-infinity',
  sampled_at timestamptz not null default '-infinity',
  constraint alert_looks_has_one_row check (is_only_row)
);

comment on table orchestrator.alert_looks is
  'One row: when the rules were looked at last, and the counters sampled. Whoever looks holds it.';

insert into orchestrator.alert_looks default values;

create table orchestrator.alert_counters (
  series text not null,
  subject text not null,
  outcome text not null,
  value numeric not null,
  sampled_value numeric not null,
  primary key (series, subject, outcome)
) with (fillfactor = 50);  -- written at each look where something runs

comment on table orchestrator.alert_counters is
  'The counters that rules look at, as the last look found them; sampled_value: as the newest sample has them.';

create table orchestrator.alert_samples (
  series text not null,
  subject text not null,
  outcome text not null,
  sampled_at timestamptz not null,
  value numeric not null,
  primary key (series, subject, outcome, sampled_at)
);

comment on table orchestrator.alert_samples is
  'Earlier values of the counters, taken once a minute, a row for each change, dated by the taking before it: so a change counts only where all of it lies within a span. -infinity: how the counter was found at first.';

create table orchestrator.schedule_successes (
  workflow_key text primary key,
  successes numeric not null,
  succeeded_at timestamptz not null,
  slot_at timestamptz,
  previous_slot_at timestamptz,
  next_slot_at timestamptz
);

comment on table orchestrator.schedule_successes is
  'Since when each scheduled workflow has had no success, as the looks saw it, and the slots that tell its period.';

create function orchestrator._read_counters()
returns table (p_series text, p_subject text, p_outcome text, p_value numeric)
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  -- What is not folded yet comes with the next look.
  return query
    select 'runs', t.labels[1], t.labels[2], t.value::numeric
    from orchestrator.metric_totals t
    where t.metric = 'runs_finished_total' and t.labels[2] in ('success', 'failed')
    union all
    select 'dead', t.labels[1], '', sum(t.value)::numeric
    from orchestrator.metric_totals t
    where t.metric = 'jobs_dead_total'
    group by t.labels[1]
    union all
    select 'lease_expired', t.labels[1], '', t.value::numeric
    from orchestrator.metric_totals t
    where t.metric = 'lease_expired_total'
    union all
    select 'deliveries', t.labels[1], o.outcome, sum(t.value)::numeric
    from orchestrator.metric_totals t
    cross join lateral (select case t.labels[2] when 'delivered' then 'success' else 'failed' end as outcome) as o
    where t.metric = 'webhook_deliveries_total'
    group by t.labels[1], o.outcome
    union all
    select 'calls', t.labels[1], 'put_off', t.value::numeric
    from orchestrator.metric_totals t
    where t.metric = 'rate_limited_total'
    union all
    -- success stands for: was not put off.
    select 'calls', s.p_agent, 'success', sum(t.value)::numeric
    from orchestrator.metric_totals t
    join orchestrator._list_step_agents() as s on s.p_workflow_key = t.labels[1] and s.p_step_id = t.labels[2]
    where t.metric = 'step_attempts_total'
    group by s.p_agent;
end;
$$;

comment on function orchestrator._read_counters() is
  'The counters that rules look at, by what they are about and by outcome.';

create function orchestrator._list_step_agents()
returns table (p_workflow_key text, p_step_id text, p_agent text)
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  return query
    select w.workflow_key, s.step_id, s.agent
    from public.workflows w
    join public.workflow_steps s using (definition_id)
    where w.archived_at is null and s.kind = 'call';
end;
$$;

comment on function orchestrator._list_step_agents() is 'Which agent each step of the published workflows calls.';

create function orchestrator.read_alert_gauges()
returns table (p_metric text, p_labels text[], p_value double precision)
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  return query
    select 'alerts_firing', array[r.name], count(a.name) filter (where a.resolved_at is null)::double precision
    from public.orchestrator_alert_rules r
    left join orchestrator.alerts a on a.name = r.name and a.firing_since is not null
    group by r.name
    union all
    select 'schedule_idle_periods', array[i.p_workflow_key], i.p_periods::double precision
    from orchestrator.list_idle_periods() as i
    union all
    (
      select 'step_info', array[s.p_workflow_key, s.p_step_id, s.p_agent], 1::double precision
      from orchestrator._list_step_agents() as s
      order by s.p_workflow_key, s.p_step_id
      limit (select f.max_label_sets from orchestrator.metric_families f where f.name = 'step_info')
    );
end;
$$;

comment on function orchestrator.read_alert_gauges() is
  'The gauges that rules and dashboards need besides the counters; get_metrics adds them to its own.';

insert into orchestrator.metric_families (name, type, labels, help, max_label_sets) values
  ('alerts_firing', 'gauge', '{alert}', 'Alerts that the ticks found and that are not resolved, by rule.', 100),
  ('schedule_idle_periods', 'gauge', '{workflow}', 'How many of its periods a scheduled workflow has been without a successful run.', 1000),
  ('step_info', 'gauge', '{workflow,step,agent}', 'Always 1: which agent a step of a published workflow calls.', 5000);

create function orchestrator._sample_schedules(p_now timestamptz)
returns void
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  -- A schedule that was paused or is new begins to count when it runs.
  delete from orchestrator.schedule_successes k
  where not exists (
    select from public.workflow_schedules s
    where s.workflow_key = k.workflow_key and s.user_id is null and s.cron is not null and s.paused_at is null
  );
  insert into orchestrator.schedule_successes as k (
    workflow_key, successes, succeeded_at, slot_at, next_slot_at
  )
  select s.workflow_key, coalesce(c.value, 0), p_now, s.last_slot_at, s.next_run_at
  from public.workflows w
  join public.workflow_schedules s
    on s.workflow_key = w.workflow_key and s.user_id is null and s.cron is not null and s.paused_at is null
  left join orchestrator.alert_counters c
    on c.series = 'runs' and c.subject = w.workflow_key and c.outcome = 'success'
  where w.archived_at is null
  on conflict (workflow_key) do update set
    successes = excluded.successes,
    succeeded_at = case when excluded.successes > k.successes then excluded.succeeded_at else k.succeeded_at end,
    previous_slot_at = case when excluded.slot_at > k.slot_at then k.slot_at else k.previous_slot_at end,
    slot_at = excluded.slot_at,
    next_slot_at = excluded.next_slot_at;
end;
$$;

comment on function orchestrator._sample_schedules(timestamptz) is
  'Notes for each workflow with a live schedule whether it has succeeded since the last look, and its slots.';

create function orchestrator.list_idle_periods()
returns table (p_workflow_key text, p_periods numeric)
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  v_now timestamptz := orchestrator.now();
begin
  -- The longer of two periods: a schedule of working days has a long one over the weekend.
  return query
    select
      k.workflow_key,
      round(extract(epoch from v_now - k.succeeded_at) / extract(epoch from greatest(
        k.next_slot_at - k.slot_at, k.slot_at - k.previous_slot_at
      )), 3)
    from orchestrator.schedule_successes k
    where k.next_slot_at > k.slot_at and isfinite(k.next_slot_at);
end;
$$;

comment on function orchestrator.list_idle_periods() is
  'How many of its periods each scheduled workflow has been without a success, those that fired at least once.';

create function orchestrator._keep_counters()
returns void
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  insert into orchestrator.alert_counters as k (series, subject, outcome, value, sampled_value)
  select c.p_series, c.p_subject, c.p_outcome, c.p_value, 0
  from orchestrator._read_counters() as c
  on conflict (series, subject, outcome) do update set value = excluded.value where k.value <> excluded.value;
end;
$$;

comment on function orchestrator._keep_counters() is 'Notes the counters as they are now, those that have changed.';

create function orchestrator._sample_counters(p_since timestamptz, p_now timestamptz)
returns void
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  -- The longest span of a rule, and two takings more.
  v_horizon timestamptz := p_now - interval '65 minutes';
begin
  with changed as (
    update orchestrator.alert_counters
    set sampled_value = value
    where sampled_value <> value
    returning *
  )
  insert into orchestrator.alert_samples (series, subject, outcome, sampled_at, value)
  select series, subject, outcome, p_since, value
  from changed
  on conflict (series, subject, outcome, sampled_at) do update set value = excluded.value;

  delete from orchestrator.alert_samples s
  where s.sampled_at < v_horizon and exists (
    select from orchestrator.alert_samples n
    where n.series = s.series and n.subject = s.subject and n.outcome = s.outcome
      and n.sampled_at > s.sampled_at and n.sampled_at < v_horizon
  );
end;
$$;

comment on function orchestrator._sample_counters(timestamptz, timestamptz) is
  'Takes a sample of the counters that have changed since the one of p_since, and forgets what no span reaches.';

create function orchestrator._count_increases(p_series text, p_over interval, p_now timestamptz)
returns table (p_subject text, p_good numeric, p_bad numeric)
language plpgsql
stable
security invoker
set search_path = ''
set enable_seqscan = off  -- a sample by its key, also where the table seems small
set jit = off
as $$
begin
  return query
    select
      k.subject,
      coalesce(sum(k.value - coalesce(b.value, 0)) filter (where k.outcome = 'success'), 0),
      coalesce(sum(k.value - coalesce(b.value, 0)) filter (where k.outcome <> 'success'), 0)
    from orchestrator.alert_counters k
    left join lateral (
      select s.value
      from orchestrator.alert_samples s
      where s.series = k.series and s.subject = k.subject and s.outcome = k.outcome and s.sampled_at < p_now - p_over
      order by s.sampled_at desc
      limit 1
    ) as b on true
    where k.series = p_series
    group by k.subject;
end;
$$;

comment on function orchestrator._count_increases(text, interval, timestamptz) is
  'By how much the counters of a series rose in the span before p_now, by what they are about: good is what succeeded, bad the rest.';

create function orchestrator._measure_counted(p_rule public.orchestrator_alert_rules, p_now timestamptz)
returns table (p_subject text, p_value numeric)
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  case p_rule.name
    when 'OrchestratorRunsFailing' then
      return query
        select i.p_subject, i.p_bad / (i.p_good + i.p_bad)
        from orchestrator._count_increases('runs', p_rule.over_span, p_now) as i
        where i.p_good + i.p_bad >= p_rule.at_least;
    when 'OrchestratorDeadLettersRising' then
      return query
        select i.p_subject, i.p_bad from orchestrator._count_increases('dead', p_rule.over_span, p_now) as i;
    when 'OrchestratorLeasesExpiring' then
      return query
        select i.p_subject, i.p_bad from orchestrator._count_increases('lease_expired', p_rule.over_span, p_now) as i;
    when 'OrchestratorAgentLimited' then
      return query
        select i.p_subject, i.p_bad / (i.p_good + i.p_bad)
        from orchestrator._count_increases('calls', p_rule.over_span, p_now) as i
        where i.p_good + i.p_bad >= p_rule.at_least;
    when 'OrchestratorDestinationFailing' then
      return query
        select i.p_subject, i.p_bad
        from orchestrator._count_increases('deliveries', p_rule.over_span, p_now) as i
        where i.p_good = 0;
  end case;
end;
$$;

comment on function orchestrator._measure_counted(public.orchestrator_alert_rules, timestamptz) is
  'The values of a rule that counts over a span, by what they are about.';

create function orchestrator._measure_present(p_rule public.orchestrator_alert_rules, p_now timestamptz)
returns table (p_subject text, p_value numeric)
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  case p_rule.name
    when 'OrchestratorQueueStalled' then
      return query
        select '', extract(epoch from p_now - orchestrator.oldest_due_at());
    when 'OrchestratorTickSilent' then
      return query
        select t.name, extract(epoch from clock_timestamp() - t.ticked_at)
        from orchestrator.ticks t
        where t.name in ('worker', 'cron');
    when 'OrchestratorScheduleLate' then
      -- The most overdue come first; a thousand of them tell of enough workflows.
      return query
        select d.workflow_key, max(extract(epoch from p_now - d.next_run_at))
        from (
          select s.workflow_key, s.next_run_at
          from public.workflow_schedules s
          where s.cron is not null and s.paused_at is null
            and s.next_run_at > '-infinity' and s.next_run_at < p_now - make_interval(secs => p_rule.threshold::double precision)
          order by s.next_run_at
          limit 1000
        ) as d
        group by d.workflow_key;
    when 'OrchestratorScheduleWithoutSuccess' then
      return query
        select i.p_workflow_key, i.p_periods from orchestrator.list_idle_periods() as i;
  end case;
end;
$$;

comment on function orchestrator._measure_present(public.orchestrator_alert_rules, timestamptz) is
  'The values of a rule that looks at what is, by what they are about.';

create function orchestrator._tell_alert(p_rule public.orchestrator_alert_rules, p_type text, p_alert orchestrator.alerts)
returns void
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  perform orchestrator.notify(
    p_type, case when p_rule.subject_kind = 'workflow' then p_alert.subject end, null, null,
    jsonb_build_object(
      'alert', p_rule.name, 'severity', p_rule.severity, 'description', p_rule.description,
      'subject_kind', p_rule.subject_kind, 'subject', nullif(p_alert.subject, ''),
      'value', round(p_alert.value, 3), 'threshold', p_rule.threshold, 'unit', p_rule.unit,
      'since', p_alert.pending_since, 'resolved_at', p_alert.resolved_at
    )
  );
end;
$$;

comment on function orchestrator._tell_alert(public.orchestrator_alert_rules, text, orchestrator.alerts) is
  'Hands an alert that began to fire or was resolved to the notifications.';

create function orchestrator._apply_breaches(
  p_rule public.orchestrator_alert_rules, p_subjects text[], p_values numeric[], p_now timestamptz, p_was_away boolean
)
returns void
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_alert orchestrator.alerts;
begin
  delete from orchestrator.alerts
  where name = p_rule.name and subject <> all (p_subjects)
    and (firing_since is null or resolved_at < p_now - interval '1 day');
  for v_alert in
    update orchestrator.alerts
    set resolved_at = p_now
    where name = p_rule.name and subject <> all (p_subjects) and firing_since is not null and resolved_at is null
    returning *
  loop
    perform orchestrator._tell_alert(p_rule, 'alert.resolved', v_alert);
  end loop;

  insert into orchestrator.alerts as a (name, subject, value, pending_since)
  select p_rule.name, b.subject, b.value, p_now
  from unnest(p_subjects, p_values) as b (subject, value)
  on conflict (name, subject) do update set
    value = excluded.value,
    -- Nobody knows whether what was pending held on while nobody looked.
    pending_since = case
      when a.resolved_at is not null or a.firing_since is null and p_was_away then excluded.pending_since
      else a.pending_since
    end,
    firing_since = case when a.resolved_at is null then a.firing_since end,
    resolved_at = null;
  for v_alert in
    update orchestrator.alerts
    set firing_since = p_now
    where name = p_rule.name and firing_since is null and pending_since <= p_now - p_rule.for_span
    returning *
  loop
    perform orchestrator._tell_alert(p_rule, 'alert.firing', v_alert);
  end loop;
end;
$$;

comment on function orchestrator._apply_breaches(
  public.orchestrator_alert_rules, text[], numeric[], timestamptz, boolean
) is
  'Moves the alerts of a rule on: what is above its threshold now becomes pending, then fires; what is not is forgotten or resolved. Each change is told once.';

create function orchestrator._evaluate_rule(
  p_rule public.orchestrator_alert_rules, p_now timestamptz, p_was_away boolean
)
returns void
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_subjects text[] := array[]::text[];
  v_values numeric[] := array[]::numeric[];
begin
  -- A rule that is switched off finds nothing, which resolves what it had found.
  if not p_rule.enabled then
    null;
  elsif p_rule.over_span is not null then
    select coalesce(array_agg(m.p_subject), '{}'), coalesce(array_agg(m.p_value), '{}') into v_subjects, v_values
    from orchestrator._measure_counted(p_rule, p_now) as m
    where m.p_value > p_rule.threshold;
  else
    select coalesce(array_agg(m.p_subject), '{}'), coalesce(array_agg(m.p_value), '{}') into v_subjects, v_values
    from orchestrator._measure_present(p_rule, p_now) as m
    where m.p_value > p_rule.threshold;
  end if;
  perform orchestrator._apply_breaches(p_rule, v_subjects, v_values, p_now, p_was_away);
end;
$$;

comment on function orchestrator._evaluate_rule(public.orchestrator_alert_rules, timestamptz, boolean) is
  'Measures one rule and moves its alerts on.';

create function orchestrator.evaluate_alerts()
returns boolean
language plpgsql
volatile
security invoker
set search_path = ''
set jit = off
as $$
declare
  v_now timestamptz;
  v_look orchestrator.alert_looks;
  v_rule public.orchestrator_alert_rules;
  v_problem text;
begin
  select * into v_look from orchestrator.alert_looks where is_only_row for update skip locked;
  if not found then
    return false;
  end if;
  v_now := orchestrator.now();
  begin
    perform orchestrator._keep_counters();
    perform orchestrator._sample_schedules(v_now);
    if v_look.sampled_at < v_now - interval '50 seconds' then
      perform orchestrator._sample_counters(v_look.sampled_at, v_now);
      update orchestrator.alert_looks set sampled_at = v_now where is_only_row;
    end if;
  exception
    when others then
      v_problem := format('reading the counters: %s', sqlerrm);
  end;
  -- One rule that fails takes neither the tick nor the others along.
  for v_rule in select * from public.orchestrator_alert_rules order by name loop
    begin
      if v_problem is not null and (v_rule.over_span is not null or v_rule.unit = 'periods') then
        raise exception '%', v_problem;
      end if;
      perform orchestrator._evaluate_rule(v_rule, v_now, v_look.looked_at < v_now - interval '5 minutes');
      update public.orchestrator_alert_rules set error = null where name = v_rule.name and error is not null;
    exception
      when others then
        raise warning 'evaluating the alert rule %: %', v_rule.name, sqlerrm;
        update public.orchestrator_alert_rules set error = sqlerrm where name = v_rule.name;
    end;
  end loop;
  update orchestrator.alert_looks set looked_at = v_now where is_only_row;
  return true;
end;
$$;

comment on function orchestrator.evaluate_alerts() is
  'Looks at every rule, called by both ticks, so that each notices when the other is silent; false if somebody else is looking this moment.';

create function public.list_alerts()
returns jsonb
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  return jsonb_build_object(
    'looked_at', (select case when isfinite(looked_at) then looked_at end from orchestrator.alert_looks),
    'rules', (
      select coalesce(jsonb_agg(orchestrator._show_alert_rule(r.name) order by r.name), '[]')
      from public.orchestrator_alert_rules r
    ),
    'alerts', (
      select coalesce(jsonb_agg(jsonb_build_object(
        'name', a.name, 'subject', nullif(a.subject, ''), 'value', round(a.value, 3),
        'state', case
          when a.resolved_at is not null then 'resolved'
          when a.firing_since is not null then 'firing'
          else 'pending'
        end,
        'pending_since', a.pending_since, 'firing_since', a.firing_since, 'resolved_at', a.resolved_at
      ) order by a.resolved_at desc nulls first, a.firing_since nulls last, a.name, a.subject), '[]')
      from orchestrator.alerts a
    )
  );
end;
$$;

comment on function public.list_alerts() is
  'The rules, and what is firing, pending, or was resolved within a day: firing first.';

create function orchestrator._show_alert_rule(p_name text)
returns jsonb
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  return (
    select jsonb_build_object(
      'name', name, 'severity', severity, 'description', description, 'subject_kind', subject_kind, 'unit', unit,
      'threshold', threshold, 'at_least', at_least, 'over_seconds', extract(epoch from over_span)::integer,
      'for_seconds', extract(epoch from for_span)::integer, 'enabled', enabled, 'error', error
    )
    from public.orchestrator_alert_rules
    where name = p_name
  );
end;
$$;

comment on function orchestrator._show_alert_rule(text) is 'A rule as people see it; null if there is none.';

create function orchestrator.set_alert_rule(p_args jsonb)
returns jsonb
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  update public.orchestrator_alert_rules
  set
    threshold = coalesce((p_args ->> 'threshold')::numeric, threshold),
    for_span = coalesce(make_interval(secs => (p_args ->> 'for_seconds')::integer), for_span),
    enabled = coalesce((p_args ->> 'enabled')::boolean, enabled)
  where name = p_args ->> 'alert_rule';
  return jsonb_build_object('result', case when found then 'saved' else 'not_found' end);
exception
  when check_violation then
    return jsonb_build_object(
      'result', 'invalid',
      'reason', format(
        'threshold must be from 0 to 1000000000, and for_seconds from 0 to 86400, got %s and %s',
        coalesce(p_args -> 'threshold', 'null'), coalesce(p_args -> 'for_seconds', 'null')
      )
    );
end;
$$;

comment on function orchestrator.set_alert_rule(jsonb) is
  'Changes threshold, for_seconds or enabled of a rule, what is given of them; counts from the next look on.';

alter table public.orchestrator_alert_rules enable row level security;
alter table orchestrator.alerts enable row level security;
alter table orchestrator.alert_looks enable row level security;
alter table orchestrator.alert_counters enable row level security;
alter table orchestrator.alert_samples enable row level security;
alter table orchestrator.schedule_successes enable row level security;
create policy "nobody but the service role" on public.orchestrator_alert_rules
  as permissive for all to anon, authenticated using (false) with check (false);
create policy "nobody but the service role" on orchestrator.alerts
  as permissive for all to anon, authenticated using (false) with check (false);
create policy "nobody but the service role" on orchestrator.alert_looks
  as permissive for all to anon, authenticated using (false) with check (false);
create policy "nobody but the service role" on orchestrator.alert_counters
  as permissive for all to anon, authenticated using (false) with check (false);
create policy "nobody but the service role" on orchestrator.alert_samples
  as permissive for all to anon, authenticated using (false) with check (false);
create policy "nobody but the service role" on orchestrator.schedule_successes
  as permissive for all to anon, authenticated using (false) with check (false);
grant select, insert, update, delete
  on public.orchestrator_alert_rules, orchestrator.alerts, orchestrator.alert_looks,
    orchestrator.alert_counters, orchestrator.alert_samples, orchestrator.schedule_successes
  to service_role;

revoke execute on all functions in schema orchestrator from public, anon, authenticated;
grant execute on function
  orchestrator._read_counters(), orchestrator._list_step_agents(), orchestrator.read_alert_gauges(),
  orchestrator._sample_schedules(timestamptz), orchestrator.list_idle_periods(),
  orchestrator._keep_counters(), orchestrator._sample_counters(timestamptz, timestamptz),
  orchestrator._count_increases(text, interval, timestamptz),
  orchestrator._measure_counted(public.orchestrator_alert_rules, timestamptz),
  orchestrator._measure_present(public.orchestrator_alert_rules, timestamptz),
  orchestrator._tell_alert(public.orchestrator_alert_rules, text, orchestrator.alerts),
  orchestrator._apply_breaches(public.orchestrator_alert_rules, text[], numeric[], timestamptz, boolean),
  orchestrator._evaluate_rule(public.orchestrator_alert_rules, timestamptz, boolean),
  orchestrator.evaluate_alerts(), orchestrator._show_alert_rule(text), orchestrator.set_alert_rule(jsonb)
  to service_role;
revoke execute on function public.list_alerts() from public, anon, authenticated;
grant execute on function public.list_alerts() to service_role;
