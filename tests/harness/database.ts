// A database of its own for each test, cloned from the migrated template that scripts/run_tests.ts
// made, and the RPC seam over a direct connection as service_role.
import type postgres from "postgres";
import { cloneDatabase, createDirectTransport } from "../../scripts/database_clone.ts";
import { createRpc, type Rpc } from "../../supabase/functions/_shared/database/rpc.ts";
import { assertInvariants } from "./invariants.ts";

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

/**
 * `isArranged`: the test writes rows that no function of the engine would leave; in all others what must hold
 * between the rows is looked at when the database is closed.
 */
export async function openDatabase(
  { isArranged = false, template = TEMPLATE } = {},
): Promise<TestDatabase> {
  const clone = await cloneDatabase(readServerUrl(), template);
  const { name, url, open } = clone;
  const close = async () => {
    try {
      if (!isArranged) await assertInvariants({ admin });
    } finally {
      await clone.close();
    }
  };
  const connect = (): TestConnection => {
    const sql = open("service_role");
    return { sql, rpc: createRpc(createDirectTransport(sql)) };
  };
  const admin = open();
  const setClock = async (instant: string | Date) => {
    const at = new Date(instant).toISOString();
    await admin`update orchestrator.clock set shift = ${at}::timestamptz - clock_timestamp()`;
  };
  return { name, url, admin, ...connect(), connect, setClock, close };
}
