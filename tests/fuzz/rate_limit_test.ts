// The token bucket of the database against a model of one: random takers, leases, pauses, policies and times,
// one after the other and at once. Never more tokens than the bucket allows, over any window.
import assert from "node:assert/strict";
import fc from "fast-check";
import type postgres from "postgres";
import { openDatabase, type TestConnection, type TestDatabase } from "../harness/database.ts";
import { publish, writeWorkflow } from "../harness/definition.ts";
import { draw } from "../harness/fuzz.ts";
import { untilSomebodyWaits } from "../harness/lock_waits.ts";
import { keepHistory, pruneAll } from "../harness/old_history.ts";
import { LEASE_MS, settle, success } from "../harness/worker.ts";

const AGENT = "clo";
const START = "2026-03-01T12:00:00Z";
const DAY_MS = 86_400_000;

/** Sums of fractions in a database's numerals and in ours. */
const ROUNDING = 1e-6;

interface Policy {
  capacity: number;
  refill_rate: number;
}

type Deed =
  | { kind: "take" | "peek" | "drain"; tokens: number }
  | { kind: "race"; tokens: number; takers: number }
  | { kind: "late"; tokens: number; waitMs: number }
  | { kind: "lease"; jobs: number; limit: number }
  | { kind: "hold"; holdMs: number }
  | { kind: "policy"; policy: Policy }
  | { kind: "prune" };

interface Move {
  /** How long nothing happens before. */
  pauseMs: number;
  deed: Deed;
}

const policies: fc.Arbitrary<Policy> = fc.record({
  capacity: fc.oneof(fc.integer({ min: 1, max: 12 }), fc.double({ min: 1, max: 8, noNaN: true })),
  refill_rate: fc.constantFrom(0.00001, 0.01, 0.3, 1, 7),
});

const tokens = fc.oneof(
  { arbitrary: fc.constant(1), weight: 3 },
  fc.integer({ min: 1, max: 12 }),
  fc.double({ min: 0.001, max: 9, noNaN: true }),
);

const moves: fc.Arbitrary<Move[]> = fc.array(
  fc.record({
    pauseMs: fc.oneof(
      { arbitrary: fc.constant(0), weight: 4 },
      { arbitrary: fc.nat(2_000), weight: 2 },
      fc.nat(200_000),
      fc.integer({ min: DAY_MS, max: 2 * DAY_MS }),
    ),
    deed: fc.oneof<fc.Arbitrary<Deed>[]>(
      fc.record({ kind: fc.constantFrom("take", "drain", "peek"), tokens }),
      fc.record({ kind: fc.constant("race"), tokens, takers: fc.integer({ min: 2, max: 4 }) }),
      fc.record({ kind: fc.constant("late"), tokens, waitMs: fc.nat(30_000) }),
      fc.record({
        kind: fc.constant("lease"),
        jobs: fc.integer({ min: 1, max: 8 }),
        limit: fc.integer({ min: 1, max: 10 }),
      }),
      fc.record({ kind: fc.constant("hold"), holdMs: fc.nat(60_000) }),
      fc.record({ kind: fc.constant("policy"), policy: policies }),
      fc.record({ kind: fc.constant("prune") }),
    ),
  }),
  { maxLength: 16, size: "max" },
);

interface Grant {
  /** The bucket's clock before it was asked, and once it had answered. */
  from: number;
  to: number;
  tokens: number;
}

/** One bucket, driven through the functions that the engine uses, with all that it has granted. */
class Bucket {
  readonly grants: Grant[] = [];
  /** The widest that it has been. */
  readonly most: Policy = { capacity: 0, refill_rate: 0 };
  readonly key: string;
  policy: Policy = { capacity: 1, refill_rate: 1 };
  readonly #db: TestDatabase;
  readonly #others: TestConnection[];
  readonly #user: string;

  constructor(db: TestDatabase, others: TestConnection[], user: string) {
    this.#db = db;
    this.#others = others;
    this.#user = user;
    this.key = `user:${user}:agent:${AGENT}`;
  }

