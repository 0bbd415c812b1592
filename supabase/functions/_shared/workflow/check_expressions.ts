// The expressions of a file: each is read once, and may name only what its place knows. Tells for each
// step which others its expressions name.
import { CANDIDATE_MEMBERS } from "./check_members.ts";
import type { StepGraph } from "./check_graph.ts";
import type { ExpressionReader, Sight } from "./expression_reader.ts";
import { readMember } from "./findings.ts";
import type { LooseStep } from "./loose_steps.ts";
import type { StepUses } from "./step_uses.ts";

const STEP_VARIABLES = ["inputs", "event", "run"];
const ITEM_VARIABLES = [...STEP_VARIABLES, "item", "index"];

/** For places that see no steps at all. */
const BLIND: Sight = { allSteps: [], canSee: () => false };

/** A step sees what it depends on, and `more`; where there are cycles it is not judged. */
export function seeDependencies(
  { closure, indexOfId }: StepGraph,
  index: number,
  allSteps: readonly string[],
  more?: ReadonlyMap<string, number>,
): Sight {
  const canSee = (name: string) => {
    const other = indexOfId.get(name);
    if (other === undefined) return more?.has(name) ?? false;
    return closure === null || closure.has(index, other);
  };
  return { allSteps, canSee };
}

/** The expressions of trigger and concurrency, which are evaluated before any step. */
export function checkStartExpressions(reader: ExpressionReader): void {
  const { value } = reader.findings.parsed;
  const trigger = readMember(value, "trigger");
  const concurrency = readMember(value, "concurrency");
  const event = { variables: ["event"], sight: BLIND };
  reader.readText(["trigger", "if"], readMember(trigger, "if"), { ...event, wanted: "bool" });
  reader.readValue(["trigger", "inputs"], readMember(trigger, "inputs"), event);
  reader.readText(["concurrency", "key"], readMember(concurrency, "key"), {
    variables: ["inputs", "event"],
    sight: BLIND,
  });
}

/** The expressions of one step. */
export function checkStepExpressions(
  step: LooseStep,
  sight: Sight,
  reader: ExpressionReader,
): StepUses {
  const { keys, path } = step;
  const at = (...rest: string[]) => [...path, ...rest];
  const place = { variables: STEP_VARIABLES, sight };
  const condition = reader.readText(at("if"), keys.if, { ...place, wanted: "bool" });
  const list = reader.readText(at("for_each"), keys.for_each, { ...place, wanted: "list" });
  const match = reader.readText(at("wait", "match"), readMember(keys.wait, "match"), {
    ...place,
    wanted: "bool",
    members: CANDIDATE_MEMBERS,
  });
  const values = reader.readValue(at("with"), keys.with, {
    variables: keys.for_each === undefined ? STEP_VARIABLES : ITEM_VARIABLES,
    sight,
  });
  const undone = reader.readValue(at("compensate", "with"), readMember(keys.compensate, "with"), {
    variables: STEP_VARIABLES,
    sight: {
      allSteps: sight.allSteps,
      canSee: (name) => name === step.id || sight.canSee(name),
    },
  });
  return {
    condition: condition.reads,
    values: [...new Set([...list.reads, ...match.reads, ...values.reads])],
    compensate: undone.reads,
    hasExpressions: [condition, list, match, values].some((it) => it.hasExpressions),
    compensateHasExpressions: undone.hasExpressions,
  };
}
