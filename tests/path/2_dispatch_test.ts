// Dispatch: one run and one job per step, once per idempotency key, all or nothing.
import assert from "node:assert/strict";
import { openDatabase, type TestDatabase } from "../harness/database.ts";
import { chain, publish, writeWorkflow } from "../harness/definition.ts";

async function withWorkflow(run: (db: TestDatabase) => Promise<void>): Promise<void> {
  const db = await openDatabase();
  try {
    await publish(db.rpc, writeWorkflow("flow", chain(3)));
    await run(db);
  } finally {
    await db.close();
  }
}

const count = async (db: TestDatabase, table: string): Promise<number> =>
  (await db.admin`select count(*)::int as n from ${db.admin(table)}`)[0].n;

Deno.test("a dispatch makes one run and one job per step, the first one ready", () =>
  withWorkflow(async (db) => {
    const run = await db.rpc.dispatchWorkflow({
      userId: "test-user-id",
      workflowKey: "flow",
      intentId: "intent-1",
      payload: { test: true },
    });
    assert.equal(run.result, "created");
    const [row] = await db.admin`
      select workflow_key, user_id, intent_id, status, trigger_type, payload from workflow_runs`;
    assert.deepEqual({ ...row }, {
      workflow_key: "flow",
      user_id: "test-user-id",
      intent_id: "intent-1",
      status: "running",
      trigger_type: "api",
      payload: { test: true },
    });
    const jobs = await db.admin`
      select step_id, status, priority, attempts, max_attempts, payload, user_id, intent_id
      from job_queue order by step_no`;
    assert.deepEqual(jobs.map((job) => [job.step_id, job.status]), [
      ["s1", "queued"],
      ["s2", "waiting"],
      ["s3", "waiting"],
    ]);
    assert.deepEqual({ ...jobs[0] }, {
      step_id: "s1",
      status: "queued",
      priority: 100,
      attempts: 0,
      max_attempts: 5,
      payload: { call: "/functions/v1/agent-proxy/noop", method: "POST", timeout_ms: 15000 },
      user_id: "test-user-id",
      intent_id: "intent-1",
    });
  }));

Deno.test("50 parallel dispatches with one key make one run", () =>
  withWorkflow(async (db) => {
    const callers = Array.from({ length: 10 }, () => db.connect());
    const runs = await Promise.all(Array.from({ length: 50 }, (_, at) =>
      callers[at % 10].rpc.dispatchWorkflow({
        userId: "u",
        workflowKey: "flow",
        payload: { b: 1, a: [2] },
        idempotencyKey: "order-17",
      })));
    assert.equal(
      new Set(runs.map((run) =>
        run.workflow_run_id
      )).size,
      1,
    );
    assert.equal(runs.filter((run) => run.result === "created").length, 1);
    assert.equal(runs.filter((run) => run.result === "existing").length, 49);
    assert.deepEqual([await count(db, "workflow_runs"), await count(db, "job_queue")], [1, 3]);
  }));

Deno.test("the same key with another body is a conflict that names the first run", () =>
  withWorkflow(async (db) => {
    const first = await db.rpc.dispatchWorkflow({
      userId: "u",
      workflowKey: "flow",
      idempotencyKey: "k",
    });
    for (
      const other of [
        { userId: "v" },
        { payload: { a: 1 } },
        { intentId: "i" },
        { priority: 1 },
        { runAt: "2030-01-01T00:00:00Z" },
      ]
    ) {
      const second = await db.rpc.dispatchWorkflow({
        userId: "u",
        workflowKey: "flow",
        idempotencyKey: "k",
        ...other,
      });
      assert.deepEqual([second.result, second.workflow_run_id], [
        "conflict",
        first.workflow_run_id,
      ]);
    }
    assert.equal(await count(db, "workflow_runs"), 1);
  }));

Deno.test("two batches with the same keys in opposite order neither deadlock nor double", () =>
  withWorkflow(async (db) => {
    const other = db.connect();
    const requests = Array.from({ length: 200 }, (_, at) => ({
      user_id: "u",
      workflow_key: "flow",
      idempotency_key: `k${at}`,
    }));
    const [one, two] = await Promise.all([
      db.rpc.dispatchWorkflows({ requests, ring: false }),
      other.rpc.dispatchWorkflows({ requests: [...requests].reverse(), ring: false }),
    ]);
    const results = [...one.runs, ...two.runs].map((run) => run.result);
    assert.equal(results.filter((result) => result === "created").length, 200);
    assert.equal(results.filter((result) => result === "existing").length, 200);
    assert.equal(await count(db, "workflow_runs"), 200);
  }));

Deno.test("a list answers each request by its place: created, existing within the list, unknown", () =>
  withWorkflow(async (db) => {
    const { runs } = await db.rpc.dispatchWorkflows({
      requests: [
        { user_id: "u", workflow_key: "nowhere" },
        { user_id: "u", workflow_key: "flow", idempotency_key: "same" },
        { user_id: "u", workflow_key: "flow" },
        { user_id: "u", workflow_key: "flow", idempotency_key: "same" },
      ],
      ring: false,
    });
    assert.deepEqual(runs.map((run) => [run.index, run.result]), [
      [0, "unknown_workflow"],
      [1, "created"],
      [2, "created"],
      [3, "existing"],
    ]);
    assert.equal(runs[3].workflow_run_id, runs[1].workflow_run_id);
  }));

Deno.test("a caller's key cannot pose as the key of an event or a cron slot", () =>
  withWorkflow(async (db) => {
    await db.rpc.dispatchWorkflow({ userId: "u", workflowKey: "flow", idempotencyKey: "cron:1:0" });
    const [{ key }] = await db.admin`select idempotency_key as key from workflow_runs`;
    assert.equal(key, "api:cron:1:0");
  }));

Deno.test("an archived workflow can no longer be dispatched, and publishing it again brings it back", () =>
  withWorkflow(async (db) => {
    assert.equal((await db.rpc.archiveWorkflow({ workflowKey: "flow" })).result, "archived");
    assert.equal((await db.rpc.archiveWorkflow({ workflowKey: "flow" })).result, "not_found");
    const gone = await db.rpc.dispatchWorkflow({ userId: "u", workflowKey: "flow" });
    assert.equal(gone.result, "unknown_workflow");
    const again = await publish(db.rpc, writeWorkflow("flow", chain(3)));
    assert.deepEqual([again.result, again.version], ["published", 1]);
    const back = await db.rpc.dispatchWorkflow({ userId: "u", workflowKey: "flow" });
    assert.equal(back.result, "created");
  }));

Deno.test("publishing the same text twice keeps the version; another text is the next version", () =>
  withWorkflow(async (db) => {
    const same = await publish(db.rpc, writeWorkflow("flow", chain(3)));
    const next = await publish(db.rpc, writeWorkflow("flow", chain(4)));
    assert.deepEqual([same.result, same.version, next.result, next.version], [
      "unchanged",
      1,
      "published",
      2,
    ]);
  }));

Deno.test("run ids are ordered by time", () =>
  withWorkflow(async (db) => {
    for (let at = 0; at < 20; at++) {
      await db.rpc.dispatchWorkflow({ userId: `${at}`, workflowKey: "flow" });
      await db.sql`select pg_sleep(0.002)`;
    }
    const rows = await db.admin`select user_id from workflow_runs order by workflow_run_id`;
    assert.deepEqual(
      rows.map((row) => row.user_id),
      Array.from({ length: 20 }, (_, at) => `${at}`),
    );
  }));
