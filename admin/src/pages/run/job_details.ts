// All that is known of one job: why it stands where it stands, what it got, what it gave, what was tried.
import type { ComponentChildren } from "preact";
import type { Run, RunJob } from "../../../../supabase/functions/_shared/contract/dashboard.ts";
import { html } from "../../html.ts";
import { JsonView } from "../../ui/json.ts";
import { StatusBadge } from "../../ui/status.ts";
import { Time } from "../../ui/time.ts";
import { AttemptsView } from "./attempts_view.ts";
import { explainStep } from "./explain.ts";
import { JobActions } from "./job_actions.ts";
import { describeKind } from "./node_text.ts";
import { Reasons } from "./reasons.ts";
import { RequestView } from "./request_view.ts";
import { took } from "./steps_table.ts";

export interface JobDetailsProps {
  run: Run;
  job: RunJob;
  readyAt: string | null;
  reload: () => Promise<void>;
  /** What a step has besides, such as its items. */
  children?: ComponentChildren;
}

export function JobDetails(
  { run, job, readyAt, reload, children }: JobDetailsProps,
) {
  return html`
    <p><${StatusBadge} status=${job.status} />
      <span class="muted"> ${describeKind(job)}</span></p>
    <${Reasons} reasons=${explainStep(job, run)} />
    <${JobActions} run=${run} job=${job} reload=${reload} />
    <dl class="facts">
      <dt>Attempts</dt><dd>${job.attempts} of ${job.max_attempts}</dd>
      ${job.needs.length > 0 && job.item_index < 0 && html`
        <dt>Waits for</dt>
        <dd class="mono small">${job.needs.join(", ")}</dd>
      `}
      <dt>Ready</dt><dd><${Time} at=${readyAt} /></dd>
      <dt>Started</dt><dd><${Time} at=${job.started_at} /></dd>
      <dt>Ended</dt><dd><${Time} at=${job.finished_at} /></dd>
      <dt>Took</dt><dd>${took(job)}</dd>
      ${job.condition && html`
        <dt>Condition</dt>
        <dd><code>${job.condition.expression}</code> is ${String(
          job.condition.result,
        )}</dd>
      `}
      <dt>Job</dt><dd class="mono">${job.job_id}</dd>
    </dl>
    ${children}
    <h3>What it gets</h3>
    <${InputView} job=${job} />
    <h3>What it gave</h3>
    <${OutputView} job=${job} />
    <h3>Attempts</h3>
    <${AttemptsView} job=${job} />
    <details class="sub">
      <summary>Its entry in the workflow</summary>
      <${JsonView} value=${job
        .payload} label=${`the definition of ${job.step_id}`} />
    </details>
  `;
}

function InputView({ job }: { job: RunJob }) {
  const isCall = job.kind === "call" &&
    (job.payload.for_each === undefined || job.item_index >= 0);
  if (isCall) return html`<${RequestView} key=${job.job_id} job=${job} />`;
  return job.payload.for_each !== undefined
    ? html`<p class="muted">Each item gets an input of its own: open one to see it.</p>`
    : html`<p class="muted">It calls no agent.</p>`;
}

function OutputView({ job }: { job: RunJob }) {
  const { output, output_ref, status } = job;
  if (output_ref !== null) {
    return html`
      <p>Too large for the database: ${output_ref.bytes
        .toLocaleString()} bytes in Storage, at</p>
      <pre class="plain" tabindex="0"
        aria-label="Where the output lies">${output_ref.path}</pre>
    `;
  }
  if (status !== "success") {
    return html`<p class="muted">No output: it has not succeeded.</p>`;
  }
  return output === null
    ? html`<p class="muted">It succeeded without an output.</p>`
    : html`<${JsonView} value=${output} label=${`the output of ${job.step_id}`} />`;
}
