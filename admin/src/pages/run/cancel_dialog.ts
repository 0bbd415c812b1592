// Cancelling a run, with the reason that the run and its audit row keep.
import { useState } from "preact/hooks";
import type { Run } from "../../../../supabase/functions/_shared/contract/dashboard.ts";
import { post } from "../../api.ts";
import { html } from "../../html.ts";
import { notify } from "../../ui/notices.ts";
import { FormDialog } from "./form_dialog.ts";
import { useSubmission } from "./submit_form.ts";

export interface CancelDialogProps {
  run: Run;
  close: () => void;
  reload: () => Promise<void>;
}

export function CancelDialog({ run, close, reload }: CancelDialogProps) {
  const [reason, setReason] = useState("");
  const submission = useSubmission(async () => {
    await post(`/runs/${run.workflow_run_id}/cancel`, {
      reason: reason.trim() === "" ? null : reason,
    });
    notify("The run is cancelled.");
    close();
    await reload();
  });
  return html`
    <${FormDialog} title="Cancel this run?" action="Cancel the run" isDanger
      submission=${submission} close=${close}>
      <p>Steps that have not begun will not begin, and calls under way are cut short. What is done stays done.
        A cancelled run can be restarted from where it was.</p>
      <label>Reason <small class="muted">Shown on the run and in the audit.</small>
        <input type="text" maxlength="2000" value=${reason}
          onInput=${(event: Event) => setReason((event.target as HTMLInputElement).value)} />
      </label>
      <//>
  `;
}
