// Trigger, wake-up: an event's run is worked on without any tick, and at rest nothing is asked at all.
import assert from "node:assert/strict";
import fc from "fast-check";
import postgres from "postgres";
import { chain } from "../harness/definition.ts";
import { openStack, waitFor } from "../harness/stack.ts";

// A worker that lingers for a moment only leaves often, so that events meet it on its way out.
const s = await openStack({ settings: { worker_linger_ms: 30 }, loops: { cron: false } });
const { db, stack } = s;
Deno.test.afterAll(() => s.close());
await s.publish("woken", chain(1), { type: "event", event_types: ["ping"] });

const CONNECTIONS = 16;
const EVENTS = 1_000;
const ROUND = 50;
const QUIET_MS = 3_000;

const insertEvent = (sql: postgres.Sql | postgres.TransactionSql, user: string) =>
  sql`insert into intent_events (user_id, type) values (${user}, 'ping')`;
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

const countRuns = async () => {
  const [row] = await db.admin`
    select count(*)::int as all, (count(*) filter (where status = 'success'))::int as done
    from workflow_runs`;
  return { ...row } as { all: number; done: number };
};

const waitForRest = () =>
  waitFor("the workers to leave", async () => {
    const [row] = await db.admin`
      select orchestrator.workers_alive() as alive,
        (select count(*)::int from net.http_request_queue) as requests`;
    return row.alive === 0 && row.requests === 0;
  });

interface Insertion {
  /** When, from the beginning of its round. */
  atMs: number;
  /** How long its transaction stays open. */
  openMs: number;
}

const insertion: fc.Arbitrary<Insertion> = fc.record({
  // Longer than a worker lingers: some events find it at work, some on its way out, some gone.
  atMs: fc.integer({ min: 0, max: 150 }),
  openMs: fc.oneof(
    { weight: 20, arbitrary: fc.constant(0) },
    { weight: 1, arbitrary: fc.integer({ min: 1, max: 120 }) },
  ),
});

async function insertAt(sql: postgres.Sql, startedAt: number, { atMs, openMs }: Insertion) {
  await pause(Math.max(0, startedAt + atMs - performance.now()));
  const user = crypto.randomUUID();
  if (openMs === 0) {
    await insertEvent(sql, user);
    return;
  }
  await sql.begin(async (tx) => {
    await insertEvent(tx, user);
    await pause(openMs);
  });
}

Deno.test("of 1,000 events inserted by 16 connections at random moments, every run finishes without a tick", async () => {
  const seed = Math.floor(Math.random() * 2 ** 31);
  const plan = fc.sample(insertion, { numRuns: EVENTS, seed });
  const connections = Array.from({ length: CONNECTIONS }, () => db.connect());
  // In rounds, because the ring of a later event would hide that an earlier one was lost.
  const gaps = fc.sample(fc.integer({ min: 0, max: 100 }), { numRuns: EVENTS / ROUND, seed });
  for (let from = 0; from < EVENTS; from += ROUND) {
    await pause(gaps[from / ROUND]);
    const round = plan.slice(from, from + ROUND).sort((a, b) => a.atMs - b.atMs);
    const startedAt = performance.now();
    await Promise.all(connections.map(async ({ sql }, at) => {
      for (let event = at; event < ROUND; event += CONNECTIONS) {
        await insertAt(sql, startedAt, round[event]);
      }
    }));
    await waitFor(
      "every run to finish",
      async () => (await countRuns()).done === from + ROUND,
      async () => `seed ${seed}, round from ${from}: ${JSON.stringify(await countRuns())}`,
    );
  }
  assert.deepEqual(await countRuns(), { all: EVENTS, done: EVENTS });
  const [{ workers }] = await db.admin`select count(*)::int as workers from orchestrator.workers`;
  assert.ok(workers > 3, `seed ${seed}: only ${workers} workers, so hardly any left and was woken`);
});

/**
 * Nobody has asked for well over the longest pause between two questions of a loop of ours, 1 s: on
 * a busy machine its timer comes late.
 */
const waitForSilence = () =>
  waitFor("silence", async () => {
    const [{ isQuiet }] = await db.admin`
      select max(query_start) < clock_timestamp() - interval '4 seconds' as "isQuiet"
      from pg_stat_activity
      where datname = current_database() and backend_type = 'client backend'
        and pid <> pg_backend_pid()`;
    return isQuiet as boolean;
  });

