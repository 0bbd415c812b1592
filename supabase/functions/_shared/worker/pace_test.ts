import assert from "node:assert/strict";
import { Pace } from "./pace.ts";
import { NO_LEASE } from "./settle.ts";

const START = 1_000_000;

/** Looks at an empty queue from the start until the linger time is over; answers the pauses. */
function watch(times: { workerLingerMs: number; workerPollMs: number }): number[] {
  const pace = new Pace(times);
  pace.linger(START);
  const pauses: number[] = [];
  for (let now = START; !pace.isIdleOver(now); now = pace.nextLookAt) {
    pace.noteLease(NO_LEASE, 10, now);
    pauses.push(pace.nextLookAt - now);
  }
  return pauses;
}

Deno.test("the pauses between looks grow with the silence, up to the setting", () => {
  const pauses = watch({ workerLingerMs: 2_000, workerPollMs: 20 });
  assert.equal(pauses[0], 3);
  const grown = pauses.slice(0, -1);
  assert.deepEqual(grown, grown.toSorted((a, b) => a - b));
  assert.equal(Math.max(...pauses), 20);
  assert.ok(pauses.length < 150, `${pauses.length} looks`);
});

Deno.test("a look is never later than a tenth of the silence before it, but for the first", () => {
  let silentMs = 0;
  for (const pause of watch({ workerLingerMs: 1_000, workerPollMs: 10_000 })) {
    assert.ok(pause <= Math.max(3, silentMs / 10), `${pause} ms after ${silentMs} ms`);
    silentMs += pause;
  }
});

Deno.test("the last look is at the end of the linger time", () => {
  const pauses = watch({ workerLingerMs: 1_007, workerPollMs: 10 });
  assert.equal(pauses.reduce((sum, pause) => sum + pause, 0), 1_007);
});

Deno.test("a setting below the least pause is kept to", () => {
  const pauses = watch({ workerLingerMs: 50, workerPollMs: 1 });
  assert.deepEqual(new Set(pauses), new Set([1]));
});

Deno.test("news begin the close watch anew", () => {
  const pace = new Pace({ workerLingerMs: 2_000, workerPollMs: 20 });
  pace.linger(START);
  pace.noteLease(NO_LEASE, 10, START + 1_000);
  assert.equal(pace.nextLookAt, START + 1_020);
  pace.linger(START + 1_010);
  pace.noteLease(NO_LEASE, 10, START + 1_010);
  assert.equal(pace.nextLookAt, START + 1_013);
});
