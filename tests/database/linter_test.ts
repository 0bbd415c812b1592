// Supabase's database linter finds nothing in the migrated schema that is not known, and each of its rules
// would find what breaks it.
import assert from "node:assert/strict";
import { openDatabase, type TestDatabase } from "../harness/database.ts";
import { type LinterRule, writeQuery } from "./linter_query.ts";
import { KNOWN_FINDINGS, LINTER_RULES, NOT_OF_THE_SCHEMA } from "./linter_rules.ts";

let db: TestDatabase;
Deno.test.beforeAll(async () => {
  db = await openDatabase();
});
Deno.test.afterAll(() => db.close());

async function listFindings(rule: LinterRule): Promise<string[]> {
  const rows = await db.admin.unsafe(writeQuery(rule));
  return rows.map(({ finding }) => finding);
}

Deno.test("the database linter finds nothing but what is known, and that with its reason", async () => {
  const found: Record<string, string[]> = {};
  for (const rule of LINTER_RULES) {
    const findings = await listFindings(rule);
    if (findings.length > 0) found[rule.name] = findings;
  }
  const known = Object.entries(KNOWN_FINDINGS).map(([name, { findings }]) => [name, findings]);
  assert.deepEqual(found, Object.fromEntries(known));
});

Deno.test("each rule of the linter finds what breaks it", async (t) => {
  for (const rule of LINTER_RULES) {
    await t.step(rule.name, async () => {
      const before = await listFindings(rule);
      await db.admin`begin`;
      try {
        for (const statement of rule.breaks) await db.admin.unsafe(statement);
        const after = (await listFindings(rule)).filter((it) => !before.includes(it));
        assert.ok(after.some((it) => it.includes("broken")), `found ${JSON.stringify(after)}`);
      } finally {
        await db.admin`rollback`;
      }
    });
  }
});

Deno.test("no rule of the linter is left out without a reason", () => {
  const names = [...LINTER_RULES.map(({ name }) => name), ...Object.keys(NOT_OF_THE_SCHEMA)];
  assert.equal(new Set(names).size, names.length, "a rule stands here twice");
  const numbers = new Set(names.map((name) => Number(name.slice(0, 4))));
  assert.deepEqual(
    [...numbers].sort((a, b) => a - b),
    Array.from({ length: 31 }, (_, at) => at + 1),
  );
});
