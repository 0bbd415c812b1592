// The rules between steps: unique ids, known dependencies, no cycle; and the call's target. Reads
// loosely, so that these findings come together with those of the shape.
import { type CallPolicy, findCallFault } from "./call_target.ts";
import { findCycles } from "./graph.ts";
import { findNearNames } from "./near.ts";
import { locatePath, type ParsedText } from "./parse.ts";
import { type ProblemList, quoteValue } from "./problems.ts";

/** A longer cycle is named by its first steps. */
const MAX_CYCLE_NAMES = 12;

interface LooseStep {
  index: number;
  id: string | null;
  call: string | null;
  dependencies: { index: number; id: string }[];
}

export function checkSteps(parsed: ParsedText, policy: CallPolicy, problems: ProblemList): void {
  const steps = readSteps(parsed.value);
  const stepOfId = new Map<string, LooseStep>();
  const locateLine = (path: (string | number)[]) => locatePath(parsed.document, path);
  for (const step of steps) {
    checkCall(step, policy, parsed, problems);
    if (step.id === null) continue;
    const first = stepOfId.get(step.id);
    if (first === undefined) {
      stepOfId.set(step.id, step);
      continue;
    }
    problems.add(
      () => locateLine(["steps", step.index, "id"]),
      `step id ${quoteValue(step.id)} is taken by steps[${first.index}]`,
      `steps[${step.index}].id`,
    );
  }
  for (const step of steps) checkDependencies(step, stepOfId, parsed, problems);
  checkCycles(steps, stepOfId, parsed, problems);
}

function checkCall(
  step: LooseStep,
  policy: CallPolicy,
  parsed: ParsedText,
  problems: ProblemList,
): void {
  if (step.call === null || step.call === "") return;
  const fault = findCallFault(step.call, policy);
  if (fault === null) return;
  const path = `steps[${step.index}].call`;
  problems.add(
    () => locatePath(parsed.document, ["steps", step.index, "call"]),
    `${path} ${fault}, got ${quoteValue(step.call)}`,
    path,
    () => findNearHosts(step.call ?? "", policy),
  );
}

function findNearHosts(call: string, policy: CallPolicy): string[] {
  return URL.canParse(call) ? findNearNames(new URL(call).host, policy.allowedAgentHosts) : [];
}

function checkDependencies(
  step: LooseStep,
  stepOfId: ReadonlyMap<string, LooseStep>,
  parsed: ParsedText,
  problems: ProblemList,
): void {
  const seen = new Set<string>();
  for (const { index, id } of step.dependencies) {
    const path = ["steps", step.index, "depends_on", index];
    const note = (message: string, near?: () => string[]) =>
      problems.add(
        () => locatePath(parsed.document, path),
        message,
        `steps[${step.index}].depends_on[${index}]`,
        near,
      );
    if (seen.has(id)) note(`depends_on names ${quoteValue(id)} twice`);
    else if (id === step.id) note(`step ${quoteValue(id)} depends on itself`);
    else if (!stepOfId.has(id)) {
      note(`unknown step ${quoteValue(id)}`, () => findNearNames(id, stepOfId.keys()));
    }
    seen.add(id);
  }
}

function checkCycles(
  steps: readonly LooseStep[],
  stepOfId: ReadonlyMap<string, LooseStep>,
  parsed: ParsedText,
  problems: ProblemList,
): void {
  const edges = steps.map((step) =>
    step.dependencies.flatMap(({ id }) => {
      const target = stepOfId.get(id);
      return target === undefined ? [] : [target.index];
    })
  );
  for (const cycle of findCycles(edges)) {
    const [first, second] = cycle.map((index) => steps[index]);
    const edge = first.dependencies.find(({ id }) => stepOfId.get(id) === second);
    problems.add(
      () => locatePath(parsed.document, ["steps", first.index, "depends_on", edge?.index ?? 0]),
      `the steps wait for each other: ${nameCycle(cycle, steps)}`,
      `steps[${first.index}].depends_on[${edge?.index ?? 0}]`,
    );
  }
}

/** Each name depends on the next: `a → b → a`. */
function nameCycle(cycle: readonly number[], steps: readonly LooseStep[]): string {
  const names = cycle.map((index) => steps[index].id ?? `steps[${index}]`);
  const shown = names.length > MAX_CYCLE_NAMES
    ? [...names.slice(0, MAX_CYCLE_NAMES), `(${names.length - MAX_CYCLE_NAMES} more)`]
    : names;
  return [...shown, names[0]].join(" → ");
}

function readSteps(value: unknown): LooseStep[] {
  const steps = readMember(value, "steps");
  if (!Array.isArray(steps)) return [];
  return steps.map((step: unknown, index) => {
    const id = readMember(step, "id");
    const call = readMember(step, "call");
    const dependencies = readMember(step, "depends_on");
    return {
      index,
      id: typeof id === "string" ? id : null,
      call: typeof call === "string" ? call : null,
      dependencies: Array.isArray(dependencies)
        ? dependencies.flatMap((id: unknown, index) =>
          typeof id === "string" ? [{ index, id }] : []
        )
        : [],
    };
  });
}

function readMember(value: unknown, name: string): unknown {
  const isMap = typeof value === "object" && value !== null && !Array.isArray(value);
  return isMap ? (value as Record<string, unknown>)[name] : undefined;
}
