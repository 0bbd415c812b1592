// The policies, with buttons that change them.
import { useState } from "preact/hooks";
import type { RateLimitPolicy } from "../../../../supabase/functions/_shared/contract/dashboard.ts";
import { request } from "../../api.ts";
import { html } from "../../html.ts";
import { ActionButton } from "../../ui/action_button.ts";
import { notify } from "../../ui/notices.ts";
import { type Column, Table } from "../../ui/table.ts";
import { PolicyDialog } from "./policy_dialog.ts";

interface Changes {
  reload(): Promise<void>;
}

export function AddPolicy({ reload }: Changes) {
  const [isOpen, setOpen] = useState(false);
  return html`
    <${ActionButton} kind="primary" act=${() => Promise.resolve(setOpen(true))}>Add a policy…<//>
    ${isOpen &&
      html`<${PolicyDialog} policy=${null} reload=${reload} onClose=${() => setOpen(false)} />`}
  `;
}

export function PoliciesTable(
  { policies, reload }: Changes & { policies: RateLimitPolicy[] },
) {
  const [edited, setEdited] = useState<RateLimitPolicy | null>(null);
  const remove = (pattern: string) => async () => {
    await request(
      "DELETE",
      `/rate_limits/policies?${new URLSearchParams({ pattern })}`,
    );
    notify(`The policy ${pattern} is deleted.`);
    await reload();
  };
  const actions: Column<RateLimitPolicy> = {
    title: "Actions",
    cell: (policy) =>
      html`
        <span class="row-actions">
          <${ActionButton} label=${`Edit ${policy.pattern}`}
            act=${() => Promise.resolve(setEdited(policy))}>Edit…<//>
          ${policy.pattern !== "default" && html`
            <${ActionButton} kind="danger" label=${`Delete ${policy.pattern}`}
              act=${remove(policy.pattern)}
              confirm=${`Delete the policy ${policy.pattern}? Its keys fall back to the next policy that matches them.`}
            >Delete<//>
          `}
        </span>
      `,
  };
  return html`
    <${Table} caption="Policies" columns=${[
      ...COLUMNS,
      actions,
    ]} rows=${policies}
      rowKey=${(policy: RateLimitPolicy) => policy.pattern} />
    ${edited &&
      html`<${PolicyDialog} policy=${edited} reload=${reload} onClose=${() => setEdited(null)} />`}
  `;
}

const COLUMNS: Column<RateLimitPolicy>[] = [
  {
    title: "Pattern",
    cell: ({ pattern }) => html`<span class="mono">${pattern}</span>`,
  },
  {
    title: "Capacity",
    isNumber: true,
    cell: ({ capacity }) => capacity === null ? "no limit" : capacity.toLocaleString(),
  },
  {
    title: "A second",
    isNumber: true,
    cell: ({ refill_rate }) => refill_rate.toLocaleString(),
  },
  {
    title: "Description",
    cell: ({ description }) => description ?? html`<span class="muted">–</span>`,
  },
];
