import assert from "node:assert/strict";
import { countMissed, type MissedSlotsRequest } from "./missed_slots.ts";

const MINUTE = "* * * * *";

function count(more: Partial<MissedSlotsRequest>) {
  const { missed, last } = countMissed({
    cron: MINUTE,
    timezone: "UTC",
    scheduledFor: new Date("2026-11-22T07:00:00Z"),
    now: new Date("2026-11-22T07:10:30Z"),
    fired: [],
    ...more,
  });
  return [missed, last?.toISOString() ?? null];
}

Deno.test("every slot from the due one until now is missed where none fires", () => {
  assert.deepEqual(count({}), [11, "2026-11-22T07:10:00.000Z"]);
});

Deno.test("slots that fire are not missed", () => {
  const fired = [new Date("2026-11-22T07:10:00Z")];
  assert.deepEqual(count({ fired }), [10, "2026-11-22T07:09:00.000Z"]);
});

Deno.test("a slot of this very moment counts, one of the next does not", () => {
  assert.deepEqual(count({ now: new Date("2026-11-22T07:01:00Z") }), [
    2,
    "2026-11-22T07:01:00.000Z",
  ]);
  assert.deepEqual(count({ now: new Date("2026-11-22T07:00:59.999Z") }), [
    1,
    "2026-11-22T07:00:00.000Z",
  ]);
});

Deno.test("of a year's outage a hundred slots are counted, and the last one is the last", () => {
  const scheduledFor = new Date("2025-11-22T07:00:00Z");
  assert.deepEqual(count({ scheduledFor }), [
    100,
    "2026-11-22T07:10:00.000Z",
  ]);
  const fired = [new Date("2026-11-22T07:10:00Z")];
  assert.deepEqual(count({ scheduledFor, fired }), [
    100,
    "2026-11-22T07:09:00.000Z",
  ]);
  assert.deepEqual(
    count({ scheduledFor, now: new Date("2026-11-22T07:10:00Z") }),
    [
      100,
      "2026-11-22T07:10:00.000Z",
    ],
  );
});
