// What went into a run and what came out of it.
import type { Run } from "../../../../supabase/functions/_shared/contract/dashboard.ts";
import { html } from "../../html.ts";
import { JsonView } from "../../ui/json.ts";

export function DataTab({ run }: { run: Run }) {
  const isLive = run.finished_at === null;
  return html`
    <div class="data">
      <section>
        <h2>Input</h2>
        <p class="muted">The payload that it was dispatched with.</p>
        <${JsonView} value=${run.payload} label="the run's payload" />
        ${run.inputs !== null && html`
          <h3>Inputs of the workflow</h3>
          <p class="muted">Made from the payload by trigger.inputs.</p>
          <${JsonView} value=${run.inputs} label="the workflow's inputs" />
        `}
      </section>
      <section>
        <h2>Output</h2>
        ${run.outputs === null
          ? html`<p class="muted">Too large to be shown as a whole: each step shows its own.</p>`
          : Object.keys(run.outputs).length === 0
          ? html`<p class="muted">${
            isLive
              ? "Nothing yet: the outputs of the last steps come here."
              : "No last step has an output."
          }</p>`
          : html`
            <p class="muted">Of the last steps, by step.</p>
            <${JsonView} value=${run.outputs} label="the run's outputs" />
          `}
      </section>
    </div>
  `;
}
