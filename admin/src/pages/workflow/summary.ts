// What a glance at a workflow has to say: its version, what starts it, how it has gone lately, and
// whether its newest upload was refused.
import type {
  ListedWorkflow,
  Workflow,
} from "../../../../supabase/functions/_shared/contract/dashboard.ts";
import type { Problem } from "../../../../supabase/functions/_shared/contract/errors.ts";
import { html } from "../../html.ts";
import { linkTo } from "../../router.ts";
import { Time } from "../../ui/time.ts";
import { describeTrigger } from "../../ui/workflow_words.ts";

export function WorkflowSummary({ workflow }: { workflow: Workflow }) {
  const { description, version, published_at, archived_at, problems } = workflow;
  return html`
    <section class="panel" aria-label="Summary">
      ${archived_at !== null &&
        html`<p class="warning">
        <strong>Its file is gone</strong> since <${Time} at=${archived_at} ago />: it starts no runs any more. Publish it
        to bring it back.
      </p>`}
      ${description && html`<p>${description}</p>`}
      <dl class="facts">
        <dt>Version</dt>
        <dd>${version}, published <${Time} at=${published_at} ago /></dd>
        <dt>Started by</dt>
        <dd><${Trigger} workflow=${workflow} /></dd>
        <dt>Last 7 days</dt>
        <dd><${SuccessRate} workflow=${workflow} /></dd>
      </dl>
      <${RefusedUpload} problems=${problems} isWhole />
    </section>
  `;
}

export function Trigger(
  { workflow }: { workflow: Pick<ListedWorkflow, "trigger" | "cron_words"> },
) {
  const { trigger, cron_words } = workflow;
  const { events, cron, zone } = describeTrigger(trigger);
  return html`
    ${events.length > 0 &&
      html`<span class="block">on ${
        events.map((type, index) => html`${index > 0 ? " or " : ""}<code>${type}</code>`)
      }</span>`}
    ${cron !== null &&
      html`<span class="block" title=${cron}>${cron_words ?? `by schedule ${cron}`}${" "}
      <small class="muted">${zone}</small></span>`}
    ${events.length === 0 && cron === null &&
      html`<span class="muted">by hand</span>`}
  `;
}

export function SuccessRate(
  { workflow }: {
    workflow: Pick<
      ListedWorkflow,
      "workflow_key" | "runs_7d" | "success_rate_7d"
    >;
  },
) {
  const { workflow_key, runs_7d, success_rate_7d } = workflow;
  if (!runs_7d || success_rate_7d === null) {
    return html`<span class="muted nowrap">no run ended</span>`;
  }
  const runs = `${runs_7d.toLocaleString()} ${runs_7d === 1 ? "run" : "runs"}`;
  return html`
    <span class="rate ${success_rate_7d < 0.9 ? "is-low" : ""}">${formatRate(
      success_rate_7d,
    )}</span>
    ${" "}<small>of <a href=${linkTo(["runs"], {
      workflow_key,
    })}>${runs}</a></small>
  `;
}

/** Never rounded to 100 % where one has failed. */
export function formatRate(rate: number): string {
  const percent = Math.floor(rate * 1_000) / 10;
  return `${Number.isInteger(percent) ? percent : percent.toFixed(1)} %`;
}

export interface RefusedUploadProps {
  problems: Problem[] | null;
  /** All of them, not the first alone. */
  isWhole?: boolean;
}

export function RefusedUpload(
  { problems, isWhole = false }: RefusedUploadProps,
) {
  if (problems === null || problems.length === 0) return null;
  const more = problems.length - 1;
  return html`
    <div class="warning">
      <strong>The newest upload was refused;</strong> this version goes on.${" "}
      ${isWhole
        ? html`<ul>${
          problems.map((problem, index) => html`<li key=${index}>${describeProblem(problem)}</li>`)
        }</ul>`
        : describeProblem(problems[0])}
      ${!isWhole && more > 0 &&
        html`<span class="muted">${" "}(and ${more} more)</span>`}
    </div>
  `;
}

function describeProblem({ line, message }: Problem): string {
  return line === undefined ? message : `Line ${line}: ${message}`;
}
