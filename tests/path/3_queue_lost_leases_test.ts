// Lost leases: the sweep finds them by their calls, and keeps to its limit.
import assert from "node:assert/strict";
import { openDatabase, type TestDatabase } from "../harness/database.ts";
import { chain, publish, writeWorkflow } from "../harness/definition.ts";
import { loseLeases } from "../harness/leases.ts";
import { lease, LEASE_MS, result, settle, success } from "../harness/worker.ts";

async function withJobs(jobs: number, run: (db: TestDatabase) => Promise<void>): Promise<void> {
  const db = await openDatabase();
  try {
    await publish(db.rpc, writeWorkflow("single", chain(1)));
    await db.rpc.dispatchWorkflows({
      requests: Array.from({ length: jobs }, (_, at) => ({
        user_id: `u${at}`,
        workflow_key: "single",
      })),
      ring: false,
    });
    await run(db);
  } finally {
    await db.close();
  }
}

async function sweep({ sql }: TestDatabase, limit: number): Promise<number> {
  const [{ freed }] = await sql`select public.expire_leases(${limit}) as freed`;
  return freed;
}

/** How many jobs each noted lease names, the oldest first. */
async function listNoted({ admin }: TestDatabase): Promise<number[]> {
  const rows = await admin`
    select cardinality(job_ids) as jobs from orchestrator.leases order by lease_until`;
  return rows.map(({ jobs }) => jobs);
}

Deno.test("a lease that heartbeats prolonged is not taken when its first time is over, and is when its later one is", () =>
  withJobs(2, async (db) => {
    const [kept, silent] = await lease(db.rpc);
    const [{ now }] = await db.admin`select orchestrator.now() as now`;
    const at = (ms: number) => db.setClock(new Date(now.getTime() + ms));
    await at(20_000);
    await db.rpc.heartbeatJobs({
      workerId: "w",
      leases: [{ job_id: kept.job_id, lease_token: kept.lease_token }],
      leaseMs: LEASE_MS,
    });
    const lost = async () =>
      (await db.admin`select job_id from job_attempts order by attempt_id`).map(({ job_id }) =>
        Number(job_id)
      );

    await at(LEASE_MS + 1_000);
    assert.equal(await sweep(db, 10), 1);
    assert.deepEqual(await lost(), [silent.job_id]);
    assert.deepEqual(await listNoted(db), [1], "noted for as long as the job that is kept");
    assert.equal(await sweep(db, 10), 0);

    await at(20_000 + LEASE_MS + 1_000);
    assert.equal(await sweep(db, 10), 1);
    assert.deepEqual(await lost(), [silent.job_id, kept.job_id]);
    assert.deepEqual(await listNoted(db), []);
  }));

Deno.test("a prolonged lease can still be settled after a sweep, and is forgotten once its time is over", () =>
  withJobs(1, async (db) => {
    const jobs = await lease(db.rpc);
    const [{ now }] = await db.admin`select orchestrator.now() as now`;
    await db.setClock(new Date(now.getTime() + LEASE_MS - 1_000));
    await db.rpc.heartbeatJobs({
      workerId: "w",
      leases: jobs.map(({ job_id, lease_token }) => ({ job_id, lease_token })),
      leaseMs: LEASE_MS,
    });
    await db.setClock(new Date(now.getTime() + LEASE_MS + 1_000));
    assert.equal(await sweep(db, 10), 0);
    await settle(db.rpc, jobs, () => success());
    const [{ status }] = await db.admin`select status from job_queue`;
    assert.equal(status, "success");
    await db.setClock(new Date(now.getTime() + 3 * LEASE_MS));
    assert.equal(await sweep(db, 10), 0);
    assert.deepEqual(await listNoted(db), []);
  }));

Deno.test("a sweep forgets leases whose jobs are done, fifty times its limit, and those that are not over stay", () =>
  withJobs(61, async (db) => {
    for (let call = 0; call < 60; call++) {
      await settle(db.rpc, await lease(db.rpc, 1), () => success());
    }
    const [{ now }] = await db.admin`select orchestrator.now() as now`;
    await db.setClock(new Date(now.getTime() + LEASE_MS + 1_000));
    await lease(db.rpc, 1);
    assert.equal((await listNoted(db)).length, 61);
    assert.equal(await sweep(db, 1), 0);
    assert.equal((await listNoted(db)).length, 11);
    assert.equal(await sweep(db, 1), 0);
    assert.equal((await listNoted(db)).length, 1);
    assert.equal(await sweep(db, 1), 0);
    assert.equal((await listNoted(db)).length, 1, "its time is not over");
  }));

Deno.test("a sweep takes no more lost jobs than its limit, and the next one the rest", () =>
  withJobs(7, async (db) => {
    const [done] = await lease(db.rpc, 5);
    await lease(db.rpc, 2);
    await db.rpc.completeJobs({ workerId: "w", results: [result(done, success())] });
    await loseLeases(db);
    const seen: [freed: number, noted: number][] = [];
    for (let round = 0; round < 4; round++) {
      const freed = await sweep(db, 2);
      seen.push([freed, (await listNoted(db)).reduce((sum, jobs) => sum + jobs, 0)]);
    }
    assert.deepEqual(seen, [[2, 4], [2, 2], [2, 0], [0, 0]]);
    const [{ attempts, jobs: taken }] = await db.admin`
      select count(*)::int as attempts, count(distinct job_id)::int as jobs from job_attempts
      where error_class = 'lease_expired'`;
    assert.deepEqual([attempts, taken], [6, 6]);
  }));
