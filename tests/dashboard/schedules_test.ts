// Schedules as operators handle them: pause, resume, run now, and the slots that were missed.
import assert from "node:assert/strict";
import { fireDue } from "../../supabase/functions/cron-orchestrator/fire_due.ts";
import type { Rpc } from "../../supabase/functions/_shared/database/rpc.ts";
import { chain, publish, writeWorkflow } from "../harness/definition.ts";
import { ANNA, withDatabase } from "./dashboard_database.ts";

const GRACE_MS = 300_000;

const publishHourly = (rpc: Rpc, more: Record<string, unknown> = {}) =>
  publish(rpc, writeWorkflow("hourly", chain(1), { type: "cron", cron: "0 * * * *", ...more }));

const tick = (rpc: Rpc) => fireDue(rpc, GRACE_MS);

async function act(rpc: Rpc, action: "schedule.pause" | "schedule.resume" | "schedule.run_now") {
  const [{ schedule_id }] = await rpc.listSchedules({});
  return await rpc.act({ actor: ANNA, action, args: { schedule_id } });
}

Deno.test("a schedule that was just published is listed without a next slot", () =>
  withDatabase(async ({ rpc }) => {
    await publishHourly(rpc);
    const [{ schedule_id: _, ...schedule }] = await rpc.listSchedules({ workflowKey: "hourly" });
    assert.deepEqual(schedule, {
      workflow_key: "hourly",
      user_id: null,
      cron: "0 * * * *",
      timezone: "UTC",
      catch_up: "none",
      next_run_at: null,
      last_slot_at: null,
      paused_at: null,
      missed_slots: 0,
      last_missed_at: null,
      starts_runs: true,
    });
    assert.deepEqual(await rpc.listSchedules({ workflowKey: "other" }), []);
  }));

Deno.test("a paused schedule fires nothing, and resumed it goes on with the next slot and has missed none", () =>
  withDatabase(async ({ rpc, setClock }) => {
    await setClock("2026-11-22T09:30:00Z");
    await publishHourly(rpc);
    await tick(rpc);
    assert.deepEqual(await act(rpc, "schedule.pause"), { result: "paused" });
    await setClock("2026-11-22T12:00:30Z");
    await tick(rpc);
    assert.deepEqual(await rpc.listRuns({}), []);
    assert.deepEqual(await act(rpc, "schedule.resume"), { result: "resumed" });
    await tick(rpc);
    const [schedule] = await rpc.listSchedules({});
    assert.deepEqual([schedule.paused_at, schedule.missed_slots], [null, 0]);
    assert.equal(Date.parse(schedule.next_run_at!), Date.parse("2026-11-22T13:00:00Z"));
    await setClock("2026-11-22T13:00:30Z");
    await tick(rpc);
    assert.equal((await rpc.listRuns({})).length, 1);
    const [resumed, paused] = await rpc.listAudit({});
    assert.deepEqual([paused.before?.paused_at, resumed.after?.paused_at], [null, null]);
    assert.ok(paused.after?.paused_at);
  }));

Deno.test("a ticker that holds a schedule when it is paused fires nothing", () =>
  withDatabase(async ({ rpc, setClock }) => {
    await setClock("2026-11-22T09:30:00Z");
    await publishHourly(rpc);
    await tick(rpc);
    await setClock("2026-11-22T10:00:30Z");
    const { schedules: [claimed] } = await rpc.claimDueSchedules({ limit: 10 });
    await act(rpc, "schedule.pause");
    const firing = {
      schedule_id: claimed.schedule_id,
      claim_token: claimed.claim_token,
      slots: ["2026-11-22T10:00:00Z"],
      next_run_at: "2026-11-22T11:00:00Z",
    };
    assert.deepEqual(await rpc.fireSchedules({ schedules: [firing] }), { fired: 0, runs: 0 });
  }));

Deno.test("resuming what is not paused keeps its slot", () =>
  withDatabase(async ({ rpc, setClock }) => {
    await setClock("2026-11-22T09:30:00Z");
    await publishHourly(rpc);
    await tick(rpc);
    await act(rpc, "schedule.resume");
    const [{ next_run_at }] = await rpc.listSchedules({});
    assert.equal(Date.parse(next_run_at!), Date.parse("2026-11-22T10:00:00Z"));
  }));

