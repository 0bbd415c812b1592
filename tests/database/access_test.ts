// Who may touch what, tried for real: each role against every table, view and function of the
// catalog, with the statements that the role would send.
import assert from "node:assert/strict";
import type postgres from "postgres";
import { openDatabase, type TestDatabase } from "../harness/database.ts";
import { type CatalogFunction, readFunctions, readRelations } from "./catalog.ts";

/** Functions that not even the service role calls, and who does. */
const OWNER_ONLY = new Map([
  ["orchestrator.prune_cron_history", "pg_cron, as the owner of the job"],
  ["orchestrator._prune_audit", "pg_cron, as the owner of the job: audit rows are append-only"],
  ["orchestrator.prune", "pg_cron, as the owner of the job"],
  ["orchestrator.prune_definitions", "pg_cron, as the owner of the job"],
  ["orchestrator.let_users_listen", "the owner, by hand, where Realtime came after the migrations"],
  ["orchestrator._tick_interval", "configure_orchestrator, which runs as its owner"],
]);

/** What nobody changes once it is written, not even the service role. */
const APPEND_ONLY = /^(update|delete from|truncate) public\.orchestrator_audit$/;

/** The statements that reach a relation or call a function, none of which may change anything kept. */
async function listStatements(db: TestDatabase): Promise<Map<string, string>> {
  const statements = new Map<string, string>();
  for (const it of await readRelations(db.admin)) {
    statements.set(`select from ${it.name}`, `select * from ${it.name} limit 0`);
    if (it.kind === "view") continue;
    const [{ column }] = await db.admin<{ column: string }[]>`
      select quote_ident(attname) as column from pg_attribute
      where attrelid = ${it.oid} and attnum > 0 and attgenerated = '' and attidentity = '' limit 1`;
    // Without a row and without reading one: the right itself is what is asked for.
    statements.set(
      `insert into ${it.name}`,
      `insert into ${it.name} (${column}) select null where false`,
    );
    statements.set(`update ${it.name}`, `update ${it.name} set ${column} = null where false`);
    statements.set(`delete from ${it.name}`, `delete from ${it.name} where false`);
    statements.set(`truncate ${it.name}`, `truncate ${it.name}`);
  }
  for (const it of await readFunctions(db.admin)) {
    statements.set(`call ${it.signature}`, writeCall(it));
  }
  return statements;
}

function writeCall(it: CatalogFunction): string {
  // A trigger function says no to a plain call, but only after the right to call it was looked at.
  const values = it.argument_types.map((type) => `null::${type}`);
  return `${it.is_procedure ? "call" : "select"} ${it.name}(${values.join(", ")})`;
}

/** Whether the object itself was refused, and not something that it reached for when it was entered. */
function isRefusedAtTheDoor(outcome: string, what: string): boolean {
  const [, kind, name] = /^42501: permission denied for (\w+) (\w+)$/.exec(outcome) ?? [];
  return what.includes(kind === "schema" ? ` ${name}.` : `.${name}`);
}

/** Runs a statement as a role in a transaction that is rolled back; answers its error or "done". */
async function tryAs(sql: postgres.Sql, role: string, statement: string): Promise<string> {
  let outcome = "done";
  await sql.begin(async (tx) => {
    await tx.unsafe(`set local role ${role}`);
    try {
      await tx.savepoint((inner) => inner.unsafe(statement));
    } catch (error) {
      const { code, message } = error as { code?: string; message: string };
      outcome = `${code}: ${message}`;
    }
    throw new RolledBack();
  }).catch((error) => {
    if (!(error instanceof RolledBack)) throw error;
  });
  return outcome;
}

class RolledBack extends Error {}

for (const role of ["anon", "authenticated"]) {
  Deno.test(`${role} can read, change and call nothing`, async () => {
    const db = await openDatabase();
    try {
      const allowed: string[] = [];
      const statements = await listStatements(db);
      assert.ok(statements.size > 100, `only ${statements.size} statements`);
      for (const [what, statement] of statements) {
        const outcome = await tryAs(db.admin, role, statement);
        if (!isRefusedAtTheDoor(outcome, what)) allowed.push(`${what}: ${outcome}`);
      }
      assert.deepEqual(allowed, []);
    } finally {
      await db.close();
    }
  });
}

Deno.test("the service role can read every relation, change every table and call every function", async () => {
  const db = await openDatabase();
  try {
    const refused: string[] = [];
    for (const [what, statement] of await listStatements(db)) {
      // Emptying a table is nobody's business but its owner's; the clock is moved by its owner alone.
      if (what.startsWith("truncate ")) continue;
      if (/^(insert into|update|delete from) orchestrator\.clock$/.test(what)) continue;
      if (APPEND_ONLY.test(what)) continue;
      if ([...OWNER_ONLY.keys()].some((name) => what.startsWith(`call ${name}(`))) continue;
      const outcome = await tryAs(db.admin, "service_role", statement);
      if (outcome.startsWith("42501")) refused.push(`${what}: ${outcome}`);
    }
    assert.deepEqual(refused, []);
  } finally {
    await db.close();
  }
});

Deno.test("the service role can add audit rows and neither change nor delete one", async () => {
  const db = await openDatabase();
  try {
    const statements = [...await listStatements(db)].filter(([what]) => APPEND_ONLY.test(what));
    assert.equal(statements.length, 3);
    for (const [what, statement] of statements) {
      assert.match(await tryAs(db.admin, "service_role", statement), /^42501/, what);
    }
  } finally {
    await db.close();
  }
});
