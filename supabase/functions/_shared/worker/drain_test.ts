import assert from "node:assert/strict";
import { OrchestratorError } from "../contract/errors.ts";
import type { Settings } from "../contract/settings.ts";
import { Drain } from "./drain.ts";
import { createCounts } from "./drain_seam.ts";
import { createFakeSeam, databaseAway, type Execute, FakeClock, FakeQueue } from "./fake_queue.ts";

/** A drain over a fake queue, whose calls take `callMs` each. */
function setUp(options: { callMs?: number; settings?: Partial<Settings>; call?: Execute } = {}) {
  const clock = new FakeClock();
  const queue = new FakeQueue(clock);
  const counts = createCounts();
  const most = { inFlight: 0 };
  let inFlight = 0;
  const succeed: Execute = async () => {
    most.inFlight = Math.max(most.inFlight, ++inFlight);
    await clock.sleep(options.callMs ?? 10);
    inFlight--;
    return { outcome: "success" };
  };
  const seam = createFakeSeam(queue, options.call ?? succeed, options.settings);
  const drain = new Drain(seam, counts);
  return { clock, queue, counts, drain, most, run: () => clock.runUntil(drain.run()) };
}

Deno.test("a drain settles every job and leaves an empty queue", async () => {
  const { queue, counts, most, run } = setUp();
  queue.add(57);
  assert.equal(await run(), "empty");
  assert.equal(queue.count("success"), 57);
  assert.deepEqual([counts.jobs, counts.success], [57, 57]);
  assert.equal(most.inFlight, 10);
});

Deno.test("never more than the concurrency is in flight, nor more than a batch leased at once", async () => {
  const { queue, most, run } = setUp({ settings: { workerConcurrency: 7, batchSize: 3 } });
  queue.add(30);
  await run();
  assert.equal(most.inFlight, 7);
  assert.ok(queue.calls.every((call) => call.limit <= 3));
});

Deno.test("slots refill while the slowest call of the batch still runs", async () => {
  const clock = new FakeClock();
  const queue = new FakeQueue(clock);
  const startedAt = clock.now();
  const finishedAt = new Map<number, number>();
  const seam = createFakeSeam(queue, async ({ job_id }) => {
    await clock.sleep(job_id === 1 ? 10_000 : 100);
    finishedAt.set(job_id, clock.now() - startedAt);
    return { outcome: "success" };
  }, { workerConcurrency: 2, batchSize: 2 });
  queue.add(20);
  await clock.runUntil(new Drain(seam, createCounts()).run());
  assert.equal(finishedAt.get(1), 10_000);
  assert.ok(finishedAt.get(20)! <= 1_900 + 100, `job 20 at ${finishedAt.get(20)} ms`);
});

Deno.test("settling and leasing are one call, for all jobs that landed during the last one", async () => {
  const { queue, run } = setUp({ callMs: 10 });
  queue.rpcMs = 5;
  queue.add(100);
  await run();
  const settles = queue.calls.filter((call) => call.name === "completeJobs");
  assert.ok(settles.length <= 25, `${settles.length} calls`);
  assert.ok(settles.every((call) => call.limit > 0));
});

Deno.test("one call of the database is under way at a time", async () => {
  const { queue, run } = setUp({ callMs: 10 });
  queue.rpcMs = 50;
  queue.add(40);
  await run();
  const times = queue.calls.filter((it) => it.name !== "heartbeatJobs").map((it) => it.at);
  for (let index = 1; index < times.length; index++) {
    assert.ok(times[index] - times[index - 1] >= 50, "two calls overlapped");
  }
});

Deno.test("an empty queue is watched for the linger time, then left", async () => {
  const { clock, queue, run } = setUp();
  const startedAt = clock.now();
  assert.equal(await run(), "empty");
  assert.equal(clock.now() - startedAt, 2_000);
  assert.ok(queue.countCalls("leaseJobs") >= 79);
});

Deno.test("a job that comes while the drain lingers is leased at the next look", async () => {
  const { clock, queue, run } = setUp();
  clock.setTimer(1_000, () => queue.add(1));
  await run();
  assert.equal(queue.count("success"), 1);
  assert.ok(queue.calls.some((call) => call.name === "completeJobs" && call.at <= 1_001_035));
});

Deno.test("a wake-up makes the drain look at once", async () => {
  const { clock, queue, drain, run } = setUp({ settings: { workerPollMs: 1_000 } });
  const startedAt = clock.now();
  clock.setTimer(500, () => {
    queue.add(1);
    drain.wake();
  });
  await run();
  const settled = queue.calls.find((call) => call.name === "completeJobs");
  assert.equal(settled!.at - startedAt, 510);
});

