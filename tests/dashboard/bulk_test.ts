// Bulk actions: a page a call, no further than what was counted and confirmed, and without a deadlock
// beside workers that settle the same runs.
import assert from "node:assert/strict";
import type { Rpc } from "../../supabase/functions/_shared/database/rpc.ts";
import type { BulkAnswer, RunFilter } from "../../supabase/functions/_shared/contract/dashboard.ts";
import { assertInvariants } from "../harness/invariants.ts";
import { publish } from "../harness/definition.ts";
import { dead, drain, lease, settle, success } from "../harness/worker.ts";
import {
  ANNA,
  dispatch,
  dispatchMany,
  publishChain,
  readStatuses,
  withDatabase,
  work,
} from "./dashboard_database.ts";

type BulkRuns = "runs.cancel" | "runs.restart_failed";

async function actOnAll(
  rpc: Rpc,
  action: BulkRuns,
  filter: RunFilter,
  newest: string,
  limit = 100,
): Promise<BulkAnswer[]> {
  const answers: BulkAnswer[] = [];
  for (let cursor: string | null = null;;) {
    const args = { filter, newest, cursor, limit, reason: "too many" };
    const answer: BulkAnswer = await rpc.act({ actor: ANNA, action, args });
    answers.push(answer);
    cursor = answer.next_cursor;
    if (cursor === null) return answers;
  }
}

const sum = (answers: BulkAnswer<unknown>[]) => answers.reduce((n, it) => n + it.changed, 0);

Deno.test("runs are cancelled a page at a time, with an audit row a page that names them", () =>
  withDatabase(async (db) => {
    const { rpc } = db;
    await publishChain(rpc, "chain", 2);
    const ids = await dispatchMany(rpc, "chain", 5);
    const filter = { workflow_key: "chain" };
    const { count, newest } = await rpc.countRuns({ filter, action: "cancel" });
    assert.deepEqual([count, newest], [5, ids[4]]);
    const answers = await actOnAll(rpc, "runs.cancel", filter, newest!, 2);
    assert.deepEqual(answers.map((it) => [it.changed, it.next_cursor]), [
      [2, ids[3]],
      [2, ids[1]],
      [1, null],
    ]);
    assert.deepEqual(await readStatuses(db, ids), Array(5).fill("cancelled"));
    const rows = await rpc.listAudit({ filter: { action: "runs.cancel" } });
    assert.deepEqual(
      rows.map((row) => [row.target, row.result, row.after]),
      [[ids[0]], [ids[1], ids[2]], [ids[3], ids[4]]].map((changed) => [
        "workflow_key=chain",
        "changed",
        { changed, refused: 0 },
      ]),
    );
    assert.deepEqual(rows[0].before, { [ids[0]]: "running" });
    await assertInvariants(db);
  }));

Deno.test("runs that are newer than what was counted are left alone", () =>
  withDatabase(async (db) => {
    const { rpc } = db;
    await publishChain(rpc, "chain", 1);
    const ids = await dispatchMany(rpc, "chain", 4);
    assert.equal(sum(await actOnAll(rpc, "runs.cancel", {}, ids[1])), 2);
    assert.deepEqual(await readStatuses(db, ids), ["cancelled", "cancelled", "running", "running"]);
    const unbounded = { filter: {} } as { filter: RunFilter; newest: string };
    await assert.rejects(rpc.act({ actor: ANNA, action: "runs.cancel", args: unbounded }), {
      message: /newest is missing/,
    });
  }));

