// All that the definition says of one step.
import type {
  CompiledStep,
} from "../../../../supabase/functions/_shared/contract/compiled_workflow.ts";
import { formatDuration } from "../../../../supabase/functions/_shared/contract/duration.ts";
import { html } from "../../html.ts";
import { linkTo } from "../../router.ts";
import { JsonView } from "../../ui/json.ts";
import {
  describeAction,
  describeItemsRule,
  describeJoin,
  nameStep,
} from "../../ui/workflow_words.ts";

export interface StepDetailsProps {
  step: CompiledStep;
  steps: CompiledStep[];
  closeHref: string;
}

export function StepDetails({ step, steps, closeHref }: StepDetailsProps) {
  const given = step.config.with ?? step.config.start?.inputs;
  return html`
    <section class="panel" aria-label=${`Step ${nameStep(step)}`}>
      <div class="panel-head">
        <h2>Step ${nameStep(step)}</h2>
        <a href=${closeHref}>Close</a>
      </div>
      <dl class="facts">
        ${listFacts(step, steps).map(([name, value]) =>
          html`
            <dt>${name}</dt>
            <dd>${value}</dd>
          `
        )}
      </dl>
      ${given !== undefined && html`
        <h3 class="gap">${step.kind === "start"
          ? "Inputs, made of the payload"
          : "What it gets"}</h3>
        <${JsonView} value=${given} label=${`what step ${nameStep(step)} gets`} />
      `}
    </section>
  `;
}

type Fact = [string, unknown];

function listFacts(step: CompiledStep, steps: CompiledStep[]): Fact[] {
  const { config } = step;
  const names = step.depends_on.map((no) => nameStep(steps[no - 1])).join(", ");
  const facts: [string, unknown][] = [
    ["Does", describeAction(step)],
    ["Calls", config.call && code(`${config.method ?? "POST"} ${config.call}`)],
    [
      "Runs",
      config.workflow &&
      html`<a href=${linkTo(["workflows", config.workflow])}>${config.workflow}</a>`,
    ],
    ["Waits for", [names, describeJoin(step)].filter((it) => it).join("; ")],
    ["Undoes", step.compensates && nameStep(steps[step.compensates - 1])],
    [
      "Unless",
      config.unless?.map((text) => [code(text), " "]),
    ],
    [
      "If",
      (config.if ?? config.start?.if) && code(config.if ?? config.start!.if!),
    ],
    [
      "For each of",
      config.for_each &&
      html`${code(config.for_each)}, ${describeItemsRule(config.success)}${
        config.max_concurrency && `, ${config.max_concurrency} at a time`
      }`,
    ],
    [
      "Event",
      config.wait &&
      html`${code(config.wait.event)}${config.wait.match && [" where ", code(config.wait.match)]}`,
    ],
    [
      "Waits",
      config.wait?.timeout_ms &&
      `${formatDuration(config.wait.timeout_ms)}, then ${
        config.wait.on_timeout === "fail" ? "fails" : "goes on"
      }`,
    ],
    [
      "At most",
      config.start?.concurrency &&
      html`${config.start.concurrency.max} live by ${
        code(config.start.concurrency.key)
      }, else ${config.start.concurrency.on_conflict}`,
    ],
    ["Attempts", describeAttempts(step)],
    [
      "One attempt",
      step.kind === "call" && `${formatDuration(config.timeout_ms)} at most`,
    ],
    ["Calls back", config.mode === "async" && describeCallback(step)],
    ["If it fails", step.continue_on_error && "the run goes on"],
    ["Rate limit", step.rate_limit && code(step.rate_limit)],
  ];
  return facts.filter(([, value]) => value);
}

function code(text: string) {
  return html`<code>${text}</code>`;
}

function describeAttempts(
  { kind, max_attempts, retry_initial_ms, retry_max_ms, config }: CompiledStep,
): string {
  if (kind !== "call" && kind !== "workflow") return "";
  if (max_attempts === 1) return "one";
  const on = config.retry_on === undefined ? "" : `, on ${config.retry_on.join(", ")}`;
  return `${max_attempts}, waiting ${formatDuration(retry_initial_ms)} to ${
    formatDuration(retry_max_ms)
  } between them${on}`;
}

function describeCallback({ config }: CompiledStep): string {
  const within = config.callback_timeout_ms;
  const silence = config.callback_heartbeat_ms;
  return [
    within === undefined ? "later" : `within ${formatDuration(within)}`,
    silence === undefined ? "" : `, with a sign of life every ${formatDuration(silence)}`,
  ].join("");
}
