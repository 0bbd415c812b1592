// Measures one engine in a Node process of its own. PEER says which and how; a line on standard
// input starts the clock, so that the benchmark can vacuum before; the end of standard input ends all.
import { createInterface } from "node:readline";

const { engine: name, url, setting, jobs, warmUp } = JSON.parse(process.env.PEER);

/** Counts the calls of each job, so that a lost and a doubled one do not cancel out. */
class Calls {
  #counts = new Uint8Array(0);
  #from = 0;
  #open = 0;
  #resolve = () => {};

  /** Resolves when each job from `from` on, `count` of them, was called at least once. */
  expect(from, count) {
    this.#counts = new Uint8Array(count);
    this.#from = from;
    this.#open = count;
    return new Promise((resolve) => this.#resolve = resolve);
  }

  note(n) {
    if (this.#counts[n - this.#from]++ === 0 && --this.#open === 0) this.#resolve();
  }

  countDoubled() {
    return this.#counts.filter((count) => count > 1).length;
  }
}

const calls = new Calls();
const { openEngine } = await import(`./${name}.mjs`);
const engine = await openEngine({ url, setting, onCall: (n) => calls.note(n) });

/** Runs the queued jobs; the clock stops when every one was called and the database agrees. */
async function drain(from, count) {
  const called = calls.expect(from, count);
  const startedAt = performance.now();
  await engine.start(from, count);
  await called;
  while (await engine.countOpen() > 0) await new Promise((resolve) => setTimeout(resolve, 2));
  const seconds = (performance.now() - startedAt) / 1000;
  await engine.stop();
  return seconds;
}

const lines = createInterface({ input: process.stdin });
lines.on("close", () => process.exit());
const go = new Promise((resolve) => lines.once("line", resolve));

// Warm-up: connections, statements, plans and compiled code are ready before the clock starts.
await engine.enqueue(0, warmUp);
await drain(0, warmUp);
await engine.enqueue(warmUp, jobs);
console.log("ready");
await go;
const seconds = await drain(warmUp, jobs);
// Null where the engine deletes what is done: that nothing is left and each was called must do.
const ended = await engine.countEnded();
console.log(JSON.stringify({
  seconds,
  doubled: calls.countDoubled(),
  lost: ended === null ? 0 : warmUp + jobs - ended,
}));
process.exit();
