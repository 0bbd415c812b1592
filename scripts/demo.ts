// `deno task demo`: starts the local stack, runs both founding workflows for real and shows it.
// Exits with 0 only if every run ended in success.
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import postgres from "postgres";
import { findDataFolder, type Stack, waitForStop } from "./stack/mod.ts";
import { describeStack, startProject } from "./start.ts";
import { watchRuns } from "./demo_steps.ts";
import { paint, printHeading } from "./terminal/progress.ts";
import { formatTable } from "./terminal/table.ts";

const HELP = `deno task demo [--keep] [--port N]

Starts the whole local stack with a database of its own, publishes both workflows, runs them, and
shows every step. Takes some seconds; the first time it downloads Postgres and the Supabase CLI.

  --keep     leave the stack running afterwards and print its URLs; Ctrl-C ends it
  --port N   port of the gateway (54321)
  --help     this text

DATABASE_URL runs it on a Postgres of your own (a superuser's URL of an empty database).`;

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const GIVE_UP_MS = 60_000;
/** A Sunday, before the weekly schedule of 18:00 UTC. */
const SUNDAY_AFTERNOON = "2026-11-22T17:00:00Z";
const SUNDAY_EVENING = "2026-11-22T17:59:59Z";

const MONITORING_QUERIES: [title: string, query: string][] = [
  ["Active jobs", "SELECT * FROM job_queue WHERE status IN ('queued', 'leased', 'running');"],
  ["Failed jobs", "SELECT * FROM job_queue WHERE status = 'failed';"],
  ["Job attempts with errors", "SELECT * FROM job_attempts WHERE success = false;"],
  [
    "Workflow success rate",
    `SELECT
  workflow_key,
  COUNT(*) as total_runs,
  COUNT(*) FILTER (WHERE status = 'success') as successful_runs,
  ROUND(COUNT(*) FILTER (WHERE status = 'success')::decimal / COUNT(*) * 100, 2) as success_rate
FROM workflow_runs
GROUP BY workflow_key;`,
  ],
];

/** Columns that a wide table shows first; the others are left out of the terminal, not of the query. */
const SHOWN_COLUMNS = [
  "job_id",
  "step_id",
  "status",
  "attempt",
  "status_code",
  "error_class",
  "error_text",
];

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      keep: { type: "boolean", default: false },
      port: { type: "string" },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) {
    console.log(HELP);
    return 0;
  }
  if (!/^\d*$/.test(values.port ?? "")) throw new Error(`--port is no port: "${values.port}"`);
  const begun = performance.now();
  printHeading("Starting the local stack");
  const stack = await startDemoStack(values.port === undefined ? undefined : Number(values.port));
  const interrupted = waitForStop();
  try {
    const sql = postgres(stack.databaseUrl, { max: 1, onnotice: () => {} });
    const code = await Promise.race([runStory(stack, sql), interrupted.then(() => 130)]);
    await sql.end({ timeout: 1 });
    if (code === 130) return code;
    const seconds = ((performance.now() - begun) / 1000).toFixed(1);
    console.log(
      code === 0
        ? `\n${paint("green", "✓")} every run ended in success (${seconds} s in all)`
        : `\n${
          paint("red", "✗")
        } not every run ended in success: read job_attempts above, and the logs in ${stack.dataDir}/logs`,
    );
    if (values.keep) {
      printHeading("The stack goes on running; Ctrl-C ends it");
      console.log(describeStack(stack));
      await interrupted;
    }
    return code;
  } finally {
    await stack.stop();
  }
}

/** A database of its own, made anew: the demo must not touch the data of `deno task start`. */
function startDemoStack(port: number | undefined): Promise<Stack> {
  return startProject({
    dataDir: join(dirname(findDataFolder(ROOT)), "demo"),
    reset: Deno.env.get("DATABASE_URL") === undefined,
    port,
    onProgress: (line) => console.log(`  ${line}`),
  });
}

