// Tells the figures of a run: as flat keys for bench/results, and as a table with ratios on the terminal.
import { type Figures, round } from "./figures.ts";
import type { Machine } from "./machine.ts";
import type { BenchSettings } from "./settings.ts";
import { listMeasured, nameOurs, nameRatio, nameVersion, type Row } from "./tables.ts";

/** Flat keys with medians, their ratios, and where and how they were measured. */
export type Results = Record<string, string | number>;

export interface Circumstances {
  settings: BenchSettings;
  /** How many there were. */
  repeats: number;
  machine: Machine;
  postgres: Record<string, string>;
  /** Versions of the other engines' packages. */
  peers: Record<string, string>;
}

/** What results hold: the circumstances, the median of every figure, the ratios of the tables. */
export function flattenResults(
  figures: Figures,
  { settings, repeats, machine, postgres, peers }: Circumstances,
): Results {
  const ratios: Results = {};
  for (const row of listMeasured((name) => figures.has(name)).flatMap(({ rows }) => rows)) {
    if (isComparable(figures, row.base)) {
      ratios[nameRatio(row)] = round(figures.ratio(row.figure, row.base!));
    }
    if (isComparable(figures, row.ours)) {
      ratios[nameOurs(row)] = round(figures.ratio(row.ours!, row.figure));
    }
  }
  return {
    measured_at: new Date().toISOString(),
    mode: settings.mode,
    repeats,
    http_concurrency: settings.httpConcurrency,
    dispatch_batch: settings.dispatchBatch,
    ...prefix("machine", { ...machine }),
    ...prefix("postgres", postgres),
    ...Object.fromEntries(Object.entries(peers).map(([name, it]) => [nameVersion(name), it])),
    ...figures.medians(),
    ...ratios,
  };
}

/** Prints a table with the median, the spread and the ratios of every figure that was measured. */
export function printReport(figures: Figures, results: Results): void {
  const facts = Object.entries(results).filter(([name]) => !figures.has(name) && !isRatio(name));
  console.log(facts.map(([name, value]) => `${name} ${value}`).join(", "));
  for (const { title, rows } of listMeasured((name) => figures.has(name))) {
    console.log(
      `\n${title.padEnd(54)}${"median".padStart(10)}  ${"".padEnd(8)}${
        "spread".padStart(19)
      }  share   ours`,
    );
    for (const row of rows) console.log(formatRow(row, figures, results));
  }
  console.log(
    "\nshare: of the bare loop of the same batch and connections, of the bare insert, of the bare fetch " +
      "loop.\nours: this engine's figure over that one. Both are medians of the ratios within a repeat. " +
      "Rate limits are\nlooked at by every lease and hold no job back: the agent's policy has no capacity. " +
      "Latencies: with the\nengine's default settings.",
  );
}

function formatRow(row: Row, figures: Figures, results: Results): string {
  const [least, greatest] = figures.range(row.figure);
  const share = results[nameRatio(row)];
  const ours = results[nameOurs(row)];
  return `  ${row.label.padEnd(52)}${formatNumber(figures.median(row.figure)).padStart(10)}  ` +
    `${row.unit.padEnd(8)}${`${formatNumber(least)} – ${formatNumber(greatest)}`.padStart(19)}` +
    (share === undefined ? "" : formatShare(share)).padStart(7) +
    (ours === undefined ? "" : `× ${formatNumber(Number(ours))}`).padStart(9);
}

/** A figure as readers get it: rounded, with thousands apart. */
export function formatNumber(value: number): string {
  return round(value).toLocaleString("en-US", { maximumSignificantDigits: 6 });
}

/** A ratio in percent. */
export function formatShare(ratio: string | number): string {
  return `${Math.round(Number(ratio) * 100)} %`;
}

// A part of the benchmark alone may have measured one side only.
function isComparable(figures: Figures, name: string | undefined): boolean {
  return name !== undefined && figures.has(name);
}

function isRatio(name: string): boolean {
  return name.endsWith("_ratio") || name.startsWith("ours_over_");
}

function prefix(name: string, values: Record<string, string | number>): Results {
  return Object.fromEntries(
    Object.entries(values).map(([key, value]) => [`${name}_${key}`, value]),
  );
}
