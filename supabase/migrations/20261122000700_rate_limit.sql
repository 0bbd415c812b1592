-- Rate limit: token buckets by key, taken inside the lease, one set-based pass per batch.
--
-- A job asks up to three buckets: user:{user}:agent:{agent} (by the default policy if no other), or the one that its
-- step names instead; and agent:{agent} and user:{user} (where a policy names them). Jobs that call nobody ask none. A refused job moves to the time its token is due,
-- behind those already put off, and uses no attempt.

create table public.rate_limit_policies (
  pattern text primary key,
  capacity numeric,
  refill_rate numeric not null,
  description text,
  is_wildcard boolean not null generated always as (pattern = 'default' or pattern like '%*%') stored,
  shape text not null generated always as (
    case
      when pattern = 'default' or pattern ~ '^user:[^:]*:agent:[^:]*$' then 'user_agent'
      when pattern ~ '^user:[^:]*$' then 'user'
      when pattern ~ '^agent:[^:]*$' then 'agent'
      else 'other'
    end
  ) stored,
  specificity integer not null generated always as (
    case when pattern = 'default' then -1 else length(replace(pattern, '*', '')) end
  ) stored,
  -- A key matches if it is like this and has as many colons: then no star stands for one. A regular expression
  -- would say both, and takes seven times as long. The default matches all.
  key_like text not null generated always as (
    case
      when pattern = 'default' then '%'
      else replace(regexp_replace(pattern, '([\\%_])', '\\\1', 'g'), '*', '%')
    end
  ) stored,
  key_colons integer generated always as (
    case when pattern <> 'default' then length(pattern) - length(replace(pattern, ':', '')) end
  ) stored,
  constraint policies_have_room_for_one check (capacity >= 1),
  constraint policies_refill check (refill_rate > 0)
);

comment on table public.rate_limit_policies is
  'Capacity and tokens per second by key pattern; * stands for anything but a colon, the most specific pattern wins, default is for keys that no pattern matches. A null capacity means no limit.';

create index rate_limit_policies_by_shape on public.rate_limit_policies (shape);
-- The first that matches a key is the policy of the key, unless one has the key as its pattern.
create index rate_limit_policies_wildcards on public.rate_limit_policies (specificity desc) where is_wildcard;

insert into public.rate_limit_policies (pattern, capacity, refill_rate, description)
values ('default', 100, 50, 'Each user at each agent: a burst of 100 calls, then 50 a second.');

create table public.rate_limits (
  rl_key text primary key,
  tokens numeric not null,
  last_refill timestamptz not null,
  refill_rate numeric not null,
  capacity numeric,
  held_until timestamptz,
  deferred_until timestamptz
) with (fillfactor = 50);

comment on table public.rate_limits is
  'The buckets. held_until: an agent asked for a pause; deferred_until: the end of the line of jobs put off by this key.';

alter table public.rate_limit_policies enable row level security;
alter table public.rate_limits enable row level security;
create policy "nobody but the service role" on public.rate_limit_policies
  as permissive for all to anon, authenticated using (false) with check (false);
create policy "nobody but the service role" on public.rate_limits
  as permissive for all to anon, authenticated using (false) with check (false);
grant select, insert, update, delete on public.rate_limit_policies, public.rate_limits to service_role;

create function orchestrator.rate_limit_key(p_user_id text, p_agent text)
returns text
language sql
immutable
security invoker
set search_path = ''
as $$
  select 'user:' || replace(p_user_id, ':', '%3A') || ':agent:' || p_agent;
$$;

comment on function orchestrator.rate_limit_key(text, text) is
  'The key of a user at an agent; a colon in the user''s id is escaped, so that no id can pose as another key.';

create function orchestrator.take_from_bucket(
  p_key text, p_capacity numeric, p_refill_rate numeric, p_tokens numeric, p_peek boolean
)
returns jsonb
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_now timestamptz := orchestrator.now();
  v_bucket public.rate_limits;
  v_allowed boolean;
  v_retry_after_ms numeric := 0;
