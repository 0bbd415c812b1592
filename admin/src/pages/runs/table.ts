import type { ListedRun } from "../../../../supabase/functions/_shared/contract/dashboard.ts";
import { html } from "../../html.ts";
import { linkTo } from "../../router.ts";
import { RunLink, WorkflowLink } from "../../ui/run_link.ts";
import { StatusBadge } from "../../ui/status.ts";
import { type Column, Table } from "../../ui/table.ts";
import { formatSpan, Time } from "../../ui/time.ts";

export function RunsTable({ runs }: { runs: ListedRun[] }) {
  return html`
    <${Table} caption="Runs, newest first" columns=${COLUMNS} rows=${runs}
      rowKey=${(run: ListedRun) => run.workflow_run_id} />
  `;
}

const COLUMNS: Column<ListedRun>[] = [
  {
    title: "Status",
    cell: (run) =>
      html`<span><${StatusBadge} status=${run.status} of="run" /><${Why} run=${run} /></span>`,
  },
  {
    title: "Run",
    cell: (run) =>
      html`<span><${RunLink} id=${run.workflow_run_id} /><${Origin} run=${run} /></span>`,
  },
  {
    title: "Workflow",
    cell: ({ workflow_key, version }) =>
      html`<span><${WorkflowLink} name=${workflow_key} /> <small class="muted">v${version}</small></span>`,
  },
  {
    title: "User",
    cell: ({ user_id }) => html`<${Narrowed} name="user_id" value=${user_id} />`,
  },
  {
    title: "Intent",
    cell: ({ intent_id }) =>
      intent_id === null
        ? html`<span class="muted">–</span>`
        : html`<${Narrowed} name="intent_id" value=${intent_id} />`,
  },
  {
    title: "Trigger",
    cell: ({ trigger_type, event_type }) =>
      html`<span>${trigger_type}${
        event_type && html`<small class="utc">${event_type}</small>`
      }</span>`,
  },
  {
    title: "Started",
    cell: ({ created_at }) => html`<${Time} at=${created_at} ago />`,
  },
  { title: "Took", isNumber: true, cell: describeTook },
];

/** A click shows all runs of this user, or of this intent. */
function Narrowed({ name, value }: { name: string; value: string }) {
  return html`
    <a class="quiet-link cut" href=${linkTo(["runs"], { [name]: value })}
      title=${value}>${value}</a>
  `;
}

function describeTook({ created_at, finished_at }: ListedRun) {
  const end = finished_at === null ? Date.now() : Date.parse(finished_at);
  const span = formatSpan(Math.max(0, end - Date.parse(created_at)));
  return finished_at === null ? html`<span class="muted">${span} so far</span>` : span;
}

/** Why it ended as it did, where a word says it. */
function Why({ run }: { run: ListedRun }) {
  const why = run.status === "failed" && run.failed_jobs > 0
    ? `${run.failed_jobs} ${run.failed_jobs === 1 ? "step" : "steps"} failed`
    : run.cancel_reason ?? run.skip_reason;
  return why && html`<small class="utc cut" title=${why}>${why}</small>`;
}

/** Where it comes from, if another run began it. */
function Origin({ run }: { run: ListedRun }) {
  return html`
    ${run.parent_run_id && html`
      <small class="utc">sub-run of <${RunLink} id=${run
        .parent_run_id} /></small>
    `}
    ${run.restarted_from && html`
      <small class="utc">restart of <${RunLink} id=${run
        .restarted_from} /></small>
    `}
  `;
}
