// The rules of Supabase's database linter (https://supabase.com/docs/guides/database/database-linter), by their
// published names: each with a query of ours over the catalogs that lists what breaks it, and statements that
// break it. Rules that ask nothing of a schema stand at the end, with the reason.

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

const TABLE = "create table public.broken (id bigint primary key, owner uuid, is_open boolean)";
const CLOSED_TABLE = [TABLE, "alter table public.broken enable row level security"];
const READABLE = "grant select on public.broken to anon, authenticated";

const policy = (more: string) => `create policy broken on public.broken ${more}`;

const function_ = (more: string) =>
  `create function public.broken() returns integer language sql ${more} as 'select 1'`;

const listReadable = (kinds: string, role: string) =>
  `select place as finding from relation
   where relkind in (${kinds}) and nspname = 'public' and has_table_privilege('${role}', oid, 'select')`;

const listOpenDefiners = (role: string) =>
  `select place as finding from routine where prosecdef and has_function_privilege('${role}', oid, 'execute')`;

export const LINTER_RULES: LinterRule[] = [
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
    name: "0002_auth_users_exposed",
    finds: `
      select distinct r.place as finding
      from pg_depend d join pg_rewrite w on w.oid = d.objid join relation r on r.oid = w.ev_class
      where d.refobjid = 'auth.users'::regclass and r.relkind in ('v', 'm') and r.is_readable`,
    breaks: [
      "create view public.broken with (security_invoker = true) as select email from auth.users",
      READABLE,
    ],
  },
  {
    name: "0003_auth_rls_initplan",
    finds: `
      select place as finding from policy
      where relrowsecurity and regexp_replace(
        reads || ' ' || writes, 'SELECT (auth\\.(uid|jwt|role|email)|current_setting)\\(', '', 'gi'
      ) ~ '(auth\\.(uid|jwt|role|email)|current_setting)\\('`,
    breaks: [...CLOSED_TABLE, policy("for select to authenticated using (owner = auth.uid())")],
  },
  {
    name: "0004_no_primary_key",
    finds: `
      select place as finding from relation r
      where relkind = 'r' and not exists (select from pg_index i where i.indrelid = r.oid and i.indisprimary)`,
    breaks: ["create table orchestrator.broken (id bigint)"],
  },
  {
    name: "0006_multiple_permissive_policies",
    finds: `
      select a.place as finding from policy a
      where a.polpermissive and exists (
        select from policy b
        where b.polrelid = a.polrelid and b.oid <> a.oid and b.polpermissive
          and (a.polcmd = b.polcmd or '*' in (a.polcmd, b.polcmd))
          and (a.polroles && b.polroles or 0 = any (a.polroles || b.polroles))
      )`,
    breaks: [
      "create policy broken on public.job_queue for select to anon, authenticated using (false)",
    ],
  },
  {
    name: "0007_policy_exists_rls_disabled",
    finds: "select place as finding from policy where not relrowsecurity",
    breaks: [TABLE, policy("for all to anon using (false)")],
  },
  {
    name: "0008_rls_enabled_no_policy",
    finds: `
      select place as finding from relation r
      where relkind = 'r' and relrowsecurity and not exists (select from pg_policy p where p.polrelid = r.oid)`,
    breaks: CLOSED_TABLE,
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
    name: "0010_security_definer_view",
    finds: `
      select place as finding from relation
      where relkind = 'v' and is_readable
        and not lower(coalesce(reloptions, '{}')::text)::text[]
          && '{security_invoker=true,security_invoker=on,security_invoker=1,security_invoker=yes}'`,
    breaks: [
      "create view orchestrator_monitoring.broken as select 1 as one",
      READABLE.replace(
        "public.",
        "orchestrator_monitoring.",
      ),
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
    // Those who sign in anonymously have the role authenticated.
    name: "0012_auth_allow_anonymous_sign_ins",
    finds: `
      select place as finding from policy p
      where reads !~ 'is_anonymous' and exists (
        select from unnest(p.roles) as name
        where p.roles in ('{public}', '{authenticated}')
          or name in ('authenticator', 'postgres') and pg_has_role(name, 'authenticated', 'member')
      )`,
    breaks: [...CLOSED_TABLE, policy("for select to authenticated using (is_open)")],
  },
  {
    name: "0013_rls_disabled_in_public",
    finds: `
      select place as finding from relation
      where relkind = 'r' and nspname = 'public' and not relrowsecurity`,
    breaks: [TABLE],
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
    name: "0015_rls_references_user_metadata",
    finds:
      "select place as finding from policy where reads || writes ~ '(user_metadata|raw_user_meta_data)'",
    breaks: [
      ...CLOSED_TABLE,
      policy(
        "for select to authenticated using ((select auth.jwt()) -> 'user_metadata' ->> 'admin' = 'y')",
      ),
    ],
  },
  {
    name: "0016_materialized_view_in_api",
    finds: "select place as finding from relation where relkind = 'm' and is_readable",
    breaks: ["create materialized view public.broken as select 1 as one", READABLE],
  },
  {
    name: "0017_foreign_table_in_api",
    finds: "select place as finding from relation where relkind = 'f' and is_readable",
    breaks: [
      "create foreign data wrapper far",
      "create server far foreign data wrapper far",
      "create foreign table public.broken (id bigint) server far",
      READABLE,
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
    name: "0023_sensitive_columns_exposed",
    finds: `
      select distinct format('%s.%s', r.place, a.attname) as finding
      from pg_attribute a join relation r on r.oid = a.attrelid
      where r.relkind = 'r' and r.nspname = 'public' and r.is_readable and not r.relrowsecurity
        and a.attnum > 0 and not a.attisdropped
        and lower(a.attname) ~ '(^|_)(pass(word|wd|phrase)?|secret|token|jwt|api_?key|private_key|otp|ssn|iban|cvv)(_|$)'`,
    breaks: ["create table public.broken (id bigint primary key, api_key text)", READABLE],
  },
  {
    name: "0024_rls_policy_always_true",
    finds: `
      select place as finding from policy
      where relrowsecurity and polpermissive and roles && '{public,anon,authenticated}' and polcmd <> 'r'
        and ('true' in (reads, writes) or reads || writes ~ '^\\(?1 = 1\\)?$')`,
    breaks: [...CLOSED_TABLE, policy("for insert to authenticated with check (true)")],
  },
  {
    name: "0025_public_bucket_allows_listing",
    finds: `
      select format('%s: %s', b.id, p.polname) as finding
      from storage.buckets b, pg_policy p
      where b.public and p.polrelid = 'storage.objects'::regclass and p.polpermissive
        and p.polcmd in ('r', '*')
        and coalesce(pg_get_expr(p.polqual, p.polrelid), 'true') ~ ('^\\(?(true|bucket_id = ''' || b.id || ''')')`,
    breaks: [
      "insert into storage.buckets (id, name, public) values ('broken', 'broken', true)",
      "create policy listed on storage.objects for select to anon using (bucket_id = 'broken')",
    ],
  },
  {
    name: "0026_pg_graphql_anon_table_exposed",
    finds: listReadable("'r', 'v', 'm', 'f'", "anon"),
    breaks: [...CLOSED_TABLE, "grant select on public.broken to anon"],
  },
  {
    name: "0027_pg_graphql_authenticated_table_exposed",
    finds: listReadable("'r', 'v', 'm', 'f'", "authenticated"),
    breaks: [...CLOSED_TABLE, "grant select on public.broken to authenticated"],
  },
  {
    name: "0028_anon_security_definer_function_executable",
    finds: listOpenDefiners("anon"),
    // Everybody may execute a new function.
    breaks: [function_("security definer")],
  },
  {
    name: "0029_authenticated_security_definer_function_executable",
    finds: listOpenDefiners("authenticated"),
    breaks: [
      function_("security definer"),
      "revoke execute on function public.broken from public",
      "grant execute on function public.broken to authenticated",
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
  {
    name: "0030_rls_policy_null_auth_disjunct",
    finds: `
      select place as finding from policy
      where reads ~ '\\) OR ' and reads ~ '(uid|jwt|role|current_setting)[^()]*\\([^()]*\\)[^()]*\\)* IS NULL'`,
    breaks: [
      ...CLOSED_TABLE,
      policy(
        "for select to authenticated using ((select auth.uid()) is null or owner = (select auth.uid()))",
      ),
    ],
  },
];

/** A rule's query, whole. */
export const writeQuery = ({ finds }: LinterRule): string => `${OWN}\n${finds}\norder by 1`;

/** What the linter tells of this schema all the same. */
export const KNOWN_FINDINGS: Record<string, { findings: string[]; reason: string }> = {
  "0004_no_primary_key": {
    findings: ["orchestrator.metric_deltas"],
    reason:
      "every statement of the hot path appends to it and no row of it is ever looked up: a key would be one more index to write",
  },
  "0011_function_search_path_mutable": {
    findings: ["orchestrator.prune(IN p_budget interval)", "orchestrator.prune_definitions()"],
    reason:
      "Postgres forbids a procedure that has settings to commit; both run as their caller, and every name in them has its schema",
  },
};

/** Rules that ask about a running project and not about its schema. */
export const NOT_OF_THE_SCHEMA: Record<string, string> = {
  "0005_unused_index": "it counts scans since the last reset: in a new database no index was used",
  "0019_insecure_queue_exposed_in_api": "it is about tables of pgmq, which nothing here uses",
  "0020_table_bloat": "it measures tables that have been written for a while",
  "0022_extension_versions_outdated":
    "versions of extensions are the platform's: no migration names one",
  "0025_pg17_deprecated_extensions": "no migration installs an extension",
  "0031_unused_replication_slot": "it looks at slots of a server; nothing here replicates",
};
