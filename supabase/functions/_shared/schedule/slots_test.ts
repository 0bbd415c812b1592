import assert from "node:assert/strict";
import { dueSlots, nextSlot } from "./slots.ts";

/** The next `count` slots after an instant, as ISO minutes in UTC. */
function listSlots(cron: string, timezone: string, after: string, count: number): string[] {
  const slots: string[] = [];
  let slot: Date | null = new Date(after);
  while (slots.length < count) {
    slot = nextSlot(cron, timezone, slot);
    if (slot === null) break;
    slots.push(slot.toISOString().replace(":00.000Z", "Z"));
  }
  return slots;
}

Deno.test("the seed's schedules fire at 7 every day and on Sundays at 18", () => {
  assert.deepEqual(listSlots("0 7 * * *", "UTC", "2026-05-01T07:00:00Z", 2), [
    "2026-05-02T07:00Z",
    "2026-05-03T07:00Z",
  ]);
  assert.deepEqual(listSlots("0 18 * * SUN", "UTC", "2026-05-01T00:00:00Z", 2), [
    "2026-05-03T18:00Z",
    "2026-05-10T18:00Z",
  ]);
});

Deno.test("a slot is in the local time of its zone, in summer and in winter", () => {
  assert.deepEqual(listSlots("0 7 1 1,7 *", "Europe/Berlin", "2026-02-01T00:00:00Z", 2), [
    "2026-07-01T05:00Z",
    "2027-01-01T06:00Z",
  ]);
  assert.deepEqual(listSlots("0 7 * * *", "Asia/Kathmandu", "2026-05-01T00:00:00Z", 1), [
    "2026-05-01T01:15Z",
  ]);
});

Deno.test("02:30 on the day that skips it fires once, at the first instant after the gap", () => {
  assert.deepEqual(listSlots("30 2 * * *", "Europe/Berlin", "2026-03-28T00:00:00Z", 3), [
    "2026-03-28T01:30Z",
    "2026-03-29T01:00Z",
    "2026-03-30T00:30Z",
  ]);
  assert.deepEqual(listSlots("30 2 * * *", "Europe/Berlin", "2027-03-27T12:00:00Z", 2), [
    "2027-03-28T01:00Z",
    "2027-03-29T00:30Z",
  ]);
  assert.deepEqual(listSlots("30 2 * * *", "America/New_York", "2026-03-07T12:00:00Z", 2), [
    "2026-03-08T07:00Z",
    "2026-03-09T06:30Z",
  ]);
  assert.deepEqual(listSlots("30 2 * * *", "America/New_York", "2027-03-13T12:00:00Z", 2), [
    "2027-03-14T07:00Z",
    "2027-03-15T06:30Z",
  ]);
});

Deno.test("a skipped slot that falls on another one fires once with it", () => {
  assert.deepEqual(listSlots("0 2,3 * * *", "Europe/Berlin", "2027-03-27T12:00:00Z", 2), [
    "2027-03-28T01:00Z",
    "2027-03-29T00:00Z",
  ]);
});

Deno.test("a fixed time in the doubled hour fires once, on the first pass", () => {
  assert.deepEqual(listSlots("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z", 2), [
    "2026-10-25T00:30Z",
    "2026-10-26T01:30Z",
  ]);
  assert.deepEqual(listSlots("30 2 * * *", "Europe/Berlin", "2027-10-30T12:00:00Z", 2), [
    "2027-10-31T00:30Z",
    "2027-11-01T01:30Z",
  ]);
  assert.deepEqual(listSlots("30 1 * * *", "America/New_York", "2026-10-31T12:00:00Z", 2), [
    "2026-11-01T05:30Z",
    "2026-11-02T06:30Z",
  ]);
  assert.deepEqual(listSlots("30 1 * * *", "America/New_York", "2027-11-06T12:00:00Z", 2), [
    "2027-11-07T05:30Z",
    "2027-11-08T06:30Z",
  ]);
});

Deno.test("lists and ranges of hours are fixed times too", () => {
  assert.deepEqual(listSlots("30 1,2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z", 3), [
    "2026-10-24T23:30Z",
    "2026-10-25T00:30Z",
    "2026-10-26T00:30Z",
  ]);
});

Deno.test("a fixed time asked for between the two passes comes the next day", () => {
  for (
    const after of ["2026-10-25T00:30:00Z", "2026-10-25T00:45:00Z", "2026-10-25T01:29:59.999Z"]
  ) {
    assert.deepEqual(listSlots("30 2 * * *", "Europe/Berlin", after, 1), ["2026-10-26T01:30Z"]);
  }
});

