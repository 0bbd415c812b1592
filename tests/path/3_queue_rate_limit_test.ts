// Queue, rate limits: tokens are taken inside the lease; a refused job waits for its token, uses no
// attempt and stands in nobody's way.
import assert from "node:assert/strict";
import { openDatabase, type TestDatabase } from "../harness/database.ts";
import { publish, writeWorkflow } from "../harness/definition.ts";
import { failure, lease, LEASE_MS, settle, success } from "../harness/worker.ts";

const START = "2026-03-01T12:00:00Z";

async function withLimits(
  policies: [pattern: string, capacity: number | null, refillRate: number][],
  run: (db: TestDatabase) => Promise<void>,
): Promise<void> {
  const db = await openDatabase();
  try {
    await db.setClock(START);
    for (const [pattern, capacity, refillRate] of policies) {
      await db.admin`
        insert into rate_limit_policies (pattern, capacity, refill_rate)
        values (${pattern}, ${capacity}, ${refillRate})`;
    }
    for (const agent of ["clo", "ta"]) {
      await publish(
        db.rpc,
        writeWorkflow(`ask_${agent}`, [{
          id: "ask",
          call: `/functions/v1/agent-proxy/${agent}/x`,
        }]),
      );
    }
    await run(db);
  } finally {
    await db.close();
  }
}

async function dispatch(
  db: TestDatabase,
  user: string,
  agent: string,
  jobs: number,
): Promise<void> {
  await db.rpc.dispatchWorkflows({
    requests: Array.from({ length: jobs }, () => ({ user_id: user, workflow_key: `ask_${agent}` })),
    ring: false,
  });
}

/** Leases and settles all that the limits allow at this instant of the clock. */
async function drainNow(db: TestDatabase): Promise<{ users: string[]; nextDueMs: number | null }> {
  const users: string[] = [];
  for (;;) {
    const answer = await db.rpc.leaseJobs({ workerId: "w", limit: 25, leaseMs: LEASE_MS });
    users.push(...answer.jobs.map((job) => job.user_id));
    await settle(db.rpc, answer.jobs, () => success());
    if (answer.jobs.length === 0 && answer.deferred === 0) {
      return { users, nextDueMs: answer.next_due_ms };
    }
  }
}

Deno.test("200 jobs on a key of capacity 5 and 10 tokens a second take the 19.5 s that the bucket allows, in virtual time", () =>
  withLimits([["user:*:agent:clo", 5, 10]], async (db) => {
    await dispatch(db, "u", "clo", 200);
    // The clock stands still while we look and jumps to the next due job: exact, and quick.
    let elapsed = 0;
    let done = 0;
    const freeze = () =>
      db.admin`
        update orchestrator.clock
        set shift = ${START}::timestamptz + make_interval(secs => ${
        elapsed / 1000
      }) - clock_timestamp()`;
    for (let turns = 0; done < 200; turns++) {
      assert.ok(turns < 1000, "the drain does not end");
      await freeze();
      const { users, nextDueMs } = await drainNow(db);
      done += users.length;
      elapsed += Math.max(1, nextDueMs ?? 1);
    }
    assert.ok(elapsed > 19_500 * 0.95 && elapsed < 19_500 * 1.15, `${elapsed} ms`);
    const [attempts] = await db.admin`
      select count(*)::int as n, max(attempt) as most from job_attempts`;
    assert.deepEqual({ ...attempts }, { n: 200, most: 1 });
  }));

Deno.test("a limited user's jobs do not delay another user's", () =>
  withLimits([["user:*:agent:clo", 1, 0.01]], async (db) => {
    await dispatch(db, "busy", "clo", 500);
    await dispatch(db, "other", "clo", 1);
    const { users } = await drainNow(db);
    assert.deepEqual(users.sort(), ["busy", "other"]);
    const [row] = await db.admin`
      select count(*)::int as n, max(attempts) as attempts from job_queue where status = 'queued'`;
    assert.deepEqual({ ...row }, { n: 499, attempts: 0 });
  }));

Deno.test("a policy per agent counts all users together, and other agents not at all", () =>
  withLimits([["agent:clo", 3, 0.01]], async (db) => {
    for (const user of ["a", "b", "c", "d", "e"]) await dispatch(db, user, "clo", 1);
    await dispatch(db, "a", "ta", 4);
    const { users } = await drainNow(db);
    assert.deepEqual(users.sort(), ["a", "a", "a", "a", "a", "b", "c"]);
  }));

Deno.test("a policy per user counts all agents together", () =>
  withLimits([["user:*", 3, 0.01]], async (db) => {
    await dispatch(db, "a", "clo", 2);
    await dispatch(db, "a", "ta", 2);
    await dispatch(db, "b", "ta", 1);
    assert.deepEqual((await drainNow(db)).users.sort(), ["a", "a", "a", "b"]);
  }));

Deno.test("a job must get a token from each of its buckets, and takes none where one refuses", () =>
  withLimits([["user:*:agent:clo", 10, 0.01], ["agent:clo", 2, 0.01]], async (db) => {
    await dispatch(db, "a", "clo", 5);
    assert.equal((await drainNow(db)).users.length, 2);
    const [{ tokens }] = await db.admin`
      select trunc(tokens)::int as tokens from rate_limits where rl_key = 'user:a:agent:clo'`;
    assert.equal(tokens, 8);
  }));

