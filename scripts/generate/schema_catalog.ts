// Reads the objects of one schema out of Postgres' catalogs, each as the SQL text that states it.
// Objects of extensions are left out: they are not this project's.
import type postgres from "postgres";

type Row = Record<string, string | null>;

/** The schema itself: its comment and who may look inside. */
export async function readSchema(sql: postgres.Sql, schema: string): Promise<string> {
  const [it] = await sql<Row[]>`
    select pg_catalog.obj_description(n.oid, 'pg_namespace') as comment,
           (
             select string_agg(
               format('grant %s on schema %I to %s;', lower(a.privilege_type), n.nspname, coalesce(g.rolname, 'public')),
               E'\\n' order by g.rolname collate "C", a.privilege_type
             )
             from pg_catalog.aclexplode(n.nspacl) a
             left join pg_catalog.pg_roles g on g.oid = a.grantee
             where g.rolname in ('anon', 'authenticated', 'service_role') or a.grantee = 0
           ) as grants
    from pg_catalog.pg_namespace n where n.nspname = ${schema}`;
  return [
    `create schema ${schema};`,
    ...writeComment("schema", schema, it.comment),
    ...(it.grants === null ? [] : [it.grants]),
  ].join("\n") + "\n";
}

/** Tables with columns, constraints, indexes, comments, row level security and grants. */
export async function readTables(sql: postgres.Sql, schema: string): Promise<string[]> {
  const tables = await sql<Row[]>`
    select c.oid::text as oid, c.relname as name, array_to_string(c.reloptions, ', ') as options,
           pg_catalog.obj_description(c.oid, 'pg_class') as comment,
           c.relrowsecurity::text as has_rls
    from pg_catalog.pg_class c
    where c.relnamespace = ${schema}::pg_catalog.regnamespace and c.relkind in ('r', 'p')
      and not exists (
        select from pg_catalog.pg_depend d where d.objid = c.oid and d.deptype = 'e'
      )
    order by c.relname collate "C"`;
  const parts: string[] = [];
  for (const table of tables) parts.push(await writeTable(sql, schema, table));
  return parts;
}

async function writeTable(sql: postgres.Sql, schema: string, table: Row): Promise<string> {
  const name = `${schema}.${table.name}`;
  const oid = Number(table.oid);
  const columns = await sql<Row[]>`
    select a.attname as name, pg_catalog.format_type(a.atttypid, a.atttypmod) as type,
           a.attnotnull::text as is_required, a.attidentity as identity, a.attgenerated as generated,
           pg_catalog.pg_get_expr(d.adbin, d.adrelid) as expression,
           pg_catalog.col_description(a.attrelid, a.attnum) as comment
    from pg_catalog.pg_attribute a
    left join pg_catalog.pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
    where a.attrelid = ${oid} and a.attnum > 0 and not a.attisdropped
    order by a.attnum`;
  // "n" (not null) is a constraint from PostgreSQL 18 on.
  const constraints = await sql<Row[]>`
    select conname as name, pg_catalog.pg_get_constraintdef(oid) as definition
    from pg_catalog.pg_constraint
    where conrelid = ${oid} and contype in ('p', 'u', 'f', 'c', 'x')
    order by pg_catalog.strpos('pufcx', contype::text), conname collate "C"`;
  const indexes = await sql<Row[]>`
    select pg_catalog.pg_get_indexdef(i.indexrelid) as definition
    from pg_catalog.pg_index i join pg_catalog.pg_class c on c.oid = i.indexrelid
    where i.indrelid = ${oid}
      and not exists (select from pg_catalog.pg_constraint k where k.conindid = i.indexrelid and k.contype in ('p', 'u', 'x'))
    order by c.relname collate "C"`;
  const policies = await sql<Row[]>`
    select polname as name,
           case polcmd when '*' then 'all' when 'r' then 'select' when 'a' then 'insert'
                       when 'w' then 'update' else 'delete' end as command,
           case when polpermissive then 'permissive' else 'restrictive' end as kind,
           case when polroles = '{0}' then 'public' else (
             select string_agg(rolname, ', ' order by rolname collate "C")
             from pg_catalog.pg_roles where oid = any (polroles)
           ) end as roles,
           pg_catalog.pg_get_expr(polqual, polrelid) as qual,
           pg_catalog.pg_get_expr(polwithcheck, polrelid) as with_check
    from pg_catalog.pg_policy where polrelid = ${oid}
    order by polname collate "C"`;

  const lines = [
    ...columns.map(writeColumn),
    ...constraints.map((it) => `constraint ${it.name} ${it.definition}`),
  ].map((line) => `  ${line}`);
  const text = [
    `create table ${name} (\n${lines.join(",\n")}\n)${
      table.options === null ? "" : ` with (${table.options})`
    };`,
    ...writeComment("table", name, table.comment),
    ...columns.flatMap((it) => writeComment("column", `${name}.${it.name}`, it.comment)),
    ...indexes.map((it) => `${it.definition};`),
    ...(table.has_rls === "true" ? [`alter table ${name} enable row level security;`] : []),
    ...policies.map((it) =>
      `create policy "${it.name}" on ${name} as ${it.kind} for ${it.command} to ${it.roles}` +
      `${it.qual === null ? "" : ` using (${it.qual})`}` +
      `${it.with_check === null ? "" : ` with check (${it.with_check})`};`
    ),
    ...await readGrants(sql, "relation", oid, name),
  ];
  return text.join("\n") + "\n";
}

