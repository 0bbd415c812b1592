// The browser's own modal dialog: focus stays inside, Escape closes it, and focus returns where it was.
import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";
import { html } from "../html.ts";

export interface DialogProps {
  title: string;
  /** Called on Escape too; a dialog without it cannot be left. */
  onClose?: () => void;
  children: ComponentChildren;
  /** For forms and code. */
  isWide?: boolean;
}

export function Dialog(
  { title, onClose, children, isWide = false }: DialogProps,
) {
  const element = useRef<HTMLDialogElement>(null);
  const titleId = useId();
  useEffect(() => {
    const dialog = element.current!;
    // By hand: the browser forgets where the focus was once the element has left the page.
    const opener = document.activeElement;
    if (!dialog.open) dialog.showModal();
    return () => {
      dialog.close();
      if (opener instanceof HTMLElement) opener.focus();
    };
  }, []);
  const cancel = (event: Event) => {
    event.preventDefault();
    onClose?.();
  };
  return html`
    <dialog ref=${element} class=${isWide ? "wide" : ""} aria-labelledby=${titleId}
      onCancel=${cancel}>
      <header>
        <h2 id=${titleId}>${title}</h2>
        ${onClose && html`
          <button type="button" class="quiet" aria-label="Close"
            onClick=${onClose}>×</button>
        `}
      </header>
      ${children}
    </dialog>
  `;
}
