// The steps of a definition: as a graph, as a table that says the same, and one of them in full.
import { useState } from "preact/hooks";
import type {
  CompiledStep,
  CompiledWorkflow,
} from "../../../../supabase/functions/_shared/contract/compiled_workflow.ts";
import { html } from "../../html.ts";
import { linkTo, type Route } from "../../router.ts";
import { type Column, Table } from "../../ui/table.ts";
import { describeAction, describeJoin, nameStep } from "../../ui/workflow_words.ts";
import { DefinitionGraph } from "./definition_graph.ts";
import { StepDetails } from "./step_details.ts";

/** Above this many, a list tells more than a graph, and comes first. */
const MANY_STEPS = 300;

export interface GraphTabProps {
  compiled: CompiledWorkflow;
  route: Route;
}

export function GraphTab({ compiled, route }: GraphTabProps) {
  const [isAsked, setAsked] = useState(false);
  const { steps } = compiled;
  const hasMany = steps.length > MANY_STEPS;
  const hrefOf = (stepId: string) => linkTo(route.parts, { ...route.query, step: stepId });
  const selected = steps.find(({ step_id }) => step_id === route.query.step);
  const graph = !hasMany || isAsked
    ? html`
      <${DefinitionGraph} compiled=${compiled} hrefOf=${hrefOf}
        selected=${route.query.step} />
    `
    : html`
      <p>${steps
        .length} steps are more than a graph shows well; the table below has them all.</p>
      <button type="button" onClick=${() => setAsked(true)}>Draw it all the same</button>
    `;
  return html`
    <section class="panel">
      <h2>Graph</h2>
      ${graph}
    </section>
    ${selected &&
      html`
        <${StepDetails} step=${selected} steps=${steps}
          closeHref=${linkTo(route.parts, { ...route.query, step: null })} />
      `}
    <section class="panel">
      <h2>Steps</h2>
      <${Table} caption="Steps in the order in which they run"
        columns=${listColumns(steps, hrefOf)} rows=${steps}
        rowKey=${({ step_id }: CompiledStep) => step_id} />
    </section>
  `;
}

function describePhase({ compensates }: CompiledStep, steps: CompiledStep[]) {
  return compensates === null
    ? "when the run has failed"
    : `undoes ${nameStep(steps[compensates - 1])}`;
}

/** What handles a failure waits for that, though its step names nothing. */
function describeNeeds(step: CompiledStep, steps: CompiledStep[]) {
  const names = step.depends_on.map((stepNo) => nameStep(steps[stepNo - 1]));
  if (names.length > 0) return names.join(", ");
  return html`<span class="muted">${step.phase === "main" ? "nothing" : "the failure"}</span>`;
}

function listColumns(
  steps: CompiledStep[],
  hrefOf: (stepId: string) => string,
): Column<CompiledStep>[] {
  return [
    {
      title: "Step",
      cell: (step) =>
        html`<a href=${hrefOf(step.step_id)}>${nameStep(step)}</a>
          ${
          step.phase !== "main" &&
          html`<small class="muted block">${describePhase(step, steps)}</small>`
        }`,
    },
    { title: "Does", cell: describeAction },
    {
      title: "Waits for",
      cell: (step) =>
        html`${describeNeeds(step, steps)}${
          step.kind !== "failure" && describeJoin(step) !== null &&
          html`<small class="muted block">${describeJoin(step)}</small>`
        }`,
    },
    { title: "Condition", cell: describeCondition },
    {
      title: "For each of",
      cell: ({ config }) =>
        config.for_each === undefined
          ? html`<span class="muted">–</span>`
          : html`<code>${config.for_each}</code>`,
    },
    {
      title: "Attempts",
      isNumber: true,
      cell: ({ kind, max_attempts }) => kind === "call" || kind === "workflow" ? max_attempts : "–",
    },
  ];
}

function describeCondition({ config }: CompiledStep) {
  const { unless = [], if: condition } = config;
  if (unless.length === 0 && condition === undefined) {
    return html`<span class="muted">always</span>`;
  }
  return html`
    ${unless.map((text) => html`<span class="block">unless <code>${text}</code></span>`)}
    ${condition !== undefined &&
      html`<span class="block">if <code>${condition}</code></span>`}
  `;
}