Deno.test("wildcard hours follow real time through the gap and through both passes", () => {
  assert.deepEqual(listSlots("30 * * * *", "Europe/Berlin", "2027-03-28T00:00:00Z", 3), [
    "2027-03-28T00:30Z",
    "2027-03-28T01:30Z",
    "2027-03-28T02:30Z",
  ]);
  assert.deepEqual(listSlots("*/30 * * * *", "Europe/Berlin", "2026-10-24T23:45:00Z", 5), [
    "2026-10-25T00:00Z",
    "2026-10-25T00:30Z",
    "2026-10-25T01:00Z",
    "2026-10-25T01:30Z",
    "2026-10-25T02:00Z",
  ]);
  assert.deepEqual(listSlots("0 * * * *", "America/New_York", "2026-11-01T04:30:00Z", 3), [
    "2026-11-01T05:00Z",
    "2026-11-01T06:00Z",
    "2026-11-01T07:00Z",
  ]);
});

Deno.test("29 February waits for its year and an impossible date has no slot", () => {
  assert.deepEqual(listSlots("0 0 29 2 *", "UTC", "2026-05-01T00:00:00Z", 1), [
    "2028-02-29T00:00Z",
  ]);
  assert.equal(nextSlot("0 0 31 2 *", "UTC", new Date("2026-05-01T00:00:00Z")), null);
});

const daily = {
  cron: "0 7 * * *",
  timezone: "UTC",
  maxSlots: 100,
  graceMs: 300_000,
  scheduledFor: new Date("2026-05-01T07:00:00Z"),
} as const;

function listDue(catchUp: "none" | "last" | "all", now: string, change: object = {}) {
  const { slots, next } = dueSlots({ ...daily, catchUp, now: new Date(now), ...change });
  return [slots.map((slot) => slot.toISOString()), next?.toISOString() ?? null];
}

Deno.test("a slot that is due fires whatever the policy, and the next one is stored", () => {
  for (const catchUp of ["none", "last", "all"] as const) {
    assert.deepEqual(listDue(catchUp, "2026-05-01T07:00:00Z"), [
      ["2026-05-01T07:00:00.000Z"],
      "2026-05-02T07:00:00.000Z",
    ]);
  }
});

Deno.test("nothing fires before the stored slot", () => {
  assert.deepEqual(listDue("all", "2026-05-01T06:59:59.999Z"), [[], "2026-05-01T07:00:00.000Z"]);
});

Deno.test("none drops what an outage missed, but a slot within the grace still fires", () => {
  assert.deepEqual(listDue("none", "2026-05-01T07:05:00Z")[0], ["2026-05-01T07:00:00.000Z"]);
  assert.deepEqual(listDue("none", "2026-05-01T07:05:00.001Z"), [[], "2026-05-02T07:00:00.000Z"]);
  assert.deepEqual(listDue("none", "2026-05-04T12:00:00Z"), [[], "2026-05-05T07:00:00.000Z"]);
  assert.deepEqual(listDue("none", "2026-05-04T07:02:00Z"), [
    ["2026-05-04T07:00:00.000Z"],
    "2026-05-05T07:00:00.000Z",
  ]);
});

Deno.test("last fires the latest missed slot alone", () => {
  assert.deepEqual(listDue("last", "2026-05-04T12:00:00Z"), [
    ["2026-05-04T07:00:00.000Z"],
    "2026-05-05T07:00:00.000Z",
  ]);
});

Deno.test("all fires every missed slot in order", () => {
  assert.deepEqual(listDue("all", "2026-05-03T12:00:00Z"), [
    ["2026-05-01T07:00:00.000Z", "2026-05-02T07:00:00.000Z", "2026-05-03T07:00:00.000Z"],
    "2026-05-04T07:00:00.000Z",
  ]);
});

Deno.test("all stops at its limit and goes on from there", () => {
  const first = listDue("all", "2026-05-04T12:00:00Z", { maxSlots: 3 });
  assert.equal(first[0]?.length, 3);
  assert.equal(first[1], "2026-05-04T07:00:00.000Z");
  const rest = listDue("all", "2026-05-04T12:00:00Z", { scheduledFor: new Date(String(first[1])) });
  assert.deepEqual(rest, [["2026-05-04T07:00:00.000Z"], "2026-05-05T07:00:00.000Z"]);
});

Deno.test("a schedule without another slot ends", () => {
  const change = { cron: "0 0 31 2 *" };
  assert.deepEqual(listDue("last", "2026-05-01T08:00:00Z", change), [
    ["2026-05-01T07:00:00.000Z"],
    null,
  ]);
  assert.deepEqual(listDue("all", "2026-05-01T08:00:00Z", change), [
    ["2026-05-01T07:00:00.000Z"],
    null,
  ]);
});

Deno.test("the latest of half a million missed slots is found without walking them", () => {
  assert.deepEqual(listDue("last", "2027-05-01T07:00:30Z", { cron: "* * * * *" }), [
    ["2027-05-01T07:00:00.000Z"],
    "2027-05-01T07:01:00.000Z",
  ]);
});
