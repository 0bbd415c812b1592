// Whether a step runs: all conditions of the steps that it is the else of are false, and its own is
// true. What decided is kept, so that people see why. Serves stage 5.
import type { EvaluatedCondition, LeasedJob } from "../database/rows.ts";
import type { Scope } from "./scope.ts";

export interface Decision {
  runs: boolean;
  /** The condition that decided; for a step that runs the last one that was looked at. */
  condition?: EvaluatedCondition;
}

/** Evaluates the conditions in order, and no further than needed. */
export async function decide(config: LeasedJob["config"], scope: Scope): Promise<Decision> {
  let condition: EvaluatedCondition | undefined;
  for (const expression of config.unless ?? []) {
    const result = await scope.test("else_of", expression);
    condition = { expression, result };
    if (result) return { runs: false, condition };
  }
  if (config.if !== undefined) {
    const result = await scope.test("if", config.if);
    condition = { expression: config.if, result };
    if (!result) return { runs: false, condition };
  }
  return condition === undefined ? { runs: true } : { runs: true, condition };
}