begin
  loop
    if p_capacity is not null then
      insert into public.rate_limits (rl_key, tokens, last_refill, refill_rate, capacity)
      values (p_key, p_capacity, v_now, p_refill_rate, p_capacity)
      on conflict (rl_key) do nothing;
    end if;
    select * into v_bucket from public.rate_limits where rl_key = p_key for update;
    -- Or it was tidied away between the two.
    exit when found or p_capacity is null;
  end loop;

  if p_capacity is null then
    v_allowed := v_bucket.held_until is null or v_bucket.held_until <= v_now;
  else
    v_bucket.tokens := least(
      p_capacity,
      v_bucket.tokens + greatest(0, extract(epoch from v_now - v_bucket.last_refill)) * p_refill_rate
    );
    v_allowed := v_bucket.tokens >= p_tokens and coalesce(v_bucket.held_until <= v_now, true);
    if v_allowed and not p_peek then
      v_bucket.tokens := v_bucket.tokens - p_tokens;
    end if;
    -- Who waited for the bucket may have read the clock before who had it: no span flows into it twice.
    update public.rate_limits
    set
      tokens = v_bucket.tokens, last_refill = greatest(last_refill, v_now),
      capacity = p_capacity, refill_rate = p_refill_rate
    where rl_key = p_key;
  end if;

  if not v_allowed then
    v_retry_after_ms := greatest(
      0,
      (p_tokens - v_bucket.tokens) / p_refill_rate * 1000,
      extract(epoch from v_bucket.held_until - v_now) * 1000
    );
  end if;
  return jsonb_build_object(
    'allowed', v_allowed,
    'tokens', case when p_capacity is not null then trunc(v_bucket.tokens, 3) end,
    'capacity', p_capacity,
    'refill_rate', case when p_capacity is not null then p_refill_rate end,
    'retry_after_ms', ceil(v_retry_after_ms)
  );
end;
$$;

comment on function orchestrator.take_from_bucket(text, numeric, numeric, numeric, boolean) is
  'Takes tokens of a bucket of this size, or with p_peek only looks; answers as take_tokens does. A null capacity means no limit.';

create function orchestrator.policy_of(p_key text)
returns public.rate_limit_policies
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  v_policy public.rate_limit_policies;
begin
  select * into v_policy
  from public.rate_limit_policies
  where pattern = p_key or (
    is_wildcard and p_key like key_like
    and (key_colons = length(p_key) - length(replace(p_key, ':', ''))) is not false
  )
  order by specificity desc
  limit 1;
  return v_policy;
end;
$$;

comment on function orchestrator.policy_of(text) is
  'The most specific policy that matches a key; a row of nulls if there is not even a default.';

create function public.take_tokens(p_key text, p_tokens numeric default 1, p_peek boolean default false)
returns jsonb
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_policy public.rate_limit_policies := orchestrator.policy_of(p_key);
begin
  return orchestrator.take_from_bucket(p_key, v_policy.capacity, v_policy.refill_rate, p_tokens, p_peek);
end;
$$;

comment on function public.take_tokens(text, numeric, boolean) is
  'Takes tokens of a key, or with p_peek only looks: {allowed, tokens, capacity, refill_rate, retry_after_ms}.';

create function orchestrator.take_tokens_for_jobs(p_picked orchestrator.candidate[], p_now timestamptz)
returns bigint[]
language plpgsql
volatile
security invoker
set search_path = ''
set plan_cache_mode = force_generic_plan  -- or every lease plans anew, which costs more than a small batch
set enable_seqscan = off
set jit = off
set enable_mergejoin = off
as $$
declare
  v_jobs bigint[];
  v_places bigint[];
  v_keys text[];
  v_capacities numeric[];
  v_rates numeric[];
  v_refused bigint[];
