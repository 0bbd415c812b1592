// The sentences of explain.ts on the page, with what counts down and where they lead.
import { html } from "../../html.ts";
import { linkTo } from "../../router.ts";
import { Countdown } from "./clock.ts";
import type { Reason } from "./explain.ts";

export function Reasons({ reasons }: { reasons: Reason[] }) {
  if (reasons.length === 0) return null;
  return html`
    <div class="reasons">
      ${reasons.map(({ text, code, until, link }) =>
        html`
          <p>
            ${text}${" "}
            ${until && html`<${Countdown} until=${until} />`}${until && ". "}
            ${link && html`
              <a href=${linkTo(link.parts, link.query)}>${link.text}</a>
            `}
          </p>
          ${code
            ? html`<pre class="plain" tabindex="0" aria-label="In its own words">${code}</pre>`
            : null}
        `
      )}
    </div>
  `;
}
