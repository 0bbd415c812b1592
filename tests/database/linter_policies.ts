// The linter's rules about policies.
import { CLOSED_TABLE, type LinterRule, TABLE } from "./linter_query.ts";

const policy = (more: string) => `create policy broken on public.broken ${more}`;

export const POLICY_RULES: LinterRule[] = [
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
    name: "0024_rls_policy_always_true",
    finds: `
      select place as finding from policy
      where relrowsecurity and polpermissive and roles && '{public,anon,authenticated}' and polcmd <> 'r'
        and ('true' in (reads, writes) or reads || writes ~ '^\\(?1 = 1\\)?$')`,
    breaks: [...CLOSED_TABLE, policy("for insert to authenticated with check (true)")],
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
