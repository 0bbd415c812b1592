import assert from "node:assert/strict";
import { steadyClock, wallClock } from "./clock.ts";

const HOUR_MS = 3_600_000;

Deno.test("a clock that is set does not move the pauses and leases of a worker, but its deadlines", () => {
  const realNow = Date.now;
  const before = steadyClock.now();
  try {
    assert.ok(Math.abs(before - realNow()) < HOUR_MS / 2, "both count from 1970");
    for (const shiftMs of [-HOUR_MS, HOUR_MS]) {
      Date.now = () => realNow() + shiftMs;
      const moved = steadyClock.now() - before;
      assert.ok(moved >= 0 && moved < HOUR_MS / 2, `it moved by ${moved} ms`);
      assert.equal(Math.round((wallClock.now() - realNow()) / HOUR_MS), shiftMs / HOUR_MS);
    }
  } finally {
    Date.now = realNow;
  }
});
