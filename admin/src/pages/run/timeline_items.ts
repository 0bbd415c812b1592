// The items of a fan-out as rows of the timeline, a page at a time.
import { useState } from "preact/hooks";
import type { RunJob } from "../../../../supabase/functions/_shared/contract/dashboard.ts";
import { html } from "../../html.ts";
import { databaseNow } from "./clock.ts";
import { ItemPager, useItems } from "./items.ts";
import { listSpans } from "./spans.ts";
import { TimelineRow } from "./timeline_row.ts";

export interface TimelineItemsProps {
  /** The fan-out's own job. */
  job: RunJob;
  /** Where the axis begins. */
  from: number;
  select: (item: number) => void;
}

export function TimelineItems({ job, from, select }: TimelineItemsProps) {
  const [after, setAfter] = useState<number | null>(null);
  const { data, error } = useItems(job, after);
  if (data === null) {
    return html`<li class="muted">${error?.message ?? "Loading items…"}</li>`;
  }
  const nowMs = databaseNow();
  return html`
    ${data.items.map((item) =>
      html`
        <${TimelineRow}
          key=${item.job_id}
          name=${`${job.step_id}[${item.item_index}]`}
          status=${item.status}
          spans=${listSpans(item, item.created_at, nowMs)}
          from=${from}
          isItem=${true}
          isSelected=${false}
          select=${() => select(item.item_index)}
        />
      `
    )}
    <li class="is-item">
      <${ItemPager} after=${after} next=${data.next_after}
        turn=${setAfter} />
    </li>
  `;
}
