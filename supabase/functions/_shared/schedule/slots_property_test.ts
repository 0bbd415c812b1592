// Slots against a model that walks the wall clock minute by minute, around the real transitions of
// daylight saving; and the promise that tickers at any cadence fire the same slots.
import assert from "node:assert/strict";
import fc from "fast-check";
import type { CatchUp } from "../contract/workflow_file.ts";
import { dueSlots, nextSlot } from "./slots.ts";

const MINUTE = 60_000;
const DAY = 86_400_000;

/** Zones and days on which their clocks change in 2026 and 2027; Lord Howe changes by 30 minutes. */
const TRANSITIONS = [
  ["Europe/Berlin", "2026-03-29"],
  ["Europe/Berlin", "2026-10-25"],
  ["Europe/Berlin", "2027-03-28"],
  ["Europe/Berlin", "2027-10-31"],
  ["America/New_York", "2026-03-08"],
  ["America/New_York", "2026-11-01"],
  ["America/New_York", "2027-03-14"],
  ["America/New_York", "2027-11-07"],
  ["Australia/Lord_Howe", "2026-04-05"],
  ["Australia/Lord_Howe", "2026-10-04"],
  ["UTC", "2026-06-01"],
] as const;

const transition = fc.constantFrom(...TRANSITIONS);
const minutes = fc.constantFrom("0", "15", "30", "59", "0,30", "10-12");
const hours = fc.constantFrom("0", "1", "2", "3", "1,2", "2,3", "0-4", "23");

const clocks = new Map<string, Intl.DateTimeFormat>();

/** The wall clock of an instant as minutes since 1970, as if it were UTC. */
function readWallClock(instant: number, zone: string): number {
  let clock = clocks.get(zone);
  if (clock === undefined) {
    clock = new Intl.DateTimeFormat("en", {
      timeZone: zone,
      hourCycle: "h23",
      year: "numeric",
      month: "numeric",
      day: "numeric",
      hour: "numeric",
      minute: "numeric",
    });
    clocks.set(zone, clock);
  }
  const parts = Object.fromEntries(
    clock.formatToParts(instant).map(({ type, value }) => [type, Number(value)]),
  );
  const { year, month, day, hour, minute } = parts;
  return Date.UTC(year, month - 1, day, hour, minute) / MINUTE;
}

function readField(field: string, value: number): boolean {
  return field.split(",").some((part) => {
    const [from, to = from] = part.split("-");
    return part === "*" || (Number(from) <= value && value <= Number(to));
  });
}

/** Fixed times: every wall minute that matches fires at the first instant that shows it or a later. */
function modelFixedSlots(minute: string, hour: string, zone: string, from: number, to: number) {
  const slots = new Set<number>();
  let highest = readWallClock(from, zone);
  for (let instant = from + MINUTE; instant < to; instant += MINUTE) {
    const wall = readWallClock(instant, zone);
    for (let passed = highest + 1; passed <= wall; passed++) {
      const date = new Date(passed * MINUTE);
      const isSlot = readField(minute, date.getUTCMinutes()) &&
        readField(hour, date.getUTCHours());
      if (isSlot) slots.add(instant);
    }
    highest = Math.max(highest, wall);
  }
  return [...slots];
}

/** Intervals: every instant whose wall clock matches. */
function modelIntervalSlots(minute: string, zone: string, from: number, to: number) {
  const slots: number[] = [];
  for (let instant = from + MINUTE; instant < to; instant += MINUTE) {
    const date = new Date(readWallClock(instant, zone) * MINUTE);
    if (readField(minute, date.getUTCMinutes())) slots.push(instant);
  }
  return slots;
}

function walkSlots(cron: string, zone: string, from: number, to: number): number[] {
  const slots: number[] = [];
  let slot = nextSlot(cron, zone, new Date(from));
  while (slot !== null && slot.getTime() < to) {
    slots.push(slot.getTime());
    slot = nextSlot(cron, zone, slot);
  }
  return slots;
}

Deno.test("fixed times fire as the wall clock model says, around every transition", () => {
  fc.assert(
    fc.property(transition, minutes, hours, ([zone, day], minute, hour) => {
      const from = Date.parse(`${day}T00:00:00Z`) - DAY;
      const to = from + 3 * DAY;
      assert.deepEqual(
        walkSlots(`${minute} ${hour} * * *`, zone, from, to),
        modelFixedSlots(minute, hour, zone, from, to),
      );
    }),
    { numRuns: 60 },
  );
});

Deno.test("intervals fire as real time goes, around every transition", () => {
  fc.assert(
    fc.property(transition, minutes, ([zone, day], minute) => {
      const from = Date.parse(`${day}T00:00:00Z`) - DAY;
      const to = from + 3 * DAY;
      assert.deepEqual(
        walkSlots(`${minute} * * * *`, zone, from, to),
        modelIntervalSlots(minute, zone, from, to),
      );
    }),
    { numRuns: 40 },
  );
});

const anyCron = fc.tuple(
  fc.oneof(minutes, fc.constantFrom("*", "*/7", "*/30")),
  fc.oneof(hours, fc.constantFrom("*", "*/2", "*/5")),
  fc.constantFrom("* * *", "* * SUN", "1,29 * *", "* * 1-5", "L * *"),
).map((fields) => fields.join(" "));

