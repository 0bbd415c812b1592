// What a settle writes enters no index: as Postgres itself counts the updates of one transaction.
import assert from "node:assert/strict";
import { openDatabase, type TestDatabase } from "../harness/database.ts";
import { chain, publish, writeWorkflow } from "../harness/definition.ts";
import { lease, LEASE_MS, result, success } from "../harness/worker.ts";

interface Updates {
  updates: number;
  /** Of these, the ones that entered no index (heap-only tuples). */
  hot: number;
}

/** The updates of the queue that a call makes, as its own transaction sees them: nothing of others, nothing late. */
async function countUpdates({ sql }: TestDatabase, call: () => Promise<unknown>): Promise<Updates> {
  const read = async () => {
    const [row] = await sql<[Updates]>`
      select n_tup_upd::int as updates, n_tup_hot_upd::int as hot from pg_stat_xact_user_tables
      where relid = 'public.job_queue'::regclass`;
    return row;
  };
  // A connection of the harness is one session, so these belong together.
  await sql`begin`;
  // What transactions before have not reported yet is in it.
  const before = await read();
  await call();
  const after = await read();
  await sql`commit`;
  return { updates: after.updates - before.updates, hot: after.hot - before.hot };
}

Deno.test("a job that is leased, handed on and settled enters an index once: when it leaves the queue", async () => {
  const db = await openDatabase();
  try {
    await publish(db.rpc, writeWorkflow("flow", chain(3)));
    // One run of three short rows: their pages have room for every version of them.
    await db.rpc.dispatchWorkflow({ userId: "u", workflowKey: "flow" });

    let jobs: Awaited<ReturnType<typeof lease>> = [];
    const first = await countUpdates(db, async () => jobs = await lease(db.rpc));
    assert.deepEqual(first, { updates: 1, hot: 0 }, "the lease of a job that was queued");
    for (const step of ["s2", "s3"]) {
      const next = await countUpdates(db, async () => {
        ({ jobs } = await db.rpc.completeJobs({
          workerId: "w",
          results: jobs.map((job) => result(job, success())),
          leaseLimit: 10,
          leaseMs: LEASE_MS,
        }));
      });
      assert.deepEqual(jobs.map(({ step_id }) => step_id), [step]);
      assert.deepEqual(next, { updates: 2, hot: 2 }, `a success, and the lease of ${step}`);
    }
    const last = await countUpdates(db, () =>
      db.rpc.completeJobs({
        workerId: "w",
        results: jobs.map((job) => result(job, success())),
      }));
    assert.deepEqual(last, { updates: 1, hot: 1 }, "a success with nothing behind it");
  } finally {
    await db.close();
  }
});
