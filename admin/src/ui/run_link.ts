import { html } from "../html.ts";
import { linkTo, type Query } from "../router.ts";

/** A run by the ends of its id: the beginning is its time, the end tells it from its neighbours. */
export function RunLink({ id, query = {} }: { id: string; query?: Query }) {
  const short = id.length > 20 ? `${id.slice(0, 8)}…${id.slice(-6)}` : id;
  return html`
    <a class="mono run-link" href=${linkTo(["runs", id], query)} title=${id}
      aria-label=${`Run ${short}`}>${short}</a>
  `;
}

export function WorkflowLink({ name }: { name: string }) {
  return html`<a class="whole" href=${
    linkTo(["workflows", name])
  }><${Breakable} text=${name} /></a>`;
}

/** A long name is broken behind its underscores, dots and at-signs first. */
export function Breakable({ text }: { text: string }) {
  return text.split(/(?<=[_.@:/])/).map((part) => html`${part}<wbr />`);
}
