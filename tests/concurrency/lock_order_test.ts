// Circles of locks that a lease makes possible: it comes behind a settle, and has jobs whose runs it does not hold.
// Each test stops one transaction half way, where another needs what it has.
import assert from "node:assert/strict";
import { openDatabase, type TestConnection, type TestDatabase } from "../harness/database.ts";
import { assertInvariants } from "../harness/invariants.ts";
import { untilSomebodyWaits } from "../harness/lock_waits.ts";
import { fails, Player } from "../harness/player.ts";

const CALL = "/functions/v1/agent-proxy/noop";

async function withDatabase(run: (db: TestDatabase) => Promise<void>): Promise<void> {
  const db = await openDatabase();
  try {
    await run(db);
  } finally {
    await db.close();
  }
}

async function inTransaction(
  { sql }: TestConnection,
  run: () => Promise<void>,
): Promise<void> {
  // A connection of the harness is one session, so these three belong together.
  await sql`begin`;
  await run();
  await sql`commit`;
}

Deno.test("an item that ends after its fan-out was decided waits for nobody who leases the step's own job", () =>
  withDatabase(async (db) => {
    const player = new Player(db);
    await player.publish({
      key: "w",
      trigger: { type: "manual" },
      steps: [{ id: "each", for_each: "[1, 2]", success: "any", call: CALL }],
    });
    const runId = await player.start("w");
    await player.settle(await player.hold());
    const [first, second] = await player.hold();
    await player.settle([first]);

    const leaser = db.connect();
    await inTransaction(leaser, async () => {
      const { jobs } = await leaser.rpc.leaseJobs({ workerId: "w", limit: 1, leaseMs: 30_000 });
      assert.deepEqual(jobs.map(({ step_id }) => step_id), ["each"]);
      // Whoever settles the second item read the clock before the first one was settled.
      await player.pass(-1_000);
      await db.sql`set lock_timeout = '5s'`;
      await player.settle([second]);
      await leaser.rpc.handBackJobs({ workerId: "w", leases: jobs });
    });
    await player.pass(1_000);
    await player.play();
    assert.equal((await player.run(runId)).status, "success");
    await assertInvariants(db);
  }));

Deno.test("a slot is granted while its run is cancelled, and neither waits for the other in a circle", () =>
  withDatabase(async (db) => {
    const player = new Player(db);
    await player.publish({
      key: "w",
      trigger: { type: "manual" },
      concurrency: { key: "'one'", max: 1, on_conflict: "queue" },
      steps: [{ id: "a", call: CALL }],
    });
    const runId = await player.start("w");
    const next = await player.start("w");
    await player.settle(await player.hold());

    const canceller = db.connect();
    let granting: Promise<unknown> = Promise.resolve();
    await inTransaction(canceller, async () => {
      await canceller.sql`
        select orchestrator._lock_job(job_id) from public.job_queue
        where workflow_run_id = ${runId} and status = 'parked'`;
      granting = db.rpc.processSignals();
      await untilSomebodyWaits(db);
      await canceller.rpc.cancelRun({ workflowRunId: runId });
    });
    await granting;
    await player.play();
    assert.equal((await player.run(runId)).status, "cancelled");
    assert.equal((await player.run(next)).status, "success");
    await assertInvariants(db);
  }));

Deno.test("a sweep that ends a run waits for its job without the row of another run's fan-out", () =>
  withDatabase(async (db) => {
    const player = new Player(db, { each: () => fails });
    await player.publish({
      key: "fan",
      trigger: { type: "manual" },
      steps: [{
        id: "each",
        for_each: "[1, 2]",
        success: "any",
        call: CALL,
        retry: { max_attempts: 1 },
      }],
    });
    await player.publish({
      key: "slow",
      trigger: { type: "manual" },
      timeout: "1m",
      steps: [{ id: "a", call: CALL }],
    });
    const fan = await player.start("fan");
    await player.settle(await player.hold());
    await db.rpc.leaseJobs({ workerId: "lost", limit: 1, leaseMs: 1_000 });
    const { jobs } = await db.rpc.leaseJobs({ workerId: "w", limit: 1, leaseMs: 3_600_000 });
    assert.equal(jobs[0].item_index, 1);
    const slow = await player.start("slow");
    await player.pass(120_000);

    const leaser = db.connect();
    let sweeping: Promise<unknown> = Promise.resolve();
    await inTransaction(leaser, async () => {
      const { jobs: taken } = await leaser.rpc.leaseJobs({
        workerId: "w",
        limit: 1,
        leaseMs: 30_000,
      });
      assert.deepEqual(taken.map(({ step_id }) => step_id), ["a"]);
      sweeping = db.sql`select orchestrator.sweep(10)`.execute();
      await untilSomebodyWaits(db);
      await leaser.rpc.completeJobs({
        workerId: "w",
        results: [{ job_id: jobs[0].job_id, lease_token: jobs[0].lease_token, outcome: "dead" }],
      });
    });
    await sweeping;
    await player.play();
    assert.equal((await player.run(slow)).status, "failed");
    assert.equal((await player.run(fan)).status, "failed");
    await assertInvariants(db);
  }));

Deno.test("two settles that meet at the joins of the same runs, each in an order of its own, lock them in one order", () =>
  withDatabase(async (db) => {
    const player = new Player(db);
    // The joins of a run in one order by step and in the other by name; runs are in order by their ids.
    await player.publish({
      key: "w",
      trigger: { type: "manual" },
      steps: [
        { id: "a", call: CALL },
        { id: "b", call: CALL },
        { id: "y", depends_on: ["a", "b"], call: CALL },
        { id: "x", depends_on: ["b", "a"], call: CALL },
      ],
    });
    const runIds: string[] = [];
    for (let n = 0; n < 8; n++) runIds.push(await player.start("w"));
    const held = await player.hold();
    const steps = new Map(
      (await db.admin`select job_id, step_id from public.job_queue`)
        .map(({ job_id, step_id }) => [Number(job_id), step_id]),
    );
    const halves = ["a", "b"].map((step) =>
      held.filter(({ job_id }) => steps.get(job_id) === step)
    );
    assert.deepEqual(halves.map((half) => half.length), [8, 8]);

    // Somebody has a join in the middle: each settle stands before it with what it has locked till then.
    const [one, other, holder] = [db.connect(), db.connect(), db.connect()];
    let settling: Promise<unknown>[] = [];
    await inTransaction(holder, async () => {
      await holder.sql`
        select from public.job_queue where workflow_run_id = ${
        runIds[4]
      } and step_id = 'y' for update`;
      settling = [
        one.rpc.completeJobs({ workerId: "player", results: halves[0] }),
        other.rpc.completeJobs({ workerId: "player", results: halves[1].toReversed() }),
      ];
      await untilSomebodyWaits(db, 2);
    });
    await Promise.all(settling);
    await player.play();
    for (const runId of runIds) assert.equal((await player.run(runId)).status, "success");
    await assertInvariants(db);
  }));
