import assert from "node:assert/strict";
import type { ClaimedSchedule, ScheduleFiring } from "../_shared/database/rows.ts";
import { fireDue, planFiring } from "./fire_due.ts";

const NOW = "2026-11-22T07:00:10Z";

const schedule: ClaimedSchedule = {
  schedule_id: 1,
  workflow_key: "daily",
  user_id: null,
  cron: "0 7 * * *",
  timezone: "UTC",
  catch_up: "none",
  next_run_at: "2026-11-22T07:00:00Z",
  claim_token: "token",
};

const plan = (more: Partial<ClaimedSchedule>) =>
  planFiring({ ...schedule, ...more }, new Date(NOW), 300_000);

Deno.test("a due slot fires and the next one is planned", () => {
  assert.deepEqual(plan({}), {
    schedule_id: 1,
    claim_token: "token",
    slots: ["2026-11-22T07:00:00.000Z"],
    next_run_at: "2026-11-23T07:00:00.000Z",
  });
});

Deno.test("a schedule that was never planned is planned and fires nothing", () => {
  const { slots, next_run_at } = plan({ next_run_at: null });
  assert.deepEqual([slots, next_run_at], [[], "2026-11-23T07:00:00.000Z"]);
});

Deno.test("a schedule that cannot be read fires nothing and is looked at again later", () => {
  const { slots, next_run_at } = plan({ timezone: "Mars/Olympus" });
  assert.deepEqual([slots, next_run_at], [[], "2026-11-22T08:00:10.000Z"]);
});

Deno.test("slots of an outage that are not fired are told, with the last of them", () => {
  const outage = { next_run_at: "2026-11-19T07:00:00Z" };
  const { slots, missed, last_missed_at } = plan(outage);
  assert.deepEqual([slots, missed, last_missed_at], [
    ["2026-11-22T07:00:00.000Z"],
    3,
    "2026-11-21T07:00:00.000Z",
  ]);
  assert.equal(plan({ ...outage, catch_up: "all" }).missed, undefined);
});

Deno.test("a slot that is older than the grace is missed", () => {
  const { slots, missed, last_missed_at } = plan({
    cron: "30 6 * * *",
    next_run_at: "2026-11-22T06:30:00Z",
  });
  assert.deepEqual([slots, missed, last_missed_at], [
    [],
    1,
    "2026-11-22T06:30:00.000Z",
  ]);
});

Deno.test("a schedule that fires in time tells of no missed slot", () => {
  assert.equal("missed" in plan({}), false);
});

Deno.test("claims go on until none is due, and are summed", async () => {
  const batches = [[schedule, { ...schedule, schedule_id: 2 }], [{
    ...schedule,
    schedule_id: 3,
  }]];
  const fired: ScheduleFiring[] = [];
  const counts = await fireDue({
    claimDueSchedules: () => Promise.resolve({ now: NOW, schedules: batches.shift() ?? [] }),
    fireSchedules: ({ schedules }) => {
      fired.push(...schedules);
      return Promise.resolve({
        fired: schedules.length,
        runs: schedules.length,
      });
    },
  }, 300_000);
  assert.deepEqual(counts, { fired: 3, runs: 3 });
  assert.deepEqual(fired.map(({ schedule_id }) => schedule_id), [1, 2, 3]);
});
