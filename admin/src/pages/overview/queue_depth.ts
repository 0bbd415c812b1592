import type { Overview } from "../../../../supabase/functions/_shared/contract/dashboard.ts";
import type { JobStatus } from "../../../../supabase/functions/_shared/contract/statuses.ts";
import { html } from "../../html.ts";
import { linkTo } from "../../router.ts";
import { Bar } from "../../ui/bar.ts";
import { StatusBadge, statusClass } from "../../ui/status.ts";
import { TAB_WORDS } from "../queue/tabs.ts";

const SHOWN: JobStatus[] = [
  "queued",
  "leased",
  "running",
  "parked",
  "failed",
  "waiting",
  "dead",
];

export function QueueDepth({ queue }: { queue: Overview["queue"] }) {
  const most = Math.max(1, ...SHOWN.map((status) => queue[status] ?? 0));
  return html`
    <section class="panel">
      <h2>Queue</h2>
      <ul class="depth">
        ${SHOWN.map((status) => {
          const jobs = queue[status] ?? 0;
          return html`
            <li key=${status}>
              <a href=${linkTo(["queue"], { status })}>
                <${StatusBadge} status=${status} word=${TAB_WORDS[
                  status
                ]} /></a>
              <${Bar} value=${jobs} of=${most} tone=${statusClass(status)} />
              <span class="number">${jobs.toLocaleString()}</span>
            </li>
          `;
        })}
      </ul>
    </section>
  `;
}
