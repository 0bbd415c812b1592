// The ticks under the real pg_cron, which lives in one database of its server: that database is
// migrated here and stays so. Run by name on a server that may be thrown away:
// `deno task test:extensions`.
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import postgres from "postgres";
import { listRetention } from "../../supabase/functions/_shared/contract/retention.ts";
import { readSettings } from "../../supabase/functions/_shared/contract/settings.ts";
import { readServerUrl } from "../harness/database.ts";
import { migrate } from "../../scripts/stack/bootstrap.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const NAMES = [
  "orchestrator-cron",
  "orchestrator-prune",
  "orchestrator-prune-cron",
  "orchestrator-prune-definitions",
  "orchestrator-worker",
];

let sql: postgres.Sql;

Deno.test.beforeAll(async () => {
  const url = new URL(readServerUrl());
  const admin = postgres(url.href, { max: 1 });
  const [{ name }] = await admin`select current_setting('cron.database_name') as name`;
  await admin.end();
  url.pathname = `/${name}`;
  await migrate(url.href, ROOT);
  sql = postgres(url.href, { max: 1, onnotice: () => {} });
  const [{ version }] =
    await sql`select extversion as version from pg_extension where extname = 'pg_cron'`;
  assert.ok(version, "the real pg_cron is installed");
});

Deno.test.afterAll(async () => {
  // Also when a test failed: the ticks would go on for as long as the server lives.
  await sql`select cron.unschedule(jobid) from cron.job where jobname like 'orchestrator-%'`;
  await sql.end();
});

function configure() {
  return sql.begin(async (tx) => {
    await tx`set local role service_role`;
    const [{ answer }] = await tx`
      select public.configure_orchestrator('http://127.0.0.1:1', 'no key', ${
      tx.json(listRetention(readSettings(() => undefined, {})))
    }) as answer`;
    return answer as { cron_jobs: { name: string; schedule: string }[] };
  });
}

Deno.test("set-up by the service role schedules every job, and repeating it adds none", async () => {
  const first = await configure();
  assert.deepEqual(first.cron_jobs.map((job) => job.name), NAMES);
  assert.deepEqual(await configure(), first);
  const jobs = await sql<{ jobname: string; username: string }[]>`
    select jobname, username from cron.job where jobname like 'orchestrator-%' order by 1`;
  assert.deepEqual(jobs.map((job) => job.jobname), NAMES);
  assert.deepEqual([...new Set(jobs.map((job) => job.username))], ["postgres"]);
});

Deno.test("the worker's tick is as short as this pg_cron can do", async () => {
  const [{ extversion }] = await sql`select extversion from pg_extension where extname = 'pg_cron'`;
  const [major, minor] = extversion.split(/[.-]/).map(Number);
  const { cron_jobs } = await configure();
  assert.equal(
    cron_jobs.find((job) => job.name === "orchestrator-worker")?.schedule,
    major > 1 || minor >= 5 ? "30 seconds" : "* * * * *",
  );
});

Deno.test("pg_cron runs both ticks and the pruning, which commits by itself, and none fails", async () => {
  await configure();
  await sql`delete from orchestrator.ticks`;
  await sql`delete from cron.job_run_details`;
  // The minute has to turn; pg_cron's clock cannot be set.
  const deadline = Date.now() + 90_000;
  let ticks: string[] = [];
  let isPruned = false;
  while ((ticks.length < 2 || !isPruned) && Date.now() < deadline) {
    await new Promise((resolve) => setTimeout(resolve, 250));
    ticks = (await sql`select name from orchestrator.ticks order by 1`).map((row) => row.name);
    isPruned = (await sql`
      select from cron.job_run_details
      where command = 'call orchestrator.prune()' and status in ('succeeded', 'failed')`).length >
      0;
  }
  assert.ok(isPruned);
  assert.deepEqual(ticks, ["cron", "worker"]);
  const failed = await sql`
    select command, return_message from cron.job_run_details where status = 'failed'`;
  assert.deepEqual([...failed], []);
});

Deno.test("old history of our own cron jobs is deleted, and nobody else's", async () => {
  await configure();
  await sql`delete from cron.job_run_details`;
  await sql`
    insert into cron.job_run_details (jobid, runid, database, username, command, status, end_time)
    select j.jobid, row_number() over (), current_database(), 'postgres', '', 'succeeded', h.end_time
    from (
      select jobid from cron.job where jobname = 'orchestrator-worker'
      union all select -1
    ) as j
    cross join (values (now()), (now() - interval '2 days')) as h (end_time)`;
  const deleted = await sql.begin(async (tx) => {
    await tx`set local role postgres`;
    const [row] = await tx`select orchestrator.prune_cron_history() as deleted`;
    return row.deleted;
  });
  assert.equal(deleted, 1);
  const [{ kept }] = await sql`
    select count(*)::int as kept from cron.job_run_details where command = ''`;
  assert.equal(kept, 3);
});