Deno.test("the most specific pattern wins, an exact key over all, and a null capacity means no limit", () =>
  withLimits([
    ["user:*:agent:*", 1, 0.01],
    ["user:*:agent:clo", 2, 0.01],
    ["user:vip:agent:clo", null, 1],
  ], async (db) => {
    await dispatch(db, "a", "ta", 4);
    await dispatch(db, "a", "clo", 4);
    await dispatch(db, "vip", "clo", 40);
    const { users } = await drainNow(db);
    assert.equal(users.filter((user) => user === "a").length, 3);
    assert.equal(users.filter((user) => user === "vip").length, 40);
  }));

Deno.test("a star stands for anything but a colon, and every other character for itself", () =>
  withLimits([
    ["team:*", 7, 1],
    ["a_b%:*:*c", 8, 1],
    ["back\\slash.*", 9, 1],
    ["user:vip_*:agent:clo", 1, 0.01],
  ], async (db) => {
    const other = 100; // of the default policy
    const capacities: [key: string, capacity: number][] = [
      ["team:", 7],
      ["team:x", 7],
      ["team:x:y", other],
      ["a_b%::c", 8],
      ["a_b%:1:2c", 8],
      ["axb%:1:2c", other],
      ["a_bxx:1:2c", other],
      ["a_b%:1:2:c", other],
      ["a_b%:1:2d", other],
      ["back\\slash.1", 9],
      ["backslash.1", other],
      ["back\\slash,1", other],
    ];
    for (const [key, capacity] of capacities) {
      assert.equal((await db.rpc.takeTokens({ key })).capacity, capacity, key);
    }
    // The lease looks them up for all its keys at once.
    await dispatch(db, "vip_1", "clo", 3);
    await dispatch(db, "vipx1", "clo", 3);
    assert.deepEqual((await drainNow(db)).users.sort(), ["vip_1", "vipx1", "vipx1", "vipx1"]);
  }));

Deno.test("keys that no pattern matches fall under the default policy", () =>
  withLimits([], async (db) => {
    await db
      .admin`update rate_limit_policies set capacity = 2, refill_rate = 0.01 where pattern = 'default'`;
    await dispatch(db, "a", "clo", 5);
    await dispatch(db, "b", "clo", 1);
    assert.deepEqual((await drainNow(db)).users.sort(), ["a", "a", "b"]);
  }));

Deno.test("a colon in a user's id cannot reach another user's bucket", () =>
  withLimits([["user:*:agent:clo", 1, 0.01]], async (db) => {
    await dispatch(db, "a:agent:clo", "clo", 1);
    await dispatch(db, "a", "clo", 1);
    assert.equal((await drainNow(db)).users.length, 2);
  }));

Deno.test("four connections leasing at once never take more than the bucket has", () =>
  withLimits([["user:*:agent:clo", 30, 0.001], ["agent:ta", 30, 0.001]], async (db) => {
    await dispatch(db, "u", "clo", 200);
    await dispatch(db, "u", "ta", 200);
    const workers = Array.from({ length: 4 }, () => db.connect());
    const counts = await Promise.all(workers.map(async ({ rpc }, at) => {
      let leased = 0;
      for (;;) {
        const answer = await rpc.leaseJobs({ workerId: `w${at}`, limit: 20, leaseMs: LEASE_MS });
        leased += answer.jobs.length;
        if (answer.jobs.length === 0 && answer.deferred === 0) return leased;
      }
    }));
    assert.equal(counts.reduce((sum, n) => sum + n, 0), 60);
  }));

Deno.test("an agent's Retry-After holds its key: that user's other jobs wait too, other users' do not", () =>
  withLimits([["user:*:agent:*", null, 1]], async (db) => {
    await dispatch(db, "held", "clo", 3);
    await dispatch(db, "free", "clo", 1);
    const [first] = await lease(db.rpc, 1);
    await settle(
      db.rpc,
      [first],
      () =>
        failure({
          error_class: "rate_limited",
          status_code: 429,
          retry_after_ms: 20_000,
          hold_key_ms: 20_000,
        }),
    );
    assert.deepEqual((await drainNow(db)).users, ["free"]);
    await db.setClock("2026-03-01T12:00:21Z");
    assert.deepEqual((await drainNow(db)).users, ["held", "held", "held"]);
  }));

Deno.test("take_tokens: takes, peeks, refuses with the wait, and refills no further than the capacity", () =>
  withLimits([["tenant:*", 4, 2]], async (db) => {
    const take = (tokens: number, peek = false) =>
      db.rpc.takeTokens({ key: "tenant:7", tokens, peek });
    assert.equal((await take(3, true)).tokens, 4);
    assert.equal((await take(3)).allowed, true);
    const refused = await take(2);
    assert.equal(refused.allowed, false);
    assert.ok(
      refused.retry_after_ms > 300 && refused.retry_after_ms <= 500,
      `${refused.retry_after_ms}`,
    );
    await db.setClock("2026-03-01T12:00:30Z");
    const full = await take(1);
    assert.deepEqual([full.allowed, full.tokens, full.capacity, full.refill_rate], [true, 3, 4, 2]);
  }));

Deno.test("50 parallel takers of a bucket of 10 get 10 tokens between them", () =>
  withLimits([["tenant:*", 10, 0.001]], async (db) => {
    const callers = Array.from({ length: 8 }, () => db.connect());
    const taken = await Promise.all(
      Array.from({ length: 50 }, (_, at) => callers[at % 8].rpc.takeTokens({ key: "tenant:7" })),
    );
    assert.equal(taken.filter((answer) => answer.allowed).length, 10);
  }));
