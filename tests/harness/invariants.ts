// What must hold between the rows whenever no transaction is under way, as the database itself checks it.
import assert from "node:assert/strict";
import type { TestDatabase } from "./database.ts";

/** Fails with the rows that break a rule. */
export async function assertInvariants({ admin }: Pick<TestDatabase, "admin">): Promise<void> {
  const broken = await admin`select invariant, broken_by from orchestrator.check_invariants()`;
  assert.deepEqual([...broken].slice(0, 10), []);
}
