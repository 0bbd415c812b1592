// Rate limits as operators see and set them: buckets as they are now, without being touched.
import assert from "node:assert/strict";
import type { Rpc } from "../../supabase/functions/_shared/database/rpc.ts";
import { ANNA, withDatabase } from "./dashboard_database.ts";

const setPolicy = (
  rpc: Rpc,
  pattern: string,
  capacity: number | null,
  refill_rate: number,
  description: string | null = null,
) =>
  rpc.act({
    actor: ANNA,
    action: "policy.set",
    args: { pattern, capacity, refill_rate, description },
  });

Deno.test("a bucket is shown refilled to now and is not written", () =>
  withDatabase(async ({ rpc, admin, setClock }) => {
    await setPolicy(rpc, "mail", 10, 2);
    await setClock("2026-11-22T10:00:00Z");
    for (let taken = 0; taken < 10; taken++) await rpc.takeTokens({ key: "mail" });
    const read = () => admin`select tokens, last_refill from rate_limits where rl_key = 'mail'`;
    const before = [...await read()];
    await setClock("2026-11-22T10:00:03Z");
    const { buckets: [bucket] } = await rpc.listRateLimits({});
    assert.ok(bucket.tokens >= 5.9 && bucket.tokens < 8, `${bucket.tokens}`);
    assert.deepEqual([bucket.rl_key, bucket.capacity, bucket.refill_rate], ["mail", 10, 2]);
    await setClock("2026-11-22T11:00:00Z");
    assert.equal((await rpc.listRateLimits({})).buckets[0].tokens, 10);
    assert.deepEqual([...await read()], before);
    // By the policy of this moment, as the next call will be.
    await setPolicy(rpc, "mail", 3, 1);
    assert.equal((await rpc.listRateLimits({})).buckets[0].tokens, 3);
  }));

Deno.test("buckets are found by text as it is written, a page at a time", () =>
  withDatabase(async ({ rpc }) => {
    for (const key of ["a_1", "ab1", "b%", "c"]) await rpc.takeTokens({ key });
    const list = async (a: Parameters<Rpc["listRateLimits"]>[0]) =>
      (await rpc.listRateLimits(a)).buckets.map((it) => it.rl_key);
    assert.deepEqual(await list({ text: "a_" }), ["a_1"]);
    assert.deepEqual(await list({ text: "%" }), ["b%"]);
    const all = await list({});
    assert.equal(all.length, 4);
    assert.deepEqual(
      [...await list({ limit: 2 }), ...await list({ limit: 2, after: all[1] })],
      all,
    );
  }));

Deno.test("a policy is made, changed and deleted, and the audit tells what it was", () =>
  withDatabase(async ({ rpc }) => {
    assert.deepEqual(await setPolicy(rpc, "user:*:agent:mail", 5, 0.5, "slow"), {
      result: "saved",
    });
    await setPolicy(rpc, "user:*:agent:mail", null, 1);
    const [row] = await rpc.listAudit({});
    assert.deepEqual([row.target, row.before, row.after], [
      "user:*:agent:mail",
      { capacity: 5, refill_rate: 0.5, description: "slow" },
      { capacity: null, refill_rate: 1, description: null },
    ]);
    const { policies } = await rpc.listRateLimits({});
    assert.deepEqual(policies.map((it) => it.pattern), ["user:*:agent:mail", "default"]);
    assert.equal((await rpc.takeTokens({ key: "user:u:agent:mail" })).capacity, null);
    const remove = (pattern: string) =>
      rpc.act({ actor: ANNA, action: "policy.delete", args: { pattern } });
    assert.deepEqual(await remove("user:*:agent:mail"), { result: "deleted" });
    assert.deepEqual(await remove("user:*:agent:mail"), { result: "not_found" });
    assert.equal((await remove("default")).result, "conflict");
    assert.equal((await rpc.takeTokens({ key: "user:u:agent:mail" })).capacity, 100);
  }));

Deno.test("a policy that could not be kept is refused with the reason and the value", () =>
  withDatabase(async ({ rpc, admin }) => {
    const refused: [string, unknown, unknown, RegExp][] = [
      ["", 1, 1, /pattern must be 1 to 200 characters without spaces, got ""/],
      ["a b", 1, 1, /pattern must be .* got "a b"/],
      ["x".repeat(201), 1, 1, /pattern must be/],
      ["k", 0.5, 1, /capacity must be from 1 to 1000000000, got 0\.5/],
      ["k", "many", 1, /capacity must be a number, or null for no limit, got "many"/],
      ["k", 1, 0, /refill_rate must be from .* got 0/],
      ["k", 1, -1, /refill_rate must be from .* got -1/],
      ["k", 1, 1e-300, /refill_rate must be from/],
      ["k", 1, null, /refill_rate must be a number, got null/],
    ];
    for (const [pattern, capacity, refillRate, reason] of refused) {
      const answer = await setPolicy(rpc, pattern, capacity as number, refillRate as number);
      assert.equal(answer.result, "invalid");
      assert.match(answer.reason!, reason);
    }
    const [{ n }] = await admin`select count(*)::int as n from rate_limit_policies`;
    assert.equal(n, 1);
  }));
