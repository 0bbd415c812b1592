// What a script may say: how agents answer, which events come, who approves. The schema, with its
// words for people; reading a file and pointing at its lines is read_script.ts.
import { z } from "zod";
import { parseDuration } from "../../supabase/functions/_shared/contract/duration.ts";

/** How a call can fail; `http_500` stands for any status from 400 to 599. */
export const FAILURES = [
  "http_500",
  "timeout",
  "network",
  "not_ok",
  "not_ok_retryable",
  "in_progress",
  "garbage",
  "too_large",
] as const;

const FAILURE_PATTERN = new RegExp(`^(http_[45]\\d\\d|${FAILURES.slice(1).join("|")})$`);

const DURATION_RULE = 'a time with its unit, such as "30s", "10m" or "1h30m"';
const FAILURE_RULE = `one of ${FAILURES.join(", ")} (http_ with any status from 400 to 599)`;

const duration = z.string({ error: DURATION_RULE })
  .refine((text) => parseDuration(text) !== null, { error: DURATION_RULE });
const failure = z.string({ error: FAILURE_RULE }).regex(FAILURE_PATTERN, { error: FAILURE_RULE });

/** What an agent that works on after its 202 says in the end. */
const callbackSchema = z.strictObject({
  after: duration,
  output: z.unknown().optional(),
  fail: z.enum(["not_ok", "not_ok_retryable"]).optional(),
  error: z.string().optional(),
});

/** One answer of an agent; it lasts for one call unless `times` says more or it is the last. */
export const behaviourSchema = z.strictObject({
  output: z.unknown().optional(),
  fail: failure.optional(),
  error: z.string().optional(),
  retry_after: duration.optional(),
  delay: duration.optional(),
  times: z.int().min(1).optional(),
  steps: z.array(z.unknown()).optional(),
  callback: callbackSchema.optional(),
});

/** An event that the app inserts at a time of the simulation. */
export const eventSchema = z.strictObject({
  at: duration,
  type: z.string().min(1),
  payload: z.record(z.string(), z.unknown()).optional(),
  user_id: z.string().min(1).optional(),
});

/** A person's word on a step that waits for an event, some time after it began to wait. */
export const approvalSchema = z.strictObject({
  after: duration.optional(),
  approved: z.boolean().optional(),
  by: z.string().min(1).optional(),
  payload: z.record(z.string(), z.unknown()).optional(),
});

export type Behaviour = z.infer<typeof behaviourSchema>;
export type ScriptedEvent = z.infer<typeof eventSchema>;
export type Approval = z.infer<typeof approvalSchema>;

/** A call as an agent sees it; functions in a script decide by it. */
export interface SeenCall {
  workflow_key: string;
  step_id: string;
  /** Null but for an item of a fan-out. */
  index: number | null;
  attempt: number;
  call: string;
  method: string;
  /** The JSON body; null for a GET. */
  body: Record<string, unknown> | null;
}

/** Only tests in TypeScript can give functions; files cannot. */
export type AgentScript = Behaviour | Behaviour[] | ((call: SeenCall) => Behaviour);

/**
 * A script. `agents` is keyed by step id (`score`, `score[3]` for one item of a fan-out,
 * `child_key/step` for a step of a sub-workflow) or by the path of the call; `approvals` by the id of
 * the step that waits; `approved: false` rejects.
 */
export interface SimulationScript {
  agents?: Record<string, AgentScript>;
  events?: ScriptedEvent[];
  approvals?: Record<string, Approval>;
}
