// The token bucket of the database against a model of one: random takers, leases, pauses, policies and times,
// one after the other and at once. Never more tokens than the bucket allows, over any window.
import assert from "node:assert/strict";
import fc from "fast-check";
import { openDatabase, type TestDatabase } from "../harness/database.ts";
import { publish, writeWorkflow } from "../harness/definition.ts";
import { draw } from "../harness/fuzz.ts";
import { keepHistory } from "../harness/old_history.ts";
import { Bucket, CALL, type Deed, type Policy, setClock } from "./bucket.ts";

const DAY_MS = 86_400_000;

/** Sums of fractions in a database's numerals and in ours. */
const ROUNDING = 1e-6;

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
      writeWorkflow("ask", [{ id: "ask", call: CALL }]),
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
