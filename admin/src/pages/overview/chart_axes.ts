// The words and steps on a chart's axes: times of the reader's zone, and spans in units that people count in.
import { formatSpan } from "../../ui/time.ts";

const CLOCK = new Intl.DateTimeFormat(undefined, {
  hour: "2-digit",
  minute: "2-digit",
  hour12: false,
});
const DAY = new Intl.DateTimeFormat(undefined, {
  month: "short",
  day: "numeric",
});

const [S, MIN, H] = [1_000, 60_000, 3_600_000];
export const SPAN_STEPS = [
  ...[1, 2, 5, 10, 20, 50, 100, 200, 500],
  ...[S, 2 * S, 5 * S, 10 * S, 15 * S, 30 * S],
  ...[MIN, 2 * MIN, 5 * MIN, 10 * MIN, 15 * MIN, 30 * MIN],
  ...[H, 2 * H, 6 * H, 12 * H, 24 * H, 48 * H, 120 * H, 240 * H],
];

/** A tick of the time axis, in seconds: the day where one begins, the time of day elsewhere. */
export function formatTick(seconds: number): string {
  const time = new Date(seconds * 1000);
  const isMidnight = time.getHours() === 0 && time.getMinutes() === 0;
  return isMidnight ? DAY.format(time) : CLOCK.format(time);
}

export function formatSpanTick(ms: number): string {
  return ms === 0 ? "0" : formatSpan(ms).replace(/\.0+ /, " ").replace(/(\.\d)0 /, "$1 ");
}

/** `Nov 23, 14:05 to 14:06`. */
export function formatSpanOfTime(fromMs: number, spanMs: number): string {
  const from = new Date(fromMs);
  return `${DAY.format(from)}, ${CLOCK.format(from)} to ${CLOCK.format(new Date(fromMs + spanMs))}`;
}
