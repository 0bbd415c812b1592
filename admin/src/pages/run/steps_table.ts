// The steps of a run as a table: all that the graph shows, for whoever reads rather than looks.
import { useMemo } from "preact/hooks";
import type { RunJob } from "../../../../supabase/functions/_shared/contract/dashboard.ts";
import { html } from "../../html.ts";
import { StatusBadge } from "../../ui/status.ts";
import { Empty } from "../../ui/states.ts";
import { Table } from "../../ui/table.ts";
import { Time } from "../../ui/time.ts";
import { Elapsed } from "./clock.ts";
import { describeKind } from "./node_text.ts";
import { countItems, describeAttempts, describeItems, type ShownStep } from "./steps.ts";

export interface StepsTableProps {
  steps: ShownStep[];
  selected: string | undefined;
  select: (stepId: string) => void;
}

export function StepsTable({ steps, selected, select }: StepsTableProps) {
  // Hundreds of rows are drawn again only when one of them has changed.
  return useMemo(() => {
    if (steps.length === 0) {
      return html`
        <${Empty} title="This run has no steps">
          It ended before its first one, as the head of this page says.
        <//>
      `;
    }
    return html`
      <${Table}
        caption="Steps of this run"
        columns=${listColumns(selected, select)}
        rows=${steps}
        rowKey=${({ job }: ShownStep) => job.job_id}
      />
    `;
  }, [steps, selected]);
}

function listColumns(
  selected: string | undefined,
  select: (stepId: string) => void,
) {
  return [
    {
      title: "Step",
      cell: ({ job }: ShownStep) =>
        html`
          <button type="button" class="link mono"
            aria-pressed=${job.step_id === selected}
            onClick=${() => select(job.step_id)}>${job.step_id}</button>
          ${job.phase === "main" ? null : html`
            <small class="muted">${job.phase === "compensate"
              ? "undoes a step"
              : "when the run fails"}</small>
          `}
        `,
    },
    {
      title: "Status",
      cell: ({ job }: ShownStep) => {
        const items = countItems(job);
        return html`
          <${StatusBadge} status=${job.status} />
          ${items &&
            html`<small class="muted nowrap">${describeItems(items)}</small>`}
        `;
      },
    },
    {
      title: "Waits for",
      cell: ({ needs }: ShownStep) =>
        needs.length === 0
          ? html`<span class="muted">–</span>`
          : html`<span class="mono small">${needs.join(", ")}</span>`,
    },
    { title: "Agent", cell: ({ job }: ShownStep) => describeKind(job) },
    {
      title: "Attempts",
      isNumber: true,
      cell: ({ job }: ShownStep) => describeAttempts(job) || "0",
    },
    {
      title: "Started",
      cell: ({ job }: ShownStep) => html`<${Time} at=${job.started_at} />`,
    },
    { title: "Took", isNumber: true, cell: ({ job }: ShownStep) => took(job) },
    {
      title: "Error",
      cell: ({ job }: ShownStep) =>
        job.error_class === null
          ? html`<span class="muted">–</span>`
          : html`<strong class="mono small">${job.error_class}</strong>`,
    },
  ];
}

export function took({ started_at, finished_at }: RunJob) {
  return started_at === null
    ? html`<span class="muted">–</span>`
    : html`<${Elapsed} from=${started_at} to=${finished_at} />`;
}
