// The parts of a page as links: which one is open is in the URL, so a part can be sent to somebody.
import { html } from "../html.ts";
import { linkTo, type Query, type Route } from "../router.ts";

export interface Tab {
  /** In the query; the first tab needs none. */
  name: string;
  title: string;
}

export interface TabsProps {
  route: Route;
  tabs: readonly Tab[];
  /** What the tabs are parts of, for screen readers. */
  label: string;
  /** What of the query stays, whichever is open. */
  keep?: Query;
}

export function Tabs({ route, tabs, label, keep = {} }: TabsProps) {
  const open = findOpenTab(route, tabs);
  return html`
    <nav class="tabs" aria-label=${label}>
      ${tabs.map(({ name, title }, index) =>
        html`
          <a
            href=${linkTo(route.parts, {
              ...keep,
              tab: index === 0 ? null : name,
            })}
            aria-current=${name === open ? "true" : undefined}
          >${title}</a>
        `
      )}
    </nav>
  `;
}

export function findOpenTab({ query }: Route, tabs: readonly Tab[]): string {
  return (tabs.find(({ name }) => name === query.tab) ?? tabs[0]).name;
}
