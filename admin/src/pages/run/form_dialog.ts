import type { ComponentChildren } from "preact";
import { html } from "../../html.ts";
import { Dialog } from "../../ui/dialog.ts";
import type { Submission } from "./submit_form.ts";

export interface FormDialogProps {
  title: string;
  /** On the button that sends it. */
  action: string;
  isDanger?: boolean;
  isWide?: boolean;
  /** What was typed cannot be sent as it is. */
  isUnfit?: boolean;
  submission: Submission;
  close: () => void;
  children: ComponentChildren;
}

/** A dialog with a form, the reason of a refusal above its buttons. */
export function FormDialog(props: FormDialogProps) {
  const { title, action, isDanger, isWide, isUnfit, submission, close } = props;
  const { isBusy, refusal, submit } = submission;
  return html`
    <${Dialog} title=${title} onClose=${close} isWide=${isWide}>
      <form onSubmit=${submit}>
        ${props.children}
        <p class="problem" role="alert">${refusal}</p>
        <footer>
          <button type="button" onClick=${close}>Keep it as it is</button>
          <button type="submit" class=${isDanger ? "danger" : "primary"}
            disabled=${isUnfit} aria-busy=${isBusy}>
            ${isBusy ? html`<span class="spinner" aria-hidden="true"></span>` : null}${action}
          </button>
        </footer>
      </form>
      <//>
  `;
}
