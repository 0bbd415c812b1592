// The state of everything on one page, and the buckets of the rate limits.
import { z } from "zod";
import { OVERVIEW_WINDOWS } from "../dashboard.ts";
import { instant, jobStatus } from "./fields.ts";

/** One span of an overview; latencies are null where nothing ended. */
export const overviewBucket = z.object({
  at: instant.describe("When it begins."),
  runs_started: z.int(),
  runs_success: z.int(),
  runs_failed: z.int(),
  runs_cancelled: z.int(),
  runs_skipped: z.int(),
  attempts: z.int(),
  attempts_failed: z.int(),
  run_p50_ms: z.number().nullable(),
  run_p95_ms: z.number().nullable(),
  attempt_p50_ms: z.number().nullable(),
  attempt_p95_ms: z.number().nullable(),
}).meta({ id: "OverviewBucket" });

export const limitedKey = z.object({
  rl_key: z.string(),
  tokens: z.number(),
  capacity: z.number().nullable().describe("Null: no limit."),
  held_until: instant.nullable().describe("An agent asked for a pause until then."),
  deferred_until: instant.nullable().describe("The end of the line of jobs that were put off."),
}).meta({ id: "LimitedKey" });

/** GET /overview?window= */
export const overview = z.object({
  database_time: instant,
  window: z.enum(OVERVIEW_WINDOWS),
  bucket_ms: z.int(),
  queue: z.partialRecord(jobStatus, z.int()).describe(
    "Jobs by status; a status without jobs is left out.",
  ),
  oldest_ready_seconds: z.number(),
  workers: z.array(z.object({
    worker_id: z.string(),
    started_at: instant,
    seen_at: instant,
    jobs: z.int(),
  })),
  last_tick_at: instant.nullable(),
  last_cron_tick_at: instant.nullable(),
  warnings: z.array(z.string()),
  totals: z.object({
    success: z.int(),
    failed: z.int(),
    cancelled: z.int(),
    skipped: z.int(),
    running: z.int().describe("All live runs."),
    success_rate: z.number().nullable().describe(
      "Of the runs that succeeded or failed; null without any.",
    ),
    attempts: z.int(),
    attempts_failed: z.int(),
  }).describe(
    "Of the runs that ended within the window; one that was created more than a day before it is left out.",
  ),
  series: z.array(overviewBucket),
  limited_keys: z.array(limitedKey),
}).meta({ id: "Overview" });

export const rateLimitPolicy = z.object({
  pattern: z.string(),
  capacity: z.number().nullable().describe("Null: no limit."),
  refill_rate: z.number().describe("Tokens a second."),
  description: z.string().nullable(),
}).meta({ id: "RateLimitPolicy" });

export const rateLimitBucket = limitedKey.extend({
  tokens: z.number().describe("As they are now, refilled."),
  refill_rate: z.number(),
  last_refill: instant,
}).meta({ id: "RateLimitBucket" });

/** GET /rate_limits?text=&limit=&after= */
export const rateLimits = z.object({
  policies: z.array(rateLimitPolicy),
  buckets: z.array(rateLimitBucket),
  next_after: z.string().nullable(),
}).meta({ id: "RateLimits" });

export type OverviewBucket = z.infer<typeof overviewBucket>;
export type LimitedKey = z.infer<typeof limitedKey>;
export type Overview = z.infer<typeof overview>;
export type RateLimitPolicy = z.infer<typeof rateLimitPolicy>;
export type RateLimitBucket = z.infer<typeof rateLimitBucket>;
export type RateLimits = z.infer<typeof rateLimits>;
