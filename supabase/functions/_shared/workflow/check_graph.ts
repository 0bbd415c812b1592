// The rules between the steps of a list: unique ids, known dependencies, branches and joins that make
// sense, no cycle.
import { type Findings, readMember } from "./findings.ts";
import { checkElse, checkElseOrder } from "./check_else.ts";
import { closeGraph, type Closure } from "./closure.ts";
import { countDependencies, MAX_DEPENDENCIES, resolveBranches } from "./else_of.ts";
import { findCycles } from "./graph.ts";
import { type LooseStep, nameStep } from "./loose_steps.ts";
import { findNearNames } from "./near.ts";
import { quoteValue, writePath } from "./problems.ts";

/** A longer cycle is named by its first steps. */
const MAX_CYCLE_NAMES = 12;

export interface StepGraph {
  steps: readonly LooseStep[];
  indexOfId: ReadonlyMap<string, number>;
  /** Dependencies of each step as indexes, those that `else_of` takes over included. */
  edges: readonly (readonly number[])[];
  /** For each step the steps whose condition must be false. */
  unless: readonly (readonly number[])[];
  /** What each step depends on through others; not known where there are cycles. */
  closure: Closure | null;
}

/**
 * `others` are the steps of the file's other list, which a step can name by mistake; `existing` those
 * of the run that steps are appended to, which it may name.
 */
export function checkGraph(
  steps: readonly LooseStep[],
  others: readonly LooseStep[],
  findings: Findings,
  existing: readonly string[] = [],
): StepGraph {
  const indexOfId = indexSteps(steps, others, existing, findings);
  const otherIds = new Set(others.flatMap(({ id }) => id ?? []));
  for (const step of steps) checkDependencies(step, indexOfId, otherIds, findings);
  for (const step of steps) checkElse(step, steps, indexOfId, findings);
  const loose = steps.map((step) => ({
    id: step.id ?? "",
    dependsOn: step.dependencies.map(({ id }) => id),
    elseOf: step.elseOf,
    hasCondition: step.condition !== null,
    join: readMember(step.keys, "join") ?? null,
  }));
  if (countDependencies(loose) > MAX_DEPENDENCIES) {
    const message = `the steps have more than ${MAX_DEPENDENCIES} dependencies, those of else_of ` +
      "included";
    findings.note([steps[0].path[0]], message);
    return {
      steps,
      indexOfId,
      edges: steps.map(() => []),
      unless: steps.map(() => []),
      closure: null,
    };
  }
  const branches = resolveBranches(loose);
  const edges = [
    ...branches.map(({ dependsOn }) => dependsOn.flatMap((id) => indexOfId.get(id) ?? [])),
    // What the steps of the run depend on is not known here.
    ...existing.map(() => []),
  ];
  const graph = { steps, indexOfId, edges, unless: branches.map(({ unless }) => unless) };
  const isAcyclic = checkCycles(graph, findings);
  const closure = isAcyclic ? closeGraph(edges) : null;
  for (const [index, step] of steps.entries()) {
    checkJoin(step, branches[index].join, edges[index].length, findings);
    checkElseOrder(step, index, { ...graph, closure }, findings);
  }
  return { ...graph, closure };
}

function indexSteps(
  steps: readonly LooseStep[],
  others: readonly LooseStep[],
  existing: readonly string[],
  findings: Findings,
): Map<string, number> {
  const indexOfId = new Map(existing.map((id, index) => [id, steps.length + index]));
  const taken = new Map(existing.map((id) => [id, "a step of the run"]));
  // The second list looks at the first, never both at each other.
  for (const { id, path } of others) {
    if (id !== null && path[0] === "steps") taken.set(id, writePath(path));
  }
  for (const [index, step] of steps.entries()) {
    if (step.id === null) continue;
    const first = taken.get(step.id);
    if (first === undefined) {
      taken.set(step.id, writePath(step.path));
      indexOfId.set(step.id, index);
      continue;
    }
    findings.note([...step.path, "id"], `step id ${quoteValue(step.id)} is taken by ${first}`);
  }
  return indexOfId;
}

function checkDependencies(
  step: LooseStep,
  indexOfId: ReadonlyMap<string, number>,
  otherIds: ReadonlySet<string>,
  findings: Findings,
): void {
  const seen = new Set<string>();
  for (const { path, id } of step.dependencies) {
    if (seen.has(id)) findings.note(path, `depends_on names ${quoteValue(id)} twice`);
    else if (id === step.id) findings.note(path, `step ${quoteValue(id)} depends on itself`);
    else if (!indexOfId.has(id)) noteUnknown(id, path, step, { indexOfId, otherIds }, findings);
    seen.add(id);
  }
}

function noteUnknown(
  id: string,
  path: LooseStep["path"],
  step: LooseStep,
  { indexOfId, otherIds }: {
    indexOfId: ReadonlyMap<string, number>;
    otherIds: ReadonlySet<string>;
  },
  findings: Findings,
): void {
  if (!otherIds.has(id)) {
    const findNear = () => findNearNames(id, indexOfId.keys());
    return findings.note(path, `unknown step ${quoteValue(id)}`, { findNear });
  }
  const why = step.path[0] === "on_failure"
    ? "is no step of on_failure: these wait for the end of all others anyway, and may read them in " +
      "expressions"
    : "is a step of on_failure, which runs only after a failure";
  findings.note(path, `${quoteValue(id)} ${why}`);
}

function checkJoin(
  step: LooseStep,
  join: unknown,
  dependencies: number,
  findings: Findings,
): void {
  if (join === null) return;
  const isOwn = readMember(step.keys, "join") === join;
  const path = [...step.path, isOwn ? "join" : "else_of"];
  if (dependencies === 0) {
    if (isOwn) findings.noteUseless(path, "the step depends on no other");
    return;
  }
  const least = readMember(join, "at_least");
  if (typeof least !== "number" || least <= dependencies) return;
  findings.note(
    isOwn ? [...path, "at_least"] : path,
    `the join waits for ${least} successes, but the step has ${dependencies} ` +
      `${dependencies === 1 ? "dependency" : "dependencies"}`,
  );
}

/** Notes cycles; true where there are none. */
function checkCycles(
  { steps, edges }: Pick<StepGraph, "steps" | "edges">,
  findings: Findings,
): boolean {
  const isLoop = steps.some((_, index) => edges[index].includes(index));
  const cycles = findCycles(edges);
  for (const cycle of cycles) {
    const [first, second] = cycle.map((index) => steps[index]);
    const edge = first.dependencies.find(({ id }) => id === second.id);
    findings.note(
      edge?.path ?? [...first.path, "else_of"],
      `the steps wait for each other: ${nameCycle(cycle, steps)}`,
    );
  }
  return !isLoop && cycles.length === 0;
}

/** Each name depends on the next: `a → b → a`. */
function nameCycle(cycle: readonly number[], steps: readonly LooseStep[]): string {
  const names = cycle.map((index) => nameStep(steps[index]));
  const shown = names.length > MAX_CYCLE_NAMES
    ? [...names.slice(0, MAX_CYCLE_NAMES), `(${names.length - MAX_CYCLE_NAMES} more)`]
    : names;
  return [...shown, names[0]].join(" → ");
}
