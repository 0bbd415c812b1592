// The rules of `else_of`: it names a sibling with an `if`, in a chain with an end, and does not wait
// for it.
import type { StepGraph } from "./check_graph.ts";
import { MAX_ELSE_CHAIN } from "./else_of.ts";
import type { Findings } from "./findings.ts";
import { type LooseStep, nameStep } from "./loose_steps.ts";
import { findNearNames } from "./near.ts";
import { quoteValue } from "./problems.ts";

/** Whether the step is the else of one that has an else. */
export function checkElse(
  step: LooseStep,
  steps: readonly LooseStep[],
  indexOfId: ReadonlyMap<string, number>,
  findings: Findings,
): void {
  if (step.elseOf === null) return;
  const path = [...step.path, "else_of"];
  const other = indexOfId.get(step.elseOf);
  if (step.elseOf === step.id) {
    findings.note(path, `step ${quoteValue(step.elseOf)} is the else of itself`);
  } else if (other === undefined) {
    const findNear = () => findNearNames(step.elseOf!, indexOfId.keys());
    findings.note(path, `unknown step ${quoteValue(step.elseOf)}`, { findNear });
  } else if (other >= steps.length) {
    findings.note(path, `${quoteValue(step.elseOf)} is a step of the run: else_of names a sibling`);
  } else if (steps[other].condition === null) {
    findings.note(path, `step ${quoteValue(step.elseOf)} has no \`if\`, so it has no else`);
  } else checkChain(step, steps, indexOfId, findings);
}

function checkChain(
  step: LooseStep,
  steps: readonly LooseStep[],
  indexOfId: ReadonlyMap<string, number>,
  findings: Findings,
): void {
  const path = [...step.path, "else_of"];
  const seen = new Set([step.id]);
  let next: string | null = step.elseOf;
  while (next !== null) {
    if (seen.has(next)) {
      return findings.note(
        path,
        `the steps are the else of each other: ${[...seen, next].join(" → ")}`,
      );
    }
    seen.add(next);
    if (seen.size > MAX_ELSE_CHAIN + 1) {
      const message = `a chain of else_of has at most ${MAX_ELSE_CHAIN} links`;
      return findings.note(path, `${message}: join the branches in between`);
    }
    const index = indexOfId.get(next);
    next = index === undefined ? null : steps[index]?.elseOf ?? null;
  }
}

/** An else that waits for its if would be skipped together with it. */
export function checkElseOrder(
  step: LooseStep,
  index: number,
  { steps, indexOfId, closure }: StepGraph,
  findings: Findings,
): void {
  if (step.elseOf === null || closure === null) return;
  const other = indexOfId.get(step.elseOf);
  if (other === undefined || other === index || other >= steps.length) return;
  if (!closure.has(index, other)) return;
  findings.note(
    [...step.path, "else_of"],
    `step ${quoteValue(nameStep(step))} depends on ${quoteValue(nameStep(steps[other]))}, of ` +
      "which it is the else: it would be skipped whenever that one is",
  );
}
