// How things stand: what waits, what works, what went wrong, now and over a window of time.
import {
  type Overview,
  OVERVIEW_WINDOWS,
  type OverviewWindow,
} from "../../../supabase/functions/_shared/contract/dashboard.ts";
import { get } from "../api.ts";
import { html } from "../html.ts";
import { useLive } from "../live.ts";
import { linkTo, type Route } from "../router.ts";
import { NotYet } from "../ui/states.ts";
import { Charts } from "./overview/charts.ts";
import { LimitedKeys } from "./overview/limited_keys.ts";
import { QueueDepth } from "./overview/queue_depth.ts";
import { Tiles } from "./overview/tiles.ts";
import { Warnings } from "./overview/warnings.ts";
import { Workers } from "./overview/workers.ts";

/** A long window changes slowly and costs more to count. */
const LONG_POLL_MS = 10_000;

const WINDOW_WORDS: Record<OverviewWindow, string> = {
  "1h": "1 hour",
  "24h": "24 hours",
  "7d": "7 days",
};

export function OverviewPage({ route: { query } }: { route: Route }) {
  const window = OVERVIEW_WINDOWS.find((known) => known === query.window) ??
    "1h";
  // What stands now comes with the shortest window, so that it is fresh whichever window is shown.
  const now = useLive("now", () => ask("1h"));
  const past = useLive(
    window,
    () => window === "1h" ? Promise.resolve(null) : ask(window),
    window === "1h" ? null : LONG_POLL_MS,
  );
  const period = window === "1h" ? now : past;
  if (now.data === null) {
    return html`
      <${Head} window=${window} />
      <${NotYet} what="the overview" error=${now.error} retry=${() => void now.reload()} />
    `;
  }
  const words = WINDOW_WORDS[window];
  return html`
    <${Head} window=${window} />
    <${Warnings} warnings=${now.data.warnings} />
    <${Tiles} now=${now.data} totals=${period.data?.totals ??
      null} words=${words} />
    <div class="grid charts">
      <${QueueDepth} queue=${now.data.queue} />
      ${period.data !== null
        ? html`<${Charts} overview=${period.data} words=${words} />`
        : html`<${NotYet} what="the charts" error=${period.error} retry=${() =>
          void period.reload()} />`}
    </div>
    <div class="grid">
      <${Workers} overview=${now.data} />
      <${LimitedKeys} keys=${now.data.limited_keys} />
    </div>
  `;
}

function ask(window: OverviewWindow): Promise<Overview> {
  return get<Overview>("/overview", { window });
}

function Head({ window }: { window: OverviewWindow }) {
  return html`
    <div class="page-head">
      <h1>Overview</h1>
      <nav class="switch" aria-label="Window of time">
        ${OVERVIEW_WINDOWS.map((each) =>
          html`
            <a key=${each} href=${linkTo([], { window: each })}
              aria-current=${each === window ? "true" : undefined}>${WINDOW_WORDS[each]}</a>
          `
        )}
      </nav>
    </div>
  `;
}
