import type { RateLimitBucket } from "../../../../supabase/functions/_shared/contract/dashboard.ts";
import { html } from "../../html.ts";
import { Bar } from "../../ui/bar.ts";
import { type Column, Table } from "../../ui/table.ts";
import { Time } from "../../ui/time.ts";

export function BucketsTable({ buckets }: { buckets: RateLimitBucket[] }) {
  return html`
    <${Table} caption="Keys with their tokens now" columns=${COLUMNS}
      rows=${buckets}
      rowKey=${(bucket: RateLimitBucket) => bucket.rl_key} />
  `;
}

const COLUMNS: Column<RateLimitBucket>[] = [
  {
    title: "Key",
    cell: ({ rl_key }) => html`<span class="mono">${rl_key}</span>`,
  },
  { title: "Tokens", cell: (bucket) => html`<${Tokens} bucket=${bucket} />` },
  {
    title: "A second",
    isNumber: true,
    cell: ({ refill_rate }) => refill_rate.toLocaleString(),
  },
  {
    title: "Paused until",
    cell: ({ held_until }) => html`<${Ahead} at=${held_until} />`,
  },
  {
    title: "Line until",
    cell: ({ deferred_until }) => html`<${Ahead} at=${deferred_until} />`,
  },
];

function Tokens({ bucket: { tokens, capacity } }: { bucket: RateLimitBucket }) {
  if (capacity === null) return html`<span>no limit</span>`;
  const left = Math.max(0, Math.floor(tokens));
  const isEmpty = tokens < 1;
  return html`
    <span class="tokens">
      <${Bar} value=${left} of=${capacity} tone=${isEmpty ? "is-dead" : "is-running"} />
      <span class="number">${left.toLocaleString()} of ${capacity
        .toLocaleString()}${isEmpty ? html`, <strong>empty</strong>` : ""}</span>
    </span>
  `;
}

/** What is past holds nobody up. */
function Ahead({ at }: { at: string | null }) {
  const isAhead = at !== null && Date.parse(at) > Date.now();
  return html`<${Time} at=${isAhead ? at : null} ago />`;
}