Deno.test("a job that is due soon is waited for to the millisecond", async () => {
  const { clock, queue, run } = setUp({ callMs: 1 });
  const startedAt = clock.now();
  queue.add(1, { delayMs: 12_345 });
  assert.equal(await run(), "empty");
  const settled = queue.calls.find((call) => call.name === "completeJobs");
  assert.equal(settled!.at - startedAt, 12_346);
});

Deno.test("a job that is due too late is left to the tick", async () => {
  const { clock, queue, run } = setUp();
  const startedAt = clock.now();
  queue.add(1, { delayMs: 60_000 });
  assert.equal(await run(), "empty");
  assert.ok(clock.now() - startedAt < 3_000);
});

Deno.test("jobs that rate limits put off make the drain lease again at once", async () => {
  const { clock, queue, run } = setUp();
  const startedAt = clock.now();
  queue.add(1);
  queue.deferNext = 5;
  await run();
  assert.equal(queue.calls[1].name, "leaseJobs");
  assert.equal(queue.calls[1].at, startedAt);
});

Deno.test("a drain that may not stop, because work is due, goes on", async () => {
  const { queue, run } = setUp({ settings: { workerLingerMs: 0 } });
  let isFirst = true;
  queue.onCall = ({ name }) => {
    if (name === "stopWorker" && isFirst) {
      isFirst = false;
      queue.add(1);
    }
  };
  assert.equal(await run(), "empty");
  assert.equal(queue.count("success"), 1);
  assert.equal(queue.countCalls("stopWorker"), 2);
});

Deno.test("a spent budget ends leasing, waits for calls in flight and rings a successor", async () => {
  const { clock, queue, counts, run } = setUp({
    callMs: 900,
    settings: { workerBudgetMs: 1_000, workerWallClockMs: 100_000 },
  });
  const startedAt = clock.now();
  queue.add(100);
  assert.equal(await run(), "budget");
  assert.equal(counts.success, 20);
  assert.equal(clock.now() - startedAt, 1_800);
  assert.equal(queue.count("leased"), 0);
  // Once when it stops leasing, and once for what its last calls made ready.
  const rings = queue.calls.filter((call) => call.name === "ringWorker");
  assert.deepEqual(rings.map((call) => call.at - startedAt), [1_000, 1_800]);
});

Deno.test("the number of calls is a budget too", async () => {
  const { queue, counts, run } = setUp({ settings: { workerMaxCalls: 25 } });
  queue.add(100);
  assert.equal(await run(), "budget");
  assert.equal(counts.jobs, 25);
  assert.ok(queue.rings > 0);
});

Deno.test("a spent budget with nothing left to do rings nobody", async () => {
  const { queue, run } = setUp({
    settings: { workerLingerMs: 60_000, workerBudgetMs: 1_000, workerWallClockMs: 2_000 },
  });
  queue.add(1);
  assert.equal(await run(), "budget");
  assert.equal(queue.rings, 0);
});

Deno.test("a job that may outlive the invocation is handed back to a successor", async () => {
  const { queue, counts, run } = setUp({ callMs: 100, settings: { workerConcurrency: 1 } });
  queue.add(200);
  queue.add(1, { timeoutMs: 140_000 });
  assert.equal(await run(), "budget");
  assert.equal(counts.success, 200);
  assert.equal(counts.handed_back, 1);
  assert.equal(queue.count("ready"), 1);
  assert.equal(queue.rings, 1);
});

Deno.test("an isolate that ends hands back what has not begun, and lets calls in flight end", async () => {
  const { clock, queue, counts, drain, run } = setUp({ callMs: 5_000 });
  queue.rpcMs = 100;
  queue.add(10);
  clock.setTimer(5_150, () => drain.retire());
  clock.setTimer(200, () => queue.add(10));
  assert.equal(await run(), "unload");
  assert.equal(counts.success, 10);
  assert.ok(counts.handed_back > 0);
  assert.equal(queue.count("ready"), 10);
  assert.ok(queue.rings > 0);
});

Deno.test("a result that cannot be written is kept and written once the database is back", async () => {
  const { clock, queue, counts, run } = setUp({ callMs: 100 });
  queue.add(3);
  clock.setTimer(50, () => queue.outage = databaseAway);
  clock.setTimer(10_000, () => queue.outage = null);
  assert.equal(await run(), "empty");
  assert.deepEqual([counts.success, counts.lost, counts.retry, counts.dead], [3, 0, 0, 0]);
  const tries = queue.countCalls("completeJobs");
  assert.ok(tries > 3 && tries < 15, `${tries} tries`);
});

