-- What policies and functions ask about the caller. Users and sign-in are not part of the stack.
create schema if not exists auth;
grant usage on schema auth to anon, authenticated, service_role, postgres;

create or replace function auth.jwt()
returns jsonb
language sql
stable
set search_path = ''
as $$
  select nullif(current_setting('request.jwt.claims', true), '')::jsonb
$$;

create or replace function auth.uid()
returns uuid
language sql
stable
set search_path = ''
as $$
  select (auth.jwt() ->> 'sub')::uuid
$$;

create or replace function auth.role()
returns text
language sql
stable
set search_path = ''
as $$
  select auth.jwt() ->> 'role'
$$;

create or replace function auth.email()
returns text
language sql
stable
set search_path = ''
as $$
  select auth.jwt() ->> 'email'
$$;
