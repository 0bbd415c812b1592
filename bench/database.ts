// Databases for the benchmark: a migrated template on a real server with fsync on, a fresh clone for
// each drain, and the RPC seam over a direct, prepared connection as service_role.
import { fileURLToPath } from "node:url";
import postgres from "postgres";
import { migrate } from "../scripts/stack/bootstrap.ts";
import { createDatabase, dropDatabase, startPostgres } from "../scripts/stack/postgres.ts";
import { createRpc, type Rpc } from "../supabase/functions/_shared/database/rpc.ts";

export const ROOT = fileURLToPath(new URL("..", import.meta.url)).replace(/\/$/, "");
const TEMPLATE = "bench_template";

export interface BenchServer {
  url: string;
  /** What the figures depend on: version, fsync and the like. */
  facts: Record<string, string>;
  /** A clone of the migrated template, dropped by close. */
  open(): Promise<BenchDatabase>;
  stop(): Promise<void>;
}

export interface BenchDatabase {
  name: string;
  url: string;
  admin: postgres.Sql;
  connect(): postgres.Sql;
  connectRpc(): Rpc;
  /** Puts the tables in the state in which each drain starts. */
  settleDown(): Promise<void>;
  close(): Promise<void>;
}

/** Starts a server of the stack's kind, or takes the one of DATABASE_URL, and migrates a template. */
export async function startBenchServer(say: (line: string) => void): Promise<BenchServer> {
  const ownServer = Deno.env.get("DATABASE_URL");
  const server = ownServer === undefined ? await startPostgres({ onProgress: say }) : undefined;
  const url = ownServer ?? server!.url;
  const stop = async () => {
    if (ownServer !== undefined) await dropDatabase(url, TEMPLATE);
    await server?.stop();
  };
  try {
    say("preparing the template database");
    await dropDatabase(url, TEMPLATE);
    await createDatabase(url, TEMPLATE);
    await migrate(locate(url, TEMPLATE), ROOT);
    return { url, facts: await readFacts(url), open: () => openDatabase(url), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Lends a fresh database to one measurement. */
export async function withDatabase<T>(
  server: BenchServer,
  measure: (database: BenchDatabase) => Promise<T>,
): Promise<T> {
  const database = await server.open();
  try {
    return await measure(database);
  } finally {
    await database.close();
  }
}

/** Opens a clone of a migrated template. */
export async function openDatabase(server: string, template = TEMPLATE): Promise<BenchDatabase> {
  const name = `bench_${crypto.randomUUID().slice(0, 8)}`;
  await createDatabase(server, name, template);
  const url = locate(server, name);
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
  const admin = open();
  return {
    name,
    url,
    admin,
    connect: () => open(),
    connectRpc: () => {
      const sql = open("service_role");
      return createRpc({ callFunction: (name, args) => callPrepared(sql, name, args) });
    },
    settleDown: async () => {
      await admin`vacuum analyze`;
      await admin`checkpoint`;
    },
    close: async () => {
      await Promise.all(opened.map((sql) => sql.end({ timeout: 1 })));
      await dropDatabase(server, name);
    },
  };
}

const argumentTypes = new Map<string, Record<string, string>>();

async function callPrepared(
  sql: postgres.Sql,
  name: string,
  args: Record<string, unknown>,
): Promise<unknown> {
  const types = argumentTypes.get(name) ?? await readArgumentTypes(sql, name);
  const names = Object.keys(args);
  const list = names.map((arg, at) => `${arg} => $${at + 1}::text::${types[arg]}`);
  const values = names.map((arg) => {
    const value = args[arg];
    const isText = value === null || typeof value === "string" && types[arg] !== "jsonb";
    return isText ? value : JSON.stringify(value);
  });
  const [row] = await sql.unsafe(
    `select public.${name}(${list.join(", ")})::text as answer`,
    values as (string | null)[],
    { prepare: true },
  );
  return row.answer === null ? null : JSON.parse(row.answer);
}

async function readArgumentTypes(
  sql: postgres.Sql,
  name: string,
): Promise<Record<string, string>> {
  const rows = await sql<{ name: string; type: string }[]>`
    select unnest(p.proargnames) as name, unnest(p.proargtypes)::regtype::text as type
    from pg_proc p where p.pronamespace = 'public'::regnamespace and p.proname = ${name}`;
  const types = Object.fromEntries(rows.map((row) => [row.name, row.type]));
  argumentTypes.set(name, types);
  return types;
}

async function readFacts(url: string): Promise<Record<string, string>> {
  const sql = postgres(url, { max: 1, onnotice: () => {} });
  const names = ["server_version", "fsync", "synchronous_commit", "shared_buffers", "max_wal_size"];
  try {
    const rows = await sql<{ name: string; value: string }[]>`
      select name, current_setting(name) as value from pg_settings where name in ${sql(names)}`;
    return Object.fromEntries(rows.map((row) => [row.name, row.value]));
  } finally {
    await sql.end();
  }
}

function locate(server: string, database: string): string {
  return Object.assign(new URL(server), { pathname: `/${database}` }).href;
}
