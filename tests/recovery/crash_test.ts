// `deno task start` whose processes are all killed at once, PostgreSQL among them, as by the machine: the
// next start goes on with the same data. And a database server that dies under a stack that lives.
import assert from "node:assert/strict";
import postgres from "postgres";
import { AgentDouble } from "../harness/agents.ts";
import { type TestStack, waitFor } from "../harness/stack.ts";
import { copyProject, findDescendants, type Running } from "../lifecycle/command.ts";
import { giveWord, prepareWork, QUICK, startRuns, WORK } from "./mixed_work.ts";
import { WorkLog } from "./work_log.ts";

const agents = new AgentDouble();
const log = new WorkLog();
const settings = Object.entries(QUICK).map(([name, value]) => [
  `ORCHESTRATOR_${name.toUpperCase()}`,
  String(value),
]);
const copy = await copyProject({ EDGE_BASE_URL: agents.url, ...Object.fromEntries(settings) });
const folder = `${copy.dataFolder}/local`;
Deno.test.afterAll(async () => {
  await agents.close();
  await copy.remove();
});

interface Started extends Pick<TestStack, "post" | "agents"> {
  stack: Running;
  secret: string;
  /** Connected as the project's owner. */
  sql: postgres.Sql;
}

async function start(): Promise<Started> {
  const stack = copy.start("start.ts", "--port", "0");
  let isOver = false;
  stack.ended.then(() => isOver = true);
  await waitFor("the stack to run", () => isOver || /data and logs/.test(stack.text()), stack.text);
  const read = (name: string) => new RegExp(`^ +${name} +(\\S+)$`, "m").exec(stack.text())?.[1];
  const [url, secret, database] = ["gateway", "secret key", "database"].map(read);
  assert.ok(url !== undefined && secret !== undefined && database !== undefined, stack.text());
  agents.connect(url);
  return {
    stack,
    secret,
    agents,
    sql: postgres(database, { max: 1, onnotice: () => {} }),
    post: async (route, body) => {
      const response = await fetch(`${url}/functions/v1/${route}`, {
        method: "POST",
        headers: { apikey: secret, "content-type": "application/json" },
        body: JSON.stringify(body ?? {}),
      });
      return { status: response.status, headers: response.headers, body: await response.json() };
    },
  };
}

const readServerPid = async () =>
  Number.parseInt(await Deno.readTextFile(`${folder}/pg/postmaster.pid`).catch(() => ""));

/** The tick that finds what a crash left comes each half minute; here it comes sooner. */
async function tickOften({ sql }: Started): Promise<void> {
  const { count } = await sql`
    update cron.job set schedule = '2 seconds' where jobname = 'orchestrator-worker'`;
  assert.equal(count, 1);
}

/** Kills whatever the start has started, and the start itself, in one go. */
async function killAll({ stack, sql }: Started): Promise<void> {
  const pids = [stack.pid, ...findDescendants(stack.pid)];
  assert.ok(pids.includes(await readServerPid()), "PostgreSQL is among them");
  for (const pid of pids) {
    try {
      Deno.kill(pid, "SIGKILL");
    } catch (error) {
      // A connection's process ends with its server.
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  await stack.ended;
  await sql.end({ timeout: 1 });
}

const waitForSuccess = ({ sql, stack }: Started, runs: string[]) =>
  waitFor(`${runs.length} runs to succeed`, async () => {
    // Also while the database is being started again.
    const rows = await sql`
      select from workflow_runs where workflow_run_id = any (${runs}::uuid[]) and status = 'success'`
      .catch(() => []);
    return rows.length === runs.length;
  }, stack.text);

Deno.test("a stack that is killed whole in mid-run goes on by itself at the next start, with its data and keys", async () => {
  const first = await start();
  await prepareWork(first, log);
  const runs = [
    ...await startRuns(first, "waits_for_a_word", 3),
    ...await startRuns(first, "works_on_items", 3),
    ...await startRuns(first, "works_in_a_chain", 10),
    ...await startRuns(first, "is_held", 2),
  ];
  await waitFor("calls to be under way", () => log.done.length > 10);
  await killAll(first);
  const doneBefore = log.done.length;
  // What a crash of the machine can leave behind: a number that is somebody else's now, half a file.
  const pidFile = `${folder}/pg/postmaster.pid`;
  const left = await Deno.readTextFile(pidFile);
  await Deno.writeTextFile(pidFile, left.replace(/^\d+/, String(Deno.pid)));
  await Deno.writeTextFile(`${folder}/storage/${crypto.randomUUID()}`, "key: hal");

  const second = await start();
  try {
    assert.equal(second.secret, first.secret);
    await tickOften(second);
    await giveWord(second);
    await waitForSuccess(second, runs);
    assert.ok(log.done.length > doneBefore);
    log.assertOneKeyPerJob();
    await log.assertResultsAreTheAgents(second.sql, WORK);
    assert.deepEqual([...await second.sql`select * from orchestrator.check_invariants()`], []);
  } finally {
    await second.sql.end();
    second.stack.kill("SIGTERM");
    await second.stack.ended;
  }
});

Deno.test("a database server that is killed under work is started again, and ticks and rings reach it as before", async () => {
  const started = await start();
  try {
    await tickOften(started);
    const pid = await readServerPid();
    const runs = await startRuns(started, "works_in_a_chain", 10);
    const before = log.done.length;
    await waitFor("calls to be under way", () => log.done.length > before);
    Deno.kill(pid, "SIGKILL");
    await waitFor("the stack to tell it", () => /PostgreSQL runs again/.test(started.stack.text()));
    await waitForSuccess(started, runs);
    assert.notEqual(await readServerPid(), pid);

    // Nobody asks a route: the trigger's ring has to come through.
    await started.sql`select orchestrator.tick_worker()`;
    const [{ run }] = await started.sql`
      select dispatch_workflow('ada', 'works_in_a_chain') ->> 'workflow_run_id' as run`;
    await waitForSuccess(started, [run]);
    log.assertOneKeyPerJob();
    assert.deepEqual([...await started.sql`select * from orchestrator.check_invariants()`], []);
  } finally {
    await started.sql.end();
    started.stack.kill("SIGTERM");
    await started.stack.ended;
  }
});
