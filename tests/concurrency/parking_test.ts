// Many connections at everything that waits: fan-outs, sub-runs, events, slots, callbacks, cancels and
// lost workers at the same time. What comes of it must add up, and nothing may wait for ever.
import assert from "node:assert/strict";
import { openDatabase, type TestDatabase } from "../harness/database.ts";
import { assertInvariants } from "../harness/invariants.ts";
import { type Agents, fails, Player, stumbles } from "../harness/player.ts";

const CALL = "/functions/v1/agent-proxy/noop";

const CHILD = {
  key: "child",
  trigger: { type: "manual" },
  steps: [
    { id: "one", call: CALL, retry: { max_attempts: 2, initial: "1ms", max: "2ms" } },
    { id: "two", depends_on: ["one"], call: CALL },
  ],
};

const PARENT = {
  key: "parent",
  trigger: { type: "manual" },
  inputs: { type: "object", properties: { n: { type: "integer" }, list: { type: "array" } } },
  concurrency: { key: "string(int(inputs.n) % 3)", max: 4, on_conflict: "queue" },
  steps: [
    { id: "first", call: CALL },
    {
      id: "each",
      depends_on: ["first"],
      for_each: "inputs.list",
      max_concurrency: 3,
      success: { at_least: 3 },
      call: CALL,
      retry: { max_attempts: 2, initial: "1ms", max: "2ms" },
    },
    { id: "subs", depends_on: ["first"], for_each: "[1, 2, 3]", workflow: "child", success: "any" },
    {
      id: "gate",
      depends_on: ["first"],
      wait: { event: "go", match: "event.payload.n == inputs.n" },
    },
    { id: "joined", depends_on: ["each", "subs", "gate"], join: "any_success", call: CALL },
    { id: "all", depends_on: ["each", "subs", "gate"], call: CALL, compensate: { call: CALL } },
  ],
  on_failure: [{ id: "tell", call: CALL }],
};

async function withDatabase(run: (db: TestDatabase) => Promise<void>): Promise<void> {
  const db = await openDatabase();
  try {
    await run(db);
  } finally {
    await db.close();
  }
}

Deno.test("six workers, events, cancels and lost leases at once leave every run ended and every counter right", () =>
  withDatabase(async (db) => {
    let seed = 7;
    const random = () => (seed = (seed * 48_271) % 2_147_483_647) / 2_147_483_647;
    const agents: Agents = Object.fromEntries(
      ["first", "each", "one", "two", "joined", "all"].map((id) => [id, () => {
        const chance = random();
        if (chance < 0.08) return fails;
        return chance < 0.2 ? stumbles : { output: { n: 1 } };
      }]),
    );
    const players = Array.from(
      { length: 6 },
      () => new Player(db, agents, db.connect().rpc),
    );
    await players[0].publish(CHILD);
    await players[0].publish(PARENT);
    const runIds: string[] = [];
    for (let n = 0; n < 24; n++) {
      runIds.push(await players[0].start("parent", { n, list: [1, 2, 3, 4, 5, 6] }));
    }
    const { rpc: appRpc } = db.connect();
    const app = async () => {
      for (let n = 0; n < 24; n++) {
        await appRpc.insertEvent({ userId: "boss", type: "go", payload: { n } });
        if (n % 6 === 5) await appRpc.cancelRun({ workflowRunId: runIds[n - 3], reason: "enough" });
      }
    };
    const loser = async () => {
      // A worker that leases and is never heard of again.
      for (let round = 0; round < 5; round++) {
        await appRpc.leaseJobs({ workerId: "lost", limit: 3, leaseMs: 1_000 });
        await players[0].pass(1_500);
        await db.admin`select public.expire_leases(100)`;
      }
    };
    await Promise.all([app(), loser(), ...players.map((player) => player.play(7))]);
    for (let round = 0; round < 40; round++) {
      await players[0].pass(61_000);
      await db.admin`select public.expire_leases(1000)`;
      await Promise.all(players.map((player) => player.play(20)));
      const [{ live }] = await db.admin`
        select count(*)::int as live from public.workflow_runs where status = 'running'`;
      if (live === 0) break;
    }
    await assertInvariants(db);
    const left = await db.admin`
      select q.workflow_run_id, q.step_id, q.item_index, q.status, q.parked, q.next_run_at
      from public.job_queue q where q.finished_at is null`;
    assert.deepEqual([...left], []);
    const [{ live, signals }] = await db.admin`
      select count(*) filter (where status = 'running')::int as live,
        (select count(*)::int from orchestrator.signals) as signals
      from public.workflow_runs`;
    assert.deepEqual([live, signals], [0, 0]);
    const ends = await db.admin`
      select array_agg(distinct status order by status) as runs,
        (select array_agg(distinct status order by status) from public.job_queue) as jobs
      from public.workflow_runs`;
    assert.deepEqual([ends[0].runs, ends[0].jobs], [
      ["cancelled", "failed", "success"],
      ["cancelled", "dead", "skipped", "success"],
    ], "everything must have happened, or this proves nothing");
  }));

