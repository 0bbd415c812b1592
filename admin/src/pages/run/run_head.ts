// The head of a run: what it is of, how it stands, whose it is and what it hangs together with.
import type { ComponentChildren } from "preact";
import type { Run } from "../../../../supabase/functions/_shared/contract/dashboard.ts";
import { html } from "../../html.ts";
import { linkTo } from "../../router.ts";
import { CopyButton } from "../../ui/copy_button.ts";
import { RunLink } from "../../ui/run_link.ts";
import { StatusBadge } from "../../ui/status.ts";
import { Time } from "../../ui/time.ts";
import { Countdown, Elapsed } from "./clock.ts";
import { RunActions } from "./run_actions.ts";
import { readTime } from "./steps.ts";

const SHOWN_SUB_RUNS = 10;

export function RunHead(
  { run, reload }: { run: Run; reload: () => Promise<void> },
) {
  const isLive = run.finished_at === null;
  const deadline = readTime(run.deadline_at);
  return html`
    <div class="page-head">
      <div>
        <p class="crumb"><a href=${linkTo(["runs"])}>Runs</a> / run</p>
        <h1>${run.workflow_key} <${StatusBadge} status=${run
          .status} of="run" /></h1>
        <p class="run-id"><code>${run.workflow_run_id}</code>
          <${CopyButton} text=${run
            .workflow_run_id} label="Copy the id of this run" /></p>
      </div>
      <${RunActions} run=${run} reload=${reload} />
    </div>
    <dl class="run-facts">
      <${Fact} name="Took">
        <${Elapsed} from=${run.created_at} to=${run.finished_at} />
        ${isLive ? " so far" : null}
      <//>
      <${Fact} name="Started"><${Time} at=${run.created_at} /><//>
      ${!isLive && html`
        <${Fact} name="Ended">
          <${Time} at=${run.finished_at} />
          <//>
      `}
      ${isLive && deadline !== null && html`
        <${Fact} name="Deadline">
          <${Countdown} until=${deadline} />
          <//>
      `}
      <${Fact} name="Workflow">
        <a href=${linkTo(["workflows", run.workflow_key])}>${run
          .workflow_key}</a>,
        ${" "}<a href=${linkTo(["workflows", run.workflow_key], {
          tab: "versions",
          version: String(run.version),
        })}>version ${run.version}</a>
      <//>
      <${Fact} name="User">
        <a href=${linkTo(["runs"], { user_id: run.user_id })}>${run.user_id}</a>
      <//>
      ${run.intent_id !== null && html`
        <${Fact} name="Intent">
          <a href=${linkTo(["runs"], { intent_id: run.intent_id })}>${run
            .intent_id}</a>
          <//>
      `}
      <${Fact} name="Trigger">${describeTrigger(run)}<//>
      ${run.priority !== 100 &&
        html`<${Fact} name="Priority">${run.priority}<//>`}
      ${run.cancel_reason &&
        html`<${Fact} name="Cancelled because">${run.cancel_reason}<//>`}
      ${run.skip_reason &&
        html`<${Fact} name="Skipped because">${describeSkip(run.skip_reason)}<//>`}
      ${run.restarted_from && html`
        <${Fact} name="Restarted from">
          <${RunLink} id=${run.restarted_from} />
          <//>
      `}
      ${run.parent_run_id && html`
        <${Fact} name="Started by the run">
          <${RunLink} id=${run.parent_run_id} />
          <//>
      `}
      ${run.sub_runs.length > 0 && html`
        <${Fact} name="Sub-runs">
          <${SubRuns} run=${run} />
          <//>
      `}
    </dl>
  `;
}

function Fact(
  { name, children }: { name: string; children: ComponentChildren },
) {
  return html`
    <div>
      <dt>${name}</dt>
      <dd>${children}</dd>
    </div>
  `;
}

function SubRuns({ run: { sub_runs } }: { run: Run }) {
  const more = sub_runs.length - SHOWN_SUB_RUNS;
  return html`
    <ul class="sub-runs">
      ${sub_runs.slice(0, SHOWN_SUB_RUNS).map((sub) =>
        html`
          <li key=${sub.workflow_run_id}>
            <${StatusBadge} status=${sub.status} of="run" />
            ${" "}${sub.workflow_key} <${RunLink} id=${sub.workflow_run_id} />
          </li>
        `
      )}
    </ul>
    ${more > 0 &&
      html`<span class="muted">and ${more} more; each step links its own.</span>`}
  `;
}

function describeTrigger({ trigger_type, event_type, trigger_key_id }: Run): string {
  const which = event_type ?? trigger_key_id;
  return which === null ? trigger_type : `${trigger_type} ${which}`;
}

function describeSkip(reason: string): string {
  if (reason === "condition") return "the condition of its trigger is false";
  if (reason === "concurrency") {
    return "another run with its concurrency key was live";
  }
  return reason;
}
