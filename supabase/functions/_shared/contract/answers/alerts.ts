// Alert rules, and what they tell.
import { z } from "zod";
import { instant } from "./fields.ts";

export const alertRule = z.object({
  name: z.string(),
  severity: z.enum(["warning", "critical"]),
  description: z.string(),
  subject_kind: z.enum(["workflow", "agent", "tick", "destination"]).nullable().describe(
    "What its alerts are about; null: the whole orchestrator.",
  ),
  unit: z.string(),
  threshold: z.number(),
  at_least: z.number().nullable().describe("Of how many events a ratio is taken at least."),
  over_seconds: z.number().nullable().describe(
    "The span that is counted over; null: it looks at what is now.",
  ),
  for_seconds: z.number(),
  enabled: z.boolean(),
  error: z.string().nullable().describe("Why the last look at it failed."),
}).meta({ id: "AlertRule" });

export type AlertRule = z.infer<typeof alertRule>;

export const alert = z.object({
  name: z.string(),
  subject: z.string().nullable(),
  value: z.number().describe("As measured last while it was above the threshold."),
  state: z.enum(["pending", "firing", "resolved"]),
  pending_since: instant,
  firing_since: instant.nullable(),
  resolved_at: instant.nullable(),
}).meta({ id: "Alert" });

export type Alert = z.infer<typeof alert>;

/** GET /alerts */
export const alerts = z.object({
  looked_at: instant.nullable(),
  rules: z.array(alertRule),
  alerts: z.array(alert),
}).meta({ id: "Alerts" });

export type Alerts = z.infer<typeof alerts>;

/** PUT /alerts/rules/:name */
export const savedAlertRule = z.object({ name: z.string(), result: z.literal("saved") });
