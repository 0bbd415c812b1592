import type { AuditRow } from "../../../../supabase/functions/_shared/contract/dashboard.ts";
import { html } from "../../html.ts";
import { linkTo } from "../../router.ts";
import { Breakable, RunLink, WorkflowLink } from "../../ui/run_link.ts";
import { type Column, Table } from "../../ui/table.ts";
import { Time } from "../../ui/time.ts";
import { Details } from "./details.ts";
import { compareSnapshots } from "./difference.ts";
import { describeAction, isRefused } from "./words.ts";

export function AuditTable({ rows }: { rows: AuditRow[] }) {
  return html`
    <${Table} caption="What was done, newest first" columns=${COLUMNS}
      rows=${rows}
      rowKey=${(row: AuditRow) => row.audit_id} />
  `;
}

const COLUMNS: Column<AuditRow>[] = [
  { title: "When", cell: ({ at }) => html`<${Time} at=${at} />` },
  { title: "Who", cell: (row) => html`<${Actor} row=${row} />` },
  {
    title: "Did",
    cell: ({ action }) => html`<span title=${action}>${describeAction(action)}</span>`,
  },
  { title: "Target", cell: (row) => html`<${Target} row=${row} />` },
  {
    title: "Result",
    cell: ({ result }) => html`<${Result} result=${result} />`,
  },
  { title: "Changed", cell: (row) => html`<${Changes} row=${row} />` },
];

function Actor(
  { row: { actor_kind, actor_id, actor_name } }: { row: AuditRow },
) {
  return html`
    <span class="whole"><${Breakable} text=${actor_name ?? actor_id ??
      "–"} />${actor_kind === "service" ? html`<small class="utc">service key</small>` : ""}</span>
  `;
}

function Target(
  { row: { action, target, args, before, after } }: { row: AuditRow },
) {
  const kind = action.split(".", 1)[0];
  const isOne = /^[0-9a-f]{8}-[0-9a-f-]{27}$/i.test(target);
  if (kind === "run" && isOne) return html`<${RunLink} id=${target} />`;
  if (kind === "workflow") return html`<${WorkflowLink} name=${target} />`;
  const href = kind === "job"
    ? linkToJob(target, after ?? args)
    : kind === "policy"
    ? linkTo(["rate-limits"])
    : kind === "schedule"
    ? linkTo(["schedules"])
    : null;
  // Of a user, the address says more than the id.
  const email = kind === "operator" ? (after ?? before ?? args).email : undefined;
  const text = kind === "job" || kind === "schedule"
    ? `${kind} ${target}`
    : String(email ?? target);
  const words = html`<${Breakable} text=${text} />`;
  return href === null
    ? html`<span class="whole">${words}</span>`
    : html`<a class="whole" href=${href}>${words}</a>`;
}

/** Its run, where the snapshot names it; else the queue, looking for the job. */
function linkToJob(jobId: string, snapshot: Record<string, unknown>): string {
  const { workflow_run_id, step_id } = snapshot as Record<
    string,
    string | undefined
  >;
  return workflow_run_id
    ? linkTo(["runs", workflow_run_id], { step: step_id })
    : linkTo(["queue"], { text: jobId });
}

function Result({ result }: { result: string }) {
  return isRefused(result)
    ? html`<span class="refusal"><span aria-hidden="true">✕ </span>${result}</span>`
    : html`<span class="whole">${result}</span>`;
}

const SHOWN_CHANGES = 4;

function Changes({ row }: { row: AuditRow }) {
  const changes = compareSnapshots(row.before, row.after);
  const rest = changes.length - SHOWN_CHANGES;
  return html`
    <div class="changes">
      ${changes.length === 0
        ? html`<span class="muted">nothing</span>`
        : html`<ul>${
          changes.slice(0, SHOWN_CHANGES).map(({ name, before, after }) =>
            html`<li key=${name}><span class="muted">${name}:</span> ${
              before === null
                ? html`<ins>${after}</ins>`
                : after === null
                ? html`<del>${before}</del>`
                : html`<del>${before}</del> <span aria-label="to">→</span> <ins>${after}</ins>`
            }</li>`
          )
        }${rest > 0 && html`<li class="muted">and ${rest} more</li>`}</ul>`}
      <${Details} row=${row} />
    </div>
  `;
}
