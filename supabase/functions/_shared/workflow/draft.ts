// One step of a file as the step that the database runs, with every default filled in and edges still
// as step ids. Pure; serves the compiler of files and of steps that are appended to a run.
import type { JoinRule, StepConfig, StepKind, StepPhase } from "../contract/compiled_workflow.ts";
import { parseDuration } from "../contract/duration.ts";
import type { Settings } from "../contract/settings.ts";
import type { RetryFile, StepFile } from "../contract/workflow_file.ts";
import { nameAgent } from "./call_target.ts";
import type { StepUses } from "./step_uses.ts";

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

export interface Draft {
  id: string;
  kind: StepKind;
  phase: StepPhase;
  agent: string;
  config: StepConfig;
  maxAttempts: number;
  retryInitialMs: number;
  retryMaxMs: number;
  retryJitter: boolean;
  dependsOn: string[];
  reads: string[];
  join: Join | null;
  continueOnError: boolean;
  rateLimit: string | null;
  compensates: string | null;
}

/** What a file says for all of its steps. */
export interface StepDefaults {
  retry?: RetryFile;
  timeout_ms?: number;
}

/** Where a step's file stands in the definition. */
export interface DraftPlace {
  id: string;
  phase: StepPhase;
  /** Step ids. */
  dependsOn: string[];
  join: StepFile["join"] | null;
  /** Conditions that must be false, and the names that they use. */
  unless: string[];
  unlessNames: readonly string[];
  uses: StepUses;
  /** From the names in the step's file to step ids. */
  idOfName(name: string): string;
  /** A template's arguments, and the step ids that they use. */
  params?: Record<string, unknown>;
  paramIds?: readonly string[];
  continueOnError?: boolean;
  defaults: StepDefaults;
  settings: DraftSettings;
}

/** The step itself, and the one that undoes it. */
export function draftStep(step: StepFile, place: DraftPlace): Draft[] {
  const { uses, defaults } = place;
  const draft = finishDraft({
    ...draftBasics(place, { ...defaults.retry, ...step.retry }),
    ...draftAction(step, place),
    join: readJoin(place.join ?? null, place.dependsOn.length),
    continueOnError: step.continue_on_error ?? place.continueOnError ?? false,
    rateLimit: step.rate_limit ?? null,
  }, {
    place,
    names: [...place.unlessNames, ...uses.condition, ...uses.values],
    hasExpressions: place.unless.length > 0 || uses.hasExpressions,
    hasValues: step.with !== undefined,
    passes: (step.call !== undefined && step.with === undefined && step.for_each === undefined)
      ? place.dependsOn
      : null,
  });
  const undo = draftCompensation(step, place, draft);
  return undo === null ? [draft] : [draft, undo];
}

/** The step that starts a run, and the one that ends a failed one. */
export function draftOwnStep(
  id: string,
  kind: StepKind,
  config: Partial<StepConfig>,
  settings: DraftSettings,
): Draft {
  return {
    ...draftBasics({ id, phase: "main", dependsOn: [], settings, defaults: {} }, {}),
    kind,
    agent: OWN_AGENT,
    config: { kind, timeout_ms: settings.stepTimeoutMs, ...config },
  };
}

function draftCompensation(step: StepFile, place: DraftPlace, undone: Draft): Draft | null {
  const { compensate } = step;
  if (compensate === undefined) return null;
  const { uses, defaults, settings } = place;
  const { retry_on, ...basics } = draftRetry({ ...defaults.retry, ...compensate.retry }, settings);
  const id = `${place.id}.$compensate`;
  const draft: Draft = {
    ...draftBasics({ ...place, id, phase: "compensate", dependsOn: [] }, {}),
    ...basics,
    agent: nameAgent(compensate.call),
    config: {
      call: compensate.call,
      method: compensate.method ?? "POST",
      timeout_ms: compensate.timeout_ms ?? defaults.timeout_ms ?? settings.stepTimeoutMs,
      ...(retry_on === undefined ? {} : { retry_on }),
      ...(compensate.with === undefined ? {} : { with: copyPlain(compensate.with) }),
    },
    compensates: undone.id,
  };
  return finishDraft(draft, {
    place,
    names: uses.compensate,
    hasExpressions: uses.compensateHasExpressions,
    hasValues: compensate.with !== undefined,
    passes: compensate.with === undefined ? [undone.id] : null,
  });
}

function draftBasics(
  place: Pick<DraftPlace, "id" | "phase" | "dependsOn" | "settings" | "defaults">,
  retry: RetryFile,
): Draft {
  const { retry_on: _, ...basics } = draftRetry(retry, place.settings);
  return {
    id: place.id,
    kind: "call",
    phase: place.phase,
    agent: OWN_AGENT,
    config: { timeout_ms: place.defaults.timeout_ms ?? place.settings.stepTimeoutMs },
    ...basics,
    dependsOn: place.dependsOn,
    reads: [],
    join: null,
    continueOnError: false,
    rateLimit: null,
    compensates: null,
  };
}

/** One bound of the backoff that is given moves the other one, which is only a setting, out of its way. */
function draftRetry(retry: RetryFile, settings: DraftSettings) {
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

/** What the step does: kind, agent and the keys of its config. */
function draftAction(step: StepFile, place: DraftPlace): Pick<Draft, "kind" | "agent" | "config"> {
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

function draftCall(step: StepFile, { settings, defaults }: DraftPlace): Partial<StepConfig> {
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

/** Adds what the step reads, and what it needs to evaluate its expressions. */
function finishDraft(draft: Draft, { place, names, hasExpressions, hasValues, passes }: {
  place: DraftPlace;
  /** Names that its expressions use. */
  names: readonly string[];
  hasExpressions: boolean;
  /** It has `with`, if only without expressions: its inputs are made, not brought. */
  hasValues: boolean;
  /** Ids of the steps whose outputs the agent gets, or null where `with` says what it gets. */
  passes: string[] | null;
}): Draft {
  const used = [...new Set(names)];
  const ids = used.map((name) => place.idOfName(name));
  const hasParams = hasExpressions && place.params !== undefined;
  const reads = new Set([...passes ?? [], ...ids, ...(hasParams ? place.paramIds ?? [] : [])]);
  const renamed = used.flatMap((name, at) => ids[at] === name ? [] : [[name, ids[at]]]);
  const config: StepConfig = { ...draft.config };
  if (hasParams) config.params = place.params;
  if (renamed.length > 0) config.names = Object.fromEntries(renamed);
  if (passes !== null && reads.size > passes.length) config.passes = passes;
  if (hasExpressions || hasValues) config.scoped = true;
  return { ...draft, config, reads: [...reads] };
}

function readJoin(join: StepFile["join"] | null, dependencies: number): Join | null {
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
