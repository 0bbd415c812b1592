// Newest first, page by page: the cursor is in the URL, so a page can be sent to somebody.
import { html } from "../html.ts";
import { linkTo, type Query } from "../router.ts";

export interface PagerProps {
  parts: string[];
  query: Query;
  /** Name of the cursor in the query. */
  cursor?: string;
  next: string | number | null;
  /** For lists that are not in the order of time. */
  words?: { first: string; next: string };
}

const BY_TIME = { first: "« Newest", next: "Older »" };

export function Pager(
  { parts, query, cursor = "before", next, words = BY_TIME }: PagerProps,
) {
  const isFirst = !query[cursor];
  if (isFirst && next === null) return null;
  return html`
    <nav class="pager" aria-label="Pages of the list">
      ${isFirst
        ? null
        : html`<a href=${linkTo(parts, { ...query, [cursor]: null })}>${words.first}</a>`}
      ${next === null
        ? null
        : html`<a href=${linkTo(parts, { ...query, [cursor]: String(next) })}>${words.next}</a>`}
    </nav>
  `;
}
