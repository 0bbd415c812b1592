// docs/operations.md and docs/monitoring.md are true: their SQL runs on a database with runs in every state
// that they speak of, their curl lines on a running stack, in the order in which they stand.
import assert from "node:assert/strict";
import { openDatabase } from "../harness/database.ts";
import { createCaller } from "../operations/trigger_caller.ts";
import { type HttpStack, openHttpStack } from "../http/http_stack.ts";
import { readSettings } from "../../supabase/functions/_shared/contract/settings.ts";
import { countRows, isRunnable, listBlocks, readDocument, runShell } from "./run_blocks.ts";

const TEXT = await readDocument("docs/operations.md");
const MONITORING = await readDocument("docs/monitoring.md");

/** What only a hosted project, with its CLI and its password, can run: the first line of each block. */
const HOSTED = [
  "export SUPABASE_URL=https://your-project.supabase.co",
  "supabase login",
  "supabase db push --dry-run",
  "supabase functions deploy orchestrator --use-api",
  "supabase secrets set EDGE_BASE_URL=https://your-project.supabase.co",
  "export SUPABASE_URL=https://your-project.supabase.co",
  "npx -y deno@2 task admin:build --url $SUPABASE_URL --key sb_publishable_... --out dist",
  "git pull",
  "export SUPABASE_SECRET_KEY=sb_secret_...",
  "npx -y deno@2 task setup --token-key rotate",
  'supabase db dump --db-url "$DATABASE_URL" -f schema.sql --schema public,orchestrator',
  'psql "$DATABASE_URL" --single-transaction -v ON_ERROR_STOP=1 \\',
  "supabase secrets set ORCHESTRATOR_METRICS_TOKEN=$(openssl rand -hex 24)",
  "supabase secrets set OTEL_EXPORTER_OTLP_ENDPOINT=https://otel.example.com",
];

/** Run by monitoring_test.ts: it needs no stack. */
const PROMTOOL = "cd monitoring/prometheus";
const METRICS_TOKEN = "a token of the test, long enough".replaceAll(" ", "-");

const blocks = [...listBlocks(TEXT), ...listBlocks(MONITORING)];

Deno.test("every shell block runs here, or is listed as one for a hosted project", () => {
  const others = blocks.filter((it) => it.language === "bash" && !isRunnable(it));
  const firsts = others.map(({ text }) => text.split("\n")[0]);
  assert.deepEqual(firsts.filter((line) => line !== PROMTOOL), HOSTED);
});

Deno.test("every SQL and every curl block runs on a stack with work in it, and the queries find it", async () => {
  const http = await openHttpStack({
    isSetUp: true,
    env: { ORCHESTRATOR_METRICS_TOKEN: METRICS_TOKEN },
  });
  try {
    const env = { ...await arrange(http), ORCHESTRATOR_METRICS_TOKEN: METRICS_TOKEN };
    const found = new Map<string, number>();
    for (const block of blocks) {
      if (block.language === "sql") found.set(block.text, await countRows(http, block.text));
      else if (isRunnable(block)) await runShell(http, block.text, env);
    }
    assert.ok(found.size > 20, `found ${found.size} blocks`);
    const empty = [...found].filter(([text, rows]) => rows === 0 && /^select/m.test(text));
    // All but the question whether something is broken find what was arranged for them.
    const texts = empty.map(([text]) => text.trim());
    assert.deepEqual(texts, ["select * from orchestrator.check_invariants();"]);
  } finally {
    await http.stop();
  }
});

Deno.test("a restore empties every table that the migrations fill, and no other one", async () => {
  const [, statement] = TEXT.match(/-c "(truncate .*?)"/s)!;
  const db = await openDatabase();
  try {
    const listFilled = async () => {
      const tables = await db.admin<{ name: string }[]>`
        select oid::regclass::text as name from pg_class
        where relkind = 'r' and relnamespace in ('public'::regnamespace, 'orchestrator'::regnamespace)`;
      const filled: string[] = [];
      for (const { name } of tables) {
        const rows = await db.admin.unsafe(`select from ${name} limit 1`);
        if (rows.length > 0) filled.push(name);
      }
      return filled;
    };
    const filled = await listFilled();
    assert.ok(filled.length > 5);
    // One more, empty so far, stands there because it refers to one of them.
    const named = statement.replace("truncate ", "").split(/,[\s\\]*/);
    assert.deepEqual(named.sort(), [...filled, "orchestrator.alerts"].sort());
    await db.admin.unsafe(statement.replaceAll("\\\n", "\n"));
    assert.deepEqual(await listFilled(), []);
  } finally {
    await db.close();
  }
});

Deno.test("the figures that come from settings and measurements are theirs", async () => {
  const settings = readSettings(() => undefined, {});
  assert.ok(TEXT.includes(`\`worker_concurrency\` times \`worker_max_workers\``));
  assert.ok(
    TEXT.includes(
      `The defaults, ${settings.workerConcurrency} and ${settings.workerMaxWorkers}, do ` +
        `${settings.workerConcurrency * settings.workerMaxWorkers} calls`,
    ),
  );
  assert.ok(TEXT.includes(`at most ${settings.workerBudgetMs / 1000} s by default`));
  const { growth_prune_s } = JSON.parse(await readDocument("bench/results/latest.json"));
  assert.ok(TEXT.includes(`in ${growth_prune_s} s of work`));
  const measured = await readDocument("docs/performance.md");
  for (const figure of ["1,479 steps/s", "0.25 ms", "126 MB", "1.3"]) {
    assert.ok(TEXT.includes(figure.split(" ")[0]) && measured.includes(figure), figure);
  }
});

