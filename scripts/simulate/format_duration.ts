// Spans of time as people read them. Pure.

const UNITS: readonly [unit: string, ms: number][] = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["m", 60_000],
];

/**
 * `1d 3h`, `2m 5s`, `1.5s`, `250ms`: every unit that is not zero, and decimals as long as they matter.
 */
export function formatDuration(ms: number): string {
  if (ms < 0.5) return "0s";
  if (ms < 999.5) return `${Math.round(ms)}ms`;
  const decimals = ms < 10_000 ? 3 : ms < 3_600_000 ? 1 : 0;
  let rest = Number((ms / 1_000).toFixed(decimals)) * 1_000;
  const parts: string[] = [];
  for (const [unit, size] of UNITS) {
    const count = Math.floor(rest / size);
    rest -= count * size;
    if (count > 0) parts.push(`${count}${unit}`);
  }
  const seconds = Number((rest / 1_000).toFixed(decimals));
  if (seconds > 0) parts.push(`${seconds}s`);
  return parts.join(" ");
}