begin
  with job as materialized (
    select job_id, place, agent, named, replace(user_id, ':', '%3A') as user_id
    from unnest(p_picked) with ordinality as u (job_id, user_id, agent, named, place)
    where named is distinct from ''
  ),
  -- One row a key with its jobs as arrays: a policy is looked up once a batch, and not at all where no policy
  -- has the shape.
  key as (
    select
      'user_agent' as shape, 'user:' || user_id || ':agent:' || agent as rl_key,
      array_agg(job_id) as job_ids, array_agg(place) as places
    from job
    where named is null
    group by user_id, agent
    union all
    select 'named', named, array_agg(job_id), array_agg(place)
    from job
    where named is not null
    group by named
    union all
    select 'agent', 'agent:' || agent, array_agg(job_id), array_agg(place)
    from job
    -- An agent's name may hold a colon (a host with a port), and a policy for it has the shape 'other'.
    where exists (select from public.rate_limit_policies where shape in ('agent', 'other'))
      and named is distinct from 'agent:' || agent
    group by agent
    union all
    select 'user', 'user:' || user_id, array_agg(job_id), array_agg(place)
    from job
    where exists (select from public.rate_limit_policies where shape = 'user')
      and named is distinct from 'user:' || user_id
    group by user_id
  )
  select array_agg(d.job_id), array_agg(d.place), array_agg(d.rl_key), array_agg(d.capacity), array_agg(d.refill_rate)
  into v_jobs, v_places, v_keys, v_capacities, v_rates
  from (
    select m.job_id, m.place, k.rl_key, p.capacity, p.refill_rate
    from key k
    left join lateral (
      -- Fenced by the offset: a probe of the index each, also where the plan is older than most policies.
      select o.pattern, o.capacity, o.refill_rate from public.rate_limit_policies o where o.pattern = k.rl_key offset 0
    ) as e on true
    left join lateral (
      select w.capacity, w.refill_rate
      from public.rate_limit_policies w
      where e.pattern is null and w.is_wildcard and (w.shape = k.shape or k.shape = 'named')
        and k.rl_key like w.key_like
        and (w.key_colons = length(k.rl_key) - length(replace(k.rl_key, ':', ''))) is not false
      order by w.specificity desc
      limit 1
    ) as w on true
    cross join lateral (
      select
        case when e.pattern is null then w.capacity else e.capacity end as capacity,
        coalesce(e.refill_rate, w.refill_rate) as refill_rate
    ) as p
    left join public.rate_limits b on b.rl_key = k.rl_key and b.held_until > p_now
    cross join unnest(k.job_ids, k.places) as m (job_id, place)
    where p.capacity is not null or p.refill_rate is not null and b.rl_key is not null
  ) as d;
  if v_jobs is null then
    return array(select job_id from unnest(p_picked));
  end if;

  insert into public.rate_limits (rl_key, tokens, last_refill, refill_rate, capacity)
  select distinct on (d.rl_key) d.rl_key, d.capacity, p_now, d.refill_rate, d.capacity
  from unnest(v_keys, v_capacities, v_rates) as d (rl_key, capacity, refill_rate)
  where not exists (select from public.rate_limits b where b.rl_key = d.rl_key)
  order by d.rl_key
  on conflict (rl_key) do nothing;

  with demand as (
    select
      d.*,
      row_number() over (partition by d.rl_key order by d.place) as rank
    from unnest(v_jobs, v_places, v_keys, v_capacities, v_rates) as d (job_id, place, rl_key, capacity, refill_rate)
  ),
  bucket as materialized (
    -- Locked in key order: two leases that share buckets take turns and cannot wait in a circle.
    select
      b.rl_key, k.capacity, k.refill_rate, b.deferred_until,
      case when b.held_until > p_now then b.held_until end as held_until,
      least(
        k.capacity,
        b.tokens + greatest(0, extract(epoch from p_now - b.last_refill)) * k.refill_rate
      ) as tokens
    from public.rate_limits b
    join (select distinct rl_key, capacity, refill_rate from demand) as k on k.rl_key = b.rl_key
    order by b.rl_key
    for update of b
  ),
  asked as (
    select
      d.job_id, d.rl_key, d.rank,
      -- A bucket that was tidied away this moment gives nothing: its jobs come again, and find it made anew.
      b.rl_key is not null and b.held_until is null and (b.capacity is null or d.rank <= floor(b.tokens)) as is_granted
    from demand d
    left join bucket b using (rl_key)
  ),
  verdict as (
    select job_id, bool_and(is_granted) as is_allowed from asked group by job_id
  ),
  tally as (
    select a.rl_key, count(*) filter (where v.is_allowed) as taken
    from asked a
    join verdict v using (job_id)
    group by a.rl_key
  ),
  refused as (
    select
      a.job_id, a.rl_key,
      case
        when b.rl_key is null then p_now
        when b.capacity is null then b.held_until  -- no bucket to wait for, only the agent's pause
        else greatest(
          b.held_until,
          b.deferred_until + make_interval(secs => (1 / b.refill_rate)::double precision),
          p_now + make_interval(secs => (greatest(0, 1 - (b.tokens - t.taken)) / b.refill_rate)::double precision)
        ) + make_interval(
          secs => ((row_number() over (partition by a.rl_key order by a.rank) - 1) / b.refill_rate)::double precision
        )
      end as due_at
    from asked a
    join tally t using (rl_key)
    left join bucket b using (rl_key)
    where not a.is_granted
  ),
  spent as (
    update public.rate_limits b
    set
      tokens = coalesce(k.tokens - t.taken, b.tokens),
      last_refill = greatest(b.last_refill, p_now),
      capacity = k.capacity,
      refill_rate = k.refill_rate,
      deferred_until = greatest(b.deferred_until, (select max(r.due_at) from refused r where r.rl_key = b.rl_key))
    from bucket k
    join tally t using (rl_key)
    where b.rl_key = k.rl_key
  ),
  put_off as (
    -- Five minutes at most: a policy that is raised meanwhile must not wait for the old line to pass.
    update public.job_queue q
    set next_run_at = least(r.due_at, greatest(p_now + interval '5 minutes', r.held_until))
    from (
      select f.job_id, max(f.due_at) as due_at, max(b.held_until) as held_until
      from refused f
      left join bucket b using (rl_key)
      group by f.job_id
    ) as r
    where q.job_id = r.job_id
  )
  select array_agg(job_id) into v_refused from verdict where not is_allowed;
  if v_refused is not null then
    insert into orchestrator.metric_deltas (metric, labels, value)
    select 'rate_limited_total', array[agent], count(*)
    from unnest(p_picked)
    where job_id = any (v_refused)
    group by agent;
  end if;

  return array(select job_id from unnest(p_picked) where v_refused is null or job_id <> all (v_refused));