  async setPolicy(policy: Policy): Promise<void> {
    this.policy = policy;
    this.most.capacity = Math.max(this.most.capacity, policy.capacity);
    this.most.refill_rate = Math.max(this.most.refill_rate, policy.refill_rate);
    await this.#db.admin`
      insert into rate_limit_policies ${this.#db.admin({ pattern: this.key, ...policy })}
      on conflict (pattern) do update
      set capacity = excluded.capacity, refill_rate = excluded.refill_rate`;
  }

  /** Milliseconds since the beginning: of 1970 they would be too many for their fractions. */
  async now(): Promise<number> {
    const [{ now }] = await this.#db.admin`
      select (extract(epoch from orchestrator.now() - ${START}) * 1000)::float8 as now`;
    return now;
  }

  /** The row as it is. */
  async look(): Promise<{ tokens: number; at: number }> {
    const [row] = await this.#db.admin`
      select
        tokens::float8, (extract(epoch from last_refill - ${START}) * 1000)::float8 as at
      from rate_limits where rl_key = ${this.key}`;
    return { tokens: row.tokens, at: row.at };
  }

  /** Does what is drawn; answers the tokens that it was given. */
  async do(deed: Deed): Promise<number> {
    const { key } = this;
    switch (deed.kind) {
      case "take":
      case "peek":
        return await this.#take(deed.tokens, deed.kind === "peek");
      case "drain":
        return await this.#drain(deed.tokens);
      case "race":
        return await this.#race(deed.tokens, deed.takers);
      case "late":
        return await this.#takeLate(deed.tokens, deed.waitMs);
      case "lease":
        return await this.#lease(deed.jobs, deed.limit);
      case "hold":
        await this.#db.admin`
          select orchestrator.hold_keys(
            array[${key}], array[orchestrator.now() + ${deed.holdMs} * interval '1 ms'], orchestrator.now())`;
        return 0;
      case "policy":
        await this.setPolicy(deed.policy);
        return 0;
      case "prune":
        await pruneAll(this.#db);
        return 0;
    }
  }

  /** Notes what a deed was given, with the time around it. */
  async grant(deed: Deed): Promise<void> {
    const from = await this.now();
    const tokens = await this.do(deed);
    if (tokens > 0) this.grants.push({ from, to: await this.now(), tokens });
  }

  async #take(tokens: number, peek: boolean): Promise<number> {
    const { allowed } = await this.#db.rpc.takeTokens({ key: this.key, tokens, peek });
    return allowed && !peek ? tokens : 0;
  }

  async #drain(
    tokens: number,
    sql: postgres.Sql | postgres.TransactionSql = this.#db.admin,
  ): Promise<number> {
    // One at a time in one statement: the clock goes on, and a quick bucket is never empty.
    const most = Math.ceil(this.policy.capacity / tokens) + 1;
    const [{ times }] = await sql`
      select count(*) filter (where (take_tokens(${this.key}, ${tokens}) ->> 'allowed')::boolean)::int as times
      from generate_series(1, ${most})`;
    return times * tokens;
  }

  async #race(tokens: number, takers: number): Promise<number> {
    const answers = await Promise.all(
      this.#others.slice(0, takers).map(({ rpc }) => rpc.takeTokens({ key: this.key, tokens })),
    );
    return answers.filter(({ allowed }) => allowed).length * tokens;
  }

  /** One taker reads the clock, waits for the bucket, and gets it after somebody who came later. */
  async #takeLate(tokens: number, waitMs: number): Promise<number> {
    const [first, second] = this.#others;
    let given = 0;
    let late: Promise<{ allowed: boolean }> | undefined;
    await first.sql.begin(async (sql) => {
      given += await this.#drain(tokens, sql);
      late = second.rpc.takeTokens({ key: this.key, tokens });
      await untilSomebodyWaits(this.#db);
      await setClock(this.#db, await this.now() + waitMs);
      given += await this.#drain(tokens, sql);
    });
    return given + ((await late!).allowed ? tokens : 0);
  }

  async #lease(jobs: number, limit: number): Promise<number> {
    const { rpc } = this.#db;
    const request = { user_id: this.#user, workflow_key: "ask" };
    await rpc.dispatchWorkflows({
      requests: Array.from({ length: jobs }, () => request),
      ring: false,
    });
    const leased = await rpc.leaseJobs({ workerId: "w", limit, leaseMs: LEASE_MS });
    await settle(rpc, leased.jobs, () => success());
    return leased.jobs.filter(({ user_id }) => user_id === this.#user).length;
  }
}

async function setClock(db: TestDatabase, at: number): Promise<void> {
  await db.setClock(new Date(Date.parse(START) + at));
}

/** Over every window, no more was given than a full bucket and what flows into it meanwhile. */
function checkWindows({ grants, most }: Bucket): void {
  for (const [first, { from }] of grants.entries()) {
    let given = 0;
    for (const { to, tokens } of grants.slice(first)) {
      given += tokens;
      const allowed = most.capacity + (to - from) / 1_000 * most.refill_rate;
      assert.ok(
        given <= allowed + ROUNDING,
        `${given} tokens in ${to - from} ms, ${allowed} allowed`,
      );
    }
  }
}

async function withBuckets(
  run: (open: () => Promise<Bucket>, db: TestDatabase) => Promise<void>,
): Promise<void> {
  const db = await openDatabase();
  try {
    await keepHistory(db, {});
    await publish(
      db.rpc,
      writeWorkflow("ask", [{ id: "ask", call: `/functions/v1/agent-proxy/${AGENT}/x` }]),
    );
    const others = [1, 2, 3, 4].map(() => db.connect());
    let count = 0;
    await run(() => Promise.resolve(new Bucket(db, others, `u${++count}`)), db);
  } finally {
    await db.close();
  }
}

Deno.test("takers, leases, races, pauses and policies never get more than the bucket allows over any window", () =>
  withBuckets(async (open, db) => {
    let at = 0;
    const property = fc.asyncProperty(policies, moves, async (policy, list) => {
      const bucket = await open();
      await bucket.setPolicy(policy);
      for (const { pauseMs, deed } of list) {
        at = Math.max(at, Math.ceil(await bucket.now())) + pauseMs;
        await setClock(db, at);
        await bucket.grant(deed);
      }
      checkWindows(bucket);
    });
    await fc.assert(property, draw(12));
  }));

Deno.test("one taker after the other gets exactly what a model of the bucket gives, and comes back when told to", () =>
  withBuckets(async (open, db) => {
    let at = 0;
    const calls = fc.array(fc.tuple(fc.nat(60_000), tokens, fc.boolean()), { maxLength: 20 });
    const property = fc.asyncProperty(policies, calls, async (policy, list) => {
      const bucket = await open();
      await bucket.setPolicy(policy);
      let model = { tokens: policy.capacity, at: Infinity };
      for (const [pauseMs, wanted, isPatient] of list) {
        at = Math.max(at, Math.ceil(await bucket.now())) + pauseMs;
        await setClock(db, at);
        const answer = await db.rpc.takeTokens({ key: bucket.key, tokens: wanted });
        const { tokens: left, at: asked } = await bucket.look();
        const flown = Math.max(0, asked - model.at) / 1_000 * policy.refill_rate;
        const full = Math.min(policy.capacity, model.tokens + flown);
        // Nobody can tell on which side of a rounding the two of them are.
        if (Math.abs(full - wanted) > ROUNDING) assert.equal(answer.allowed, full > wanted);
        assert.ok(Math.abs(left - (answer.allowed ? full - wanted : full)) < ROUNDING);
        model = { tokens: left, at: asked };
        if (answer.allowed || !isPatient || wanted > policy.capacity) continue;
        at = Math.ceil(asked + answer.retry_after_ms) + 1;
        await setClock(db, at);
        const { allowed } = await db.rpc.takeTokens({
          key: bucket.key,
          tokens: wanted,
          peek: true,
        });
        assert.ok(allowed, `not after ${answer.retry_after_ms} ms`);
        model = await bucket.look();
      }
    });
    await fc.assert(property, draw(12));
  }));
