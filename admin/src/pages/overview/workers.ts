import type { Overview } from "../../../../supabase/functions/_shared/contract/dashboard.ts";
import { html } from "../../html.ts";
import { formatAgo } from "../../ui/time.ts";

export function Workers({ overview }: { overview: Overview }) {
  const { workers, database_time, oldest_ready_seconds } = overview;
  const nowMs = Date.parse(database_time);
  const ago = (at: string) => formatAgo(at, Math.max(nowMs, Date.parse(at)));
  return html`
    <section class="panel">
      <h2>Workers alive</h2>
      ${workers.length === 0
        ? html`<p class="muted">None. ${
          oldest_ready_seconds > 0
            ? "Jobs are due: the next tick rings for a worker."
            : "Nothing is due, so nobody has to work."
        }</p>`
        : html`
          <ul class="plain-list">
            ${workers.map(({ worker_id, started_at, seen_at, jobs }) =>
              html`
                <li key=${worker_id}>
                  <span class="mono">${worker_id}</span>
                  <small class="muted">
                    ${jobs} ${jobs === 1 ? "job" : "jobs"}, begun ${ago(
                      started_at,
                    )}, seen ${ago(seen_at)}
                  </small>
                </li>
              `
            )}
          </ul>
        `}
    </section>
  `;
}