Deno.test("an action touches only what it is for, whatever the filter says", () =>
  withDatabase(async (db) => {
    const { rpc } = db;
    await publishChain(rpc, "chain", 1);
    const ids = await dispatchMany(rpc, "chain", 3);
    await work(rpc, [ids[0]]);
    const [live] = await dispatch(rpc, "chain");
    const count = async (filter: RunFilter, action: "cancel" | "restart_failed") =>
      (await rpc.countRuns({ filter, action })).count;
    const { newest } = await rpc.countRuns({});
    assert.equal(await count({ status: "success" }, "cancel"), 0);
    assert.equal(sum(await actOnAll(rpc, "runs.cancel", { status: "success" }, newest!)), 0);
    assert.equal(await count({ status: "running" }, "restart_failed"), 0);
    assert.equal(await count({}, "restart_failed"), 1);
    assert.equal(sum(await actOnAll(rpc, "runs.restart_failed", {}, newest!)), 1);
    assert.deepEqual(await readStatuses(db, [...ids, live]), [
      "running",
      "success",
      "success",
      "running",
    ]);
    const [row] = await rpc.listAudit({});
    assert.deepEqual([row.target, row.before, row.after], [
      "all",
      { [ids[0]]: "failed" },
      { changed: [ids[0]], refused: 0 },
    ]);
    await work(rpc);
    assert.deepEqual(await readStatuses(db, ids), Array(3).fill("success"));
    await assertInvariants(db);
  }));

Deno.test("sub-runs are cancelled with their runs and counted, and restarted by them alone", () =>
  withDatabase(async (db) => {
    const { rpc } = db;
    await publishChain(rpc, "child", 1);
    const source = JSON.stringify({
      key: "parent",
      trigger: { type: "manual" },
      steps: [{ id: "sub", workflow: "child" }],
    });
    await publish(rpc, source);
    const [parent] = await dispatch(rpc, "parent");
    const decide = () => ({
      outcome: "park" as const,
      parked: { for: "run" as const },
      start_run: { workflow_key: "child", payload: {} },
    });
    await settle(rpc, await lease(rpc), decide);
    const { count, newest } = await rpc.countRuns({ action: "cancel" });
    assert.equal(count, 2);
    const [answer] = await actOnAll(rpc, "runs.cancel", {}, newest!);
    assert.deepEqual(answer, { changed: 2, refused: [], next_cursor: null });
    assert.equal((await rpc.countRuns({ action: "restart_failed" })).count, 1);
    await actOnAll(rpc, "runs.restart_failed", {}, newest!);
    const [child] = await rpc.listRuns({ filter: { workflow_key: "child" } });
    assert.deepEqual(await readStatuses(db, [parent, child.workflow_run_id]), [
      "running",
      "cancelled",
    ]);
    await assertInvariants(db);
  }));

Deno.test("dead letters are replayed a page at a time", () =>
  withDatabase(async (db) => {
    const { rpc } = db;
    await publishChain(rpc, "chain", 1);
    await publishChain(rpc, "other", 1);
    const ids = await dispatchMany(rpc, "chain", 5);
    const [other] = await dispatch(rpc, "other");
    await work(rpc, [...ids, other]);
    const filter = { workflow_key: "chain", error_class: "http_4xx" } as const;
    const { count, newest } = await rpc.countJobs({ filter: { ...filter, status: "dead" } });
    assert.equal(count, 5);
    const answers: BulkAnswer<number>[] = [];
    for (let cursor: number | null = null;;) {
      const args = { filter, newest: newest!, cursor, limit: 2 };
      const answer: BulkAnswer<number> = await rpc.act({ actor: ANNA, action: "jobs.retry", args });
      answers.push(answer);
      cursor = answer.next_cursor;
      if (cursor === null) break;
    }
    assert.deepEqual(answers.map((it) => it.changed), [2, 2, 1]);
    assert.deepEqual(await readStatuses(db, [...ids, other]), [
      ...Array(5).fill("running"),
      "failed",
    ]);
    await work(rpc);
    assert.deepEqual(await readStatuses(db, ids), Array(5).fill("success"));
    await assertInvariants(db);
  }));

