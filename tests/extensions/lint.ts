// `supabase db lint` on the migrated schemas: every statement of every function is planned by
// plpgsql_check, which the embedded server has not. Run by name: `deno task test:extensions`.
import assert from "node:assert/strict";
import { openDatabase } from "../harness/database.ts";
import { runSupabaseCli } from "../../scripts/stack/tools.ts";

Deno.test("supabase db lint finds neither an error nor a warning", async () => {
  const db = await openDatabase();
  try {
    // In public, where the superuser's search path finds it; the clone is dropped anyway.
    await db.admin`create extension plpgsql_check`;
    const url = new URL(db.url);
    url.searchParams.set("sslmode", "disable");
    const { code, stdout, stderr } = await runSupabaseCli([
      ...["db", "lint", `--remote=${url}`, "--schema", "public,orchestrator"],
      ...["--level", "warning", "--fail-on", "warning"],
    ]);
    // Both schemas must have been looked at: a linter that sees nothing finds nothing.
    assert.match(stderr, /Linting schema: public\n(.|\n)*Linting schema: orchestrator\n/);
    assert.equal(code, 0, stdout + stderr.replaceAll(url.password || "\0", "***"));
  } finally {
    await db.close();
  }
});
