// What monitors, workers and whoever shares the rate limits are told.
import { z } from "zod";
import { instant, jobStatus } from "./fields.ts";

/** GET /health */
export const health = z.object({
  ok: z.boolean(),
  database_time: instant,
  queue: z.partialRecord(jobStatus, z.int()).describe(
    "Jobs by status; a status without jobs is left out.",
  ),
  oldest_ready_seconds: z.number(),
  workers_alive: z.int(),
  last_tick_at: instant.nullable(),
  last_cron_tick_at: instant.nullable(),
  warnings: z.array(z.string()).describe("What somebody should look at, and where."),
}).meta({ id: "Health" });

/** POST /rate_limit */
export const tokens = z.object({
  allowed: z.boolean(),
  tokens: z.number().nullable().describe("What is left; null: there is no limit."),
  retry_after_ms: z.int().describe("0 if it was allowed."),
}).meta({ id: "Tokens" });

/** POST /worker */
export const workerStart = z.object({
  accepted: z.boolean().describe(
    "False: as many workers as allowed are draining already, and will see the work.",
  ),
  worker_id: z.string().nullable(),
}).meta({ id: "WorkerStart" });

export type Health = z.infer<typeof health>;
export type Tokens = z.infer<typeof tokens>;
/** What became of a wake-up. */
export type WorkerStart = z.infer<typeof workerStart>;
