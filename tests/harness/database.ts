// A database of its own for each test file, cloned from the migrated template that scripts/run_tests.ts
// made, and the RPC seam over a direct connection as service_role.
import postgres from "postgres";
import { createRpc, type Rpc } from "../../supabase/functions/_shared/database/rpc.ts";
import { createDatabase, dropDatabase } from "../../scripts/stack/postgres.ts";

export interface TestConnection {
  sql: postgres.Sql;
  rpc: Rpc;
}

export interface TestDatabase extends TestConnection {
  name: string;
  /** Superuser's URL. */
  url: string;
  /** Superuser's connection, for looking at tables and for arranging what no RPC may. */
  admin: postgres.Sql;
  /** Another connection as service_role: a second worker, a second caller. */
  connect(): TestConnection;
  /** Moves orchestrator.now() to this instant; it goes on from there. */
  setClock(instant: string | Date): Promise<void>;
  close(): Promise<void>;
}

export const TEMPLATE = "orchestrator_template";

/** The server that scripts/run_tests.ts started; a test run by itself says what is missing. */
export function readServerUrl(): string {
  const url = Deno.env.get("TEST_SERVER_URL");
  if (url === undefined) {
    throw new Error("no test server: run the tests by `deno task test [FILES]`");
  }
  return url;
}

export async function openDatabase(): Promise<TestDatabase> {
  const server = readServerUrl();
  const name = `test_${crypto.randomUUID().slice(0, 8)}`;
  await createDatabase(server, name, TEMPLATE);
  const url = Object.assign(new URL(server), { pathname: `/${name}` }).href;
  const opened: postgres.Sql[] = [];
  const open = (role?: string): postgres.Sql => {
    const sql = postgres(url, {
      max: 1,
      onnotice: () => {},
      connection: role === undefined ? {} : { role } as Record<string, string>,
    });
    opened.push(sql);
    return sql;
  };
  const connect = (): TestConnection => {
    const sql = open("service_role");
    return { sql, rpc: createRpc({ callFunction: (fn, args) => callDirectly(sql, fn, args) }) };
  };
  const admin = open();
  return {
    name,
    url,
    admin,
    ...connect(),
    connect,
    setClock: async (instant) => {
      const at = new Date(instant).toISOString();
      await admin`update orchestrator.clock set shift = ${at}::timestamptz - clock_timestamp()`;
    },
    close: async () => {
      await Promise.all(opened.map((sql) => sql.end({ timeout: 1 })));
      await dropDatabase(server, name);
    },
  };
}

const argumentTypes = new Map<string, Record<string, string>>();

async function callDirectly(
  sql: postgres.Sql,
  name: string,
  args: Record<string, unknown>,
): Promise<unknown> {
  let types = argumentTypes.get(name);
  if (types === undefined) {
    const rows = await sql<{ name: string; type: string }[]>`
      select unnest(p.proargnames) as name, unnest(p.proargtypes)::regtype::text as type
      from pg_proc p where p.pronamespace = 'public'::regnamespace and p.proname = ${name}`;
    types = Object.fromEntries(rows.map((row) => [row.name, row.type]));
    argumentTypes.set(name, types);
  }
  const names = Object.keys(args);
  const list = names.map((arg, at) => `${arg} => $${at + 1}::text::${types[arg] ?? "text"}`);
  const values = names.map((arg) => {
    const value = args[arg];
    return value === null || typeof value === "string" && types[arg] !== "jsonb"
      ? value as string | null
      : JSON.stringify(value);
  });
  const [row] = await sql.unsafe(
    `select to_json(public.${name}(${list.join(", ")}))::text as answer`,
    values,
  );
  return row.answer === null ? null : JSON.parse(row.answer);
}