Deno.test("a dead letter that cannot be replayed now is named with the reason", () =>
  withDatabase(async (db) => {
    const { rpc, admin } = db;
    const source = JSON.stringify({
      key: "go_on",
      trigger: { type: "manual" },
      steps: [
        { id: "a", call: "/functions/v1/agent-proxy/noop", continue_on_error: true },
        { id: "b", call: "/functions/v1/agent-proxy/noop", depends_on: ["a"] },
      ],
    });
    await publish(rpc, source);
    await dispatch(rpc, "go_on");
    await settle(rpc, await lease(rpc), () => dead());
    await lease(rpc);
    const [{ id }] = await admin<{ id: number }[]>`
      select job_id::int as id from job_queue where status = 'dead'`;
    const args = { filter: {}, newest: id };
    const answer = await rpc.act({ actor: ANNA, action: "jobs.retry", args });
    assert.deepEqual([answer.changed, answer.refused.map((it) => it.id)], [0, [id]]);
    assert.match(answer.refused[0].reason, /a later step of the run.* is being worked on/);
    const [row] = await rpc.listAudit({});
    assert.deepEqual([row.result, row.after], ["unchanged", { changed: [], refused: 1 }]);
  }));

Deno.test("bulk actions beside workers that settle the same runs never wait in a circle", () =>
  withDatabase(async (db) => {
    await db.admin`
      insert into rate_limit_policies (pattern, capacity, refill_rate) values ('user:*:agent:noop', null, 1)`;
    await publishChain(db.rpc, "chain", 3);
    for (let round = 0; round < 5; round++) {
      await dispatchMany(db.rpc, "chain", 60);
      const { newest } = await db.rpc.countRuns({});
      const workers = Array.from({ length: 3 }, () => db.connect().rpc);
      const [one, two] = [db.connect().rpc, db.connect().rpc];
      await Promise.all([
        ...workers.map((rpc, at) =>
          drain(rpc, (job) => job.job_id % 5 === 0 ? dead() : success(), {
            batch: 7,
            workerId: `w${at}`,
          })
        ),
        // Leases that are handed back lock jobs without their runs.
        (async () => {
          const jobs = await lease(one, 20, "back");
          const leases = jobs.map(({ job_id, lease_token }) => ({
            job_id,
            lease_token,
            delay_ms: 0,
          }));
          await one.snoozeJobs({ workerId: "back", leases });
        })(),
        actOnAll(one, "runs.cancel", {}, newest!, 20),
        actOnAll(two, "runs.restart_failed", {}, newest!, 20),
      ]);
    }
    await work(db.rpc);
    await assertInvariants(db);
  }));

Deno.test("a page locks its jobs in their order, as those do who lock jobs without their runs", () =>
  withDatabase(async (db) => {
    const { rpc, admin } = db;
    await publishChain(rpc, "chain", 1);
    const ids = await dispatchMany(rpc, "chain", 2);
    // The older run gets the younger job, so that run by run would be out of order.
    const [low, high] = (await admin<{ id: number }[]>`
      select job_id::int as id from job_queue order by job_id`).map(({ id }) => id);
    await admin`update job_queue set item_index = job_id`;
    await admin`update job_queue set workflow_run_id = ${
      ids[1]
    }, item_index = -1 where job_id = ${low}`;
    await admin`update job_queue set workflow_run_id = ${
      ids[0]
    }, item_index = -1 where job_id = ${high}`;
    const other = db.connect();
    let cancelling: Promise<BulkAnswer[]> | undefined;
    await other.sql.begin(async (tx) => {
      await tx`select from public.job_queue where job_id = ${low} for update`;
      cancelling = actOnAll(rpc, "runs.cancel", {}, ids[1]);
      for (let isWaiting = false; !isWaiting;) {
        [{ isWaiting }] = await admin<{ isWaiting: boolean }[]>`
          select count(*) > 0 as "isWaiting" from pg_stat_activity
          where datname = current_database() and wait_event_type = 'Lock'`;
      }
      await tx`select from public.job_queue where job_id = ${high} for update`;
    });
    assert.equal(sum(await cancelling!), 2);
  }));