end;
$$;

comment on function orchestrator.take_tokens_for_jobs(orchestrator.candidate[], timestamptz) is
  'Takes one token per picked job from each of its buckets; answers the allowed jobs in order and puts the others off to their token.';

create function orchestrator.hold_keys(p_keys text[], p_until timestamptz[], p_now timestamptz)
returns void
language sql
volatile
security invoker
set search_path = ''
as $$
  insert into public.rate_limits (rl_key, tokens, last_refill, refill_rate, capacity, held_until)
  select h.rl_key, 0, p_now, 1, null, max(h.held_until)
  from unnest(p_keys, p_until) as h (rl_key, held_until)
  group by h.rl_key
  order by h.rl_key
  on conflict (rl_key) do update set held_until = greatest(rate_limits.held_until, excluded.held_until);
$$;

comment on function orchestrator.hold_keys(text[], timestamptz[], timestamptz) is
  'Pauses keys whose agent answered 429 or 503 with Retry-After.';

revoke execute on all functions in schema orchestrator from public, anon, authenticated;
grant execute on function
  orchestrator.rate_limit_key(text, text),
  orchestrator.policy_of(text),
  orchestrator.take_from_bucket(text, numeric, numeric, numeric, boolean),
  orchestrator.take_tokens_for_jobs(orchestrator.candidate[], timestamptz),
  orchestrator.hold_keys(text[], timestamptz[], timestamptz)
  to service_role;
revoke execute on function public.take_tokens(text, numeric, boolean) from public, anon, authenticated;
grant execute on function public.take_tokens(text, numeric, boolean) to service_role;
