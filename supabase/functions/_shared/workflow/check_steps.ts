// All that is checked of the steps of a file: each by itself, the graph, the expressions, the templates
// that they use.
import { type ActionPolicy, checkAction } from "./check_actions.ts";
import { checkStepExpressions, seeDependencies } from "./check_expressions.ts";
import { ExpressionReader } from "./expression_reader.ts";
import { checkGraph, type StepGraph } from "./check_graph.ts";
import { checkUse } from "./check_use.ts";
import type { Findings } from "./findings.ts";
import { type LooseStep, readSteps } from "./loose_steps.ts";
import type { StepUses } from "./step_uses.ts";
import type { TemplateBook } from "./template_book.ts";

/** What the expressions of the steps name, in the order of the steps. */
export interface StepsUses {
  main: StepUses[];
  onFailure: StepUses[];
}

const ON_FAILURE_KEYS = {
  compensate: "has no effect: nothing undoes the steps of on_failure",
  may_append: "has no effect: nothing can be appended once the run has failed",
};

/** Checks `steps` and `on_failure` of a workflow. */
export function checkWorkflowSteps(
  policy: ActionPolicy,
  templates: TemplateBook,
  findings: Findings,
): StepsUses {
  const { value } = findings.parsed;
  const main = readSteps(value, "steps");
  const handlers = readSteps(value, "on_failure");
  const allSteps = [...main, ...handlers].flatMap(({ id }) => id ?? []);
  const mainGraph = checkGraph(main, handlers, findings);
  const handlerGraph = checkGraph(handlers, main, findings);
  const handlerPolicy = { ...policy, refusedKeys: ON_FAILURE_KEYS };
  const uses = {
    main: checkEach(mainGraph, { allSteps, policy, templates }, findings),
    onFailure: checkEach(handlerGraph, {
      allSteps,
      policy: handlerPolicy,
      templates,
      more: mainGraph.indexOfId,
    }, findings),
  };
  templates.checkSize([...main, ...handlers], findings);
  return uses;
}

/** Checks the steps of a template, or those that are appended to a run. */
export function checkPlainSteps(
  policy: ActionPolicy,
  existing: readonly string[],
  findings: Findings,
): { graph: StepGraph; uses: StepUses[] } {
  const steps = readSteps(findings.parsed.value, "steps");
  const graph = checkGraph(steps, [], findings, existing);
  const allSteps = [...steps.flatMap(({ id }) => id ?? []), ...existing];
  return { graph, uses: checkEach(graph, { allSteps, policy }, findings) };
}

interface EachOptions {
  allSteps: readonly string[];
  policy: ActionPolicy;
  templates?: TemplateBook;
  /** Steps of the other list that all of these see. */
  more?: ReadonlyMap<string, number>;
}

function checkEach(graph: StepGraph, options: EachOptions, findings: Findings): StepUses[] {
  const { allSteps, policy, templates, more } = options;
  const reader = new ExpressionReader(findings);
  return graph.steps.map((step: LooseStep, index) => {
    checkAction(step, policy, findings);
    if (templates !== undefined) checkUse(step, templates, findings);
    return checkStepExpressions(step, seeDependencies(graph, index, allSteps, more), reader);
  });
}
