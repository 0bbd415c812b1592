// How the plan of a run grew while it was live.
import type { Run } from "../../../../supabase/functions/_shared/contract/dashboard.ts";
import { html } from "../../html.ts";
import { Empty } from "../../ui/states.ts";
import { Table } from "../../ui/table.ts";
import { Time } from "../../ui/time.ts";

type Revision = Run["plan_revisions"][number];

export function PlanTab({ run }: { run: Run }) {
  if (run.plan_revisions.length === 0) {
    return html`
      <${Empty} title="The plan has not grown">
        This run does what version ${run
          .version} of its workflow says. Steps that are appended to it while it
        is live are listed here, with who appended them and why.
      <//>
    `;
  }
  return html`
    <${Table}
      caption="Plan revisions"
      rows=${run.plan_revisions}
      rowKey=${({ revision }: Revision) => revision}
      columns=${[
        {
          title: "Revision",
          isNumber: true,
          cell: ({ revision }: Revision) => revision,
        },
        { title: "Author", cell: ({ author }: Revision) => author },
        {
          title: "Reason",
          cell: ({ reason }: Revision) => reason ?? html`<span class="muted">none given</span>`,
        },
        {
          title: "At",
          cell: ({ created_at }: Revision) => html`<${Time} at=${created_at} />`,
        },
      ]}
    />
  `;
}
