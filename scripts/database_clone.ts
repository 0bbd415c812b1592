// Clones of a migrated template database, for tests and the benchmark: each a database of its own in
// a moment, with the RPC seam over direct connections as service_role.
import postgres from "postgres";
import type { Transport } from "../supabase/functions/_shared/database/transport.ts";
import { migrate } from "./stack/bootstrap.ts";
import { createDatabase, dropDatabase } from "./stack/postgres.ts";

export interface DatabaseClone {
  name: string;
  /** Superuser's URL. */
  url: string;
  /** Opens a connection of its own, as the superuser or in a role. */
  open(role?: string): postgres.Sql;
  /** Ends all connections and drops the database. */
  close(): Promise<void>;
}

/** Makes the template anew: bootstrapped, and migrated by the real CLI. */
export async function prepareTemplate(
  server: string,
  template: string,
  root: string,
): Promise<void> {
  await dropDatabase(server, template);
  await createDatabase(server, template);
  await migrate(locate(server, template), root);
}

export async function cloneDatabase(server: string, template: string): Promise<DatabaseClone> {
  const name = `clone_${crypto.randomUUID().slice(0, 8)}`;
  await createDatabase(server, name, template);
  const url = locate(server, name);
  const opened: postgres.Sql[] = [];
  return {
    name,
    url,
    open: (role) => {
      const sql = postgres(url, {
        max: 1,
        onnotice: () => {},
        connection: role === undefined ? {} : { role } as Record<string, string>,
      });
      opened.push(sql);
      return sql;
    },
    close: async () => {
      await Promise.all(opened.map((sql) => sql.end({ timeout: 1 })));
      await dropDatabase(server, name);
    },
  };
}

/** Calls functions over a connection, prepared, by named arguments as the Data API does. */
export function createDirectTransport(sql: postgres.Sql): Transport {
  const argumentTypes = new Map<string, Record<string, string>>();
  const readTypes = async (name: string) => {
    const rows = await sql<{ name: string; type: string }[]>`
      select unnest(p.proargnames) as name, unnest(p.proargtypes)::regtype::text as type
      from pg_proc p where p.pronamespace = 'public'::regnamespace and p.proname = ${name}`;
    const types = Object.fromEntries(rows.map((row) => [row.name, row.type]));
    argumentTypes.set(name, types);
    return types;
  };
  return {
    callFunction: async (name, args) => {
      const types = argumentTypes.get(name) ?? await readTypes(name);
      const names = Object.keys(args);
      const list = names.map((arg, at) => `${arg} => $${at + 1}::text::${types[arg] ?? "text"}`);
      const values = names.map((arg) => {
        const value = args[arg];
        const isText = value === null || typeof value === "string" && types[arg] !== "jsonb";
        return isText ? value as string | null : JSON.stringify(value);
      });
      const [row] = await sql.unsafe(
        `select public.${name}(${list.join(", ")})::text as answer`,
        values,
        { prepare: true },
      );
      return row.answer === null ? null : JSON.parse(row.answer);
    },
  };
}

function locate(server: string, database: string): string {
  return Object.assign(new URL(server), { pathname: `/${database}` }).href;
}
