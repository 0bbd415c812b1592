// One step of a file as the step that the database runs, with every default filled in and edges still
// as step ids. Pure; serves the compiler of files and of steps that are appended to a run.
import type {
  AppendedStep,
  StepConfig,
  StepKind,
  StepPhase,
} from "../contract/compiled_workflow.ts";
import type { RetryFile, StepFile } from "../contract/workflow_file.ts";
import { nameAgent } from "./call_target.ts";
import {
  type ActionPlace,
  copyPlain,
  draftAction,
  draftRetry,
  type DraftSettings,
  type Join,
  OWN_AGENT,
  readJoin,
} from "./draft_config.ts";
import type { StepUses } from "./step_uses.ts";

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

/** Where a step's file stands in the definition. */
export interface DraftPlace extends ActionPlace {
  id: string;
  phase: StepPhase;
  /** Step ids. */
  dependsOn: string[];
  /** The same by the names of the step's own file, where these are others. */
  dependsOnNames?: readonly string[];
  join: StepFile["join"] | null;
  /** The names that the conditions of `unless` use. */
  unlessNames: readonly string[];
  uses: StepUses;
  /** From the names in the step's file to step ids. */
  idOfName(name: string): string;
  /** A template's arguments, and the step ids that they use. */
  params?: Record<string, unknown>;
  paramIds?: readonly string[];
  continueOnError?: boolean;
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
    passedNames: place.dependsOnNames,
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

/** What every row of a step says alike, in a file's definition and in a plan. */
export function describeDraft(draft: Draft) {
  return {
    step_id: draft.id,
    kind: draft.kind,
    phase: draft.phase,
    agent: draft.agent,
    config: draft.config,
    max_attempts: draft.maxAttempts,
    retry_initial_ms: draft.retryInitialMs,
    retry_max_ms: draft.retryMaxMs,
    retry_jitter: draft.retryJitter,
    join_rule: draft.join?.rule ?? null,
    join_min: draft.join?.min ?? null,
    continue_on_error: draft.continueOnError,
    rate_limit: draft.rateLimit,
  } satisfies Partial<AppendedStep>;
}

interface DraftNeeds {
  place: DraftPlace;
  /** Names that its expressions use. */
  names: readonly string[];
  hasExpressions: boolean;
  /** It has `with`, if only without expressions: its inputs are made, not brought. */
  hasValues: boolean;
  /** Ids of the steps whose outputs the agent gets, or null where `with` says what it gets. */
  passes: string[] | null;
  /** These steps by the names of the step's file. */
  passedNames?: readonly string[];
}

/** Adds what the step reads, and what it needs to evaluate its expressions. */
function finishDraft(draft: Draft, needs: DraftNeeds): Draft {
  const { place, hasExpressions, hasValues, passes } = needs;
  const ids = needs.names.map((name) => place.idOfName(name));
  const hasParams = hasExpressions && place.params !== undefined;
  const reads = new Set([...passes ?? [], ...ids, ...(hasParams ? place.paramIds ?? [] : [])]);
  const named = [...needs.names, ...(passes === null ? [] : needs.passedNames ?? [])];
  const renamed = [...new Set(named)].map((name) => [name, place.idOfName(name)] as const)
    .filter(([name, id]) => name !== id);
  const config: StepConfig = { ...draft.config };
  if (hasParams) config.params = place.params;
  if (renamed.length > 0) config.names = Object.fromEntries(renamed);
  if (passes !== null && reads.size > passes.length) config.passes = passes;
  if (hasExpressions || hasValues) config.scoped = true;
  return { ...draft, config, reads: [...reads] };
}