Deno.test("slots are strictly increasing, and the next slot does not depend on when one asks", () => {
  fc.assert(
    fc.property(
      transition,
      anyCron,
      fc.array(fc.nat(2 * DAY), { maxLength: 20 }),
      ([zone, day], cron, moments) => {
        const from = Date.parse(`${day}T00:00:00Z`) - DAY;
        const slots = walkSlots(cron, zone, from, from + 3 * DAY);
        for (const [index, slot] of slots.entries()) {
          assert.ok(slot > (slots[index - 1] ?? from));
          assert.equal(slot % MINUTE, 0);
        }
        for (const moment of moments) {
          const wanted = slots.find((slot) => slot > from + moment);
          if (wanted === undefined) continue;
          assert.equal(nextSlot(cron, zone, new Date(from + moment))?.getTime(), wanted);
        }
      },
    ),
    { numRuns: 150 },
  );
});

/** What a ticker fires that looks at the given moments, as the database would remember between. */
function tick(request: {
  cron: string;
  zone: string;
  from: number;
  moments: readonly number[];
  catchUp: CatchUp;
  maxSlots: number;
}): number[] {
  const { cron, zone, from, moments, catchUp, maxSlots } = request;
  const fired: number[] = [];
  let stored = nextSlot(cron, zone, new Date(from));
  for (const moment of moments) {
    const now = new Date(moment);
    while (stored !== null && stored <= now) {
      const { slots, next } = dueSlots({
        cron,
        timezone: zone,
        scheduledFor: stored,
        now,
        catchUp,
        maxSlots,
        graceMs: 5 * MINUTE,
      });
      fired.push(...slots.map((slot) => slot.getTime()));
      assert.ok(next === null || next > stored, "the stored slot always moves on");
      stored = next;
    }
  }
  return fired;
}

Deno.test("tickers at any cadence and batch size fire the same slots with catch_up all", () => {
  fc.assert(
    fc.property(
      transition,
      anyCron,
      fc.array(fc.nat(3 * DAY), { maxLength: 30 }),
      fc.integer({ min: 1, max: 50 }),
      ([zone, day], cron, offsets, maxSlots) => {
        const from = Date.parse(`${day}T00:00:00Z`) - DAY;
        const to = from + 3 * DAY;
        const moments = [...offsets.map((offset) => from + offset), to].toSorted((a, b) => a - b);
        const fired = tick({ cron, zone, from, moments, catchUp: "all", maxSlots });
        assert.deepEqual(fired, walkSlots(cron, zone, from, to + 1));
      },
    ),
    { numRuns: 60 },
  );
});

Deno.test("tickers that look every few minutes fire every slot once, without catch_up all the last of those between two looks", () => {
  fc.assert(
    fc.property(
      transition,
      minutes,
      fc.oneof(hours, fc.constant("*")),
      fc.integer({ min: 1, max: 4 * MINUTE }),
      fc.constantFrom<CatchUp>("none", "last", "all"),
      ([zone, day], minute, hour, cadence, catchUp) => {
        const cron = `${minute} ${hour} * * *`;
        const from = Date.parse(`${day}T00:00:00Z`);
        // Shorter cadences than half a minute only repeat the same answers.
        const step = Math.max(cadence, MINUTE / 2);
        const count = Math.floor(DAY / step);
        const moments = Array.from({ length: count }, (_, index) => from + (index + 1) * step);
        const fired = tick({ cron, zone, from, moments, catchUp, maxSlots: 10 });
        const findLook = (slot: number) => Math.ceil((slot - from) / step);
        const slots = walkSlots(cron, zone, from, moments[count - 1] + 1);
        const wanted = slots.filter((slot, at) =>
          // In the night without 02:59 that slot fires at 03:00, a minute after the one of 01:59.
          catchUp === "all" || findLook(slot) !== findLook(slots[at + 1] ?? Infinity)
        );
        assert.deepEqual(fired, wanted);
      },
    ),
    { numRuns: 60 },
  );
});

Deno.test("last and none choose the slot that a walk over all missed ones ends with", () => {
  fc.assert(
    fc.property(transition, anyCron, fc.nat(40 * DAY), ([zone, day], cron, away) => {
      const from = Date.parse(`${day}T00:00:00Z`) - DAY;
      const scheduledFor = nextSlot(cron, zone, new Date(from));
      if (scheduledFor === null) return;
      const now = new Date(scheduledFor.getTime() + away);
      const walked = walkSlots(cron, zone, from, now.getTime() + 1).at(-1);
      const base = { cron, timezone: zone, scheduledFor, now, maxSlots: 1, graceMs: 5 * MINUTE };
      const last = dueSlots({ ...base, catchUp: "last" });
      assert.deepEqual(last.slots.map((slot) => slot.getTime()), [walked]);
      const isFresh = now.getTime() - (walked ?? 0) <= 5 * MINUTE;
      assert.equal(dueSlots({ ...base, catchUp: "none" }).slots.length, isFresh ? 1 : 0);
      assert.ok(last.next === null || last.next > now);
    }),
    { numRuns: 60 },
  );
});
