// Who waits for a bucket read the clock before who had it meanwhile: that time must not flow in twice. And the
// bucket may be gone by then: it must not give more than it holds either.
import assert from "node:assert/strict";
import type postgres from "postgres";
import { openDatabase, type TestDatabase } from "../harness/database.ts";
import { publish, writeWorkflow } from "../harness/definition.ts";
import { untilSomebodyWaits } from "../harness/lock_waits.ts";
import { LEASE_MS } from "../harness/worker.ts";

const KEY = "user:u:agent:clo";
const START = "2026-03-01T12:00:00Z";
const LATER = "2026-03-01T12:01:00Z";

/** A bucket of five, and of one more in a minute and 40 seconds. */
async function withBucket(run: (db: TestDatabase) => Promise<void>): Promise<void> {
  const db = await openDatabase();
  try {
    await db.setClock(START);
    await db.admin`
      insert into rate_limit_policies (pattern, capacity, refill_rate) values (${KEY}, 5, 0.01)`;
    await run(db);
  } finally {
    await db.close();
  }
}

async function takeAll(sql: postgres.Sql | postgres.TransactionSql): Promise<number> {
  const [{ taken }] = await sql`
    select count(*) filter (where (take_tokens(${KEY}) ->> 'allowed')::boolean)::int as taken
    from generate_series(1, 10)`;
  return taken;
}

async function readTokens({ admin }: TestDatabase): Promise<number> {
  const [{ tokens }] = await admin`
    select (take_tokens(${KEY}, p_peek => true) ->> 'tokens')::float8 as tokens`;
  return tokens;
}

/** Holds the bucket while another waits for it, and a minute passes. */
async function overtake<T>(db: TestDatabase, wait: () => Promise<T>): Promise<T> {
  let waiting: Promise<T> | undefined;
  await db.sql.begin(async (sql) => {
    assert.equal(await takeAll(sql), 5);
    waiting = wait();
    await untilSomebodyWaits(db);
    await db.setClock(LATER);
    assert.equal(await takeAll(sql), 0);
  });
  return await waiting!;
}

/** What flows in within a minute, with the time that this machine takes for the rest: twice would be 1.2. */
function assertMinuteOnce(tokens: number): void {
  assert.ok(tokens > 0.3 && tokens < 0.9, `${tokens} after 60 s at 0.01 a second`);
}

Deno.test("a taker that waited for the bucket does not turn its clock back", () =>
  withBucket(async (db) => {
    const { allowed } = await overtake(db, () => db.connect().rpc.takeTokens({ key: KEY }));
    assert.equal(allowed, false);
    assertMinuteOnce(await readTokens(db));
  }));

Deno.test("a lease that waited for the bucket does not turn its clock back", () =>
  withBucket(async (db) => {
    const call = "/functions/v1/agent-proxy/clo/x";
    await publish(db.rpc, writeWorkflow("ask", [{ id: "ask", call }]));
    await db.rpc.dispatchWorkflows({
      requests: [{ user_id: "u", workflow_key: "ask" }],
      ring: false,
    });
    const { rpc } = db.connect();
    const lease = () => rpc.leaseJobs({ workerId: "w", limit: 5, leaseMs: LEASE_MS });
    assert.deepEqual((await overtake(db, lease)).jobs, []);
    assertMinuteOnce(await readTokens(db));
  }));

/** The bucket is there, and is tidied away while another waits for it. */
async function tidyAway<T>(db: TestDatabase, wait: () => Promise<T>): Promise<T> {
  await db.rpc.takeTokens({ key: KEY, peek: true });
  let waiting: Promise<T> | undefined;
  await db.sql.begin(async (sql) => {
    await sql`delete from rate_limits where rl_key = ${KEY}`;
    waiting = wait();
    await untilSomebodyWaits(db);
  });
  return await waiting!;
}

Deno.test("a taker whose bucket is tidied away meanwhile takes of the next one", () =>
  withBucket(async (db) => {
    const { allowed } = await tidyAway(db, () => db.connect().rpc.takeTokens({ key: KEY }));
    assert.equal(allowed, true);
    assert.equal(Math.floor(await readTokens(db)), 4);
  }));

Deno.test("a lease whose bucket is tidied away meanwhile leaves its jobs for the next one", () =>
  withBucket(async (db) => {
    const call = "/functions/v1/agent-proxy/clo/x";
    await publish(db.rpc, writeWorkflow("ask", [{ id: "ask", call }]));
    await db.rpc.dispatchWorkflows({
      requests: [{ user_id: "u", workflow_key: "ask" }, { user_id: "u", workflow_key: "ask" }],
      ring: false,
    });
    const { rpc } = db.connect();
    const lease = () => rpc.leaseJobs({ workerId: "w", limit: 5, leaseMs: LEASE_MS });
    const early = await tidyAway(db, lease);
    assert.deepEqual([early.jobs.length, early.deferred], [0, 2]);
    assert.equal((await lease()).jobs.length, 2);
    assert.equal(Math.floor(await readTokens(db)), 3);
  }));