async function runStory(stack: Stack, sql: postgres.Sql): Promise<number> {
  // The clock is set before anything runs, and not moved under live runs: that would end their leases.
  await setClock(sql, SUNDAY_AFTERNOON);
  await tickCron(sql);
  await setClock(sql, SUNDAY_EVENING);

  printHeading("1. An event starts daily_instructor_v1; create_plan fails twice on purpose");
  const script = { agents: { create_plan: { fail_times: 2, fail_with: "http_500" } } };
  console.log(
    paint(
      "dim",
      "  INSERT INTO intent_events (user_id, type, payload) VALUES ('demo-user', 'streak_ping', …)",
    ),
  );
  await sql`
    insert into intent_events (user_id, intent_id, type, payload)
    values ('demo-user', 'learn-sql', 'streak_ping', ${sql.json(script)})`;

  printHeading("2. A POST to dispatch starts it once more");
  await curlDispatch(stack);

  printHeading("3. The clock strikes Sunday 18:00 and the schedule starts weekly_seed_v1");
  await sql`
    select pg_sleep_for(greatest(interval '0', next_run_at - orchestrator.now()))
    from workflow_schedules where workflow_key = 'weekly_seed_v1'`;
  await tickCron(sql);

  printHeading("Every step, live");
  const isSuccess = await watchRuns(sql, 3, GIVE_UP_MS);

  printHeading("Monitoring");
  for (const [title, query] of MONITORING_QUERIES) {
    console.log(`\n-- ${title}\n${paint("dim", query)}`);
    const rows: Record<string, unknown>[] = await sql.unsafe(query);
    console.log(formatTable(rows.map(pickColumns)));
  }
  return isSuccess ? 0 : 1;
}

async function setClock(sql: postgres.Sql, instant: string): Promise<void> {
  await sql`update orchestrator.clock set shift = ${instant}::timestamptz - clock_timestamp()`;
}

/** What pg_cron does every minute; here at once, and until the schedules are planned or fired. */
async function tickCron(sql: postgres.Sql): Promise<void> {
  await sql`select orchestrator.tick_cron()`;
  const due = () =>
    sql`select from workflow_schedules where cron is not null and next_run_at <= orchestrator.now()`;
  for (const until = Date.now() + GIVE_UP_MS; (await due()).length > 0;) {
    if (Date.now() > until) throw new Error("cron-orchestrator did not answer: see its log");
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function curlDispatch(stack: Stack): Promise<void> {
  const url = `${stack.url}/functions/v1/orchestrator/dispatch`;
  const body = JSON.stringify(
    { user_id: "test-user-id", workflow_key: "daily_instructor_v1", payload: { test: true } },
    null,
    2,
  );
  const key = stack.keys.serviceRoleJwt;
  console.log(paint(
    "dim",
    `  curl -X POST ${url} \\\n    -H "Content-Type: application/json" \\\n    -H "Authorization: Bearer your-service-role-key" \\\n    -d '${
      body.replaceAll("\n", "\n    ")
    }'`,
  ));
  const headers = { "Content-Type": "application/json", Authorization: `Bearer ${key}` };
  console.log(`  ${await callCurl(url, headers, body) ?? await callFetch(url, headers, body)}`);
}

async function callCurl(
  url: string,
  headers: Record<string, string>,
  body: string,
): Promise<string | null> {
  try {
    const { stdout } = await new Deno.Command("curl", {
      args: [
        "-sS",
        "-X",
        "POST",
        url,
        ...Object.entries(headers).flatMap(([name, value]) => ["-H", `${name}: ${value}`]),
        "-d",
        body,
      ],
    }).output();
    return new TextDecoder().decode(stdout);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

async function callFetch(
  url: string,
  headers: Record<string, string>,
  body: string,
): Promise<string> {
  return await (await fetch(url, { method: "POST", headers, body })).text();
}

function pickColumns(row: Record<string, unknown>): Record<string, unknown> {
  const names = Object.keys(row);
  if (names.length <= 6) return row;
  return Object.fromEntries(
    SHOWN_COLUMNS.filter((name) => names.includes(name)).map((name) => [name, row[name]]),
  );
}

try {
  Deno.exit(await main());
} catch (error) {
  console.error(`\n${paint("red", "✗")} ${error instanceof Error ? error.message : error}`);
  Deno.exit(1);
}
