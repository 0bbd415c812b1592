import type { ListedJob } from "../../../../supabase/functions/_shared/contract/dashboard.ts";
import { html } from "../../html.ts";
import { linkTo } from "../../router.ts";
import { Breakable, RunLink, WorkflowLink } from "../../ui/run_link.ts";
import { StatusBadge } from "../../ui/status.ts";
import { type Column, Table } from "../../ui/table.ts";
import { JobActions } from "./actions.ts";
import { describeWhen } from "./when.ts";

export interface JobsTableProps {
  jobs: ListedJob[];
  reload(): Promise<void>;
  /** Columns before the others. */
  first?: Column<ListedJob>[];
}

export function JobsTable({ jobs, reload, first = [] }: JobsTableProps) {
  const actions: Column<ListedJob> = {
    title: "Actions",
    cell: (job) => html`<${JobActions} job=${job} reload=${reload} />`,
  };
  return html`
    <${Table} caption="Jobs, newest first" columns=${[
      ...first,
      ...COLUMNS,
      actions,
    ]} rows=${jobs}
      rowKey=${(job: ListedJob) => job.job_id} />
  `;
}

/** The step with the entry of its list, if it is one of many. */
export function nameJob({ step_id, item_index }: ListedJob): string {
  return item_index < 0 ? step_id : `${step_id}[${item_index}]`;
}

const COLUMNS: Column<ListedJob>[] = [
  {
    title: "Status",
    cell: ({ status }) => html`<${StatusBadge} status=${status} />`,
  },
  {
    title: "Step",
    cell: (job) =>
      html`
        <span>
          <a class="whole" href=${linkTo(["runs", job.workflow_run_id], {
            step: job.step_id,
          })}><${Breakable} text=${nameJob(job)} /></a>
          <small class="utc">${job.agent}</small>
        </span>
      `,
  },
  {
    title: "Workflow, run",
    cell: ({ workflow_key, workflow_run_id, step_id }) =>
      html`
        <span class="stacked-links">
          <${WorkflowLink} name=${workflow_key} />
          <${RunLink} id=${workflow_run_id} query=${{ step: step_id }} />
        </span>
      `,
  },
  {
    title: "User",
    cell: ({ user_id }) => html`<span class="cut" title=${user_id}>${user_id}</span>`,
  },
  {
    title: "Attempts",
    isNumber: true,
    cell: ({ attempts, max_attempts }) => `${attempts} of ${max_attempts}`,
  },
  { title: "When", cell: describeWhen },
  { title: "Error", cell: (job) => html`<${JobError} job=${job} />` },
];

function JobError({ job }: { job: ListedJob }) {
  const { error_class, error_text } = job;
  if (error_class === null && error_text === null) {
    return html`<span class="muted">–</span>`;
  }
  return html`
    <span class="job-error" title=${error_text ?? undefined}>
      <code>${error_class}</code>
      <small class="utc cut">${error_text?.split("\n", 1)[0]}</small>
    </span>
  `;
}
