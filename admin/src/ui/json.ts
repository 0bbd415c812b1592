// JSON for reading: indented, cut where it is very long, with a button that copies all of it.
import { useState } from "preact/hooks";
import { html } from "../html.ts";
import { CopyButton } from "./copy_button.ts";

const SHOWN_CHARACTERS = 20_000;

export function JsonView({ value, label }: { value: unknown; label: string }) {
  const [isWhole, setWhole] = useState(false);
  const text = typeof value === "string" ? value : JSON.stringify(value, null, 2) ?? "null";
  const isCut = !isWhole && text.length > SHOWN_CHARACTERS;
  return html`
    <div class="code">
      <${CopyButton} text=${text} label=${`Copy ${label}`} />
      <pre tabindex="0" aria-label=${label}>${isCut ? text.slice(0, SHOWN_CHARACTERS) : text}</pre>
      ${isCut && html`
        <button type="button" onClick=${() => setWhole(true)}>
          Show all ${text.length.toLocaleString()} characters
        </button>
      `}
    </div>
  `;
}
