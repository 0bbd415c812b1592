// All that a row of the audit log holds, drawn when it is opened.
import { useState } from "preact/hooks";
import type { AuditRow } from "../../../../supabase/functions/_shared/contract/dashboard.ts";
import { html } from "../../html.ts";
import { JsonView } from "../../ui/json.ts";

export function Details({ row }: { row: AuditRow }) {
  const [isOpen, setOpen] = useState(false);
  const { audit_id, action, actor_id, args, before, after } = row;
  return html`
    <details onToggle=${(event: Event) => setOpen((event.target as HTMLDetailsElement).open)}>
      <summary>Details<span class="hidden"> of entry ${audit_id}</span></summary>
      ${isOpen && html`
        <p
          class="small muted">Entry ${audit_id}: <code>${action}</code> by <code>${actor_id}</code></p>
        <p class="detail-title">Asked</p>
        <${JsonView} value=${args} label=${`what entry ${audit_id} asked`} />
        <p class="detail-title">Before</p>
        <${JsonView} value=${before} label=${`entry ${audit_id} before`} />
        <p class="detail-title">After</p>
        <${JsonView} value=${after} label=${`entry ${audit_id} after`} />
      `}
    </details>
  `;
}
