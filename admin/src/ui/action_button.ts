// A button that does something on the server: busy while it does, confirmed first where that is wise, and
// refused with the reason for those who may only look.
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { SignedOutError } from "../api.ts";
import { html } from "../html.ts";
import { useIsOperator } from "../me.ts";
import { Dialog } from "./dialog.ts";
import { notifyError } from "./notices.ts";

export interface ActionButtonProps {
  children: ComponentChildren;
  /** What it does; a rejection is shown. */
  act: () => Promise<void>;
  /** Asked first, in a sentence that says what will happen. */
  confirm?: string;
  kind?: "danger" | "primary";
  disabled?: boolean;
  /** For screen readers, where the text alone does not say what of many it is for. */
  label?: string;
}

export const VIEWER_REASON = "Your role is viewer: this needs the role operator.";

export function ActionButton(props: ActionButtonProps) {
  const { children, act, confirm, kind, disabled = false, label } = props;
  const [isAsking, setAsking] = useState(false);
  const [isBusy, setBusy] = useState(false);
  const isOperator = useIsOperator();
  const run = async () => {
    setAsking(false);
    setBusy(true);
    try {
      await act();
    } catch (error) {
      // The sign-in is shown already.
      if (!(error instanceof SignedOutError)) notifyError(error);
    } finally {
      setBusy(false);
    }
  };
  const press = () => {
    if (isBusy) return;
    if (!isOperator) notifyError(new Error(VIEWER_REASON));
    else if (confirm === undefined) void run();
    else setAsking(true);
  };
  return html`
    <button
      type="button"
      class=${kind ?? ""}
      disabled=${disabled}
      aria-busy=${isBusy}
      aria-disabled=${!isOperator}
      title=${isOperator ? undefined : VIEWER_REASON}
      aria-label=${label}
      onClick=${press}
    >
      ${isBusy ? html`<span class="spinner" aria-hidden="true"></span>` : null}${children}
    </button>
    ${isAsking && html`
      <${Dialog} title="Are you sure?" onClose=${() => setAsking(false)}>
        <p>${confirm}</p>
        <footer>
          <button type="button" onClick=${() => setAsking(false)}>Keep it as it is</button>
          <button type="button" class=${kind ?? "primary"}
            onClick=${run}>${children}</button>
        </footer>
        <//>
    `}
  `;
}
