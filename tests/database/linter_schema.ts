// The linter's rules about tables, indexes, functions and extensions.
import { type LinterRule, TABLE } from "./linter_query.ts";

const function_ = (more: string) =>
  `create function public.broken() returns integer language sql ${more} as 'select 1'`;

export const SCHEMA_RULES: LinterRule[] = [
  {
    name: "0001_unindexed_foreign_keys",
    finds: `
      select format('%s: %s', r.place, k.conname) as finding
      from pg_constraint k join relation r on r.oid = k.conrelid
      where k.contype = 'f' and not exists (
        select from pg_index i
        where i.indrelid = k.conrelid and i.indisvalid
          and (i.indkey::int2[])[0 : cardinality(k.conkey) - 1] = k.conkey
      )`,
    breaks: [
      TABLE,
      "alter table public.broken add foreign key (id) references public.job_queue (job_id)",
      "alter table public.broken drop constraint broken_pkey",
    ],
  },
  {
    name: "0004_no_primary_key",
    finds: `
      select place as finding from relation r
      where relkind = 'r' and not exists (select from pg_index i where i.indrelid = r.oid and i.indisprimary)`,
    breaks: ["create table orchestrator.broken (id bigint)"],
  },
  {
    name: "0009_duplicate_index",
    finds: `
      select format('%s: %s', r.place, string_agg(c.relname, ', ')) as finding
      from pg_index i join pg_class c on c.oid = i.indexrelid join relation r on r.oid = i.indrelid
      group by r.place, regexp_replace(pg_get_indexdef(i.indexrelid), ' INDEX \\S+ ', ' ')
      having count(*) > 1`,
    breaks: [
      "create index broken on public.job_queue (workflow_run_id, step_no)",
      "create index broken_too on public.job_queue (workflow_run_id, step_no)",
    ],
  },
  {
    name: "0011_function_search_path_mutable",
    finds: `
      select place as finding from routine
      where not coalesce(proconfig, '{}')::text like '%search_path=%'`,
    breaks: [function_("")],
  },
  {
    name: "0014_extension_in_public",
    finds: `
      select extname as finding from pg_extension
      where extnamespace = 'public'::regnamespace and extname <> 'plpgsql'`,
    // As a row, for not every server has an extension to spare.
    breaks: [
      `insert into pg_extension (oid, extname, extowner, extnamespace, extrelocatable, extversion)
       values (1, 'broken', 10, 'public'::regnamespace, false, '1')`,
    ],
  },
  {
    name: "0018_unsupported_reg_types",
    finds: `
      select format('%s.%s', r.place, a.attname) as finding
      from pg_attribute a join relation r on r.oid = a.attrelid
      where a.attnum > 0 and a.atttypid::regtype::text in (
        'regcollation', 'regconfig', 'regdictionary', 'regnamespace', 'regoper', 'regoperator', 'regproc',
        'regprocedure'
      )`,
    breaks: ["create table orchestrator.broken (id bigint primary key, called regprocedure)"],
  },
  {
    name: "0021_fkey_to_auth_unique",
    finds: `
      select format('%s: %s', r.place, k.conname) as finding
      from pg_constraint k
      join relation r on r.oid = k.conrelid
      join pg_class t on t.oid = k.confrelid
      join pg_index i on i.indexrelid = k.conindid
      where k.contype = 'f' and t.relnamespace = 'auth'::regnamespace and not i.indisprimary`,
    breaks: [
      "create unique index broken_target on auth.users (email)",
      "create table public.broken (email text references auth.users (email))",
    ],
  },
  {
    name: "0030_autovacuum_disabled",
    finds: `
      select place as finding from relation
      where coalesce(reloptions, '{}')::text ~ 'autovacuum_enabled=(false|off|0|no)'`,
    breaks: [
      "create table public.broken (id bigint primary key) with (autovacuum_enabled = false)",
    ],
  },
  {
    name: "0030_invalid_index",
    finds: `
      select format('%s: %s', r.place, i.indexrelid::regclass) as finding
      from pg_index i join relation r on r.oid = i.indrelid where not i.indisvalid`,
    breaks: [
      TABLE,
      "update pg_index set indisvalid = false where indexrelid = 'public.broken_pkey'::regclass",
    ],
  },
];
