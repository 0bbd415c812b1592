-- Ownership, schemas and extensions of the database. No default privileges: new objects of `public`
-- are granted to nobody, as in every hosted project made since October 2026.
do $$
begin
  execute format('alter database %I owner to postgres', current_database());
end
$$;

grant usage on schema public to anon, authenticated, service_role;

create schema if not exists extensions authorization postgres;
grant usage on schema extensions to anon, authenticated, service_role;

do $$
declare
  v_name text;
begin
  foreach v_name in array array['pgcrypto', 'uuid-ossp'] loop
    if exists (select from pg_catalog.pg_available_extensions where name = v_name) then
      execute format('create extension if not exists %I schema extensions', v_name);
    end if;
  end loop;
end
$$;

-- The Data API reads its schema cache again after every change of the schema.
create or replace function extensions.pgrst_ddl_watch()
returns event_trigger
language plpgsql
set search_path = ''
as $$
begin
  notify pgrst, 'reload schema';
end
$$;

drop event trigger if exists pgrst_ddl_watch;
create event trigger pgrst_ddl_watch
  on ddl_command_end
  execute function extensions.pgrst_ddl_watch();

drop event trigger if exists pgrst_drop_watch;
create event trigger pgrst_drop_watch
  on sql_drop
  execute function extensions.pgrst_ddl_watch();
