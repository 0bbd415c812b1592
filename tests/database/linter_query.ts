// A rule of Supabase's database linter, and what the queries of all of them have in common.

export interface LinterRule {
  name: string;
  /** One row for each finding, its column `finding` saying where. */
  finds: string;
  /** Run one after another, they must make a finding that names `broken`. */
  breaks: string[];
}

/** What belongs to the platform, as the linter has it. */
const PLATFORM_SCHEMAS = [
  "auth",
  "cron",
  "extensions",
  "graphql",
  "graphql_public",
  "information_schema",
  "net",
  "pgbouncer",
  "pgmq",
  "pgsodium",
  "realtime",
  "storage",
  "supabase_functions",
  "supabase_migrations",
  "vault",
];

/** What the queries begin with: the schemas, relations and policies that are not the platform's. */
const OWN = `
  with own_schema as (
    select oid, nspname from pg_namespace
    where nspname not like 'pg\\_%'
      and nspname not in (${PLATFORM_SCHEMAS.map((name) => `'${name}'`).join(", ")})
  ),
  relation as (
    select c.*, s.nspname, format('%s.%s', s.nspname, c.relname) as place,
           has_table_privilege('anon', c.oid, 'select')
             or has_table_privilege('authenticated', c.oid, 'select') as is_readable
    from pg_class c join own_schema s on s.oid = c.relnamespace
    where not exists (select from pg_depend d where d.objid = c.oid and d.deptype = 'e')
  ),
  policy as (
    select p.*, r.relrowsecurity, format('%s: %s', r.place, p.polname) as place,
           coalesce(pg_get_expr(p.polqual, p.polrelid), '') as reads,
           coalesce(pg_get_expr(p.polwithcheck, p.polrelid), '') as writes,
           array(
             select case when u = 0 then 'public' else u::regrole::text end from unnest(p.polroles) as u
           ) as roles
    from pg_policy p join relation r on r.oid = p.polrelid
  ),
  routine as (
    select p.*, format('%s(%s)', p.oid::regproc, pg_get_function_identity_arguments(p.oid)) as place
    from pg_proc p join own_schema s on s.oid = p.pronamespace
    where not exists (select from pg_depend d where d.objid = p.oid and d.deptype = 'e')
  )`;

/** A rule's query, whole. */
export const writeQuery = ({ finds }: LinterRule): string => `${OWN}\n${finds}\norder by 1`;

/** Tables to break rules with. */
export const TABLE =
  "create table public.broken (id bigint primary key, owner uuid, is_open boolean)";
export const CLOSED_TABLE = [TABLE, "alter table public.broken enable row level security"];
export const READABLE = "grant select on public.broken to anon, authenticated";
