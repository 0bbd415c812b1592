-- Secrets: what the orchestrator must keep and must not show, in Vault. A table names a secret, and holds none.

create function orchestrator.keep_secret(p_name text, p_value text)
returns void
language plpgsql
volatile
-- Definer: Vault belongs to postgres.
security definer
set search_path = ''
as $$
declare
  v_name text := 'orchestrator/' || p_name;
  v_id uuid := (select id from vault.secrets where name = v_name);
begin
  if p_value is null then
    delete from vault.secrets where id = v_id;
  elsif v_id is null then
    perform vault.create_secret(p_value, v_name);
  else
    perform vault.update_secret(v_id, p_value);
  end if;
end;
$$;

comment on function orchestrator.keep_secret(text, text) is
  'Keeps a secret in Vault under a name of the orchestrator''s own, in place of the one before; null forgets it.';

create function orchestrator.read_secret(p_name text)
returns text
language plpgsql
stable
-- Definer: Vault belongs to postgres.
security definer
set search_path = ''
as $$
begin
  return (select decrypted_secret from vault.decrypted_secrets where name = 'orchestrator/' || p_name);
end;
$$;

comment on function orchestrator.read_secret(text) is 'A secret that keep_secret kept; null if there is none.';

revoke execute on all functions in schema orchestrator from public, anon, authenticated;
grant execute on function orchestrator.keep_secret(text, text), orchestrator.read_secret(text) to service_role;
