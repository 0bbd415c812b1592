// Templates: steps of another file that take the place of a step with `use`. They are expanded at
// publish, so that the graph of a run is known before it starts. Pure.
import type { StepFile, TemplateFile } from "../contract/workflow_file.ts";
import { type Draft, type DraftPlace, draftStep } from "./draft.ts";
import { copyPlain } from "./draft_config.ts";
import { resolveBranches } from "./else_of.ts";
import type { StepUses } from "./step_uses.ts";

/** A template that has passed its checks. */
export interface Template {
  file: TemplateFile;
  uses: readonly StepUses[];
}

/**
 * The template's steps in the place of the step that uses it. The one that no other depends on gets
 * the using step's id, the others are `<use>.<inner>`. The condition of the using step sees the names
 * outside of the template, so it becomes a step of its own, which the template's first steps wait for.
 */
export function expandTemplate(step: StepFile, place: DraftPlace, template: Template): Draft[] {
  const gate = draftGate(step, place);
  const { file, uses } = template;
  const inner = file.steps;
  const result = findResult(inner);
  const idOfName = (name: string) => name === inner[result]?.id ? place.id : `${place.id}.${name}`;
  const branches = resolveBranches(inner.map((it) => ({
    id: it.id,
    dependsOn: it.depends_on ?? [],
    elseOf: it.else_of ?? null,
    hasCondition: it.if !== undefined,
    join: it.join ?? null,
  })));
  const params = { ...readDefaults(file.inputs), ...copyPlain(step.with ?? {}) as object };
  const first = gate === null
    ? { dependsOn: place.dependsOn, join: place.join }
    : { dependsOn: [gate.id], join: null };
  const drafts = inner.flatMap((it, index) => {
    const { dependsOn, unless, join } = branches[index];
    const isFirst = dependsOn.length === 0;
    return draftStep(it, {
      ...place,
      id: idOfName(it.id),
      dependsOn: isFirst ? first.dependsOn : dependsOn.map(idOfName),
      dependsOnNames: isFirst ? [] : dependsOn,
      join: isFirst ? first.join : join,
      unless: unless.map((other) => inner[other].if!),
      unlessNames: unless.flatMap((other) => uses[other].condition),
      uses: uses[index],
      idOfName,
      params,
      paramIds: place.uses.values,
      continueOnError: step.continue_on_error,
    });
  });
  return gate === null ? drafts : [gate, ...drafts];
}

/** The index of the step that no other depends on; -1 if there is not exactly one. */
export function findResult(steps: readonly StepFile[]): number {
  const dependencies = new Set(steps.flatMap((step) => step.depends_on ?? []));
  const ends = steps.flatMap(({ id }, index) => dependencies.has(id) ? [] : [index]);
  return ends.length === 1 ? ends[0] : -1;
}

/** A step that waits for nothing and only holds the condition. */
function draftGate(step: StepFile, place: DraftPlace): Draft | null {
  if (step.if === undefined && place.unless.length === 0) return null;
  const [gate] = draftStep({ id: step.id, sleep: "1ms", if: step.if }, {
    ...place,
    id: `${place.id}.$if`,
    uses: {
      ...place.uses,
      values: [],
      hasExpressions: true,
    },
  });
  return gate;
}

/** The defaults of the schema's properties. */
export function readDefaults(schema: Record<string, unknown> | undefined): Record<string, unknown> {
  const properties = Object.entries((schema?.properties ?? {}) as Record<string, unknown>);
  const defaults = properties.flatMap(([name, property]) => {
    const value = (property as { default?: unknown } | null)?.default;
    return value === undefined ? [] : [[name, copyPlain(value)]];
  });
  return Object.fromEntries(defaults);
}
