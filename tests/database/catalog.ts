// What the catalogs say about this project's own objects: those of `public`, `orchestrator` and
// `orchestrator_monitoring` that no extension owns.
import type postgres from "postgres";

export interface CatalogFunction {
  oid: number;
  /** Schema and name. */
  name: string;
  /** With argument types, as `drop function` takes it. */
  signature: string;
  schema: string;
  bare_name: string;
  language: string;
  is_definer: boolean;
  is_procedure: boolean;
  settings: string[];
  comment: string | null;
  argument_names: string[];
  argument_types: string[];
  is_trigger: boolean;
}

export interface CatalogRelation {
  oid: number;
  name: string;
  kind: "table" | "view";
  comment: string | null;
  has_rls: boolean;
  options: string[];
}

export async function readFunctions(sql: postgres.Sql): Promise<CatalogFunction[]> {
  const rows = await sql<CatalogFunction[]>`
    select p.oid::int4 as oid, n.nspname || '.' || p.proname as name,
           n.nspname || '.' || p.proname || '('
             || pg_get_function_identity_arguments(p.oid) || ')' as signature,
           n.nspname as schema, p.proname as bare_name, l.lanname as language,
           p.prosecdef as is_definer, p.prokind = 'p' as is_procedure, coalesce(p.proconfig, '{}') as settings,
           obj_description(p.oid, 'pg_proc') as comment,
           array(
             -- Columns of a table that is returned are read by people, and are no arguments.
             select a.name from unnest(p.proargnames) with ordinality as a (name, place)
             where coalesce(p.proargmodes[a.place], 'i') <> 't' order by a.place
           ) as argument_names,
           array(
             select format_type(t, null)
             from unnest(p.proargtypes::oid[]) with ordinality as u (t, place) order by place
           ) as argument_types,
           p.prorettype = 'trigger'::regtype as is_trigger
    from pg_proc p
    join pg_namespace n on n.oid = p.pronamespace
    join pg_language l on l.oid = p.prolang
    where n.nspname in ('public', 'orchestrator', 'orchestrator_monitoring')
      and not exists (select from pg_depend d where d.objid = p.oid and d.deptype = 'e')
    order by 2`;
  return [...rows];
}

export async function readRelations(sql: postgres.Sql): Promise<CatalogRelation[]> {
  const rows = await sql<CatalogRelation[]>`
    select c.oid::int4 as oid, n.nspname || '.' || c.relname as name,
           case when c.relkind in ('r', 'p') then 'table' else 'view' end as kind,
           obj_description(c.oid, 'pg_class') as comment, c.relrowsecurity as has_rls,
           coalesce(c.reloptions, '{}') as options
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname in ('public', 'orchestrator', 'orchestrator_monitoring')
      and c.relkind in ('r', 'p', 'v', 'm', 'f')
      and not exists (select from pg_depend d where d.objid = c.oid and d.deptype = 'e')
    order by 2`;
  return [...rows];
}
