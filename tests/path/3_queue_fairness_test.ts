// Queue, fairness: a user with a large backlog does not make others wait for it.
import assert from "node:assert/strict";
import { copyRun } from "../harness/copies.ts";
import { openDatabase, type TestDatabase } from "../harness/database.ts";
import { chain, publish, writeWorkflow } from "../harness/definition.ts";
import { result, success } from "../harness/worker.ts";
import type { LeasedJob } from "../../supabase/functions/_shared/database/rows.ts";

const LEASE_MS = 30_000;

/** Lends a database where the user `big` has so many runs whose first job is due. */
async function withBacklog(
  runs: number,
  run: (db: TestDatabase) => Promise<void>,
  steps = 1,
): Promise<void> {
  const db = await openDatabase();
  try {
    await db.admin`
      insert into rate_limit_policies (pattern, capacity, refill_rate)
      values ('user:*:agent:noop', null, 1)`;
    await publish(db.rpc, writeWorkflow("single", chain(steps)));
    const [runId] = await dispatch(db, "big");
    await copyRun(db.admin, runId, { copies: runs - 1 });
    await publish(db.rpc, writeWorkflow("single", chain(1)));
    await db.admin`analyze`;
    await run(db);
  } finally {
    await db.close();
  }
}

async function dispatch(db: TestDatabase, ...users: string[]): Promise<string[]> {
  const { runs } = await db.rpc.dispatchWorkflows({
    requests: users.map((user_id) => ({ user_id, workflow_key: "single" })),
    ring: false,
  });
  return runs.map((run) => run.workflow_run_id!);
}

/** Whose jobs the next lease brings. */
async function lease(db: TestDatabase, limit: number): Promise<string[]> {
  const { jobs } = await db.rpc.leaseJobs({ workerId: "w", limit, leaseMs: LEASE_MS });
  return jobs.map((job) => job.user_id);
}

const count = (users: string[], user: string) => users.filter((each) => each === user).length;

for (const batch of [100, 10, 1]) {
  Deno.test(`behind one user's 50,000 jobs another user's job is in one of the next two batches of ${batch}`, () =>
    withBacklog(50_000, async (db) => {
      assert.equal(count(await lease(db, batch), "big"), batch);
      for (let round = 0; round < 5; round++) {
        await dispatch(db, "small");
        const leased = [...await lease(db, batch), ...await lease(db, batch)];
        assert.equal(count(leased, "small"), 1);
        assert.equal(count(leased, "big"), 2 * batch - 1, "no slot stays empty, none goes twice");
      }
    }));
}

for (const batch of [100, 10, 1]) {
  Deno.test(`behind one user's 10,000 chains, each settled step of which makes one ready, another user's job is in one of the next two batches of ${batch}`, () =>
    withBacklog(10_000, async (db) => {
      const settleAndLease = async (jobs: LeasedJob[]) => {
        const results = jobs.map((job) => result(job, success()));
        const answer = await db.rpc.completeJobs({
          workerId: "w",
          results,
          leaseLimit: batch,
          leaseMs: LEASE_MS,
        });
        return answer.jobs;
      };
      const users = (jobs: LeasedJob[]) => jobs.map((job) => job.user_id);
      let jobs = await settleAndLease([]);
      for (let round = 0; round < 5; round++) {
        await dispatch(db, "small");
        const first = await settleAndLease(jobs);
        jobs = await settleAndLease(first);
        const leased = users([...first, ...jobs]);
        assert.equal(count(leased, "small"), 1);
        assert.equal(count(leased, "big"), 2 * batch - 1, "no slot stays empty, none goes twice");
      }
    }, 10));
}

Deno.test("a backlog is worked on while others keep coming: who came before has a turn too", () =>
  withBacklog(1_000, async (db) => {
    const users = Array.from({ length: 30 }, (_, at) => `u${at}`);
    const leased: string[] = [];
    for (let round = 0; round < 62; round++) {
      // Every user always has a job that waits.
      if (round % 31 === 0) await dispatch(db, ...users);
      leased.push(...await lease(db, 1));
    }
    assert.equal(leased.length, 62);
    for (const user of [...users, "big"]) assert.equal(count(leased, user), 2, user);
  }));

Deno.test("users whose jobs are due later put a turn off, but keep nobody's from coming", () =>
  withBacklog(500, async (db) => {
    await dispatch(db, ...Array.from({ length: 300 }, (_, at) => `later${at}`));
    await db.admin`
      update job_queue set next_run_at = next_run_at + interval '1 hour' where user_id like 'later%'`;
    const small = Array.from({ length: 5 }, (_, at) => `small${at}`);
    await dispatch(db, ...small);
    // A lease of one passes by 17 users: twice round the ring of 306.
    const leased: string[] = [];
    for (let round = 0; round < 40; round++) leased.push(...await lease(db, 1));
    assert.equal(leased.length, 40);
    for (const user of small) assert.equal(count(leased, user), 1, user);
  }));

Deno.test("parked and failed jobs take their turns among queued ones", () =>
  withBacklog(1_000, async (db) => {
    const [parked, failed] = await dispatch(db, "parked", "failed");
    await db.admin`
      update job_queue set status = 'parked', parked = '{"for": "timer"}' where workflow_run_id = ${parked}`;
    await db.admin`
      update job_queue set status = 'failed', attempts = 1 where workflow_run_id = ${failed}`;
    const leased = await lease(db, 50);
    assert.equal(count(leased, "parked"), 1);
    assert.equal(count(leased, "failed"), 1);
    assert.equal(leased.length, 50);
  }));

Deno.test("turns are taken within a priority: a more urgent backlog goes first", () =>
  withBacklog(100, async (db) => {
    await db.admin`update job_queue set priority = 5`;
    await dispatch(db, "small");
    assert.equal(count(await lease(db, 100), "big"), 100);
    assert.deepEqual(await lease(db, 100), ["small"]);
  }));
