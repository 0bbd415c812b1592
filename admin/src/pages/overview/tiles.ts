// The numbers of the moment; each leads to the list that it counts.
import type { ComponentChildren } from "preact";
import type { Overview } from "../../../../supabase/functions/_shared/contract/dashboard.ts";
import type { JobStatus } from "../../../../supabase/functions/_shared/contract/statuses.ts";
import { html } from "../../html.ts";
import { linkTo } from "../../router.ts";
import { formatAgo, formatLocal, formatSpan, formatUtc } from "../../ui/time.ts";

const SILENT_MS = 3 * 60_000;
/** As the server's warning. */
const OLD_SECONDS = 300;

interface TilesProps {
  /** As things stand. */
  now: Overview;
  /** Of the window; null while they are asked for. */
  totals: Overview["totals"] | null;
  /** The window in words. */
  words: string;
}

export function Tiles({ now, totals, words }: TilesProps) {
  const { queue, oldest_ready_seconds, workers, limited_keys } = now;
  const count = (status: JobStatus) => queue[status] ?? 0;
  const calls = workers.reduce((sum, { jobs }) => sum + jobs, 0);
  return html`
    <ul class="tiles" aria-label="As things stand">
      <${Tile} title="Ready now" value=${count("queued")} href=${jobsOf(
        "queued",
      )}
        isBad=${oldest_ready_seconds > OLD_SECONDS}>
        ${oldest_ready_seconds > 0
          ? `the oldest for ${formatSpan(Math.round(oldest_ready_seconds) * 1000)}`
          : "nothing is late"}
      <//>
      <${Tile} title="Working" value=${count("leased") + count("running")}>
        <a href=${jobsOf("leased")}>${count("leased")} leased</a>,${" "}
        <a href=${jobsOf("running")}>${count("running")} running</a>
      <//>
      <${Tile} title="Waiting" value=${count("waiting")} href=${jobsOf(
        "waiting",
      )}>
        for steps before them<//>
      <${Tile} title="Parked" value=${count("parked")} href=${jobsOf("parked")}>
        for an answer, a time, a person<//>
      <${Tile} title="Retrying" value=${count("failed")} href=${jobsOf(
        "failed",
      )}>
        will be tried again<//>
      <${Tile} title="Dead letters" value=${count("dead")} href=${jobsOf(
        "dead",
      )}
        isBad=${count("dead") > 0}>
        ${count("dead") > 0 ? "nobody tries them again" : "none"}<//>
      <${Success} totals=${totals} words=${words} />
      <${Tile} title="Workers" value=${workers.length}>
        ${calls.toLocaleString()} ${calls === 1 ? "job" : "jobs"} in hand<//>
      <${Tick} title="Worker tick" does="wakes a worker for due jobs" at=${now
        .last_tick_at} now=${now
        .database_time} />
      <${Tick} title="Cron tick" does="starts what schedules are due" at=${now
        .last_cron_tick_at} now=${now
        .database_time} />
      <${Tile} title="Rate-limited keys" href=${linkTo(["rate-limits"])}
        value=${limited_keys.length}>
        ${limited_keys.length > 0 ? "jobs stand in line" : "no key is held up"}<//>
    </ul>
  `;
}

interface TileProps {
  title: string;
  value: ComponentChildren;
  href?: string;
  isBad?: boolean;
  children: ComponentChildren;
}

function Tile({ title, value, href, isBad = false, children }: TileProps) {
  const shown = typeof value === "number" ? value.toLocaleString() : value;
  return html`
    <li class="tile ${isBad ? "is-bad" : ""}">
      <span class="tile-title">${isBad &&
        html`<span aria-hidden="true">▲ </span>`}${title}</span>
      ${href
        ? html`
          <a class="tile-value" href=${href}
            aria-label=${`${title}: ${shown}`}>${shown}</a>
        `
        : html`<span class="tile-value">${shown}</span>`}
      <span class="tile-note">${children}</span>
    </li>
  `;
}

function Success({ totals, words }: Pick<TilesProps, "totals" | "words">) {
  const rate = totals?.success_rate ?? null;
  const ended = totals === null ? 0 : totals.success + totals.failed;
  return html`
    <${Tile} title="Success rate" value=${rate === null ? "–" : formatRate(rate)}
      isBad=${rate !== null && rate < 0.9}>
      ${totals === null
        ? "…"
        : ended === 0
        ? `no run ended in ${words}`
        : html`${totals.success.toLocaleString()} of ${ended.toLocaleString()} runs in ${words},${" "}
          <a href=${
          linkTo(["runs"], { status: "failed" })
        }>${totals.failed.toLocaleString()} failed</a>`}
    <//>
  `;
}

/** Not all is never shown as 100 %. */
export function formatRate(rate: number): string {
  const percent = rate >= 1 ? 100 : Math.min(99.9, Math.floor(rate * 1000) / 10);
  return `${percent} %`;
}

function Tick(
  { title, at, now, does }: {
    title: string;
    at: string | null;
    now: string;
    does: string;
  },
) {
  const nowMs = Date.parse(now);
  const isSilent = at === null || nowMs - Date.parse(at) > SILENT_MS;
  // By the database's clock: this browser's may be wrong.
  const value = at === null
    ? "never"
    : html`<time datetime=${at} title=${`${formatLocal(at)}\n${formatUtc(at)}`}>${
      formatAgo(at, Math.max(nowMs, Date.parse(at)))
    }</time>`;
  return html`
    <${Tile} title=${title} value=${value} isBad=${isSilent}>
      ${isSilent ? "silent: is pg_cron running?" : does}
    <//>
  `;
}

function jobsOf(status: JobStatus): string {
  return linkTo(["queue"], { status });
}
