// One tab a status, with how many there are; the rest of the filter goes along.
import type { JobStatus } from "../../../../supabase/functions/_shared/contract/statuses.ts";
import { html } from "../../html.ts";
import { linkTo, type Query } from "../../router.ts";
import { StatusBadge } from "../../ui/status.ts";

/** What is to be done first, what is done last. */
export const OPEN_STATUSES: JobStatus[] = [
  "queued",
  "leased",
  "running",
  "parked",
  "failed",
  "waiting",
  "dead",
];

/** Words of the overview, where the status alone says too little. */
export const TAB_WORDS: Partial<Record<JobStatus, string>> = {
  queued: "ready",
  dead: "dead letters",
};

/** These are not counted: there is no end to them. */
const ENDED: JobStatus[] = ["success", "skipped", "cancelled"];

export interface StatusTabsProps {
  query: Query;
  counts: Partial<Record<JobStatus, number>> | null;
}

export function StatusTabs({ query, counts }: StatusTabsProps) {
  const linkOf = (status: JobStatus | null) =>
    linkTo(["queue"], { ...query, status, before: null });
  return html`
    <nav class="tabs" aria-label="Status of the jobs">
      <a href=${linkOf(null)} aria-current=${query.status ? undefined : "page"}>all</a>
      ${[...OPEN_STATUSES, ...ENDED].map((status) =>
        html`
          <a key=${status} href=${linkOf(status)}
            aria-current=${query.status === status ? "page" : undefined}>
            <${StatusBadge} status=${status} word=${TAB_WORDS[status]} />
            ${counts !== null && !ENDED.includes(status) &&
              html`<span class="count">${(counts[status] ?? 0).toLocaleString()}</span>`}
          </a>
        `
      )}
    </nav>
  `;
}
