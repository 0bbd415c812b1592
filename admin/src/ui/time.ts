// Times in the reader's zone with UTC beside them, and spans in words short enough for a table.
import { html } from "../html.ts";

const LOCAL = new Intl.DateTimeFormat(undefined, {
  year: "numeric",
  month: "short",
  day: "2-digit",
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  hour12: false,
});
const LOCAL_WITH_ZONE = new Intl.DateTimeFormat(undefined, {
  dateStyle: "full",
  timeStyle: "long",
});

export function formatLocal(iso: string): string {
  return LOCAL.format(new Date(iso));
}

export function formatUtc(iso: string): string {
  return `${new Date(iso).toISOString().slice(0, 19).replace("T", " ")} UTC`;
}

/** `850 ms`, `12.3 s`, `4 min 5 s`, `2 h 3 min`, `5 d 4 h`. */
export function formatSpan(ms: number): string {
  const sign = ms < 0 ? "-" : "";
  const span = Math.abs(ms);
  if (span < 1_000) return `${sign}${Math.round(span)} ms`;
  if (span < 60_000) {
    return `${sign}${(span / 1_000).toFixed(span < 10_000 ? 2 : 1)} s`;
  }
  const seconds = Math.round(span / 1_000);
  const parts: [number, string][] = [
    [Math.floor(seconds / 86_400), "d"],
    [Math.floor(seconds / 3_600) % 24, "h"],
    [Math.floor(seconds / 60) % 60, "min"],
    [seconds % 60, "s"],
  ];
  const first = parts.findIndex(([count]) => count > 0);
  const shown = parts.slice(first, first + 2).filter(([count]) => count > 0);
  return sign + shown.map(([count, unit]) => `${count} ${unit}`).join(" ");
}

/** `3 min ago`, `in 20 s`. */
export function formatAgo(iso: string, nowMs = Date.now()): string {
  const ms = nowMs - Date.parse(iso);
  if (Math.abs(ms) < 1_000) return "now";
  const rough = formatSpan(Math.round(Math.abs(ms) / 1_000) * 1_000).replace(
    /\.\d+/,
    "",
  );
  return ms > 0 ? `${rough} ago` : `in ${rough}`;
}

export interface TimeProps {
  at: string | null;
  /** Shows how long ago, or until when, instead of the time; both are in the tooltip. */
  ago?: boolean;
}

/** A time of the reader's zone; UTC stands below it, or in the tooltip where it is short. */
export function Time({ at, ago = false }: TimeProps) {
  if (at === null || at === undefined) {
    return html`<span class="muted">–</span>`;
  }
  const title = `${LOCAL_WITH_ZONE.format(new Date(at))}\n${formatUtc(at)}`;
  if (ago) {
    return html`<time datetime=${at} title=${title}>${formatAgo(at)}</time>`;
  }
  return html`
    <time datetime=${at}
      title=${title}>${formatLocal(at)}<small class="utc">${formatUtc(
        at,
      )}</small></time>
  `;
}