/** What every other connection of the database asked last, and when. */
const listQueries = () =>
  db.admin`
    select pid, query_start::text, left(query, 80) as query from pg_stat_activity
    where datname = current_database() and backend_type = 'client backend' and pid <> pg_backend_pid()
    order by pid`.then((rows) => rows.map((row) => ({ ...row })));

const countSessions = async () => {
  const [{ sessions }] = await db.admin`
    select sessions::int from pg_stat_database where datname = current_database()`;
  return sessions;
};

Deno.test("with nothing to do no function is called and nothing is asked of the database between ticks", async () => {
  await s.post("cron-orchestrator");
  const { done } = await countRuns();
  await insertEvent(db.sql, "before");
  await waitFor("a worker's work", async () => (await countRuns()).done === done + 1);
  await waitForRest();
  // The functions that did it live on, and ask nothing either.
  await waitForSilence();
  // Any request would start them again.
  for (const name of Object.keys(stack.functionPids())) await stack.killFunction(name);
  await stack.setLoops({ cron: true, net: true });
  try {
    // The ticks are 30 s and a minute apart; the minute's must not fall into the time of looking.
    const countTicks = async () =>
      (await db.admin`select count(*)::int as n from cron.job_run_details`)[0].n as number;
    await waitFor("a minute with time left", () => {
      const second = new Date().getSeconds();
      return second >= 1 && second < 60 - QUIET_MS / 1000 - 10;
    });
    await stack.setLoops({ cron: false });
    await stack.setLoops({ cron: true });
    await waitForSilence();
    const ticks = await countTicks();
    const [queries, sessions] = [await listQueries(), await countSessions()];
    await pause(QUIET_MS);
    const asked = await listQueries();
    assert.equal(await countTicks(), ticks, "a tick fell into the time of looking");
    assert.deepEqual(
      asked.filter((now) => !queries.some((then) => JSON.stringify(then) === JSON.stringify(now))),
      [],
    );
    assert.equal(await countSessions(), sessions, "somebody connected");
    assert.deepEqual(stack.functionPids(), {});
    // The ticks themselves decide in the database, and call nobody.
    const [tick] = await db.admin`
      select orchestrator.tick_worker() as worker, orchestrator.tick_cron() as cron`;
    assert.deepEqual({ ...tick }, { worker: false, cron: false });
    const [{ requests }] = await db.admin`
      select count(*)::int as requests from net.http_request_queue`;
    assert.equal(requests, 0);
  } finally {
    await stack.setLoops({ cron: false });
  }
});

Deno.test("at rest one event wakes a worker", async () => {
  await waitForRest();
  const { done } = await countRuns();
  await insertEvent(db.sql, "sole");
  await waitFor("its run", async () => (await countRuns()).done === done + 1);
  assert.ok(stack.functionPids().orchestrator > 0);
});

Deno.test("a ring that is lost is made up for by the next tick", async () => {
  await waitForRest();
  const { done } = await countRuns();
  await stack.setLoops({ net: false });
  await insertEvent(db.sql, "unheard");
  // pg_net's queue is unlogged: a crash of the server empties it.
  const lost = await db.admin`delete from net.http_request_queue returning id`;
  assert.equal(lost.length, 1, "the event rang");
  await stack.setLoops({ net: true });
  const [{ worker }] = await db.admin`select orchestrator.tick_worker() as worker`;
  assert.equal(worker, false, "a ring of the last second may still be on its way");
  await s.passTime(1_000);
  const [{ again }] = await db.admin`select orchestrator.tick_worker() as again`;
  assert.equal(again, true);
  await waitFor("the run", async () => (await countRuns()).done === done + 1);
});

Deno.test("a burst of events rings once, not once an event", async () => {
  await waitForRest();
  await s.passTime(1_000);
  const { done } = await countRuns();
  await stack.setLoops({ net: false });
  for (let event = 0; event < 30; event++) await insertEvent(db.sql, `burst${event}`);
  const [{ rings }] = await db.admin`select count(*)::int as rings from net.http_request_queue`;
  await stack.setLoops({ net: true });
  assert.equal(rings, 1);
  await waitFor("all of them", async () => (await countRuns()).done === done + 30);
});
