-- Agent replies: what an agent answered under an idempotency key, so that a second delivery gets the same answer.
-- For agents built with the agent kit; agents elsewhere keep replies in a store of their own.

create table public.agent_replies (
  idempotency_key text primary key,
  request_hash text not null,
  claim_token uuid,
  claimed_until timestamptz,
  status_code integer,
  body jsonb,
  created_at timestamptz not null,
  constraint replies_are_claimed_or_done check ((claim_token is null) = (claimed_until is null))
);

comment on table public.agent_replies is
  'Replies of agents by idempotency key: claimed while the agent works, then kept for replay.';

create index agent_replies_by_age on public.agent_replies (created_at);

alter table public.agent_replies enable row level security;
create policy "nobody but the service role" on public.agent_replies
  as permissive for all to anon, authenticated using (false) with check (false);
grant select, insert, update, delete on public.agent_replies to service_role;

create function public.begin_agent_reply(p_idempotency_key text, p_request_hash text, p_hold_ms integer default 60000)
returns jsonb
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_now timestamptz := clock_timestamp();
  v_reply public.agent_replies;
begin
  insert into public.agent_replies (idempotency_key, request_hash, created_at)
  values (p_idempotency_key, p_request_hash, v_now)
  on conflict (idempotency_key) do nothing;
  select * into strict v_reply from public.agent_replies where idempotency_key = p_idempotency_key for update;

  if v_reply.request_hash <> p_request_hash then
    return jsonb_build_object('state', 'conflict');
  elsif v_reply.status_code is not null then
    return jsonb_build_object('state', 'done', 'status_code', v_reply.status_code, 'body', v_reply.body);
  elsif v_reply.claimed_until > v_now then
    return jsonb_build_object(
      'state', 'in_progress',
      'retry_after_ms', ceil(extract(epoch from v_reply.claimed_until - v_now) * 1000)
    );
  end if;
  update public.agent_replies
  set
    claim_token = gen_random_uuid(),
    claimed_until = v_now + p_hold_ms * interval '1 millisecond'
  where idempotency_key = p_idempotency_key
  returning * into v_reply;
  return jsonb_build_object('state', 'started', 'claim_token', v_reply.claim_token);
end;
$$;

comment on function public.begin_agent_reply(text, text, integer) is
  'Claims an idempotency key for p_hold_ms: started, in_progress (another delivery works on it), done (the kept reply) or conflict (another request).';

create function public.finish_agent_reply(
  p_idempotency_key text, p_claim_token uuid, p_status_code integer, p_body jsonb
)
returns jsonb
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  update public.agent_replies
  set status_code = p_status_code, body = p_body, claim_token = null, claimed_until = null
  where idempotency_key = p_idempotency_key and claim_token = p_claim_token;
  return jsonb_build_object('stored', found);
end;
$$;

comment on function public.finish_agent_reply(text, uuid, integer, jsonb) is
  'Keeps the reply for replay, if the claim still holds.';

create function public.forget_agent_reply(p_idempotency_key text, p_claim_token uuid)
returns jsonb
language sql
volatile
security invoker
set search_path = ''
as $$
  update public.agent_replies
  set claim_token = null, claimed_until = null
  where idempotency_key = p_idempotency_key and claim_token = p_claim_token;
  select '{}'::jsonb;
$$;

comment on function public.forget_agent_reply(text, uuid) is
  'Gives the claim back without a reply, after a failure worth another try.';

revoke execute on function
  public.begin_agent_reply(text, text, integer), public.finish_agent_reply(text, uuid, integer, jsonb),
  public.forget_agent_reply(text, uuid)
  from public, anon, authenticated;
grant execute on function
  public.begin_agent_reply(text, text, integer), public.finish_agent_reply(text, uuid, integer, jsonb),
  public.forget_agent_reply(text, uuid)
  to service_role;
