import type { ListedJob } from "../../../../supabase/functions/_shared/contract/dashboard.ts";
import type { JobStatus } from "../../../../supabase/functions/_shared/contract/statuses.ts";
import { post } from "../../api.ts";
import { html } from "../../html.ts";
import { linkTo } from "../../router.ts";
import { ActionButton } from "../../ui/action_button.ts";
import { notify } from "../../ui/notices.ts";
import { nameJob } from "./table.ts";

/** What the database takes; anything else it refuses. */
const CAN_RETRY: JobStatus[] = ["dead", "cancelled", "failed"];
const CAN_RESET: JobStatus[] = [
  "success",
  "failed",
  "dead",
  "skipped",
  "cancelled",
  "queued",
];

export function JobActions(
  { job, reload }: { job: ListedJob; reload(): Promise<void> },
) {
  const name = nameJob(job);
  const act = (path: string, said: string) => async () => {
    await post(`/jobs/${job.job_id}/${path}`);
    notify(`${name} ${said}.`, {
      href: linkTo(["runs", job.workflow_run_id], { step: job.step_id }),
      text: "Look at the run",
    });
    await reload();
  };
  const isReset = CAN_RESET.includes(job.status);
  const isRetried = CAN_RETRY.includes(job.status);
  if (!isReset && !isRetried) return html`<span class="muted">–</span>`;
  return html`
    <span class="row-actions">
      ${isRetried && html`
        <${ActionButton} label=${`Retry ${name}`} act=${act(
          "retry",
          "is tried again",
        )}>Retry<//>
      `}
      ${isReset && html`
        <${ActionButton} label=${`Reset ${name}`} act=${act(
          "reset",
          "begins anew",
        )}
          confirm=${`Reset ${name}? It begins anew with all its attempts. Its output and those of all steps behind it are forgotten, and the steps are done again.`}
        >Reset<//>
      `}
    </span>
  `;
}
