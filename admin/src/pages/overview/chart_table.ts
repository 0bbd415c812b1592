// The numbers of a chart for those who do not see it, or want them exactly.
import { useState } from "preact/hooks";
import { html } from "../../html.ts";
import { Table } from "../../ui/table.ts";
import { formatLocal } from "../../ui/time.ts";
import type { ChartProps } from "./chart.ts";

type ChartTableProps = Pick<
  ChartProps,
  "title" | "lines" | "at" | "bucketMs" | "format"
>;

export function ChartTable(
  { title, lines, at, bucketMs, format }: ChartTableProps,
) {
  const [isOpen, setOpen] = useState(false);
  const rows = isOpen ? at.map((_, index) => index).reverse() : [];
  const columns = [
    {
      title: "From",
      cell: (index: number) => formatLocal(new Date(at[index]).toISOString()),
    },
    ...lines.map(({ label, values }) => ({
      title: label,
      isNumber: true,
      cell: (index: number) => values[index] === null ? "–" : format(values[index]!),
    })),
  ];
  return html`
    <details class="chart-table"
      onToggle=${(event: Event) => setOpen((event.target as HTMLDetailsElement).open)}>
      <summary>As a table<span class="hidden">: ${title}</span></summary>
      ${isOpen && html`
        <p class="muted small">Each row is ${describeBucket(
          bucketMs,
        )}, newest first.</p>
        <${Table} caption=${`${title}, newest first`} columns=${columns} rows=${rows}
          rowKey=${(index: number) => at[index]} />
      `}
    </details>
  `;
}

function describeBucket(ms: number): string {
  const minutes = Math.round(ms / 60_000);
  if (minutes === 1) return "a minute";
  return minutes < 60 ? `${minutes} minutes` : `${minutes / 60} hours`;
}
