// What a workflow is at both ends of the compiler: the YAML file (zod, also the source of
// workflow.schema.json) and the compiled definition that the database stores and runs.
import { z } from "zod";
import { SETTINGS } from "./settings.ts";

/** Most steps of one workflow. */
export const MAX_STEPS = 5_000;

/** Longest step call in milliseconds: a hosted function is cut off at 150 s, less its overhead. */
export const MAX_STEP_TIMEOUT_MS = 145_000;

/** Keys and step ids: they stand in URLs, idempotency keys and log lines. */
export const NAME_PATTERN = /^[a-z][a-z0-9_-]{0,62}$/;

export const TRIGGER_TYPES = ["cron", "event", "cron_or_event", "manual"] as const;
export const CATCH_UP_POLICIES = ["none", "last", "all"] as const;
export const STEP_METHODS = ["GET", "POST"] as const;

export type TriggerType = (typeof TRIGGER_TYPES)[number];
export type CatchUp = (typeof CATCH_UP_POLICIES)[number];
export type StepMethod = (typeof STEP_METHODS)[number];

const stepTimeoutMs = SETTINGS.find((spec) => spec.name === "step_timeout_ms")!.default;

const triggerFile = z.strictObject({
  type: z.enum(TRIGGER_TYPES).describe(
    "What starts a run: a schedule, an event, either of them, or only a call of dispatch.",
  ),
  event_types: z.array(
    z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_.:-]{0,127}$/),
  ).min(1).optional().meta({
    description: "Types of intent_events rows that start a run (type event or cron_or_event).",
    uniqueItems: true,
  }),
  cron: z.string().min(1).max(256).optional().describe(
    "Schedule in five fields: minute, hour, day of month, month, day of week (names such as SUN " +
      "are allowed).",
  ),
  timezone: z.string().min(1).max(64).optional().describe(
    "IANA time zone of the schedule, such as Europe/Berlin; `user` means each subscriber's own. " +
      "UTC by default.",
  ),
  catch_up: z.enum(CATCH_UP_POLICIES).optional().describe(
    "Which slots that an outage missed still fire: none (default), the last one, or all.",
  ),
}).describe("What starts a run of this workflow.");

const stepFile = z.strictObject({
  id: z.string().regex(NAME_PATTERN).describe("Name of the step, unique in this file."),
  call: z.string().min(1).max(2_048).describe(
    "The agent's endpoint: a path of this project such as /functions/v1/agent-proxy/notify, or " +
      "an https:// URL whose host is in the setting allowed_agent_hosts.",
  ),
  method: z.enum(STEP_METHODS).optional().describe("HTTP method of the call; POST by default."),
  timeout_ms: z.int().min(1).max(MAX_STEP_TIMEOUT_MS).optional().describe(
    `Time for one attempt in milliseconds; ${stepTimeoutMs} by default.`,
  ),
  depends_on: z.array(z.string()).optional().meta({
    description:
      "Ids of the steps that must succeed before this one starts; their outputs are its inputs.",
    uniqueItems: true,
  }),
}).describe("One HTTP request to an agent.");

/** The YAML file. Rules that one value cannot show are in `_shared/workflow/check_*.ts`. */
export const workflowFile = z.strictObject({
  key: z.string().regex(NAME_PATTERN).describe(
    "Name of the workflow; dispatch and the file's name use it.",
  ),
  description: z.string().max(2_000).optional().describe("One or two sentences for people."),
  trigger: triggerFile,
  steps: z.array(stepFile).min(1).max(MAX_STEPS).describe(
    "The steps in any order; depends_on decides which run at the same time.",
  ),
}).describe("A workflow: what starts it and the steps of a run.");

export type WorkflowFile = z.infer<typeof workflowFile>;
export type StepFile = z.infer<typeof stepFile>;
export type TriggerFile = z.infer<typeof triggerFile>;

export interface CompiledTrigger {
  type: TriggerType;
  event_types: string[];
  cron: string | null;
  /** An IANA zone, or `user`: each subscriber's own. */
  timezone: string;
  catch_up: CatchUp;
}

/** One step with every default filled in; edges are step numbers. */
export interface CompiledStep {
  step_no: number;
  step_id: string;
  /** Whom the call goes to; rate limit keys name it. */
  agent: string;
  call: string;
  method: StepMethod;
  timeout_ms: number;
  max_attempts: number;
  retry_initial_ms: number;
  retry_max_ms: number;
  depends_on: number[];
  dependents: number[];
  /** No other step depends on it: its output is a result of the run. */
  is_sink: boolean;
}

/** The definition as registered: steps in topological order, step_no 1..n. */
export interface CompiledWorkflow {
  key: string;
  description: string | null;
  trigger: CompiledTrigger;
  steps: CompiledStep[];
}
