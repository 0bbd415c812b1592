// `deno task test [FILES]`: starts one Postgres, migrates one template database, and runs the tests
// against clones of it. DATABASE_URL runs them on a server of one's own.
import { fileURLToPath } from "node:url";
import { prepareTemplate } from "./database_clone.ts";
import { dropDatabase, startPostgres } from "./stack/postgres.ts";
import { TEMPLATE } from "../tests/harness/database.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const say = (line: string) => console.error(`· ${line}`);

const HELP = `deno task test [FILES or flags of deno test]

Runs all tests, or the given files, against a real Postgres: an embedded one that is started for the
run, or the server that DATABASE_URL names (a superuser's URL; databases are made and dropped there).`;

if (Deno.args.includes("--help")) {
  console.log(HELP);
  Deno.exit(0);
}

const ownServer = Deno.env.get("DATABASE_URL");
const server = ownServer === undefined ? await startPostgres({ onProgress: say }) : undefined;
const url = ownServer ?? server!.url;
let code = 1;
try {
  say("preparing the template database");
  await prepareTemplate(url, TEMPLATE, root);

  const files = Deno.args.filter((arg) => !arg.startsWith("-"));
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      "test",
      "-A",
      "--no-check",
      ...Deno.args.filter((arg) => arg.startsWith("-")),
      ...(files.length > 0 ? files : ["tests", "scripts", "supabase/functions", "admin", "bench"]),
    ],
    cwd: root,
    env: { TEST_SERVER_URL: url },
  }).spawn();
  code = (await child.status).code;
} finally {
  if (ownServer !== undefined) await dropDatabase(url, TEMPLATE);
  await server?.stop();
}
Deno.exit(code);
