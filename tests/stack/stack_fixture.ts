// Starts one PostgreSQL server and one stack on the fixture project for the test file that asks.
import { fileURLToPath } from "node:url";
import { createClient, type SupabaseClient } from "@supabase/supabase-js";
import postgres from "postgres";
import {
  migrate,
  type Stack,
  type StackOptions,
  startPostgres,
  startStack,
} from "../../scripts/stack/mod.ts";

export const FIXTURE_ROOT = fileURLToPath(new URL("./fixture/", import.meta.url)).replace(
  /\/$/,
  "",
);

export interface FixtureStack {
  stack: Stack;
  /** Connected as the project's owner. */
  sql: postgres.Sql;
  /** Connected as superuser. */
  admin: postgres.Sql;
  connectAs(key: string, token?: string): SupabaseClient;
  stop(): Promise<void>;
}

export async function startFixtureStack(
  options: Partial<StackOptions> = {},
): Promise<FixtureStack> {
  const server = await startPostgres({ fsync: false });
  await server.createDatabase("template_fixture");
  await migrate(server.urlFor("template_fixture"), FIXTURE_ROOT);
  await server.createDatabase("fixture", "template_fixture");
  const stack = await startStack({
    root: FIXTURE_ROOT,
    databaseUrl: server.url,
    database: "fixture",
    port: 0,
    ...options,
  });
  const sql = postgres(stack.databaseUrl, { max: 4, onnotice: () => {} });
  const admin = postgres(server.urlFor("fixture"), { max: 1, onnotice: () => {} });
  return {
    stack,
    sql,
    admin,
    connectAs: (key, token) =>
      createClient(stack.url, key, {
        auth: { persistSession: false, autoRefreshToken: false },
        global: token === undefined ? {} : { headers: { Authorization: `Bearer ${token}` } },
      }),
    stop: async () => {
      await Promise.all([sql.end(), admin.end()]);
      await stack.stop();
      await server.stop();
    },
  };
}

/** Asks again until the answer is there; the deadline is generous, as it only bounds a failure. */
export async function waitFor<T>(
  ask: () => Promise<T | undefined> | T | undefined,
  timeoutMs = 10_000,
): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (Date.now() > deadline) throw new Error(`waited ${timeoutMs} ms in vain`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
