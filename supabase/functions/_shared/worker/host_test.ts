import assert from "node:assert/strict";
import type { Settings } from "../contract/settings.ts";
import {
  createFakeSeam,
  databaseAway,
  FakeClock,
  FakeQueue,
  settlePromises,
} from "./fake_queue.ts";
import { WorkerHost } from "./host.ts";

function setUp({ callMs = 10, ...settings }: Partial<Settings> & { callMs?: number } = {}) {
  const clock = new FakeClock();
  const queue = new FakeQueue(clock);
  const background: Promise<unknown>[] = [];
  const seam = createFakeSeam(queue, async () => {
    await clock.sleep(callMs);
    return { outcome: "success" };
  }, settings);
  const host = new WorkerHost({
    openSeam: () => Promise.resolve(seam),
    waitUntil: (promise) => background.push(promise),
  });
  const runAll = () => clock.runUntil(Promise.all(background));
  return { clock, queue, host, background, runAll };
}

Deno.test("a wake-up answers once the worker is registered, and drains in the background", async () => {
  const { queue, host, runAll } = setUp();
  queue.add(3);
  const start = await host.wake();
  assert.equal(start.accepted, true);
  assert.equal(queue.count("success"), 0);
  await runAll();
  assert.equal(queue.count("success"), 3);
});

Deno.test("a wake-up while draining starts no second worker", async () => {
  const { clock, queue, host, background, runAll } = setUp();
  const first = await host.wake();
  clock.setTimer(100, () => queue.add(2));
  clock.setTimer(105, () => host.wake());
  await runAll();
  assert.equal((await host.wake()).worker_id === first.worker_id, false);
  assert.equal(queue.count("success"), 2);
  assert.equal(background.length, 2);
  assert.equal(queue.countCalls("startWorker"), 2);
  await runAll();
});

Deno.test("a wake-up between the exit check and its answer starts the worker again", async () => {
  const { clock, queue, host, runAll } = setUp({ workerLingerMs: 0 });
  const { stopWorker } = queue.rpc;
  queue.rpc.stopWorker = async (args) => {
    queue.rpc.stopWorker = stopWorker;
    // The check has seen an empty queue; its answer is still on the way.
    await clock.sleep(10);
    queue.add(1);
    host.wakeQuietly();
    await clock.sleep(10);
    return args.force ? { stopped: false } : { stopped: true };
  };
  await host.wake();
  await runAll();
  assert.equal(queue.count("success"), 1);
  assert.equal(queue.countCalls("startWorker"), 2);
});

Deno.test("a wake-up while the last calls of a spent budget run starts a second drain", async () => {
  const { clock, queue, host, runAll } = setUp({
    workerBudgetMs: 1_000,
    workerWallClockMs: 60_000,
    callMs: 20_000,
  });
  const startedAt = clock.now();
  queue.add(1);
  await host.wake();
  await clock.runUntil(clock.sleep(2_000));
  queue.add(1);
  await host.wake();
  await runAll();
  assert.equal(queue.count("success"), 2);
  assert.ok(clock.now() - startedAt < 30_000);
  assert.equal(queue.countCalls("startWorker"), 2);
});

Deno.test("an isolate that ends wakes another one instead of itself", async () => {
  const { queue, host } = setUp();
  host.retire();
  assert.deepEqual(await host.wake(), { accepted: false, worker_id: null });
  assert.deepEqual(queue.calls.map(({ name }) => name), ["ringWorker"]);
});

Deno.test("a worker too many is refused and does nothing", async () => {
  const { queue, host } = setUp();
  queue.acceptsWorkers = false;
  queue.add(1);
  assert.deepEqual(await host.wake(), { accepted: false, worker_id: null });
  await settlePromises();
  assert.deepEqual(queue.calls.map(({ name }) => name), ["startWorker"]);
});

Deno.test("a database that is away refuses the wake-up, and the next one tries again", async () => {
  const { queue, host, runAll } = setUp();
  queue.outage = databaseAway;
  await assert.rejects(host.wake(), databaseAway);
  queue.outage = null;
  queue.add(1);
  assert.equal((await host.wake()).accepted, true);
  await runAll();
  assert.equal(queue.count("success"), 1);
});

Deno.test("drain waits until the queue is empty, does not linger, and counts", async () => {
  const { clock, queue, host } = setUp();
  const startedAt = clock.now();
  queue.add(25);
  const summary = await clock.runUntil(host.drain());
  assert.equal(summary.end, "empty");
  assert.deepEqual([summary.jobs, summary.success], [25, 25]);
  assert.ok(clock.now() - startedAt < 100);
});

Deno.test("drain joins a worker that lingers, ends its lingering, and counts its own share", async () => {
  const { clock, queue, host } = setUp();
  queue.add(5);
  await host.wake();
  await clock.runUntil(clock.sleep(500));
  const joinedAt = clock.now();
  queue.add(7);
  const summary = await clock.runUntil(host.drain());
  assert.equal(summary.success, 7);
  assert.ok(clock.now() - joinedAt < 100);
});

Deno.test("drain throws if the database goes away under it", async () => {
  const { clock, queue, host } = setUp();
  queue.add(1);
  clock.setTimer(5, () => queue.outage = databaseAway);
  await assert.rejects(clock.runUntil(host.drain()), databaseAway);
});
