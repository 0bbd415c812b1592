// A field for code: line numbers beside it, marked lines behind it. A plain textarea, so that the keyboard,
// undo, spelling off and screen readers are the browser's own; Tab leaves it, as it leaves every field.
import type { RefObject } from "preact";
import { useRef } from "preact/hooks";
import { html } from "../../html.ts";
import { numberLines } from "../../ui/source_view.ts";

export interface CodeFieldProps {
  field: RefObject<HTMLTextAreaElement | null>;
  text: string;
  onText: (text: string) => void;
  label: string;
  /** Lines to mark, counted from 1, with what is wrong there. */
  marks: Map<number, string>;
  /** Id of what describes the text, such as the list of problems. */
  describedBy?: string;
}

export function CodeField(
  { field, text, onText, label, marks, describedBy }: CodeFieldProps,
) {
  const gutter = useRef<HTMLDivElement>(null);
  const back = useRef<HTMLDivElement>(null);
  const follow = ({ target }: Event) => {
    const { scrollTop } = target as HTMLTextAreaElement;
    for (const side of [gutter, back]) {
      side.current!.style.transform = `translateY(${-scrollTop}px)`;
    }
  };
  const lines = [...marks].map(([line, message]) => ({
    line,
    message,
    style: { top: `calc(${line - 1} * 1lh)` },
  }));
  return html`
    <div class="code-field">
      <div class="side" aria-hidden="true">
        <div ref=${gutter}>
          <pre>${numberLines(`${text} `)}</pre>
          ${lines.map(({ line, message, style }) =>
            html`
              <span key=${line} class="line-mark" style=${style}
                title=${message}>✕</span>
            `
          )}
        </div>
      </div>
      <div class="front">
        <div class="back" aria-hidden="true">
          <div ref=${back}>
          ${lines.map(({ line, style }) =>
            html`<span key=${line} class="marked-line" style=${style}></span>`
          )}
        </div>
        </div>
        <textarea ref=${field} aria-label=${label}
          aria-describedby=${describedBy}
          aria-invalid=${marks.size > 0}
          wrap="off" spellcheck=${false} autocapitalize="off" autocomplete="off"
          value=${text} onScroll=${follow} onKeyDown=${keepIndent}
          onInput=${(event: InputEvent) =>
            onText((event.target as HTMLTextAreaElement).value)}></textarea>
      </div>
    </div>
  `;
}

/** A new line begins where the last one did. */
function keepIndent(event: KeyboardEvent) {
  if (
    event.key !== "Enter" || event.isComposing || event.ctrlKey || event.metaKey
  ) return;
  const { value, selectionStart } = event.target as HTMLTextAreaElement;
  const lineStart = value.lastIndexOf("\n", selectionStart - 1) + 1;
  const indent = value.slice(lineStart, selectionStart).match(/^ */)![0];
  if (indent === "") return;
  event.preventDefault();
  // The only way that keeps the browser's undo.
  document.execCommand("insertText", false, `\n${indent}`);
}

/** Puts the cursor on a line and a column, both counted from 1, and brings them into view. */
export function putCursor(
  field: HTMLTextAreaElement,
  line: number,
  column = 1,
): void {
  const lines = field.value.split("\n").slice(0, line - 1);
  const start = lines.reduce((sum, { length }) => sum + length + 1, 0);
  const at = Math.min(field.value.length, start + column - 1);
  field.focus();
  field.setSelectionRange(at, at);
  const lineHeight = parseFloat(getComputedStyle(field).lineHeight);
  field.scrollTop = (line - 1) * lineHeight - field.clientHeight / 3;
}
