import type { Overview } from "../../../../supabase/functions/_shared/contract/dashboard.ts";
import { html } from "../../html.ts";
import { linkTo } from "../../router.ts";
import { Bar } from "../../ui/bar.ts";
import { StatusBadge, statusClass } from "../../ui/status.ts";
import { OPEN_STATUSES, TAB_WORDS } from "../queue/tabs.ts";

export function QueueDepth({ queue }: { queue: Overview["queue"] }) {
  const most = Math.max(1, ...OPEN_STATUSES.map((status) => queue[status] ?? 0));
  return html`
    <section class="panel">
      <h2>Queue</h2>
      <ul class="depth">
        ${OPEN_STATUSES.map((status) => {
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
