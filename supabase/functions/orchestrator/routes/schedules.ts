// GET /schedules, POST /schedules/:id/pause, /resume and /run: when workflows run by themselves, and
// people's hand on it.
import { z } from "zod";
import type { Schedule, SchedulePage } from "../../_shared/contract/dashboard.ts";
import { OrchestratorError } from "../../_shared/contract/errors.ts";
import type { ScheduleRow } from "../../_shared/database/rows.ts";
import { checkInput } from "../../_shared/http/body.ts";
import type { Router } from "../../_shared/http/router.ts";
import { describeCron, listNextSlots } from "../../_shared/schedule/describe_cron.ts";
import { describeActor } from "../act.ts";
import type { Engine } from "../engine.ts";
import { readScheduleId, schedulePage, workflowKey } from "../fields.ts";

export const schedulesQuery = z.strictObject({
  workflow_key: workflowKey.optional(),
  ...schedulePage,
});

/** Slots that are shown ahead. */
const SLOTS_AHEAD = 5;

const ACTIONS = {
  pause: { action: "schedule.pause", status: 200 },
  resume: { action: "schedule.resume", status: 200 },
  run: { action: "schedule.run_now", status: 202 },
} as const;

export function addSchedulesRoutes(router: Router, { rpc, host }: Engine): void {
  router.get("/schedules", async (context) => {
    const query = checkInput(context.req.query(), schedulesQuery, "query");
    const { workflow_key: workflowKey, limit, after } = query;
    const rows = await rpc.listSchedules({ workflowKey, limit, after });
    const now = new Date();
    const answer: SchedulePage = {
      schedules: rows.map((row) => describeSchedule(row, now)),
      next_after: rows.length < limit ? null : rows.at(-1)!.schedule_id,
    };
    return context.json(answer);
  });

  for (const [name, { action, status }] of Object.entries(ACTIONS)) {
    router.post(`/schedules/:id/${name}`, async (context) => {
      const scheduleId = readScheduleId(context.req.param("id"));
      const actor = describeActor(context.get("caller"));
      const args = { schedule_id: scheduleId };
      const { result, reason, ...rest } = await rpc.act({ actor, action, args });
      if (result === "not_found") {
        throw new OrchestratorError("not_found", `there is no schedule ${scheduleId}`);
      }
      if (result === "conflict") {
        const message = `${name} of schedule ${scheduleId}: ${reason ?? "its state has changed"}`;
        throw new OrchestratorError("conflict", message);
      }
      if (name === "run") host.wakeQuietly();
      return context.json({ schedule_id: scheduleId, result, ...rest }, status);
    });
  }
}

function describeSchedule(row: ScheduleRow, now: Date): Schedule {
  const { cron, timezone, paused_at } = row;
  const isRunning = cron !== null && paused_at === null;
  return {
    ...row,
    words: cron === null ? null : describeCron(cron),
    next_slots: isRunning
      ? listNextSlots(cron, timezone, now, SLOTS_AHEAD).map((slot) => slot.toISOString())
      : [],
  };
}