function writeColumn(column: Row): string {
  const parts = [column.name, column.type];
  if (column.is_required === "true") parts.push("not null");
  if (column.identity === "a") parts.push("generated always as identity");
  if (column.identity === "d") parts.push("generated by default as identity");
  if (column.generated === "s") parts.push(`generated always as (${column.expression}) stored`);
  else if (column.expression !== null) parts.push(`default ${column.expression}`);
  return parts.join(" ");
}

/** Views with their options, comments and grants. */
export async function readViews(sql: postgres.Sql, schema: string): Promise<string[]> {
  const views = await sql<Row[]>`
    select c.oid::text as oid, c.relname as name, array_to_string(c.reloptions, ', ') as options,
           pg_catalog.pg_get_viewdef(c.oid, true) as definition,
           pg_catalog.obj_description(c.oid, 'pg_class') as comment
    from pg_catalog.pg_class c
    where c.relnamespace = ${schema}::pg_catalog.regnamespace and c.relkind in ('v', 'm')
      and not exists (
        select from pg_catalog.pg_depend d where d.objid = c.oid and d.deptype = 'e'
      )
    order by c.relname collate "C"`;
  const parts: string[] = [];
  for (const view of views) {
    const name = `${schema}.${view.name}`;
    parts.push(
      [
        `create view ${name}${
          view.options === null ? "" : ` with (${view.options})`
        } as\n${view.definition}`,
        ...writeComment("view", name, view.comment),
        ...await readGrants(sql, "relation", Number(view.oid), name),
      ].join("\n") + "\n",
    );
  }
  return parts;
}

/** Triggers of the schema's tables. */
export async function readTriggers(sql: postgres.Sql, schema: string): Promise<string[]> {
  const triggers = await sql<Row[]>`
    select pg_catalog.pg_get_triggerdef(t.oid, true) as definition
    from pg_catalog.pg_trigger t join pg_catalog.pg_class c on c.oid = t.tgrelid
    where c.relnamespace = ${schema}::pg_catalog.regnamespace and not t.tgisinternal
    order by c.relname collate "C", t.tgname collate "C"`;
  return triggers.map((it) => `${it.definition};\n`);
}

/** Functions with their bodies, comments and grants. */
export async function readFunctions(sql: postgres.Sql, schema: string): Promise<string[]> {
  const functions = await sql<Row[]>`
    select p.oid::text as oid, p.proname as name,
           pg_catalog.pg_get_function_identity_arguments(p.oid) as arguments,
           pg_catalog.pg_get_functiondef(p.oid) as definition,
           pg_catalog.obj_description(p.oid, 'pg_proc') as comment
    from pg_catalog.pg_proc p
    where p.pronamespace = ${schema}::pg_catalog.regnamespace and p.prokind in ('f', 'p')
      and not exists (
        select from pg_catalog.pg_depend d where d.objid = p.oid and d.deptype = 'e'
      )
    order by p.proname collate "C", pg_catalog.pg_get_function_identity_arguments(p.oid) collate "C"`;
  const parts: string[] = [];
  for (const it of functions) {
    const name = `${schema}.${it.name}(${it.arguments})`;
    parts.push(
      [
        `${it.definition!.trimEnd()};`,
        ...writeComment("function", name, it.comment),
        ...await readGrants(sql, "function", Number(it.oid), name),
      ].join("\n") + "\n",
    );
  }
  return parts;
}

// The owner's own rights go without saying. Absent rights are the default ones, which for a function
// means that everybody may call it: that has to be seen.
async function readGrants(
  sql: postgres.Sql,
  kind: "relation" | "function",
  oid: number,
  name: string,
): Promise<string[]> {
  const grants = kind === "relation"
    ? await sql<Row[]>`
        select case when a.grantee = 0 then 'public' else g.rolname end as role,
               string_agg(lower(a.privilege_type), ', ' order by a.privilege_type) as rights
        from pg_catalog.pg_class c
        cross join pg_catalog.aclexplode(c.relacl) a
        left join pg_catalog.pg_roles g on g.oid = a.grantee
        where c.oid = ${oid} and a.grantee <> c.relowner
        group by 1 order by 1`
    : await sql<Row[]>`
        select case when a.grantee = 0 then 'public' else g.rolname end as role,
               string_agg(lower(a.privilege_type), ', ' order by a.privilege_type) as rights
        from pg_catalog.pg_proc p
        cross join pg_catalog.aclexplode(
          coalesce(p.proacl, pg_catalog.acldefault('f', p.proowner))
        ) a
        left join pg_catalog.pg_roles g on g.oid = a.grantee
        where p.oid = ${oid} and a.grantee <> p.proowner
        group by 1 order by 1`;
  const target = kind === "function" ? `function ${name}` : name;
  return grants.map((it) => `grant ${it.rights} on ${target} to ${it.role};`);
}

function writeComment(kind: string, name: string, comment: string | null): string[] {
  if (comment === null) return [];
  return [`comment on ${kind} ${name} is '${comment.replaceAll("'", "''")}';`];
}