Deno.test("results whose lease is over are dropped, and the drain ends with unavailable", async () => {
  const { clock, queue, counts, run } = setUp({ callMs: 100 });
  const startedAt = clock.now();
  queue.add(3);
  clock.setTimer(50, () => queue.outage = databaseAway);
  await assert.rejects(run(), databaseAway);
  assert.deepEqual([counts.success, counts.lost], [0, 3]);
  const tookMs = clock.now() - startedAt;
  assert.ok(tookMs >= 30_000 && tookMs <= 32_500, `${tookMs} ms`);
});

Deno.test("a database that is away with nothing in flight ends the drain at once", async () => {
  const { queue, run } = setUp();
  queue.outage = databaseAway;
  await assert.rejects(run(), databaseAway);
  assert.deepEqual(queue.calls.map(({ name }) => name), ["leaseJobs"]);
});

Deno.test("one result that the database refuses takes no other with it", async () => {
  const { queue, counts, run } = setUp();
  queue.add(5);
  const complete = queue.rpc.completeJobs;
  queue.rpc.completeJobs = (args) => {
    const isBad = args.results.some((it) => it.job_id === 3 && it.outcome === "success");
    if (isBad) return Promise.reject(new OrchestratorError("invalid", "cannot be stored"));
    return complete(args);
  };
  assert.equal(await run(), "empty");
  assert.deepEqual([counts.success, counts.dead, counts.lost], [4, 1, 0]);
  assert.equal(queue.jobs[2].state, "dead");
});

Deno.test("a lease that was lost aborts its call, and its result is dropped", async () => {
  const clock = new FakeClock();
  const queue = new FakeQueue(clock);
  const counts = createCounts();
  const aborted: number[] = [];
  const seam = createFakeSeam(queue, ({ job_id }, _timeoutMs, signal) =>
    new Promise((resolve) => {
      const cancel = clock.setTimer(20_000, () => resolve({ outcome: "success" }));
      signal.addEventListener("abort", () => {
        cancel();
        aborted.push(job_id);
        resolve({ outcome: "retry" });
      });
    }));
  queue.add(2);
  clock.setTimer(7_000, () => queue.steal(2));
  await clock.runUntil(new Drain(seam, counts).run());
  assert.deepEqual(aborted, [2]);
  assert.deepEqual([counts.jobs, counts.success, counts.lost], [2, 1, 1]);
  const results = queue.calls.filter((call) => call.name === "completeJobs");
  assert.deepEqual(results.map((call) => call.jobs), [1]);
});

Deno.test("a heartbeat that is overtaken by a retry of its job does not end the new attempt", async () => {
  const clock = new FakeClock();
  const queue = new FakeQueue(clock);
  const counts = createCounts();
  const seam = createFakeSeam(queue, async ({ attempt }, _timeoutMs, signal) => {
    await clock.sleep(attempt === 1 ? 5_010 : 100);
    assert.equal(signal.aborted, false, `attempt ${attempt} was aborted`);
    return attempt === 1 ? { outcome: "retry" } : { outcome: "success" };
  });
  const { heartbeatJobs } = queue.rpc;
  // Sent at 5,000 ms with the first lease; looked at when the second one is held.
  queue.rpc.heartbeatJobs = async (args) => {
    await clock.sleep(20);
    return await heartbeatJobs(args);
  };
  queue.add(1);
  await clock.runUntil(new Drain(seam, counts).run());
  assert.deepEqual([counts.retry, counts.success, counts.lost], [1, 1, 0]);
});

Deno.test("a worker that stood still for longer than its leases last calls nobody for them", async () => {
  let called = 0;
  const { queue, counts, run } = setUp({
    call: () => {
      called++;
      return Promise.resolve({ outcome: "success" });
    },
    settings: { leaseMs: 10_000 },
  });
  queue.add(1);
  queue.onCall = ({ name }) => {
    queue.rpcMs = name === "leaseJobs" && queue.countCalls(name) === 1 ? 10_001 : 0;
  };
  assert.equal(await run(), "empty");
  assert.deepEqual([called, counts.jobs, counts.lost], [0, 1, 1]);
});

Deno.test("a late completion is counted as lost", async () => {
  const { clock, queue, counts, run } = setUp({ callMs: 3_000 });
  queue.add(1);
  clock.setTimer(1_000, () => queue.steal(1));
  await run();
  assert.deepEqual([counts.success, counts.lost], [0, 1]);
});

Deno.test("heartbeats go on at their interval while calls are in flight", async () => {
  const { clock, queue, run } = setUp({ callMs: 26_000, settings: { stepTimeoutMs: 60_000 } });
  const startedAt = clock.now();
  queue.add(2);
  await run();
  const beats = queue.calls.filter((call) => call.name === "heartbeatJobs" && call.jobs > 0);
  const times = beats.map((call) => call.at - startedAt);
  assert.deepEqual(times, [5_000, 10_000, 15_000, 20_000, 25_000]);
});

