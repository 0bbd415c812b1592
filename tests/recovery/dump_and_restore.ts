// A dump that is taken while a worker works, and what becomes of it on a new project: by the commands of
// docs/operations.md, and as one whole database by pg_restore. Run by name on a server that this machine's
// pg_dump can read: `deno task test:extensions`.
import assert from "node:assert/strict";
import { createDatabase, dropDatabase } from "../../scripts/stack/postgres.ts";
import { setUp } from "../../scripts/setup-orchestrator.ts";
import { runSupabaseCli } from "../../scripts/stack/tools.ts";
import { listBlocks, readDocument } from "../docs/run_blocks.ts";
import { readServerUrl } from "../harness/database.ts";
import { openStack, type TestStack, waitFor, waitForRun } from "../harness/stack.ts";
import {
  giveWord,
  prepareWork,
  QUICK,
  serveWork,
  startMixedRuns,
  startRuns,
  WORK,
} from "./mixed_work.ts";
import { WorkLog } from "./work_log.ts";

const ROOT = decodeURI(new URL("../..", import.meta.url).pathname);
const WHOLE = "restored_whole";
const SLOT = "2026-01-01T10:00:00Z";

const folder = await Deno.makeTempDir({ prefix: "restore-" });
/** Both lives of the project, as its agents saw them. */
const log = new WorkLog();
let startedBefore: string[];
let doneBefore: number;

const blocks = listBlocks(await readDocument("docs/operations.md"));
/** A command of the document, its continued lines joined. */
function findCommand(pattern: RegExp): string {
  const lines = blocks.flatMap(({ text }) => text.replaceAll(/\\\n\s*/g, "").split("\n"));
  const line = lines.find((it) => pattern.test(it));
  assert.ok(line !== undefined, `docs/operations.md has a command ${pattern}`);
  return line;
}

async function runShell(command: string, env: Record<string, string> = {}): Promise<void> {
  const output = await new Deno.Command("bash", {
    args: ["-o", "pipefail", "-ec", command],
    cwd: folder,
    env,
  }).output();
  const decoder = new TextDecoder();
  assert.ok(output.success, `${command}\n${decoder.decode(output.stderr)}`);
}

/** Runs the documented dump; what the CLI would run in a container is run here. */
async function dumpAsDocumented(databaseUrl: string): Promise<void> {
  const line = findCommand(/^supabase db dump .*--data-only/);
  const url = new URL(databaseUrl);
  url.searchParams.set("sslmode", "disable");
  const args = line.replace(/^supabase /, "").replace('"$DATABASE_URL"', url.href).split(" ");
  const { code, stdout, stderr } = await runSupabaseCli([...args, "--dry-run"], { cwd: folder });
  assert.equal(code, 0, stderr);
  const script = stdout.slice(stdout.indexOf("#!/usr/bin/env bash"));
  assert.match(script, /pg_dump/);
  await Deno.writeTextFile(`${folder}/dump.sh`, script.replace(/\nDumped [^]*$/, "\n"));
  await runShell("bash dump.sh > data.sql");
}

/** The first life: dumped in the middle of its work, and gone once all of that is done. */
async function liveUntilTheDisaster(): Promise<void> {
  const s = await openStack({ settings: QUICK });
  try {
    await prepareWork(s, log);
    await addSchedule(s);
    await s.db.admin`select orchestrator.keep_secret('an_example', 'value')`;
    const runs = await startMixedRuns(s);
    let isDumped = false;
    const keepStarting = async () => {
      while (!isDumped) runs.push(...await startRuns(s, "works_in_a_chain", 1));
    };
    const dump = async () => {
      await dumpAsDocumented(s.db.url);
      await runShell(`pg_dump --format custom --file whole.dump "${s.db.url}"`);
    };
    await Promise.all([keepStarting(), dump().finally(() => isDumped = true)]);
    doneBefore = log.done.length;
    await giveWord(s);
    await s.post("cron-orchestrator");
    await waitForRun(s)(runs);
    startedBefore = runs;
    await runShell(`cp -r "${s.stack.dataDir}/storage" .`);
  } finally {
    await s.close();
  }
  assert.ok(log.done.length > doneBefore, "work was done between the dump and the disaster");
}

