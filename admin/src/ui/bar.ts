import { html } from "../html.ts";

/** A share as the length of a bar; the numbers stand beside it, so it says nothing by itself. */
export function Bar(
  { value, of, tone = "" }: { value: number; of: number; tone?: string },
) {
  const share = of > 0 ? Math.min(1, Math.max(0, value / of)) : 0;
  // Something is never drawn as nothing.
  const width = value > 0 ? `max(3px, ${share * 100}%)` : "0";
  return html`
    <span class="bar ${tone}"
      aria-hidden="true"><span style=${{ width }}></span></span>
  `;
}
