// What a step's keys become in the definition: the config that the worker reads, the join, the backoff.
// Every default is filled in. Pure.
import type { JoinRule, StepConfig, StepKind } from "../contract/compiled_workflow.ts";
import { parseDuration } from "../contract/duration.ts";
import type { Settings } from "../contract/settings.ts";
import type { RetryFile, StepFile } from "../contract/workflow_file.ts";
import { nameAgent } from "./call_target.ts";

/** The agent of steps that call nobody. */
export const OWN_AGENT = "orchestrator";

export type DraftSettings = Pick<
  Settings,
  "stepTimeoutMs" | "maxAttempts" | "retryInitialMs" | "retryMaxMs" | "callbackTimeoutMs"
>;

export interface Join {
  rule: JoinRule;
  min: number;
}

/** What a file says for all of its steps. */
export interface StepDefaults {
  retry?: RetryFile;
  timeout_ms?: number;
}

/** Where the action of a step stands. */
export interface ActionPlace {
  /** Conditions that must be false. */
  unless: string[];
  defaults: StepDefaults;
  settings: DraftSettings;
}

export interface Action {
  kind: StepKind;
  agent: string;
  config: StepConfig;
}

/** What the step does: kind, agent and the keys of its config. */
export function draftAction(step: StepFile, place: ActionPlace): Action {
  const { settings, defaults, unless } = place;
  const timeout_ms = step.timeout_ms ?? defaults.timeout_ms ?? settings.stepTimeoutMs;
  const conditions: Partial<StepConfig> = {
    ...(unless.length === 0 ? {} : { unless }),
    ...(step.if === undefined ? {} : { if: step.if }),
    ...draftFanOut(step),
    ...(step.with === undefined ? {} : { with: copyPlain(step.with) }),
  };
  if (step.sleep !== undefined) {
    const config = {
      kind: "sleep" as const,
      timeout_ms,
      ...conditions,
      sleep_ms: readMs(step.sleep)!,
    };
    return { kind: "sleep", agent: OWN_AGENT, config };
  }
  if (step.wait !== undefined) {
    const config = { kind: "wait" as const, timeout_ms, ...conditions, wait: draftWait(step.wait) };
    return { kind: "wait", agent: OWN_AGENT, config };
  }
  if (step.workflow !== undefined) {
    const { workflow } = step;
    const config = { kind: "workflow" as const, timeout_ms, ...conditions, workflow };
    return { kind: "workflow", agent: OWN_AGENT, config };
  }
  const call = step.call!;
  const config = { call, method: step.method ?? "POST", timeout_ms, ...draftCall(step, place) };
  return { kind: "call", agent: nameAgent(call), config: { ...config, ...conditions } };
}

function draftCall(step: StepFile, { settings, defaults }: ActionPlace): Partial<StepConfig> {
  const config: Partial<StepConfig> = {};
  if (step.mode === "async") {
    config.mode = "async";
    config.callback_timeout_ms = readMs(step.callback_timeout) ?? settings.callbackTimeoutMs;
    const heartbeatMs = readMs(step.heartbeat);
    if (heartbeatMs !== undefined) config.callback_heartbeat_ms = heartbeatMs;
  }
  const queueTimeoutMs = readMs(step.queue_timeout);
  if (queueTimeoutMs !== undefined) config.queue_timeout_ms = queueTimeoutMs;
  const retryOn = step.retry?.on ?? defaults.retry?.on;
  if (retryOn !== undefined) config.retry_on = retryOn;
  if (step.may_append === true) config.may_append = true;
  return config;
}

function draftFanOut(step: StepFile): Partial<StepConfig> {
  if (step.for_each === undefined) return {};
  const { for_each, max_concurrency, success } = step;
  return {
    for_each,
    ...(max_concurrency === undefined ? {} : { max_concurrency }),
    success: typeof success !== "object"
      ? success ?? "all"
      : success.at_least !== undefined
      ? { at_least: success.at_least }
      : { percent: success.percent! },
  };
}

function draftWait(wait: NonNullable<StepFile["wait"]>): StepConfig["wait"] {
  const timeoutMs = readMs(wait.timeout);
  return {
    event: wait.event,
    ...(wait.match === undefined ? {} : { match: wait.match }),
    ...(timeoutMs === undefined ? {} : { timeout_ms: timeoutMs }),
    on_timeout: wait.on_timeout ?? "fail",
  };
}

/** One bound of the backoff that is given moves the other one, which is only a setting, out of its way. */
export function draftRetry(retry: RetryFile, settings: DraftSettings) {
  const initialMs = readMs(retry.initial);
  const maxMs = readMs(retry.max);
  return {
    maxAttempts: retry.max_attempts ?? settings.maxAttempts,
    retryInitialMs: initialMs ?? Math.min(settings.retryInitialMs, maxMs ?? Infinity),
    retryMaxMs: maxMs ?? Math.max(settings.retryMaxMs, initialMs ?? 0),
    retryJitter: retry.jitter !== "none",
    retry_on: retry.on,
  };
}

export function readJoin(join: StepFile["join"] | null, dependencies: number): Join | null {
  switch (join) {
    case null:
    case undefined:
      return null;
    case "all_success":
      return { rule: "all", min: dependencies };
    case "none_failed":
      return { rule: "all", min: 0 };
    case "any_success":
      return { rule: "early", min: 1 };
    case "all_done":
      return { rule: "done", min: 0 };
    default:
      return { rule: "early", min: join.at_least };
  }
}

function readMs(duration: string | undefined): number | undefined {
  return duration === undefined ? undefined : parseDuration(duration) ?? undefined;
}

/** The parser's maps have no prototype; whoever reads the definition meets plain ones. */
export function copyPlain<T>(value: T): T {
  return JSON.parse(JSON.stringify(value)) as T;
}
