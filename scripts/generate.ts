// `deno task generate [--check]`: writes the files that are derived from other files of the
// repository. `--check` writes nothing and fails where a file differs from what would be written.
import { writeDatabaseTypes } from "./generate/database_types.ts";
import { dumpSchema } from "./generate/schema_dump.ts";
import { SCHEMA_PATH, writeWorkflowSchema } from "./generate_workflow_schema.ts";
import { createDatabase, startPostgres } from "./stack/postgres.ts";
import { migrate } from "./stack/bootstrap.ts";

const ROOT = new URL("..", import.meta.url);
const HELP = `deno task generate [--check]

Migrates a fresh database on an embedded Postgres and writes what is derived from it:
  supabase/schema.sql
  supabase/functions/_shared/database/database.types.ts
and from the contract: workflows/workflow.schema.json
With --check nothing is written; the exit code is 1 if a file is not as it would be written.`;

interface GeneratedFile {
  url: URL;
  text: string;
}

async function generate(): Promise<GeneratedFile[]> {
  const say = (line: string) => console.error(`· ${line}`);
  const server = await startPostgres({ onProgress: say, fsync: false });
  try {
    await createDatabase(server.url, "generated");
    const url = server.urlFor("generated");
    await migrate(url, decodeURI(ROOT.pathname));
    return [
      { url: new URL("supabase/schema.sql", ROOT), text: await dumpSchema(url) },
      {
        url: new URL("supabase/functions/_shared/database/database.types.ts", ROOT),
        text: await writeDatabaseTypes(url),
      },
      { url: SCHEMA_PATH, text: writeWorkflowSchema() },
    ];
  } finally {
    await server.stop();
  }
}

/** Settles one file; answers whether it was already as wanted. */
async function settle({ url, text }: GeneratedFile, isCheck: boolean): Promise<boolean> {
  const name = url.href.slice(ROOT.href.length);
  const found = await Deno.readTextFile(url).catch((error) => {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  });
  const isSame = found === text;
  if (isSame) console.log(`ok    ${name} is up to date`);
  else if (isCheck) {
    console.log(
      `FAIL  ${name} ${found === undefined ? "is missing" : `differs ${locate(found, text)}`}`,
    );
  } else {
    await Deno.writeTextFile(url, text);
    console.log(`wrote ${name}`);
  }
  return isSame;
}

function locate(found: string, wanted: string): string {
  const [left, right] = [found.split("\n"), wanted.split("\n")];
  const at = right.findIndex((line, index) => line !== left[index]);
  const line = at === -1 ? right.length : at;
  return `from line ${line + 1} on: found ${JSON.stringify(left[line] ?? "the end")}, ` +
    `wanted ${JSON.stringify(right[line] ?? "the end")}`;
}

if (import.meta.main) {
  if (Deno.args.includes("--help")) {
    console.log(HELP);
    Deno.exit(0);
  }
  const isCheck = Deno.args.includes("--check");
  const results: boolean[] = [];
  for (const file of await generate()) results.push(await settle(file, isCheck));
  const isDrifted = isCheck && results.includes(false);
  if (isDrifted) console.log("      run `deno task generate` and commit the result");
  Deno.exit(isDrifted ? 1 : 0);
}
