// Databases for the benchmark: a migrated template on a real server with fsync on, a fresh clone for
// each drain, and the RPC seam over a direct, prepared connection as service_role.
import { fileURLToPath } from "node:url";
import postgres from "postgres";
import {
  cloneDatabase,
  createDirectTransport,
  prepareTemplate,
} from "../scripts/database_clone.ts";
import { dropDatabase, startPostgres } from "../scripts/stack/postgres.ts";
import { createRpc, type Rpc } from "../supabase/functions/_shared/database/rpc.ts";

export const ROOT = fileURLToPath(new URL("..", import.meta.url)).replace(/\/$/, "");
const TEMPLATE = "bench_template";
/** The same for every engine; a server of DATABASE_URL keeps its own, which the report tells. */
const SERVER_SETTINGS = { shared_buffers: "1GB", max_wal_size: "4GB" };

export interface BenchServer {
  url: string;
  /** What the figures depend on: version, fsync and the like. */
  facts: Record<string, string>;
  /** A clone of the migrated template or of another database, dropped by close. */
  open(template?: string): Promise<BenchDatabase>;
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
  const server = ownServer === undefined
    ? await startPostgres({ onProgress: say, settings: SERVER_SETTINGS })
    : undefined;
  const url = ownServer ?? server!.url;
  const stop = async () => {
    if (ownServer !== undefined) await dropDatabase(url, TEMPLATE);
    await server?.stop();
  };
  try {
    say("preparing the template database");
    await prepareTemplate(url, TEMPLATE, ROOT);
    return {
      url,
      facts: await readFacts(url),
      open: (template) => openDatabase(url, template),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Lends a fresh database to one measurement: a migrated one, or a clone of another. */
export async function withDatabase<T>(
  server: BenchServer,
  measure: (database: BenchDatabase) => Promise<T>,
  template?: string,
): Promise<T> {
  const database = await server.open(template);
  try {
    return await measure(database);
  } finally {
    await database.close();
  }
}

/** Opens a clone, of the migrated template where no other is named. */
export async function openDatabase(server: string, template = TEMPLATE): Promise<BenchDatabase> {
  const { name, url, open, close } = await cloneDatabase(server, template);
  const admin = open();
  return {
    name,
    url,
    admin,
    connect: () => open(),
    connectRpc: () => createRpc(createDirectTransport(open("service_role"))),
    settleDown: async () => {
      await admin`vacuum analyze`;
      await admin`checkpoint`;
    },
    close,
  };
}

async function readFacts(url: string): Promise<Record<string, string>> {
  const sql = postgres(url, { max: 1, onnotice: () => {} });
  const names = ["server_version", "fsync", "synchronous_commit", "shared_buffers", "max_wal_size"];
  try {
    const rows = await sql<{ name: string; value: string }[]>`
      select name, current_setting(name) as value from pg_settings where name in ${sql(names)}`;
    // A version also names who built it, in brackets.
    return Object.fromEntries(rows.map((row) => [row.name, row.value.replace(/ \(.*\)$/, "")]));
  } finally {
    await sql.end();
  }
}
