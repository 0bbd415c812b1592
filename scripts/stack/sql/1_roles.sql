-- The roles of a Supabase project. `postgres` owns the project's objects and is no superuser, as on
-- the hosted platform, so that missing privileges show on the first run here and not after a deploy.
do $$
declare
  v_role record;
begin
  for v_role in
    select *
    from (values
      ('anon', 'nologin noinherit'),
      ('authenticated', 'nologin noinherit'),
      ('service_role', 'nologin noinherit bypassrls'),
      ('authenticator', 'login noinherit'),
      ('postgres', 'login createdb createrole replication bypassrls')
    ) as wanted (name, attributes)
  loop
    if not exists (select from pg_catalog.pg_roles where rolname = v_role.name) then
      execute format('create role %I %s', v_role.name, v_role.attributes);
      if v_role.name = 'postgres' then
        execute 'alter role postgres set search_path = "$user", public, extensions';
      end if;
    end if;
  end loop;

  if not pg_catalog.pg_has_role('authenticator', 'service_role', 'member') then
    grant anon, authenticated, service_role to authenticator;
  end if;

  if not (select rolsuper from pg_catalog.pg_roles where rolname = 'postgres')
    and not pg_catalog.pg_has_role('postgres', 'authenticator', 'member')
  then
    grant anon, authenticated, service_role, authenticator to postgres with admin option;
    grant pg_monitor, pg_signal_backend, pg_read_all_data to postgres;
  end if;
end
$$;
