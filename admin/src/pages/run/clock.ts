// The database's clock in this browser, and the parts of the page that tick by it: alone, so that a second
// that passes redraws a word and not the page.
import { useEffect, useState } from "preact/hooks";
import { html } from "../../html.ts";
import { formatSpan } from "../../ui/time.ts";

/** How far the database's clock is ahead of this browser's. */
let aheadMs = 0;

/** Kept from each answer; the way that it took is small beside what is shown. */
export function alignClock(databaseTime: string | undefined): void {
  const time = Date.parse(databaseTime ?? "");
  if (!Number.isNaN(time)) aheadMs = time - Date.now();
}

export function databaseNow(): number {
  return Date.now() + aheadMs;
}

function useTicks(isTicking: boolean): void {
  const [, tick] = useState(0);
  useEffect(() => {
    if (!isTicking) return;
    const timer = setInterval(() => tick((count) => count + 1), 1_000);
    return () => clearInterval(timer);
  }, [isTicking]);
}

/** From one time to another, or to now, ticking. */
export function Elapsed({ from, to }: { from: string; to: string | null }) {
  useTicks(to === null);
  const end = to === null ? databaseNow() : Date.parse(to);
  const ms = Math.max(0, end - Date.parse(from));
  // Under way, the tenths would only flicker.
  return html`<span class="ticks">${
    formatSpan(to === null ? Math.floor(ms / 1_000) * 1_000 : ms)
  }</span>`;
}

/** `in 12 s`, counting down; `now` once it is there. */
export function Countdown({ until }: { until: string }) {
  useTicks(true);
  const ms = Date.parse(until) - databaseNow();
  return html`<span class="ticks" title=${new Date(until).toLocaleString()}>${
    ms < 1_000 ? "now" : `in ${formatSpan(Math.ceil(ms / 1_000) * 1_000)}`
  }</span>`;
}
