// What an operator does with one job: give it another round, put it back to its beginning, decide for it.
import { useState } from "preact/hooks";
import type { Run, RunJob } from "../../../../supabase/functions/_shared/contract/dashboard.ts";
import type { JobStatus } from "../../../../supabase/functions/_shared/contract/statuses.ts";
import { post } from "../../api.ts";
import { html } from "../../html.ts";
import { ActionButton } from "../../ui/action_button.ts";
import { notify } from "../../ui/notices.ts";
import { DecisionDialog } from "./decision_dialog.ts";
import { RestartDialog } from "./restart_dialog.ts";

const RETRIED: JobStatus[] = ["dead", "cancelled", "failed"];
const RESET: JobStatus[] = [
  "success",
  "failed",
  "dead",
  "skipped",
  "cancelled",
];

export interface JobActionsProps {
  run: Run;
  job: RunJob;
  reload: () => Promise<void>;
}

type Open = "approve" | "reject" | "restart" | null;

export function JobActions({ run, job, reload }: JobActionsProps) {
  const [open, setOpen] = useState<Open>(null);
  const close = () => setOpen(null);
  const opens = (which: Open) => () => {
    setOpen(which);
    return Promise.resolve();
  };
  const isItem = job.item_index >= 0;
  const name = isItem ? `item ${job.item_index} of ${job.step_id}` : job.step_id;
  const isWaiting = job.status === "parked" && job.parked?.for === "event";
  const canRestart = run.finished_at !== null && !isItem &&
    job.phase === "main" && !job.step_id.startsWith("$");
  const redo = (action: "retry" | "reset") => async () => {
    await post(`/jobs/${job.job_id}/${action}`);
    notify(
      action === "retry" ? `${name} is tried again.` : `${name} is back at its beginning.`,
    );
    await reload();
  };
  return html`
    <div class="actions">
      ${isWaiting && html`
        <${ActionButton} kind="primary" act=${opens("approve")}>Approve…<//>
        <${ActionButton} kind="danger" act=${opens("reject")}>Reject…<//>
      `}
      ${RETRIED.includes(job.status) && html`
        <${ActionButton} kind="primary" act=${redo("retry")}
          label=${`Retry ${name}`}>${job.status === "failed" ? "Try now" : "Retry"}<//>
      `}
      ${canRestart && html`
        <${ActionButton} act=${opens("restart")}>Restart from here…<//>
      `}
      ${RESET.includes(job.status) && html`
        <${ActionButton} act=${redo("reset")} label=${`Reset ${name}`}
          confirm=${`The output of ${name} is forgotten, its attempts are counted from zero, and it is done again with everything behind it.`}>Reset<//>
      `}
    </div>
    ${(open === "approve" || open === "reject") && html`
      <${DecisionDialog} job=${job} decision=${open} close=${close}
        reload=${reload} />
    `}
    ${open === "restart" && html`
      <${RestartDialog} run=${run} close=${close} reload=${reload}
        restart=${{ mode: "step", stepId: job.step_id }} />
    `}
  `;
}
