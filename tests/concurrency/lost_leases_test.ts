// Sweeps that meet sweeps, and workers that settle after their time: each job is taken once or settled once.
import assert from "node:assert/strict";
import { openDatabase, type TestConnection, type TestDatabase } from "../harness/database.ts";
import { chain, publish, writeWorkflow } from "../harness/definition.ts";
import { loseLeases } from "../harness/leases.ts";
import { untilSomebodyWaits } from "../harness/lock_waits.ts";
import { drain, lease, LEASE_MS, result, success } from "../harness/worker.ts";
import { readCounters } from "../operations/counters.ts";

async function withRuns(runs: number, run: (db: TestDatabase) => Promise<void>): Promise<void> {
  const db = await openDatabase();
  try {
    await db.admin`
      insert into rate_limit_policies (pattern, capacity, refill_rate)
      values ('user:*:agent:noop', null, 1)`;
    await publish(db.rpc, writeWorkflow("pair", chain(2)));
    await db.rpc.dispatchWorkflows({
      requests: Array.from({ length: runs }, () => ({ user_id: "u", workflow_key: "pair" })),
      ring: false,
    });
    await run(db);
  } finally {
    await db.close();
  }
}

async function sweep({ sql }: TestConnection, limit: number): Promise<number> {
  const [{ freed }] = await sql`select public.expire_leases(${limit}) as freed`;
  return freed;
}

/** Attempts by their outcome, those of late results apart. */
async function countAttempts({ admin }: TestDatabase): Promise<Record<string, number>> {
  const rows = await admin`
    select case when is_late then 'late' else coalesce(error_class, 'success') end as outcome, count(*)::int as n
    from job_attempts group by 1`;
  return Object.fromEntries(rows.map(({ outcome, n }) => [outcome, n]));
}

Deno.test("two sweeps at once take each lost job once, and neither waits for the other", () =>
  withRuns(60, async (db) => {
    for (let call = 0; call < 60; call++) await lease(db.rpc, 1);
    await loseLeases(db);
    const other = db.connect();
    await other.sql`set lock_timeout = '5s'`;
    await db.sql`begin`;
    assert.equal(await sweep(db, 1), 1, "it looks at fifty leases, and takes one job");
    assert.equal(await sweep(other, 60), 10, "those that the first one did not look at");
    await db.sql`commit`;
    const freed = await Promise.all([sweep(db, 60), sweep(other, 60)]);
    assert.equal(freed[0] + freed[1], 49);
    assert.deepEqual(await countAttempts(db), { lease_expired: 60 });
    const [{ jobs }] = await db.admin`select count(distinct job_id)::int as jobs from job_attempts`;
    assert.equal(jobs, 60);
  }));

Deno.test("a sweep that comes while a worker settles jobs of a lease that is over takes none of them", () =>
  withRuns(3, async (db) => {
    const jobs = await lease(db.rpc);
    await loseLeases(db);
    const sweeper = db.connect();
    await db.sql`begin`;
    await db.rpc.completeJobs({
      workerId: "w",
      results: jobs.map((job) => result(job, success())),
      leaseLimit: 10,
      leaseMs: LEASE_MS,
    });
    const sweeping = sweep(sweeper, 10);
    await untilSomebodyWaits(db);
    await db.sql`commit`;
    assert.equal(await sweeping, 0);
    assert.deepEqual(await countAttempts(db), { success: 3 });
  }));

Deno.test("a worker that settles while a sweep takes its jobs comes too late for all of them", () =>
  withRuns(3, async (db) => {
    const jobs = await lease(db.rpc);
    await loseLeases(db);
    const worker = db.connect();
    await db.sql`begin`;
    assert.equal(await sweep(db, 10), 3);
    const settling = worker.rpc.completeJobs({
      workerId: "w",
      results: jobs.map((job) => result(job, success())),
    });
    await untilSomebodyWaits(db);
    await db.sql`commit`;
    assert.deepEqual((await settling).results.map(({ applied }) => applied), [false, false, false]);
    assert.deepEqual(await countAttempts(db), { lease_expired: 3, late: 3 });
  }));

Deno.test("sweeps and late workers on the same jobs, again and again: no deadlock, and nothing counts twice", () =>
  withRuns(60, async (db) => {
    const workers = [1, 2, 3].map(() => db.connect());
    const sweepers = [1, 2].map(() => db.connect());
    const freed: number[] = [];
    for (let round = 0; round < 10; round++) {
      const held = await Promise.all(workers.map(({ rpc }) => lease(rpc, 8)));
      // Of one more worker nobody ever hears: something is lost, whoever is quicker.
      await lease(db.rpc, 2);
      await loseLeases(db);
      await Promise.all([
        ...sweepers.map(async (sweeper) => freed.push(await sweep(sweeper, 7))),
        ...workers.map(({ rpc }, at) =>
          rpc.completeJobs({
            workerId: "w",
            // From both ends, so that they do not merely follow each other.
            results: (at === 1 ? held[at].toReversed() : held[at]).map((job) =>
              result(job, success())
            ),
          })
        ),
      ]);
      freed.push(await sweep(db, 100));
    }
    await drain(db.rpc);

    const lost = freed.reduce((sum, n) => sum + n, 0);
    assert.ok(lost > 0, "nothing was lost, so this proves nothing");
    const [told] = await db.admin`
      select count(*) filter (where success)::int as good, count(distinct job_id) filter (where success)::int as jobs,
        count(*) filter (where not success)::int as bad
      from job_attempts where not is_late`;
    const [{ done, open }] = await db.admin`
      select count(*) filter (where status = 'success')::int as done,
        count(*) filter (where finished_at is null)::int as open
      from job_queue`;
    assert.deepEqual([told.good, told.jobs, told.bad, open], [done, done, lost, 0]);
    const counters = await readCounters(db.rpc);
    assert.equal(counters["lease_expired_total{pair}"], lost);
    assert.equal(counters["step_queue_seconds_count{pair}"], done + lost);
  }));
