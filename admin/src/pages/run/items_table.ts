// The items of a fan-out as a table, with those that failed by themselves where somebody asks for them.
import { useState } from "preact/hooks";
import type { RunJob } from "../../../../supabase/functions/_shared/contract/dashboard.ts";
import { html } from "../../html.ts";
import { Empty, NotYet } from "../../ui/states.ts";
import { StatusBadge } from "../../ui/status.ts";
import { Table } from "../../ui/table.ts";
import { ItemPager, useItems } from "./items.ts";
import { countItems, describeAttempts } from "./steps.ts";
import { took } from "./steps_table.ts";

export interface ItemsTableProps {
  job: RunJob;
  select: (item: number) => void;
}

const FAILED = ["dead", "failed", "cancelled"];

export function ItemsTable({ job, select }: ItemsTableProps) {
  const [after, setAfter] = useState<number | null>(null);
  const [isFailedOnly, setFailedOnly] = useState(false);
  const { data, error, reload } = useItems(job, after);
  const counts = countItems(job);
  const shown = (data?.items ?? []).filter(({ status }) =>
    !isFailedOnly || FAILED.includes(status)
  );
  return html`
    ${counts && html`
      <p>${counts.total} items: ${counts.succeeded} succeeded, ${counts
        .failed} failed, ${counts.open} open.
        It needs ${job.items!.needed} to succeed.</p>
    `}
    <label class="check"><input type="checkbox" checked=${isFailedOnly}
      onChange=${(event: Event) => setFailedOnly((event.target as HTMLInputElement).checked)} />
      Only failed ones of this page</label>
    ${data === null
      ? html`<${NotYet} what="items" error=${error} retry=${() => void reload()} />`
      : shown.length === 0
      ? html`<${Empty} title=${
        data.items.length === 0 ? "No items" : "None of this page failed"
      } />`
      : html`
        <${Table}
          caption=${`Items of ${job.step_id}`}
          rows=${shown}
          rowKey=${({ job_id }: RunJob) => job_id}
          columns=${[
            {
              title: "Item",
              cell: ({ item_index }: RunJob) =>
                html`
                  <button type="button" class="link mono"
                    onClick=${() => select(item_index)}>${item_index}</button>
                `,
            },
            {
              title: "Status",
              cell: ({ status }: RunJob) => html`<${StatusBadge} status=${status} />`,
            },
            {
              title: "Attempts",
              isNumber: true,
              cell: (item: RunJob) => describeAttempts(item) || "0",
            },
            { title: "Took", isNumber: true, cell: took },
          ]}
        />
      `}
    ${data !== null &&
      html`<${ItemPager} after=${after} next=${data.next_after} turn=${setAfter} />`}
  `;
}
