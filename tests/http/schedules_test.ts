// The routes of schedules and of rate limit policies: read by people, and changed by operators.
import assert from "node:assert/strict";
import { expectProblem, type Json, openHttpStack } from "./http_stack.ts";
import { createPerson } from "./signed_in.ts";

const it = await openHttpStack();
Deno.test.afterAll(() => it.stop());

const { ask } = await createPerson(it, "operator");

async function read(workflow: string): Promise<Json> {
  const { status, body, text } = await ask("GET", `/schedules?workflow_key=${workflow}`);
  assert.equal(status, 200, text);
  assert.equal((body.schedules as Json[]).length, 1);
  return (body.schedules as Json[])[0];
}

Deno.test("a schedule is told in words, with its next five slots", async () => {
  const { cron, words, timezone, next_slots, paused_at } = await read("weekly_seed_v1");
  assert.deepEqual([cron, words, paused_at], ["0 18 * * SUN", "At 18:00, only on Sunday", null]);
  const slots = (next_slots as string[]).map((slot) => new Date(slot));
  assert.equal(slots.length, 5);
  for (const [at, slot] of slots.entries()) {
    assert.ok(slot > (slots[at - 1] ?? new Date()), "in the future, one after the other");
    const local = slot.toLocaleString("en", {
      weekday: "short",
      hour: "2-digit",
      hour12: false,
      timeZone: timezone as string,
    });
    assert.match(local, /Sun.*18/);
  }
});

Deno.test("a paused schedule has no slots, and goes on when it is resumed", async () => {
  const { schedule_id } = await read("weekly_seed_v1");
  const paused = await ask("POST", `/schedules/${schedule_id}/pause`);
  assert.deepEqual([paused.status, paused.body], [200, { schedule_id, result: "paused" }]);
  const { paused_at, next_slots } = await read("weekly_seed_v1");
  assert.ok(paused_at !== null);
  assert.deepEqual(next_slots, []);
  assert.equal((await ask("POST", `/schedules/${schedule_id}/resume`)).status, 200);
  assert.equal((await read("weekly_seed_v1")).paused_at, null);
});

Deno.test("a schedule that is run now starts a run as a slot would", async () => {
  const { schedule_id } = await read("weekly_seed_v1");
  const { status, body } = await ask("POST", `/schedules/${schedule_id}/run`);
  assert.deepEqual([status, body.result], [202, "started"]);
  const run = (await ask("GET", `/runs/${body.workflow_run_id}`)).body;
  assert.deepEqual([run.workflow_key, run.trigger_type], ["weekly_seed_v1", "cron"]);
  await it.ask("POST", "/orchestrator/worker?wait=true");
});

Deno.test("a schedule that is not there, or no number, is refused", async () => {
  for (const action of ["pause", "resume", "run"]) {
    const gone = await ask("POST", `/schedules/987654/${action}`);
    expectProblem(gone, { status: 404, kind: "not_found", message: /no schedule 987654/ });
    expectProblem(await ask("POST", `/schedules/x/${action}`), { status: 400, kind: "invalid" });
  }
});

Deno.test("a list of schedules is read page by page", async () => {
  const ids: unknown[] = [];
  for (let query = "?limit=1"; ids.length < 20;) {
    const { body } = await ask("GET", `/schedules${query}`);
    ids.push(...(body.schedules as Json[]).map(({ schedule_id }) => schedule_id));
    if (body.next_after === null) break;
    query = `?limit=1&after=${body.next_after}`;
  }
  assert.equal(ids.length, await it.count("workflow_schedules"));
  assert.equal(new Set(ids).size, ids.length);
});

Deno.test("a policy is saved, changed and deleted, and its buckets are shown as they are now", async () => {
  const policies = async () =>
    ((await ask("GET", "/rate_limits")).body.policies as Json[]).filter(({ pattern }) =>
      pattern === "mine:*"
    ).map(({ capacity, refill_rate, description }) => [capacity, refill_rate, description]);
  const put = (body: Json) => ask("PUT", "/rate_limits/policies", { pattern: "mine:*", ...body });
  assert.equal((await put({ capacity: 5, refill_rate: 0.5, description: "slow" })).status, 200);
  assert.deepEqual(await policies(), [[5, 0.5, "slow"]]);
  assert.equal((await put({ capacity: null, refill_rate: 2 })).status, 200);
  assert.deepEqual(await policies(), [[null, 2, null]]);
  assert.equal((await put({ capacity: 5, refill_rate: 1 })).status, 200);
  await it.ask("POST", "/orchestrator/rate_limit", { body: { key: "mine:a", tokens: 4 } });
  const { body } = await ask("GET", "/rate_limits?text=mine");
  const [bucket] = body.buckets as Json[];
  assert.deepEqual([bucket.rl_key, bucket.capacity], ["mine:a", 5]);
  assert.ok((bucket.tokens as number) >= 1 && (bucket.tokens as number) < 5, String(bucket.tokens));
  const remove = (pattern: string) =>
    ask("DELETE", `/rate_limits/policies?pattern=${encodeURIComponent(pattern)}`);
  assert.equal((await remove("mine:*")).status, 200);
  assert.deepEqual(await policies(), []);
  expectProblem(await remove("mine:*"), { status: 404, kind: "not_found" });
  expectProblem(await remove("default"), { status: 409, kind: "conflict", message: /default/ });
});

Deno.test("a policy that makes no sense is refused by its field", async () => {
  const put = (body: Json) => ask("PUT", "/rate_limits/policies", body);
  const good = { pattern: "p", capacity: 5, refill_rate: 1 };
  const cases: [Json, string][] = [
    [{ ...good, capacity: 0 }, "capacity"],
    [{ ...good, refill_rate: 0 }, "refill_rate"],
    [{ ...good, pattern: "a b" }, "pattern"],
    [{ ...good, refill_rate: "fast" }, "refill_rate"],
    [{ ...good, capcity: 5 }, "capcity"],
  ];
  for (const [body, path] of cases) {
    expectProblem(await put(body), { status: 400, kind: "invalid", path }, path);
  }
  const { body } = await ask("GET", "/rate_limits");
  assert.ok((body.policies as Json[]).every(({ pattern }) => pattern !== "p"));
});
