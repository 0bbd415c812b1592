// What somebody should look at. Their numbers change at every poll, so that only a new warning is announced.
import { useRef } from "preact/hooks";
import { html } from "../../html.ts";

export function Warnings({ warnings }: { warnings: string[] }) {
  const known = useRef<{ kinds: string[]; said: string }>({
    kinds: [],
    said: "",
  });
  const kinds = warnings.map((text) => text.replace(/\d+(\.\d+)?/g, "#"));
  const added = warnings.filter((_, index) => !known.current.kinds.includes(kinds[index]));
  if (added.length > 0) known.current.said = added.join(". ");
  if (warnings.length === 0) known.current.said = "";
  known.current.kinds = kinds;
  return html`
    <div role="alert" class="hidden">${known.current.said}</div>
    ${warnings.length > 0 && html`
      <section class="panel warnings" aria-labelledby="warnings-title">
        <h2 id="warnings-title">
          <span aria-hidden="true">▲ </span>${warnings.length === 1
            ? "Look at this"
            : `Look at these ${warnings.length}`}
        </h2>
        <ul>${warnings.map((text) => html`<li key=${text.replace(/\d+/g, "#")}>${text}</li>`)}</ul>
      </section>
    `}
  `;
}
