import assert from "node:assert/strict";
import { describeCron, listNextSlots } from "./describe_cron.ts";

Deno.test("patterns are told in words, in the 24-hour clock", () => {
  const cases = [
    ["0 7 * * *", "At 07:00"],
    ["30 18 * * 1-5", "At 18:30, Monday through Friday"],
    ["*/5 * * * *", "Every 5 minutes"],
    ["0 9 * * 7", "At 09:00, only on Sunday"],
    ["0 9 * * MON", "At 09:00, only on Monday"],
    ["0 0 * * 5#2", "At 00:00, on the second Friday of the month"],
    ["0 0 L * *", "At 00:00, on the last day of the month"],
  ];
  for (const [pattern, words] of cases) assert.equal(describeCron(pattern), words);
  assert.equal(describeCron("no cron at all"), null);
});

Deno.test("the words of a pattern with both days mean what fires: either of them", () => {
  assert.equal(describeCron("0 0 13 * 5"), "At 00:00, on day 13 of the month, and on Friday");
  const days = listNextSlots("0 0 13 * 5", "UTC", new Date("2026-11-11T00:00:00Z"), 3);
  assert.deepEqual(days.map((day) => day.toISOString().slice(0, 10)), [
    "2026-11-13",
    "2026-11-20",
    "2026-11-27",
  ]);
});

Deno.test("the next slots are those of the zone, over a change of its clock", () => {
  const slots = listNextSlots("0 7 * * *", "Europe/Berlin", new Date("2026-10-23T06:00:00Z"), 3);
  assert.deepEqual(slots.map((slot) => slot.toISOString()), [
    "2026-10-24T05:00:00.000Z",
    "2026-10-25T06:00:00.000Z",
    "2026-10-26T06:00:00.000Z",
  ]);
});

Deno.test("a pattern that never fires again, or a zone that nobody knows, has no slots", () => {
  const now = new Date("2026-11-11T00:00:00Z");
  assert.deepEqual(listNextSlots("0 0 30 2 *", "UTC", now, 5), []);
  assert.deepEqual(listNextSlots("0 7 * * *", "Mars/Olympus", now, 5), []);
});
