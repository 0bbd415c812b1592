// Trigger: events start runs in their own transaction; schedules fire each slot once.
import assert from "node:assert/strict";
import { openDatabase, type TestDatabase } from "../harness/database.ts";
import { chain, publish, writeWorkflow } from "../harness/definition.ts";

async function withDatabase(run: (db: TestDatabase) => Promise<void>): Promise<void> {
  const db = await openDatabase();
  try {
    await run(db);
  } finally {
    await db.close();
  }
}

const event = (...types: string[]) => ({ type: "event", event_types: types });

Deno.test("an inserted event starts each workflow that names its type, with its payload", () =>
  withDatabase(async (db) => {
    await publish(db.rpc, writeWorkflow("one", chain(1), event("streak_ping", "user_start_day")));
    await publish(db.rpc, writeWorkflow("two", chain(2), event("streak_ping")));
    await publish(db.rpc, writeWorkflow("three", chain(1), event("other")));
    await db.sql`
      insert into intent_events (user_id, intent_id, type, payload)
      values ('u1', 'i1', 'streak_ping', '{"days": 3}'), ('u2', null, 'user_start_day', '{}'),
        ('u3', null, 'nobody_listens', '{}')`;
    const runs = await db.admin`
      select r.workflow_key, r.user_id, r.intent_id, r.payload, r.trigger_type, e.type
      from workflow_runs r join intent_events e on e.event_id = r.trigger_event_id order by 1, 2`;
    assert.deepEqual(runs.map((row) => ({ ...row })), [
      {
        workflow_key: "one",
        user_id: "u1",
        intent_id: "i1",
        payload: { days: 3 },
        trigger_type: "event",
        type: "streak_ping",
      },
      {
        workflow_key: "one",
        user_id: "u2",
        intent_id: null,
        payload: {},
        trigger_type: "event",
        type: "user_start_day",
      },
      {
        workflow_key: "two",
        user_id: "u1",
        intent_id: "i1",
        payload: { days: 3 },
        trigger_type: "event",
        type: "streak_ping",
      },
    ]);
  }));

Deno.test("an event that is rolled back leaves no run; committed, the run is there", () =>
  withDatabase(async (db) => {
    await publish(db.rpc, writeWorkflow("one", chain(1), event("ping")));
    const insert = (user: string) =>
      db.sql`insert into intent_events (user_id, type) values (${user}, 'ping')`;
    await assert.rejects(db.sql.begin(async (tx) => {
      await tx`insert into intent_events (user_id, type) values ('undone', 'ping')`;
      const [{ n }] = await tx`select count(*)::int as n from job_queue`;
      assert.equal(n, 1, "inside the transaction the run exists");
      throw new Error("the app changed its mind");
    }));
    await insert("done");
    const runs = await db.admin`select user_id from workflow_runs`;
    assert.deepEqual(runs.map((row) => row.user_id), ["done"]);
    assert.equal((await db.admin`select count(*)::int as n from job_queue`)[0].n, 1);
  }));

Deno.test("50 parallel events with one key make one event and one run", () =>
  withDatabase(async (db) => {
    await publish(db.rpc, writeWorkflow("one", chain(1), event("ping")));
    const callers = Array.from({ length: 10 }, () => db.connect());
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, at) =>
        callers[at % 10].rpc.insertEvent({
          userId: "u",
          type: "ping",
          idempotencyKey: "webhook-1",
        })),
    );
    assert.equal(new Set(answers.map((answer) => answer.event_id)).size, 1);
    assert.equal(answers.filter((answer) => answer.result === "created").length, 1);
    assert.ok(answers.every((answer) => answer.workflow_run_ids.length === 1));
    const other = await db.rpc.insertEvent({
      userId: "v",
      type: "ping",
      idempotencyKey: "webhook-1",
    });
    assert.equal(other.result, "conflict");
    assert.equal((await db.admin`select count(*)::int as n from workflow_runs`)[0].n, 1);
  }));

Deno.test("a ring that cannot be given never fails the app's insert", () =>
  withDatabase(async (db) => {
    await publish(db.rpc, writeWorkflow("one", chain(1), event("ping")));
    await db.admin`select public.configure_orchestrator('http://127.0.0.1:1', 'key', '{}')`;
    await db.admin`drop schema net cascade`;
    await db.sql`insert into intent_events (user_id, type) values ('u', 'ping')`;
    assert.equal((await db.admin`select count(*)::int as n from workflow_runs`)[0].n, 1);
  }));
