// Runs supabase/tests/database as `supabase test db` does, by psql on a clone of the migrated template,
// on a server that has pgTAP. The embedded one has not, so this file is run by name and never skips:
// `deno task test:extensions`.
import assert from "node:assert/strict";
import { openDatabase, type TestDatabase } from "../harness/database.ts";

const FOLDER = new URL("../../supabase/tests/database/", import.meta.url);

const files: string[] = [];
for (const { name, isDirectory } of Deno.readDirSync(FOLDER)) {
  if (!isDirectory) continue;
  for (const file of Deno.readDirSync(new URL(`${name}/`, FOLDER))) {
    files.push(`${name}/${file.name}`);
  }
}
files.sort();

let db: TestDatabase;

Deno.test.beforeAll(async () => {
  db = await openDatabase();
  await db.admin`create extension pgtap schema extensions`;
});

Deno.test.afterAll(() => db.close());

for (const file of files) {
  const sentence = file.replace("/", ": ").replace(".test.sql", "").replaceAll("_", " ");
  Deno.test(`pgTAP, ${sentence}`, async () => {
    const text = await Deno.readTextFile(new URL(file, FOLDER));
    assert.match(text, /^begin;\nselect plan\(\d+\);\n/, "how it begins");
    assert.match(text, /\nselect \* from finish\(\);\nrollback;\n$/, "how it ends");
    assertPassed(await runPsql(file));
  });
}

async function runPsql(file: string): Promise<string> {
  const url = new URL(db.url);
  const { success, stdout, stderr } = await new Deno.Command("psql", {
    args: ["-X", "-q", "-t", "-A", "-v", "ON_ERROR_STOP=1", "-f", file],
    cwd: FOLDER,
    stdin: "null",
    env: {
      PGHOST: url.hostname,
      PGPORT: url.port || "5432",
      PGUSER: decodeURIComponent(url.username),
      PGPASSWORD: decodeURIComponent(url.password),
      PGDATABASE: db.name,
      // As the owner of the project's objects, who is no superuser, and with that role's search path.
      PGOPTIONS: "-c role=postgres -c search_path=public,extensions",
    },
  }).output();
  const decoder = new TextDecoder();
  const said = decoder.decode(stdout);
  assert.ok(success, `psql failed:\n${decoder.decode(stderr)}${said}`);
  return said;
}

/** Throws unless the text (TAP) holds as many passed tests as it plans and no failed one. */
function assertPassed(tap: string): void {
  const planned = Number(/^1\.\.(\d+)$/m.exec(tap)?.[1] ?? NaN);
  const passed = tap.match(/^ok /gm)?.length ?? 0;
  assert.ok(
    !/^not ok /m.test(tap) && passed === planned,
    `${passed} of ${planned} passed:\n${tap}`,
  );
}
