// The linter's rules about what the Data API shows to everybody.
import { CLOSED_TABLE, type LinterRule, READABLE, TABLE } from "./linter_query.ts";

const function_ = (more: string) =>
  `create function public.broken() returns integer language sql ${more} as 'select 1'`;

const listReadable = (kinds: string, role: string) =>
  `select place as finding from relation
   where relkind in (${kinds}) and nspname = 'public' and has_table_privilege('${role}', oid, 'select')`;

const listOpenDefiners = (role: string) =>
  `select place as finding from routine where prosecdef and has_function_privilege('${role}', oid, 'execute')`;

export const EXPOSURE_RULES: LinterRule[] = [
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
    name: "0013_rls_disabled_in_public",
    finds: `
      select place as finding from relation
      where relkind = 'r' and nspname = 'public' and not relrowsecurity`,
    breaks: [TABLE],
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
];
