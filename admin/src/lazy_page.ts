// A page's code is fetched when somebody opens it first: what the others weigh is nobody's concern then.
import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";
import { html } from "./html.ts";
import type { Route } from "./router.ts";
import { Empty, Loading } from "./ui/states.ts";

export interface PageProps {
  route: Route;
}

type Page = ComponentType<PageProps>;

/** A component that loads another one; the browser keeps what was loaded. */
export function loadPage(load: () => Promise<Page>): Page {
  let loaded: Page | null = null;
  return function LazyPage({ route }: PageProps) {
    const [page, setPage] = useState<{ component: Page } | null>(
      loaded && { component: loaded },
    );
    const [isMissing, setMissing] = useState(false);
    useEffect(() => {
      if (page !== null) return;
      let isOver = false;
      load().then(
        (component) => {
          loaded = component;
          if (!isOver) setPage({ component });
        },
        () => isOver || setMissing(true),
      );
      return () => void (isOver = true);
    }, [page]);
    if (page !== null) return html`<${page.component} route=${route} />`;
    if (!isMissing) return html`<${Loading} what="the page" />`;
    return html`
      <${Empty} title="This page could not be loaded">
        The server is away, or a newer dashboard was put in its place meanwhile.${" "}
        <button type="button" onClick=${() => location.reload()}>Load everything anew</button>
      <//>
    `;
  };
}
