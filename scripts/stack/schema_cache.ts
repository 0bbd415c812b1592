// Knows the functions of the exposed schemas, as the Data API must before it can call them by name.
import type { RolePool } from "./role_pool.ts";
import { quoteLiteral } from "./sql_text.ts";

export interface FunctionArgument {
  name: string;
  /** Type as SQL writes it, qualified. */
  type: string;
  isRequired: boolean;
  isVariadic: boolean;
}

export interface CallableFunction {
  schema: string;
  name: string;
  arguments: FunctionArgument[];
  returnsSet: boolean;
  returnsVoid: boolean;
  /** True for rows (tables, composite types, OUT arguments), false for a single value. */
  returnsRows: boolean;
  /** Stable and immutable functions run in a read-only transaction. */
  isReadOnly: boolean;
}

const QUERY = `
select coalesce(json_agg(f), '[]')::text as functions
from (
  select
    n.nspname as schema,
    p.proname as name,
    p.proretset as "returnsSet",
    p.prorettype = 'pg_catalog.void'::pg_catalog.regtype as "returnsVoid",
    t.typtype = 'c' or p.prorettype = 'pg_catalog.record'::pg_catalog.regtype
      or coalesce(p.proargmodes::text[] && '{t,b,o}', false) as "returnsRows",
    p.provolatile <> 'v' as "isReadOnly",
    coalesce((
      select json_agg(
        json_build_object(
          'name', coalesce(p.proargnames[a.n], ''),
          'type', pg_catalog.format_type(a.type, null),
          'isVariadic', a.mode = 'v',
          'isRequired', a.position <= p.pronargs - p.pronargdefaults
        ) order by a.position
      )
      from (
        select x.n, x.type, coalesce(p.proargmodes[x.n]::text, 'i') as mode,
               row_number() over (order by x.n) as position
        from unnest(coalesce(p.proallargtypes, p.proargtypes::oid[])) with ordinality as x (type, n)
        where coalesce(p.proargmodes[x.n]::text, 'i') in ('i', 'b', 'v')
      ) as a
    ), '[]') as arguments
  from pg_catalog.pg_proc as p
  join pg_catalog.pg_namespace as n on n.oid = p.pronamespace
  join pg_catalog.pg_type as t on t.oid = p.prorettype
  where p.prokind = 'f' and n.nspname in (:schemas)
) as f`;

export class SchemaCache {
  #functions: Promise<Map<string, CallableFunction[]>> | undefined;

  constructor(readonly pool: RolePool, readonly schemas: string[]) {}

  /** Forgets what is known; the next question reads it again. */
  reset(): void {
    this.#functions = undefined;
  }

  /** Returns every function of that name; several where it is overloaded. */
  async findFunctions(schema: string, name: string): Promise<CallableFunction[]> {
    const known = this.#functions ??= this.#load();
    try {
      return (await known).get(`${schema}.${name}`) ?? [];
    } catch (error) {
      // Only this attempt's failure is forgotten, not a newer one's success.
      if (this.#functions === known) this.#functions = undefined;
      throw error;
    }
  }

  async #load(): Promise<Map<string, CallableFunction[]>> {
    const schemas = this.schemas.map(quoteLiteral).join(", ");
    const [row] = await this.pool.runAsOwner(QUERY.replace(":schemas", schemas));
    const functions = new Map<string, CallableFunction[]>();
    for (const found of JSON.parse(row.functions ?? "[]") as CallableFunction[]) {
      const key = `${found.schema}.${found.name}`;
      functions.set(key, [...(functions.get(key) ?? []), found]);
    }
    return functions;
  }
}
