// What a database holds, told so that any change of a row is seen.
import type postgres from "postgres";

const SYSTEM_SCHEMAS = ["pg_catalog", "information_schema"];

/** Rows and digest of every table of every schema. */
export async function readDigests(sql: postgres.Sql): Promise<Record<string, string>> {
  const tables = await sql<{ name: string }[]>`
    select format('%I.%I', n.nspname, c.relname) as name
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where c.relkind = 'r' and c.relpersistence = 'p' and n.nspname <> all (${SYSTEM_SCHEMAS})`;
  const looks = tables.map(({ name }) => `
    select '${name}' as name,
           count(*) || ' ' || md5(coalesce(string_agg(t::text, ' ' order by t::text), '')) as digest
    from ${name} as t`);
  const rows = await sql.unsafe<{ name: string; digest: string }[]>(looks.join(" union all "));
  return Object.fromEntries(rows.map(({ name, digest }) => [name, digest]));
}