/** Runs in the states that the documents ask after, and what they name; answers a live run and a key. */
async function arrange(http: HttpStack): Promise<{ RUN: string; KEY_ID: string }> {
  const { sql, ask } = http;
  const dispatch = async (key: string) => {
    const { body } = await ask("POST", "/orchestrator/dispatch", {
      body: { user_id: "ada", workflow_key: key },
    });
    return String(body.workflow_run_id);
  };
  // Nobody drains, so that what is set here stays until it was looked at.
  await sql`insert into orchestrator.workers (worker_id, started_at, seen_at)
    select 'busy' || n, now(), now() + interval '1 hour' from generate_series(1, 1000) as n`;
  const live = await dispatch("daily_instructor_v1");
  const other = await dispatch("daily_instructor_v1");
  await sql`
    with lost as (
      update job_queue set status = 'leased', lease_token = gen_random_uuid(), leased_by = 'gone',
        leased_at = now() - interval '2 minutes', started_at = now() - interval '2 minutes',
        lease_until = now() - interval '1 minute', attempts = 1
      where job_id = (
        select min(job_id) from job_queue where workflow_run_id = ${other} and open_dependencies = 0
      )
      returning lease_token, lease_until, job_id
    )
    insert into orchestrator.leases (lease_token, lease_until, job_ids)
    select lease_token, lease_until, array[job_id] from lost`;
  const asynchronous = await dispatch("daily_instructor_v1");
  for (const [run, reason] of [[live, "timer"], [asynchronous, "callback"]]) {
    await sql`
      update job_queue
      set status = 'parked', parked = ${
      sql.json({ for: reason })
    }, next_run_at = now() + interval '1 hour'
      where job_id = (
        select min(job_id) from job_queue where workflow_run_id = ${run} and open_dependencies = 0
      )`;
  }
  await sql`
    insert into job_attempts (job_id, workflow_run_id, attempt, started_at, finished_at, success, error_class)
    select job_id, workflow_run_id, 1, now(), now(), false, 'network' from job_queue where workflow_run_id = ${other}`;
  const billing = await dispatch("weekly_seed_v1");
  await sql`update workflow_runs set workflow_key = 'billing_v1' where workflow_run_id = ${billing}`;
  await sql`
    update job_queue set output_ref = '{"path": "gone.json", "bytes": 1, "sha256": "a"}'
    where workflow_run_id = ${other} and step_no = 2`;
  await sql`
    insert into orchestrator.concurrency_slots (workflow_run_id, workflow_key, concurrency_key, job_id, max_runs, on_conflict)
    values (${live}, 'daily_instructor_v1', 'ada', 1, 1, 'queue')`;
  await sql`
    with batch as (
      insert into orchestrator.archive_batches (workflow_key, finished_on) values ('old_v1', '2026-01-01')
      returning batch_id
    )
    insert into orchestrator.archive_runs select gen_random_uuid(), batch_id, now() from batch`;
  await sql`
    insert into cron.job_run_details (jobid, job_pid, database, username, command, status, start_time, end_time)
    select jobid, 1, current_database(), 'postgres', command, 'succeeded', now(), now() from cron.job`;
  await sql`insert into net._http_response (id, status_code, created) values (1, 202, now())`;
  await sql`select orchestrator.keep_secret('an_example', 'value')`;
  await sql`
    insert into rate_limit_policies (pattern, capacity, refill_rate, description)
    values ('agent:clo', 1, 1, '') on conflict (pattern) do nothing`;
  await sql`
    insert into rate_limits (rl_key, tokens, last_refill, refill_rate, capacity) values ('agent:clo', 1, now(), 1, 1)`;
  await addPartners(http);
  const { key_id } = await createCaller(http).makeKey();
  await createCaller(http).makeKey();
  return { RUN: live, KEY_ID: key_id };
}

/** Those who send and those who are told, and what came from them. */
async function addPartners({ ask }: HttpStack): Promise<void> {
  const put = async (path: string, body: unknown) => {
    const answer = await ask("PUT", `/orchestrator${path}`, { body });
    assert.equal(answer.status, 200, answer.text);
  };
  const event = { event_type: "a", user_id: "ada" };
  await put("/destinations/ops", {
    kind: "webhook",
    url: "https://hooks.example.com/",
    types: ["run.failed"],
  });
  await put("/hooks/crm", { preset: "api_key", secret: "a long random text", ...event });
  await put("/hooks/github", { preset: "github", secret: "a secret of GitHub", ...event });
  const sent = await ask("POST", "/orchestrator/hooks/crm", {
    headers: { "x-api-key": "a long random text" },
    body: {},
  });
  assert.equal(sent.status, 202, sent.text);
}
