// A list of steps as far as it can be read, for the checks between steps.
import { STEP_ACTIONS, type StepAction } from "../contract/workflow_file.ts";
import { asMap, asText, type LooseMap, readMember } from "./findings.ts";
import type { Path } from "./parse.ts";

export type StepList = "steps" | "on_failure";

export interface LooseStep {
  path: Path;
  id: string | null;
  /** The keys of the step; empty where it is no map. */
  keys: LooseMap;
  /** What it does: usually one, after a mistake none or several. */
  actions: StepAction[];
  dependencies: { path: Path; id: string }[];
  elseOf: string | null;
  condition: string | null;
}

export function readSteps(file: unknown, list: StepList): LooseStep[] {
  const steps = readMember(file, list);
  if (!Array.isArray(steps)) return [];
  return steps.map((step: unknown, index) => readStep(step, [list, index]));
}

/** How a message names a step. */
export function nameStep({ id, path }: LooseStep): string {
  return id ?? `${path[0]}[${path[1]}]`;
}

function readStep(step: unknown, path: Path): LooseStep {
  const keys = asMap(step) ?? {};
  const dependencies = keys.depends_on;
  return {
    path,
    id: asText(keys.id),
    keys,
    actions: STEP_ACTIONS.filter((action) => Object.hasOwn(keys, action)),
    dependencies: Array.isArray(dependencies)
      ? dependencies.flatMap((id: unknown, index) =>
        typeof id === "string" ? [{ path: [...path, "depends_on", index], id }] : []
      )
      : [],
    elseOf: asText(keys.else_of),
    condition: asText(keys.if),
  };
}