Deno.test("run now starts a run as the schedule does, also while it is paused, and as often as it is asked", () =>
  withDatabase(async ({ rpc, setClock }) => {
    await setClock("2026-11-22T09:30:00Z");
    await publishHourly(rpc);
    await rpc.subscribeSchedule({ workflowKey: "hourly", userId: "anna", payload: { n: 1 } });
    const [own, subscribed] = await rpc.listSchedules({});
    assert.deepEqual([own.starts_runs, subscribed.starts_runs], [false, true]);
    const runNow = (schedule_id: number) =>
      rpc.act({ actor: ANNA, action: "schedule.run_now", args: { schedule_id } });
    await rpc.act({
      actor: ANNA,
      action: "schedule.pause",
      args: { schedule_id: subscribed.schedule_id },
    });
    const first = await runNow(subscribed.schedule_id);
    const second = await runNow(subscribed.schedule_id);
    assert.deepEqual([first.result, second.result], ["started", "started"]);
    assert.notEqual(first.workflow_run_id, second.workflow_run_id);
    const run = (await rpc.getRun({ workflowRunId: first.workflow_run_id! }))!;
    assert.deepEqual([run.user_id, run.trigger_type, run.payload.n], ["anna", "cron", 1]);
    assert.match(String(run.payload.scheduled_for), /^2026-11-22T09:30:0/);
    const system = await runNow(own.schedule_id);
    const { user_id } = (await rpc.getRun({ workflowRunId: system.workflow_run_id! }))!;
    assert.equal(user_id, "system");
    await rpc.archiveWorkflow({ workflowKey: "hourly" });
    const refused = await runNow(own.schedule_id);
    assert.deepEqual(refused, {
      result: "conflict",
      reason: "workflow hourly is not published any more",
    });
  }));

Deno.test("slots of an outage that are not fired are counted with the last of them", () =>
  withDatabase(async ({ rpc, setClock }) => {
    await setClock("2026-11-22T09:30:00Z");
    await publishHourly(rpc);
    await tick(rpc);
    await setClock("2026-11-22T13:00:30Z");
    await tick(rpc);
    const read = async () => {
      const [{ missed_slots, last_missed_at }] = await rpc.listSchedules({});
      return [missed_slots, last_missed_at && new Date(last_missed_at).toISOString()];
    };
    // 10, 11 and 12; 13 is within the grace and fires.
    assert.deepEqual(await read(), [3, "2026-11-22T12:00:00.000Z"]);
    await setClock("2026-11-22T14:00:30Z");
    await tick(rpc);
    assert.deepEqual(await read(), [3, "2026-11-22T12:00:00.000Z"]);
    await setClock("2026-11-22T15:30:00Z");
    await tick(rpc);
    assert.deepEqual(await read(), [4, "2026-11-22T15:00:00.000Z"]);
    assert.equal((await rpc.listRuns({})).length, 2);
  }));

Deno.test("a schedule that catches up on everything misses nothing, nor does one that starts nothing", () =>
  withDatabase(async ({ rpc, setClock }) => {
    await setClock("2026-11-22T09:30:00Z");
    await publishHourly(rpc, { catch_up: "all" });
    await tick(rpc);
    await setClock("2026-11-22T13:00:30Z");
    await tick(rpc);
    assert.equal((await rpc.listRuns({})).length, 4);
    await publishHourly(rpc);
    await rpc.subscribeSchedule({ workflowKey: "hourly", userId: "anna" });
    await tick(rpc);
    await setClock("2026-11-22T16:00:30Z");
    await tick(rpc);
    const missed = (await rpc.listSchedules({})).map((it) => [it.user_id, it.missed_slots]);
    assert.deepEqual(missed, [[null, 0], ["anna", 2]]);
  }));

Deno.test("schedules come in pages", () =>
  withDatabase(async ({ rpc }) => {
    await publishHourly(rpc);
    for (const userId of ["a", "b"]) await rpc.subscribeSchedule({ workflowKey: "hourly", userId });
    const first = await rpc.listSchedules({ limit: 2 });
    const rest = await rpc.listSchedules({ limit: 2, after: first[1].schedule_id });
    assert.deepEqual([...first, ...rest].map((it) => it.user_id), [null, "a", "b"]);
  }));
