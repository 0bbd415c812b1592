// A text with line numbers, for reading; the numbers are no part of what is selected or copied.
import { html } from "../html.ts";
import { CopyButton } from "./copy_button.ts";

export function SourceView({ text, label }: { text: string; label: string }) {
  return html`
    <div class="code source">
      <${CopyButton} text=${text} label=${`Copy ${label}`} />
      <div class="source-box" tabindex="0" role="region" aria-label=${label}>
        <pre class="source-numbers" aria-hidden="true">${numberLines(
          text,
        )}</pre>
        <pre>${text}</pre>
      </div>
    </div>
  `;
}

/** `1`, `2`, `3` below one another, as many as the text has lines. */
export function numberLines(text: string): string {
  const count = text.split("\n").length - (text.endsWith("\n") ? 1 : 0);
  return Array.from({ length: Math.max(1, count) }, (_, index) => index + 1)
    .join("\n");
}
