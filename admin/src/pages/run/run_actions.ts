// What an operator does with a run as a whole.
import { useState } from "preact/hooks";
import type { Run } from "../../../../supabase/functions/_shared/contract/dashboard.ts";
import { FUNCTIONS_URL } from "../../config.ts";
import { html } from "../../html.ts";
import { ActionButton } from "../../ui/action_button.ts";
import { CopyButton } from "../../ui/copy_button.ts";
import { CancelDialog } from "./cancel_dialog.ts";
import { RestartDialog } from "./restart_dialog.ts";

type Open = "cancel" | "failed" | "whole" | null;

export function RunActions(
  { run, reload }: { run: Run; reload: () => Promise<void> },
) {
  const [open, setOpen] = useState<Open>(null);
  const close = () => setOpen(null);
  // The dialogs confirm: the button only opens them, or says why not.
  const opens = (which: Open) => () => {
    setOpen(which);
    return Promise.resolve();
  };
  const isRestartable = run.status === "failed" || run.status === "cancelled";
  return html`
    <div class="actions">
      ${run.status === "running" && html`
        <${ActionButton} kind="danger" act=${opens("cancel")}>Cancel…<//>
      `}
      ${isRestartable && html`
        <${ActionButton} kind="primary" act=${opens(
          "failed",
        )}>Restart from failed…<//>
      `}
      <${ActionButton} act=${opens("whole")}>Run again…<//>
      <${CopyButton} text=${writeCurl(run)} word="Copy as curl"
        label="Copy as curl: a call that dispatches the same again" />
    </div>
    ${open === "cancel" &&
      html`<${CancelDialog} run=${run} close=${close} reload=${reload} />`}
    ${(open === "failed" || open === "whole") && html`
      <${RestartDialog} run=${run} restart=${{ mode: open }} close=${close}
        reload=${reload} />
    `}
  `;
}

/** The call that would dispatch the same again, for a POSIX shell; the key stays a name. */
export function writeCurl(
  { user_id, workflow_key, intent_id, payload, priority }: Run,
): string {
  const body = JSON.stringify({
    user_id,
    workflow_key,
    ...(intent_id === null ? {} : { intent_id }),
    payload,
    priority,
  });
  const url = new URL(`${FUNCTIONS_URL}/dispatch`, location.href);
  return [
    `curl -X POST '${url}'`,
    `  -H "apikey: $SUPABASE_SECRET_KEY" -H 'content-type: application/json'`,
    `  -d '${body.replaceAll("'", `'\\''`)}'`,
  ].join(" \\\n");
}
