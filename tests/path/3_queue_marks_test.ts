// Queue, marks: where a held snapshot keeps the entries of jobs that are done, a lease begins where the
// last one found the front, and a job that comes back from before it waits for the next whole look.
import assert from "node:assert/strict";
import { copyRun } from "../harness/copies.ts";
import { openDatabase, type TestDatabase } from "../harness/database.ts";
import { chain, publish, writeWorkflow } from "../harness/definition.ts";

const LEASE_MS = 30_000;

async function withQueue(run: (db: TestDatabase) => Promise<void>): Promise<void> {
  const db = await openDatabase();
  try {
    await db.admin`
      insert into rate_limit_policies (pattern, capacity, refill_rate)
      values ('user:*:agent:noop', null, 1)`;
    await publish(db.rpc, writeWorkflow("single", chain(1)));
    await run(db);
  } finally {
    await db.close();
  }
}

async function dispatch(db: TestDatabase, user: string, priority = 100): Promise<string> {
  const { runs } = await db.rpc.dispatchWorkflows({
    requests: [{ user_id: user, workflow_key: "single", priority }],
    ring: false,
  });
  return runs[0].workflow_run_id!;
}

/** As it is after a slow look that found the front of priority 100 just now. */
async function rememberFront(db: TestDatabase): Promise<void> {
  await db.sql`
    select
      set_config('orchestrator.front_priorities', '{100}', false),
      set_config('orchestrator.front_marks', array[orchestrator._as_mark(orchestrator.now())]::text, false),
      set_config(
        'orchestrator.front_looks_at', orchestrator._as_mark(clock_timestamp() + interval '1 hour')::text, false
      )`;
}

const endMarks = (db: TestDatabase) =>
  db.sql`
    select set_config(
      'orchestrator.front_looks_at', orchestrator._as_mark(clock_timestamp())::text, false
    )`;

/** A job that is handed back keeps its age, and so comes back from before the mark. */
async function addOldJob(db: TestDatabase): Promise<void> {
  const runId = await dispatch(db, "old");
  await db.admin`
    update job_queue set next_run_at = next_run_at - interval '1 hour' where workflow_run_id = ${runId}`;
}

Deno.test("what a session remembers of the front is looked at again within ten seconds", async () => {
  await withQueue(async (db) => {
    const rows = await db.sql`
      select extract(epoch from orchestrator._remember_for(look * interval '1 millisecond'))::float as seconds
      from unnest(array[2, 200, 7000]) with ordinality as l (look, place)
      order by place`;
    assert.deepEqual(rows.map(({ seconds }) => seconds), [1, 4, 10]);
  });
});

/** Whose jobs the next lease brings, by name: their order in the answer is not promised. */
const lease = async (db: TestDatabase) => {
  const answer = await db.rpc.leaseJobs({ workerId: "w", limit: 5, leaseMs: LEASE_MS });
  return { users: answer.jobs.map((job) => job.user_id).sort(), nextDueMs: answer.next_due_ms };
};

Deno.test("a job from before the mark is leased after the next whole look, and no lease spins for it until then", () =>
  withQueue(async (db) => {
    await rememberFront(db);
    await addOldJob(db);
    assert.deepEqual(await lease(db), { users: [], nextDueMs: null });
    await endMarks(db);
    assert.deepEqual((await lease(db)).users, ["old"]);
    const [{ marks }] = await db
      .sql`select current_setting('orchestrator.front_looks_at') as marks`;
    assert.equal(marks, "", "a quick look needs no marks");
  }));

Deno.test("no worker stops while a job from before its mark is due", () =>
  withQueue(async (db) => {
    await db.rpc.startWorker({ workerId: "w", maxWorkers: 1 });
    await rememberFront(db);
    await addOldJob(db);
    assert.deepEqual(await db.rpc.stopWorker({ workerId: "w", force: false }), { stopped: false });
  }));

Deno.test("with marks, new jobs are leased at once, those of a priority not seen before too", () =>
  withQueue(async (db) => {
    await rememberFront(db);
    await dispatch(db, "new");
    assert.deepEqual((await lease(db)).users, ["new"]);
    await dispatch(db, "urgent", 5);
    await dispatch(db, "patient", 900);
    await dispatch(db, "new");
    assert.deepEqual((await lease(db)).users, ["new", "patient", "urgent"]);
  }));

Deno.test("with marks, a job whose transaction committed a second after it took its time is leased at once", () =>
  withQueue(async (db) => {
    const runId = await dispatch(db, "slow");
    await db.admin`
      update job_queue set next_run_at = next_run_at - interval '1 second' where workflow_run_id = ${runId}`;
    await rememberFront(db);
    assert.deepEqual((await lease(db)).users, ["slow"]);
  }));

Deno.test("a clock that was set back hides no job behind a mark", () =>
  withQueue(async (db) => {
    await rememberFront(db);
    await db.setClock(new Date(Date.now() - 86_400_000));
    await dispatch(db, "yesterday");
    assert.deepEqual((await lease(db)).users, ["yesterday"]);
  }));

Deno.test("under a held snapshot 20,000 jobs are drained without walking over those that are done at every lease", () =>
  withQueue(async (db) => {
    const [jobs, batch] = [20_000, 50];
    const runId = await dispatch(db, "u");
    // A minute of arrivals, the last of them a minute ago: a mark tells times apart, not jobs of one instant.
    await db.admin`
      update job_queue set next_run_at = next_run_at - interval '2 minutes' where workflow_run_id = ${runId}`;
    await copyRun(db.admin, runId, { copies: jobs - 1, users: 50, gapMs: 3_000 });
    await db.admin`vacuum analyze job_queue`;
    const holder = db.connect();
    await holder.sql`begin isolation level repeatable read`;
    await holder.sql`select count(*) from workflow_definitions`;
    await db.admin`select pg_stat_reset()`;

    let leased = 0;
    for (;;) {
      const answer = await db.rpc.leaseJobs({ workerId: "w", limit: batch, leaseMs: LEASE_MS });
      if (answer.jobs.length === 0) break;
      leased += answer.jobs.length;
    }
    assert.equal(leased, jobs);
    await db.sql`select pg_stat_force_next_flush()`;
    const [{ read }] = await db.admin`
      select idx_tup_read::float8 as read from pg_stat_user_indexes where indexrelname = 'job_queue_ready'`;
    await holder.sql`rollback`;
    // Every lease from the front on would read half of all jobs each time: 4 million entries. The front is looked
    // for anew once a second or less often, so a slow machine reads more of them.
    assert.ok(read < 2_500_000, `${read} entries were read`);
  }));
