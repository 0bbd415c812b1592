// Somebody's word for a step that waits: approved or rejected, with a reason and what later steps can read.
import { useState } from "preact/hooks";
import type { RunJob } from "../../../../supabase/functions/_shared/contract/dashboard.ts";
import { post } from "../../api.ts";
import { html } from "../../html.ts";
import { notify } from "../../ui/notices.ts";
import { FormDialog } from "./form_dialog.ts";
import { JsonField, readObject } from "./json_field.ts";
import { useSubmission } from "./submit_form.ts";

export interface DecisionDialogProps {
  job: RunJob;
  decision: "approve" | "reject";
  close: () => void;
  reload: () => Promise<void>;
}

export function DecisionDialog(
  { job, decision, close, reload }: DecisionDialogProps,
) {
  const [reason, setReason] = useState("");
  const [text, setText] = useState("");
  const { value, fault } = readObject(text);
  const isApproval = decision === "approve";
  const submission = useSubmission(async () => {
    await post(`/jobs/${job.job_id}/${decision}`, {
      reason: reason.trim() === "" ? null : reason,
      ...(value === undefined ? {} : { payload: value }),
    });
    notify(`${job.step_id} is ${isApproval ? "approved" : "rejected"}.`);
    close();
    await reload();
  });
  return html`
    <${FormDialog}
      title=${`${isApproval ? "Approve" : "Reject"} ${job.step_id}?`}
      action=${isApproval ? "Approve" : "Reject"} isDanger=${!isApproval}
      isUnfit=${fault !== null} submission=${submission} close=${close}>
      <p>${isApproval
        ? "The step succeeds and the run goes on."
        : "The step is dead with the class rejected, and what is behind it is skipped."} Your e-mail address is kept with the decision.</p>
      <label>Reason <small class="muted">Later steps can read it.</small>
        <input type="text" maxlength="2000" value=${reason}
          onInput=${(event: Event) => setReason((event.target as HTMLInputElement).value)} />
      </label>
      <${JsonField} label="Payload" rows=${4} text=${text}
        setText=${setText}
        hint="Optional: a JSON object that later steps can read, as that of an event."
        problems=${submission.problems} />
      <//>
  `;
}