/** A slot that is due and not fired yet when the dump is taken. */
async function addSchedule(s: TestStack): Promise<void> {
  const { status } = await s.post("orchestrator/workflows", {
    source: `
key: comes_by_the_clock
trigger: {type: cron, cron: "0 10 1 1 *", catch_up: last}
steps:
  - {id: first, call: /functions/v1/${WORK}}
`,
  });
  assert.equal(status, 201);
  await s.stack.setLoops({ cron: false });
  await s.db.admin`
    update workflow_schedules set next_run_at = ${SLOT} where workflow_key = 'comes_by_the_clock'`;
}

Deno.test.beforeAll(liveUntilTheDisaster);
Deno.test.afterAll(async () => {
  await dropDatabase(readServerUrl(), WHOLE);
  await Deno.remove(folder, { recursive: true });
});

/** The second life begins: who ended before stays as it was, the others go on. */
async function finishWork(s: TestStack): Promise<void> {
  const { done } = log;
  const known = new Set(done.map(({ idempotencyKey }) => idempotencyKey));
  const before = done.length;
  serveWork(s, log);
  const runs = await s.db.admin<{ id: string; is_open: boolean }[]>`
    select workflow_run_id as id, status = 'running' as is_open from workflow_runs`;
  assert.ok(runs.filter((run) => run.is_open).length > 10, "runs were dumped in their midst");
  for (const { id } of runs) assert.ok(startedBefore.includes(id));
  const leased = await s.db.admin`
    select from job_queue where status in ('leased', 'running')`;
  assert.ok(leased.length > 0, "leases were dumped");

  await setUp({ url: s.stack.url, serviceKey: s.stack.keys.secret, root: ROOT });
  // What the ticks of pg_cron do within their half minute.
  await s.post("orchestrator/worker");
  await s.post("cron-orchestrator");
  await giveWord(s);
  const ended = await waitForRun(s)(runs.map(({ id }) => id));
  assert.deepEqual([...new Set(ended.map(({ status }) => status))], ["success"]);
  const [fresh] = await startRuns(s, "works_on_items", 1);
  assert.equal((await waitForRun(s)(fresh))[0].status, "success");

  log.assertOneKeyPerJob();
  await log.assertResultsAreTheAgents(s.db.admin, WORK);
  const again = done.slice(before).filter(({ idempotencyKey }) => known.has(idempotencyKey));
  assert.ok(again.length > 0, "what was done after the dump is done again, under its key");
  await waitFor("the slot to fire", async () => {
    const slots = await s.db.admin`
      select status from workflow_runs
      where workflow_key = 'comes_by_the_clock' and trigger_type = 'cron'`;
    assert.ok(slots.length <= 1);
    return slots[0]?.status === "success";
  });
}

Deno.test("a dump by the documented commands, loaded into a new project, goes on where it was; finished work is repeated under its key", async () => {
  const s = await openStack({ settings: QUICK, isSetUp: false });
  try {
    await runShell(findCommand(/^psql .*data\.sql/), { DATABASE_URL: s.db.url });
    await finishWork(s);
    const [{ secret }] = await s.db.admin`select orchestrator.read_secret('an_example') as secret`;
    assert.equal(secret, null, "secrets of Vault do not come along");
  } finally {
    await s.close();
  }
});

Deno.test("a whole database, restored by pg_restore, goes on where it was", async () => {
  await createDatabase(readServerUrl(), WHOLE);
  const url = new URL(readServerUrl());
  url.pathname = `/${WHOLE}`;
  await runShell(`pg_restore --exit-on-error --dbname "${url}" whole.dump`);
  const s = await openStack({ settings: QUICK, isSetUp: false, template: WHOLE });
  try {
    // A dump has the rows of the buckets and not their files.
    await runShell(`cp -r storage "${s.stack.dataDir}"`);
    await finishWork(s);
    const [{ secret }] = await s.db.admin`select orchestrator.read_secret('an_example') as secret`;
    assert.equal(secret, "value", "the local stack's Vault keeps no key apart");
  } finally {
    await s.close();
  }
});
