// What the agent gets: the request as the worker makes it, without secrets.
import type {
  JobRequest,
  RunJob,
} from "../../../../supabase/functions/_shared/contract/dashboard.ts";
import { get } from "../../api.ts";
import { html } from "../../html.ts";
import { useLive } from "../../live.ts";
import { CopyButton } from "../../ui/copy_button.ts";
import { JsonView } from "../../ui/json.ts";

export function RequestView({ job }: { job: RunJob }) {
  const path = `/jobs/${job.job_id}/request`;
  // It changes with what the step reads, and that only before it begins.
  const { data, error, isLoading, reload } = useLive(
    `${path}#${job.status}#${job.attempts}`,
    () => get<JobRequest>(path),
    null,
  );
  if (isLoading) {
    return html`<p class="muted">Loading the request…</p>`;
  }
  if (data === null) {
    return html`
      <p class="problem">${error!.message}</p>
      <button type="button" onClick=${() => void reload()}>Try again</button>
    `;
  }
  if (data.unavailable !== null) {
    return html`<p class="muted">${data.unavailable}</p>`;
  }
  const headers = Object.entries(data.headers);
  return html`
    ${data.body !== null && data.body !== undefined
      ? html`<${JsonView} value=${data.body} label="what the agent gets" />`
      : html`<p class="muted">The request has no body.</p>`}
    <details class="sub">
      <summary>Request line and headers</summary>
      <pre class="plain" tabindex="0"
        aria-label="Request line and headers">${[
          `${data.method} ${data.url}`,
          ...headers.map(([name, value]) => `${name}: ${value}`),
        ].join("\n")}</pre>
    </details>
    <div class="actions">
      <${CopyButton} text=${data.curl} word="Copy as curl"
        label="Copy as curl: the call of this step" />
    </div>
  `;
}
