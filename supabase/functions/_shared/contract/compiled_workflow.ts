// The compiled workflow: what the database stores of a definition and what the worker reads of a step.
// Every default is filled in; keys of a step's config that do not apply to it are left out.
import type { ErrorClass } from "./statuses.ts";
import type { CatchUp, StepMethod, TriggerType } from "./workflow_file.ts";

export const STEP_KINDS = ["call", "wait", "sleep", "workflow", "start", "failure"] as const;

/**
 * `start` and `failure` are steps that the compiler adds: the first evaluates the trigger's rules,
 * the last begins compensation and `on_failure` once the graph is quiet.
 */
export type StepKind = (typeof STEP_KINDS)[number];

export const STEP_PHASES = ["main", "on_failure", "compensate"] as const;

/** Jobs of `main` steps exist from dispatch on, the others' once the run has failed. */
export type StepPhase = (typeof STEP_PHASES)[number];

/**
 * How a step waits for its dependencies; null is the default: all have ended, none failed, at least
 * one succeeded. `all`: all have ended, none failed, `min` succeeded. `early`: as soon as `min`
 * succeeded, whatever failed. `done`: all have ended, whatever became of them. `failed`: all have
 * ended and one failed, else it is skipped.
 */
export type JoinRule = "all" | "early" | "done" | "failed";

export const START_STEP_ID = "$start";
export const FAILURE_STEP_ID = "$failure";

export interface CompiledTrigger {
  type: TriggerType;
  event_types: string[];
  cron: string | null;
  /** An IANA zone, or `user`: each subscriber's own. */
  timezone: string;
  catch_up: CatchUp;
}

/** When enough items of a fan-out have succeeded; `any` ends the step with the first success. */
export type ItemsRule = "all" | "any" | { at_least: number } | { percent: number };

/** What the worker reads of a step; becomes `job_queue.payload`. Expressions are CEL texts. */
export interface StepConfig {
  /** Left out for a call. */
  kind?: StepKind;
  call?: string;
  method?: StepMethod;
  /** One attempt, in milliseconds; every kind has it. */
  timeout_ms: number;
  /** The agent answers 202 and calls back within `callback_timeout_ms`. */
  mode?: "async";
  callback_timeout_ms?: number;
  /** Longest silence between two heartbeats of the agent. */
  callback_heartbeat_ms?: number;
  /** Longest time from ready to leased. */
  queue_timeout_ms?: number;
  /** Classes that are tried again; without it the agent contract's own. */
  retry_on?: ErrorClass[];
  /** Runs only if all of `unless` are false and `if` is true. */
  unless?: string[];
  if?: string;
  for_each?: string;
  max_concurrency?: number;
  success?: ItemsRule;
  /** What the agent (or the sub-workflow) gets; strings hold `${{ }}`. */
  with?: unknown;
  wait?: {
    event: string;
    match?: string;
    timeout_ms?: number;
    on_timeout: "fail" | "continue";
  };
  sleep_ms?: number;
  /** Key of the sub-workflow. */
  workflow?: string;
  /** The agent's answer may hold `steps`. */
  may_append?: true;
  /** Arguments of the template that the step comes from: evaluated first, then named `inputs`. */
  params?: Record<string, unknown>;
  /** Names in the step's own file, where they differ from step ids: `{a: "tell.a"}`. */
  names?: Record<string, string>;
  /** Step ids whose outputs an agent without `with` gets, where they are not all of `reads`. */
  passes?: string[];
  /** The step has expressions: its lease brings what they can name. */
  scoped?: true;
  start?: {
    if?: string;
    /** trigger.inputs: a map of values with `${{ }}`. */
    inputs?: Record<string, unknown>;
    /** JSON Schema of the inputs. */
    schema?: Record<string, unknown>;
    concurrency?: {
      key: string;
      max: number;
      on_conflict: "queue" | "skip" | "replace" | "cancel_new";
    };
  };
}

/** One step; edges are step numbers. */
export interface CompiledStep {
  step_no: number;
  step_id: string;
  kind: StepKind;
  phase: StepPhase;
  /** Whom the call goes to; rate limit keys name it. Steps that call nobody: `orchestrator`. */
  agent: string;
  config: StepConfig;
  max_attempts: number;
  retry_initial_ms: number;
  retry_max_ms: number;
  retry_jitter: boolean;
  depends_on: number[];
  dependents: number[];
  /** Steps whose status and output a lease brings. */
  reads: number[];
  /** The run waits for its end by itself, not by the end of a dependent. */
  is_sink: boolean;
  /** No step of the file depends on it: its output is part of the run's. */
  is_result: boolean;
  join_rule: JoinRule | null;
  join_min: number | null;
  continue_on_error: boolean;
  /** A bucket of its own instead of `user:{user_id}:agent:{agent}`; may hold both placeholders. */
  rate_limit: string | null;
  /** The step that this one undoes. */
  compensates: number | null;
}

/** The definition as registered: steps in topological order, step_no 1..n. */
export interface CompiledWorkflow {
  key: string;
  description: string | null;
  trigger: CompiledTrigger;
  /** Holders of a trigger key may start it; left out where only the project itself may. */
  public?: true;
  /** JSON Schema of the inputs, for forms. */
  inputs: Record<string, unknown> | null;
  /** The whole run, in milliseconds. */
  timeout_ms: number | null;
  steps: CompiledStep[];
}

/**
 * A step appended to a live run: edges are step ids, of the run or of siblings, because numbers are
 * given when the plan is applied.
 */
export type AppendedStep =
  & Omit<CompiledStep, "step_no" | "depends_on" | "dependents" | "reads" | "compensates">
  & { depends_on: string[]; reads: string[] };

/** Checked steps for a live run. */
export interface AppendedPlan {
  author: string;
  reason: string | null;
  /** As they were handed in. */
  source: unknown;
  steps: AppendedStep[];
}
