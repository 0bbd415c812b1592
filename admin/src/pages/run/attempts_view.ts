// The attempts of one job, newest first, each with its times, worker and end.
import type { Attempt, RunJob } from "../../../../supabase/functions/_shared/contract/dashboard.ts";
import { html } from "../../html.ts";
import { JsonView } from "../../ui/json.ts";
import { StatusBadge } from "../../ui/status.ts";
import { formatSpan, Time } from "../../ui/time.ts";

const SHOWN = 20;

export function AttemptsView({ job }: { job: RunJob }) {
  const newest = job.attempt_history.toReversed();
  if (newest.length === 0) {
    return html`<p class="muted">No attempt has ended yet.</p>`;
  }
  return html`
    <ol class="attempts">
      ${newest.slice(0, SHOWN).map((attempt) =>
        html`
          <li key=${attempt.attempt_id}>
            <${AttemptView} attempt=${attempt} />
          </li>
        `
      )}
    </ol>
    ${newest.length > SHOWN && html`
      <p class="muted">and ${newest.length - SHOWN} earlier ones.</p>
    `}
  `;
}

function AttemptView({ attempt }: { attempt: Attempt }) {
  const { success, is_late, status_code, error_class, error_text, logs } = attempt;
  return html`
    <p class="attempt-head">
      <strong>Attempt ${attempt.attempt}</strong>
      <${StatusBadge} status=${success ? "success" : "dead"} word=${success
        ? "success"
        : error_class ?? "failed"} />
      ${status_code !== null && html`<span>HTTP ${status_code}</span>`}
      ${is_late && html`
        <span class="mark"
          title="The lease was lost before this result came: it was kept, and not applied.">late</span>
      `}
    </p>
    <p class="small muted">
      <${Time} at=${attempt.started_at} ago /> ·
      took ${formatSpan(
        Date.parse(attempt.finished_at) - Date.parse(attempt.started_at),
      )}${attempt.worker_id === null ? "" : ` · ${attempt.worker_id}`}
    </p>
    ${error_text &&
      html`<pre class="plain" tabindex="0" aria-label=${`Error of attempt ${attempt.attempt}`}>${error_text}</pre>`}
    ${logs !== null && html`
      <details class="sub">
        <summary>What the agent logged</summary>
        <${JsonView} value=${logs} label=${`logs of attempt ${attempt.attempt}`} />
      </details>
    `}
  `;
}
