// docs/operations.md is true: its SQL runs on a database with runs in every state that it speaks of, its
// curl lines on a running stack, in the order in which they stand.
import assert from "node:assert/strict";
import { CURL_OR_OURS, type HttpStack, openHttpStack } from "../http/http_stack.ts";
import { readSettings } from "../../supabase/functions/_shared/contract/settings.ts";

const TEXT = await Deno.readTextFile(new URL("../../docs/operations.md", import.meta.url));

/** What only a hosted project, with its CLI and its password, can run: the first line of each block. */
const HOSTED = [
  "export SUPABASE_URL=https://your-project.supabase.co",
  "supabase login",
  "supabase db push --dry-run",
  "supabase functions deploy orchestrator --use-api",
  "supabase secrets set EDGE_BASE_URL=https://your-project.supabase.co",
  "export SUPABASE_URL=https://your-project.supabase.co",
  "git pull",
  "export SUPABASE_SECRET_KEY=sb_secret_...",
  'supabase db dump --db-url "$DATABASE_URL" -f schema.sql --schema public,orchestrator',
  'psql "$DATABASE_URL" --single-transaction -v ON_ERROR_STOP=1 \\',
];

interface Block {
  language: string;
  text: string;
}

const blocks: Block[] = [...TEXT.matchAll(/^( *)```(\w+)\n(.*?)^\1```$/gms)].map(
  ([, indent, language, body]) => ({
    language,
    text: body.split("\n").map((line) => line.slice(indent.length)).join("\n"),
  }),
);
const isCurl = ({ language, text }: Block) => language === "bash" && text.startsWith("curl ");

Deno.test("every shell block is a curl block that runs here, or is listed as one for a hosted project", () => {
  const others = blocks.filter((it) => it.language === "bash" && !isCurl(it));
  assert.deepEqual(others.map(({ text }) => text.split("\n")[0]), HOSTED);
});

Deno.test("every SQL and every curl block runs on a stack with work in it, and the queries find it", async () => {
  const http = await openHttpStack({ isSetUp: true });
  try {
    const run = await arrange(http);
    const found = new Map<string, number>();
    for (const block of blocks) {
      if (block.language === "sql") found.set(block.text, await countRows(http, block.text));
      else if (isCurl(block)) await runCurls(http, block.text, run);
    }
    assert.ok(found.size > 15, `found ${found.size} blocks`);
    const empty = [...found].filter(([text, rows]) => rows === 0 && /^select/m.test(text)).map((
      [text],
    ) => text);
    assert.deepEqual(empty, [], "these find nothing of what was arranged for them");
  } finally {
    await http.stop();
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
  const measured = await Deno.readTextFile(
    new URL("../../docs/performance.md", import.meta.url),
  );
  for (const figure of ["1,446 steps/s", "0.253 ms", "123 MB", "1.05"]) {
    assert.ok(TEXT.includes(figure.split(" ")[0]) && measured.includes(figure), figure);
  }
});

/** Runs in the states that the document asks after; answers a live one. */
async function arrange({ sql, ask }: HttpStack): Promise<string> {
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
    update job_queue set status = 'leased', lease_token = gen_random_uuid(), leased_by = 'gone',
      leased_at = now() - interval '2 minutes', started_at = now() - interval '2 minutes',
      lease_until = now() - interval '1 minute', attempts = 1
    where job_id = (
      select min(job_id) from job_queue where workflow_run_id = ${other} and open_dependencies = 0
    )`;
  await sql`
    update job_queue set status = 'parked', parked = '{"for": "timer"}', next_run_at = now() + interval '1 hour'
    where job_id = (
      select min(job_id) from job_queue where workflow_run_id = ${live} and open_dependencies = 0
    )`;
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
  return live;
}

/** Runs a block; answers how many rows its queries gave together. */
async function countRows({ sql }: HttpStack, block: string): Promise<number> {
  try {
    const results = await sql.unsafe(block).simple();
    return [results].flat(2).length;
  } catch (cause) {
    throw new Error(`this block fails:\n${block}`, { cause });
  }
}

/** Runs the lines of a block in a shell; every answer must be a success. */
async function runCurls({ stack }: HttpStack, block: string, run: string): Promise<void> {
  const lines = block.trim().replaceAll(/^curl /gm, "curl -sS -w '\\n%{http_code}\\n' ");
  const { success, stdout, stderr } = await new Deno.Command("sh", {
    args: ["-ec", `${CURL_OR_OURS}\n${lines}`],
    env: {
      SUPABASE_SECRET_KEY: stack.keys.secret,
      SUPABASE_URL: stack.url,
      API: `${stack.url}/functions/v1/orchestrator`,
      RUN: run,
    },
  }).output();
  const text = new TextDecoder().decode(stdout);
  assert.ok(success, `${block}\n${new TextDecoder().decode(stderr)}`);
  const statuses = text.split("\n").filter((line) => /^\d{3}$/.test(line));
  assert.equal(statuses.length, lines.match(/^curl /gm)!.length, text);
  for (const status of statuses) assert.match(status, /^2/, `${block}\n${text}`);
}
