// From files that have passed every check to the compiled definition: branches are resolved, templates
// expanded, steps numbered. Pure.
import type { CompiledWorkflow, StepConfig, StepPhase } from "../contract/compiled_workflow.ts";
import { parseDuration } from "../contract/duration.ts";
import type { StepFile, WorkflowFile } from "../contract/workflow_file.ts";
import { type Draft, type DraftPlace, draftStep } from "./draft.ts";
import { copyPlain, type DraftSettings, type StepDefaults } from "./draft_config.ts";
import { resolveBranches, type ResolvedBranch } from "./else_of.ts";
import { numberSteps } from "./number_steps.ts";
import { NO_USES, type StepUses } from "./step_uses.ts";
import { expandTemplate, type Template } from "./template.ts";

/** A list of steps with what the check of its expressions found, in the same order. */
export interface CheckedSteps {
  steps: readonly StepFile[];
  uses: readonly StepUses[];
}

export interface CheckedWorkflow {
  file: WorkflowFile;
  main: CheckedSteps;
  onFailure: CheckedSteps;
  templates: ReadonlyMap<string, Template>;
}

export function buildWorkflow(
  { file, main, onFailure, templates }: CheckedWorkflow,
  settings: DraftSettings,
): CompiledWorkflow {
  const { trigger } = file;
  const defaults = file.defaults ?? {};
  const options = { templates, defaults, settings };
  const drafts = [
    ...draftSteps(main, { ...options, phase: "main" }),
    ...draftSteps(onFailure, { ...options, phase: "on_failure" }),
  ];
  return {
    key: file.key,
    description: file.description ?? null,
    trigger: {
      type: trigger.type,
      event_types: trigger.event_types ?? [],
      cron: trigger.cron ?? null,
      timezone: trigger.timezone ?? "UTC",
      catch_up: trigger.catch_up ?? "none",
    },
    ...(file.public === true ? { public: true as const } : {}),
    inputs: file.inputs === undefined ? null : copyPlain(file.inputs),
    timeout_ms: file.timeout === undefined ? null : parseDuration(file.timeout),
    steps: numberSteps(drafts, buildStart(file), settings),
  };
}

/** What the start step evaluates, or null where a run simply begins. */
function buildStart(file: WorkflowFile): NonNullable<StepConfig["start"]> | null {
  const { trigger, inputs, concurrency } = file;
  const start: NonNullable<StepConfig["start"]> = {};
  if (trigger.if !== undefined) start.if = trigger.if;
  if (trigger.inputs !== undefined) start.inputs = copyPlain(trigger.inputs);
  if (inputs !== undefined) start.schema = copyPlain(inputs);
  if (concurrency !== undefined) {
    const { key, max = 1, on_conflict = "queue" } = concurrency;
    start.concurrency = { key, max, on_conflict };
  }
  return Object.keys(start).length > 0 ? start : null;
}

export interface DraftOptions {
  phase: StepPhase;
  templates: ReadonlyMap<string, Template>;
  defaults: StepDefaults;
  settings: DraftSettings;
}

/** Drafts a list of steps, those of templates and those that undo included. */
export function draftSteps({ steps, uses }: CheckedSteps, options: DraftOptions): Draft[] {
  const branches = resolveSteps(steps);
  return steps.flatMap((step, index) => {
    const branch = branches[index];
    const place: DraftPlace = {
      ...options,
      id: step.id,
      dependsOn: branch.dependsOn,
      join: branch.join,
      unless: branch.unless.map((other) => steps[other].if!),
      unlessNames: branch.unless.flatMap((other) => uses[other]?.condition ?? []),
      uses: uses[index] ?? NO_USES,
      idOfName: (name) => name,
    };
    if (step.use === undefined) return draftStep(step, place);
    return expandTemplate(step, place, options.templates.get(step.use)!);
  });
}

export function resolveSteps(
  steps: readonly StepFile[],
): ResolvedBranch<NonNullable<StepFile["join"]>>[] {
  return resolveBranches(steps.map((step) => ({
    id: step.id,
    dependsOn: step.depends_on ?? [],
    elseOf: step.else_of ?? null,
    hasCondition: step.if !== undefined,
    join: step.join ?? null,
  })));
}
