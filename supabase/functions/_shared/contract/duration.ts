// Durations as people write them in workflow files: 500ms, 30s, 10m, 2h, 7d, 1h30m.

/** Units in falling order, each at most once; what is empty is refused by the lookahead. */
export const DURATION_PATTERN = /^(?=\d)(\d{1,9}d)?(\d{1,9}h)?(\d{1,9}m)?(\d{1,9}s)?(\d{1,12}ms)?$/;

/** Longest duration anywhere: a year. */
export const MAX_DURATION_MS = 365 * 86_400_000;

const UNIT_MS: Record<string, number> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** Milliseconds, or null where the text is no duration: the unit is required. */
export function parseDuration(text: string): number | null {
  if (!DURATION_PATTERN.test(text)) return null;
  let sum = 0;
  for (const [, number, unit] of text.matchAll(/(\d+)(ms|[smhd])/g)) {
    sum += Number(number) * UNIT_MS[unit];
  }
  return sum;
}

/** The shortest text of a span: 90,000 ms are 1m30s. */
export function formatDuration(ms: number): string {
  let rest = ms;
  const parts = Object.entries(UNIT_MS).toReversed().map(([unit, size]) => {
    const count = Math.floor(rest / size);
    rest -= count * size;
    return count === 0 ? "" : `${count}${unit}`;
  });
  return parts.join("") || "0ms";
}
