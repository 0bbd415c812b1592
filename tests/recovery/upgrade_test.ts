// A project of the first release is upgraded while its worker works: nothing is stopped, nothing is lost,
// nothing is done under another key. tests/recovery/later_migrations stands for what later releases may
// bring; the Data API here is the local stack's and not PostgREST.
import assert from "node:assert/strict";
import { prepareTemplate } from "../../scripts/database_clone.ts";
import { applyMigrations, migrate } from "../../scripts/stack/bootstrap.ts";
import { dropDatabase } from "../../scripts/stack/postgres.ts";
import { openDatabase, readServerUrl } from "../harness/database.ts";
import { openStack, type TestStack, waitFor, waitForRun } from "../harness/stack.ts";
import {
  countEnded,
  giveWord,
  prepareWork,
  QUICK,
  startMixedRuns,
  startRuns,
  WORK,
} from "./mixed_work.ts";
import { checkOutFirstRelease, makeLaterProject, type Project } from "./release_project.ts";
import { WorkLog } from "./work_log.ts";

const TEMPLATE = "first_release";

let release: Project;
let later: Project;
Deno.test.beforeAll(async () => {
  release = await checkOutFirstRelease();
  later = await makeLaterProject();
  await prepareTemplate(readServerUrl(), TEMPLATE, release.root);
});
Deno.test.afterAll(async () => {
  await dropDatabase(readServerUrl(), TEMPLATE);
  await release.remove();
  await later.remove();
});

const openRelease = () => openStack({ root: release.root, template: TEMPLATE, settings: QUICK });

/** Starts a run every few milliseconds until told to end; answers the runs. */
function keepStarting(s: TestStack): () => Promise<string[]> {
  const started: string[] = [];
  let isOver = false;
  const feeding = (async () => {
    while (!isOver) {
      started.push(...await startRuns(s, "works_in_a_chain", 1));
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  })();
  // Where the test fails for another reason, that is the one to tell.
  feeding.catch(() => {});
  return async () => {
    isOver = true;
    await feeding;
    return started;
  };
}

/** A dashboard's long query, in the way of whoever wants the table for itself. */
async function readForLong(s: TestStack, meanwhile: () => Promise<void>): Promise<void> {
  await s.db.connect().sql.begin(async (tx) => {
    await tx`select 1 from job_queue limit 1`;
    await meanwhile();
  });
}

Deno.test("a database of the first release migrates under its working worker, and nothing is lost or done twice", async () => {
  const s = await openRelease();
  try {
    const log = new WorkLog();
    await prepareWork(s, log);
    const runs = await startMixedRuns(s);
    const stopStarting = keepStarting(s);

    // A push that meets a long query gives up before the queue waits for long, and leaves nothing behind.
    const pushLater = () => applyMigrations(s.stack.databaseUrl, later.root);
    const before = await countEnded(s);
    await readForLong(s, async () => {
      await assert.rejects(pushLater, /canceling statement due to lock timeout/);
    });
    await waitFor("the worker to go on", async () => await countEnded(s) > before);
    const [{ columns }] = await s.db.admin`
      select count(*)::int as columns from information_schema.columns where column_name = 'cost_center'`;
    assert.equal(columns, 0);

    await pushLater();
    const afterPush = await startRuns(s, "works_on_items", 4);
    runs.push(...await stopStarting(), ...afterPush);
    await giveWord(s);
    const ended = await waitForRun(s)(runs);
    assert.deepEqual([...new Set(ended.map(({ status }) => status))], ["success"]);

    log.assertOneKeyPerJob();
    const results = await log.assertResultsAreTheAgents(s.db.admin, WORK);
    assert.ok(results > runs.length * 2, `${results} results of ${runs.length} runs`);
    await assertLaterIsUsed(s);
  } finally {
    await s.close();
  }
});

/** The release's worker has gone through what was replaced under it. */
async function assertLaterIsUsed({ db }: TestStack): Promise<void> {
  const [used] = await db.admin`
    select
      (select last_value from orchestrator.settles)::int as settles,
      (select last_value from orchestrator.leases_told)::int as heartbeats,
      (select last_value from orchestrator.ends_seen)::int as ends,
      (select convalidated from pg_constraint where conname = 'jobs_have_a_cost_center') as is_checked,
      (
        select indisvalid from pg_index where indexrelid = 'job_queue_by_cost_center'::regclass
      ) as is_built`;
  assert.deepEqual([used.is_checked, used.is_built], [true, true]);
  assert.ok(used.settles > 1 && used.heartbeats > 1 && used.ends > 1, JSON.stringify(used));
}

Deno.test("the CLI sends a file as one transaction, unless it says concurrently or commits by itself", async () => {
  const table = "create table public.half_done (id integer);";
  const index = "create index concurrently half_done_by_id on public.half_done (id);";
  const failure = "select 1 / 0;";
  const cases: [statements: string[], isLeft: boolean][] = [
    [[table, failure], false],
    [[table, index, failure], true],
    [["begin;", table, "commit;", failure], true],
  ];
  for (const [statements, isLeft] of cases) {
    const sql = statements.join("\n");
    const project = await makeLaterProject({ name: "20991231000100_half_done.sql", sql });
    const db = await openDatabase({ template: TEMPLATE });
    try {
      await assert.rejects(migrate(db.url, project.root), /division by zero/);
      const [{ left }] = await db.admin`select to_regclass('public.half_done') is not null as left`;
      assert.equal(left, isLeft, sql);
    } finally {
      await db.close();
      await project.remove();
    }
  }
});

Deno.test("functions that are ahead of their migrations say so, and what they did is kept until the database has caught up", async () => {
  const s = await openRelease();
  try {
    const log = new WorkLog();
    await prepareWork(s, log);
    const gate = Promise.withResolvers<void>();
    let landed = 0;
    s.agents.answer("own/held", async () => {
      await gate.promise;
      landed++;
      return Response.json({ ok: true, output: {} });
    });
    const runs = await startRuns(s, "is_held", 2);
    await waitFor("the calls", () => s.agents.of(...runs).length === 2);
    // To the worker this is a database from before `complete_jobs`.
    await s.db
      .admin`alter function public.complete_jobs(text, jsonb, integer, integer) rename to later_jobs`;
    gate.resolve();
    await waitFor("the answers", () => landed === 2);
    await waitFor(
      "the worker to tell it",
      () => /older than this code.*supabase db push/.test(s.stack.logs("orchestrator")),
    );
    await s.db
      .admin`alter function public.later_jobs(text, jsonb, integer, integer) rename to complete_jobs`;
    const ended = await waitForRun(s)(runs);
    assert.deepEqual(ended.map(({ status }) => status), ["success", "success"]);
    assert.equal(s.agents.of(...runs).filter(({ stepId }) => stepId === "first").length, 2);
  } finally {
    await s.close();
  }
});