Deno.test("the last items of a fan-out, settled by eight connections at the same moment, end it once", () =>
  withDatabase(async (db) => {
    const player = new Player(db);
    await player.publish({
      key: "w",
      trigger: { type: "manual" },
      steps: [{ id: "each", for_each: "inputs.list", call: CALL }, {
        id: "next",
        depends_on: ["each"],
        call: CALL,
      }],
    });
    for (let round = 0; round < 5; round++) {
      const runId = await player.start("w", { list: [1, 2, 3, 4, 5, 6, 7, 8] });
      await player.settle(await player.hold());
      const held = await player.hold();
      assert.equal(held.length, 8);
      const others = held.map(() => db.connect().rpc);
      await Promise.all(
        held.map((result, at) =>
          others[at].completeJobs({ workerId: `w${at}`, results: [result] })
        ),
      );
      await player.play();
      assert.equal((await player.run(runId)).status, "success");
    }
    assert.equal(player.calls.filter(({ stepId }) => stepId === "next").length, 5);
    await assertInvariants(db);
  }));

Deno.test("a result that is delivered twice counts an item, an event and a sub-run once", () =>
  withDatabase(async (db) => {
    const player = new Player(db);
    await player.publish(CHILD);
    await player.publish({
      key: "w",
      trigger: { type: "manual" },
      steps: [
        { id: "each", for_each: "[1, 2]", call: CALL },
        { id: "sub", workflow: "child" },
        { id: "gate", wait: { event: "go" } },
      ],
    });
    const runId = await player.start("w");
    await db.rpc.insertEvent({ userId: "u", type: "go" });
    for (let round = 0; round < 8; round++) {
      const held = await player.hold();
      await player.settle(held);
      await player.settle(held);
      await db.rpc.processSignals();
    }
    assert.equal((await player.run(runId)).status, "success");
    const [counts] = await db.admin`
      select (select count(*)::int from public.workflow_runs) as runs,
        (select count(*)::int from public.job_queue where item_index >= 0) as items,
        (select count(*)::int from orchestrator.consumed_events) as events,
        (select count(*)::int from public.job_attempts where is_late) as late`;
    assert.deepEqual(counts, { runs: 2, items: 2, events: 1, late: 0 });
    await assertInvariants(db);
  }));

Deno.test("two wake-ups meet a job that is being parked, and neither is lost", () =>
  withDatabase(async (db) => {
    const player = new Player(db);
    await player.publish({
      key: "w",
      trigger: { type: "manual" },
      steps: [{ id: "sub", workflow: "child" }],
    });
    await player.publish({ ...CHILD, steps: [{ id: "one", call: CALL }] });
    for (let round = 0; round < 10; round++) {
      const runId = await player.start("w");
      const [parked] = [await player.hold()];
      // The sub-run ends on another connection while its parent's job is parked on this one.
      await Promise.all([
        player.settle(parked),
        (async () => {
          const other = new Player(db, {}, db.connect().rpc);
          for (let n = 0; n < 3; n++) await other.play();
        })(),
      ]);
      await player.play();
      assert.equal((await player.run(runId)).status, "success");
    }
    await assertInvariants(db);
  }));

Deno.test("an approval and an event at the same moment end a wait once", () =>
  withDatabase(async (db) => {
    const player = new Player(db);
    await player.publish({
      key: "w",
      trigger: { type: "manual" },
      steps: [{ id: "gate", wait: { event: "go" } }, {
        id: "next",
        depends_on: ["gate"],
        call: CALL,
      }],
    });
    for (let round = 0; round < 10; round++) {
      const runId = await player.start("w");
      await player.play();
      const [{ job_id }] = await db.admin`
        select job_id from public.job_queue where workflow_run_id = ${runId} and step_id = 'gate'`;
      const other = db.connect().rpc;
      await Promise.all([
        db.rpc.decideWait({ jobId: Number(job_id), isApproved: true, actor: "boss" }),
        other.insertEvent({ userId: "u", type: "go" }).then(() => other.processSignals()),
      ]);
      await player.play();
      assert.equal((await player.run(runId)).status, "success");
    }
    assert.equal(player.calls.length, 10);
    await assertInvariants(db);
  }));

Deno.test("a sub-run that is restarted before its parent looked is waited for again", () =>
  withDatabase(async (db) => {
    let isBroken = true;
    const player = new Player(db, { one: () => isBroken ? fails : { output: 1 } });
    await player.publish({ ...CHILD, steps: [{ id: "one", call: CALL }] });
    await player.publish({
      key: "w",
      trigger: { type: "manual" },
      steps: [{ id: "sub", workflow: "child" }],
    });
    const runId = await player.start("w");
    await player.settle(await player.hold());
    await player.settle(await player.hold());
    const [{ workflow_run_id, status }] = await db.admin`
      select workflow_run_id, status from public.workflow_runs where workflow_key = 'child'`;
    assert.equal(status, "failed");
    isBroken = false;
    await db.rpc.restartRun({ workflowRunId: workflow_run_id, mode: "failed" });
    await db.rpc.processSignals();
    const held = await player.hold();
    assert.deepEqual(held.map(({ outcome }) => outcome).toSorted(), ["park", "success"]);
    await player.settle(held.filter(({ outcome }) => outcome === "park"));
    await player.settle(held.filter(({ outcome }) => outcome === "success"));
    await player.play();
    assert.equal((await player.run(runId)).status, "success");
    assert.deepEqual(await player.output(runId, "sub"), { one: 1 });
    await assertInvariants(db);
  }));
