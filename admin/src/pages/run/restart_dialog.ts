// Doing a run again: its failed steps, one step and all behind it, or the whole as a new run with an input
// that can be edited first.
import { useState } from "preact/hooks";
import type { Run } from "../../../../supabase/functions/_shared/contract/dashboard.ts";
import { post } from "../../api.ts";
import { html } from "../../html.ts";
import { linkTo, navigate } from "../../router.ts";
import { notify } from "../../ui/notices.ts";
import { FormDialog } from "./form_dialog.ts";
import { JsonField, readObject } from "./json_field.ts";
import { useSubmission } from "./submit_form.ts";

export type Restart =
  | { mode: "failed" }
  | { mode: "step"; stepId: string }
  | { mode: "whole" };

export interface RestartDialogProps {
  run: Run;
  restart: Restart;
  close: () => void;
  reload: () => Promise<void>;
}

const TITLES = {
  failed: "Restart from the failed steps",
  step: "Restart from this step",
  whole: "Run again as a whole",
};

export function RestartDialog(
  { run, restart, close, reload }: RestartDialogProps,
) {
  const { mode } = restart;
  const given = JSON.stringify(run.payload, null, 2);
  const [definition, setDefinition] = useState<"same" | "latest">("same");
  const [text, setText] = useState(given);
  const { value, fault } = readObject(text);

  const submission = useSubmission(async () => {
    const { workflow_run_id } = await post<{ workflow_run_id: string }>(
      `/runs/${run.workflow_run_id}/restart`,
      {
        mode,
        ...(mode === "step" ? { step_id: restart.stepId } : {}),
        definition,
        // Unchanged input is the run's own, to the last byte.
        ...(mode === "whole" && text !== given ? { payload: value ?? {} } : {}),
      },
    );
    close();
    if (workflow_run_id === run.workflow_run_id) {
      notify("The run goes on.");
      await reload();
      return;
    }
    notify("This is the new run.", {
      href: linkTo(["runs", run.workflow_run_id]),
      text: "Back to the one before",
    });
    navigate(linkTo(["runs", workflow_run_id]));
  });

  return html`
    <${FormDialog} title=${TITLES[mode]} action=${mode === "whole"
      ? "Start a new run"
      : "Restart"} isWide=${mode === "whole"}
      isUnfit=${fault !== null}
      submission=${submission} close=${close}>
      <p>${explain(restart, definition)}</p>
      <label>Definition
        <select value=${definition} onChange=${(event: Event) =>
          setDefinition(
            (event.target as HTMLSelectElement).value as "same" | "latest",
          )}>
          <option value="same">Version ${run.version}, as this run</option>
          <option value="latest">The version that is published now</option>
        </select>
      </label>
      ${mode === "whole" && html`
        <${JsonField} label="Input" rows=${14} text=${text} setText=${setText}
          hint="The payload of the new run; the workflow's inputs are made from it."
          problems=${submission.problems} />
      `}
    <//>
  `;
}

function explain(restart: Restart, definition: "same" | "latest"): string {
  const place = definition === "latest"
    ? "A new run is made with the published version"
    : "This run goes on";
  switch (restart.mode) {
    case "failed":
      return `${place}: steps that are dead or were cancelled are done again with all behind them, outputs that are good are kept.`;
    case "step":
      return `${place}: ${restart.stepId} and all behind it are done again, whatever became of them; outputs elsewhere are kept.`;
    case "whole":
      return "A new run of the same workflow for the same user; this one stays as it is.";
  }
}