Deno.test("while long calls run with free slots, the queue is watched at a slower pace", async () => {
  const { clock, queue, run } = setUp({ callMs: 15_000 });
  const startedAt = clock.now();
  queue.add(1);
  await run();
  const looks = queue.calls.filter(({ name, at }) =>
    name === "leaseJobs" && at > startedAt + 2_200 && at < startedAt + 15_000
  );
  assert.ok(looks.length > 10 && looks.length < 70, `${looks.length} looks`);
});

Deno.test("a call that throws is a failed attempt of that job alone", async () => {
  const { queue, counts, run } = setUp({
    call: ({ job_id, attempt }) =>
      job_id === 1 && attempt === 1
        ? Promise.reject(new Error("a bug"))
        : Promise.resolve({ outcome: "success" }),
  });
  queue.add(2);
  await run();
  assert.deepEqual([counts.retry, counts.success], [1, 2]);
});

Deno.test("jobs without a call use no call of the budget and are not handed back", async () => {
  const { queue, counts, run } = setUp({
    call: ({ config }) =>
      Promise.resolve(
        config.kind === "sleep"
          ? { outcome: "park", parked: { for: "timer" } }
          : { outcome: "success" },
      ),
    settings: { workerMaxCalls: 5 },
  });
  queue.add(50, { config: { kind: "sleep", timeout_ms: 1_000_000, sleep_ms: 1 } });
  queue.add(4);
  assert.equal(await run(), "empty");
  assert.deepEqual([counts.parked, counts.success, counts.handed_back], [50, 4, 0]);
});

Deno.test("every outcome has its count, and jobs is their sum", async () => {
  const outcomes = ["success", "dead", "skip", "skip_run", "park", "handle"] as const;
  const { queue, counts, run } = setUp({
    call: ({ job_id }) => Promise.resolve({ outcome: outcomes[job_id - 1] }),
  });
  queue.add(outcomes.length);
  await run();
  assert.deepEqual(counts, {
    jobs: 6,
    success: 2,
    retry: 0,
    dead: 1,
    skipped: 2,
    parked: 1,
    lost: 0,
    handed_back: 0,
  });
});

Deno.test("signals are processed as soon as a look tells of them, and the queue is looked at again at once", async () => {
  const { clock, queue, counts, run } = setUp({
    call: ({ attempt }) =>
      Promise.resolve(
        attempt === 1 ? { outcome: "park", parked: { for: "event" } } : { outcome: "success" },
      ),
    settings: { workerPollMs: 1_000 },
  });
  const startedAt = clock.now();
  queue.add(1);
  clock.setTimer(500, () => queue.signal(1));
  await run();
  assert.deepEqual([counts.parked, counts.success], [1, 1]);
  const processed = queue.calls.find((call) => call.name === "processSignals");
  const waitedMs = processed!.at - startedAt - 500;
  assert.ok(waitedMs >= 0 && waitedMs <= 40, `${waitedMs} ms`);
  const next = queue.calls[queue.calls.indexOf(processed!) + 1];
  assert.deepEqual([next.name, next.at], ["leaseJobs", processed!.at]);
});

Deno.test("signals that another worker has make no busy loop", async () => {
  const { queue, run } = setUp();
  queue.rpc.processSignals = () => Promise.resolve({ processed: 0 });
  queue.signal(1);
  queue.add(1);
  await run();
  const looks = queue.countCalls("leaseJobs");
  assert.ok(looks < 300, `${looks} looks`);
});

Deno.test("signals that cannot be processed stop no other work", async () => {
  const { queue, counts, run } = setUp();
  queue.rpc.processSignals = () => Promise.reject(new Error("a bug"));
  queue.signal(1);
  queue.add(3);
  assert.equal(await run(), "empty");
  assert.equal(counts.success, 3);
});

Deno.test("a plan that the database refuses ends as a validation error of that step alone", async () => {
  const { queue, counts, run } = setUp({
    call: ({ job_id }) =>
      Promise.resolve(
        job_id === 2 ? { outcome: "park", parked: { for: "items" } } : { outcome: "success" },
      ),
  });
  queue.add(3);
  const complete = queue.rpc.completeJobs;
  const refused: unknown[] = [];
  queue.rpc.completeJobs = (args) => {
    if (args.results.some(({ outcome }) => outcome === "park")) {
      return Promise.reject(new OrchestratorError("invalid", "cannot be stored"));
    }
    refused.push(...args.results.filter(({ outcome }) => outcome === "dead"));
    return complete(args);
  };
  await run();
  assert.deepEqual([counts.success, counts.dead], [2, 1]);
  assert.match(JSON.stringify(refused), /"validation".*the result of the step \(park\)/);
});
