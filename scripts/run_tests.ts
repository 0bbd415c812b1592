// `deno task test [FILES]`: starts one Postgres, migrates one template database, and runs the tests
// against clones of it, files side by side. DATABASE_URL runs them on a server of one's own.
import { fileURLToPath } from "node:url";
import { prepareTemplate } from "./database_clone.ts";
import { dropDatabase, startPostgres } from "./stack/postgres.ts";
import { listTestFiles, planTestRuns } from "./test_runs.ts";
import { TEMPLATE } from "../tests/harness/database.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const say = (line: string) => console.error(`· ${line}`);

const HELP = `deno task test [FILES or flags of deno test]

Runs all tests, or the given files, against a real Postgres: an embedded one that is started for the
run, or the server that DATABASE_URL names (a superuser's URL; databases are made and dropped there).

As many files run side by side as DENO_JOBS says, by default as there are processors. Those that need
the machine for themselves (scripts/test_runs.ts) run one after another when the others have ended.`;

/** A server for databases that live as long as one test, and that nobody misses after a power cut. */
const SERVER = {
  fsync: false,
  settings: {
    synchronous_commit: "off",
    // Every clone writes itself to the log: old parts of it are used again, instead of new ones made.
    max_wal_size: "256MB",
    wal_init_zero: "off",
    // Each file that runs has a stack with its pools, and connections of its own.
    max_connections: "300",
  },
};

if (Deno.args.includes("--help")) {
  console.log(HELP);
  Deno.exit(0);
}

const flags = Deno.args.filter((arg) => arg.startsWith("-"));
const names = Deno.args.filter((arg) => !arg.startsWith("-"));
const runs = planTestRuns(await listTestFiles(root, names), flags);

const ownServer = Deno.env.get("DATABASE_URL");
const server = ownServer === undefined
  ? await startPostgres({ ...SERVER, onProgress: say })
  : undefined;
const url = ownServer ?? server!.url;
let code = 0;
try {
  say("preparing the template database");
  await prepareTemplate(url, TEMPLATE, root);
  for (const args of runs) {
    const child = new Deno.Command(Deno.execPath(), {
      args: ["test", "-A", "--no-check", ...args],
      cwd: root,
      env: { TEST_SERVER_URL: url },
    }).spawn();
    const status = await child.status;
    // All are run, so that one run tells everything.
    if (code === 0) code = status.code;
    if (code !== 0 && flags.includes("--fail-fast")) break;
  }
} finally {
  if (ownServer !== undefined) await dropDatabase(url, TEMPLATE);
  await server?.stop();
}
Deno.exit(code);
