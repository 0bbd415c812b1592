// Shows the figures: a table with ratios on the terminal, flat keys in bench/results/latest.json.
import { CELLS, nameFigure } from "./core_part.ts";
import { type Figures, round } from "./figures.ts";
import type { Machine } from "./machine.ts";
import type { BenchSettings } from "./settings.ts";

interface Row {
  label: string;
  figure: string;
  unit: string;
  /** The figure that this one is set against. */
  base?: string;
}

const CORE_ROWS: Row[] = [
  ...CELLS.flatMap((cell) => {
    const where = `batch ${cell.batch}, ${cell.connections} conn.`;
    const base = nameFigure("bare_loop_jobs_per_s", cell);
    return [
      { label: `bare loop, ${where}`, figure: base, unit: "jobs/s" },
      ...[1, 3].flatMap((steps) => [
        {
          label: `core, ${steps} step(s), ${where}`,
          figure: nameFigure(`core_${steps}step_jobs_per_s`, cell),
          unit: "jobs/s",
          base,
        },
        {
          label: "    as runs",
          figure: nameFigure(`core_${steps}step_runs_per_s`, cell),
          unit: "runs/s",
        },
      ]),
    ];
  }),
  { label: "bare insert", figure: "bare_insert_jobs_per_s", unit: "jobs/s" },
  {
    label: "dispatch many, 1 step",
    figure: "dispatch_1step_jobs_per_s",
    unit: "jobs/s",
    base: "bare_insert_jobs_per_s",
  },
  {
    label: "dispatch many, 3 steps",
    figure: "dispatch_jobs_per_s",
    unit: "jobs/s",
    base: "bare_insert_jobs_per_s",
  },
  { label: "dispatch one, p50", figure: "dispatch_single_ms_p50", unit: "ms" },
  { label: "dispatch one, p99", figure: "dispatch_single_ms_p99", unit: "ms" },
];

const SCALE_ROWS: Row[] = [
  { label: "two fan-outs over 100 items", figure: "fanout_100_ms", unit: "ms" },
  { label: "two fan-outs over 1,000 items", figure: "fanout_1000_ms", unit: "ms" },
  { label: "    1,000 items over 100", figure: "fanout_1000_over_100", unit: "times" },
  { label: "items of a fan-out, 1 conn.", figure: "fanout_items_per_s", unit: "jobs/s" },
  { label: "items of a fan-out, 4 conn.", figure: "fanout_items_per_s_4conn", unit: "jobs/s" },
  { label: "    4 connections over 1", figure: "fanout_4conn_over_1", unit: "times" },
  { label: "publish 5,000 steps", figure: "publish_5000_steps_ms", unit: "ms" },
  { label: "dispatch 5,000 steps", figure: "dispatch_5000_steps_ms", unit: "ms" },
  { label: "a step of a graph of 50", figure: "step_of_50_ms", unit: "ms" },
  { label: "a step of a graph of 5,000", figure: "step_of_5000_ms", unit: "ms" },
  { label: "    5,000 steps over 50", figure: "step_of_5000_over_50", unit: "times" },
];

const HTTP_ROWS: Row[] = [
  { label: "bare fetch loop", figure: "bare_fetch_calls_per_s", unit: "calls/s" },
  {
    label: "end to end",
    figure: "e2e_steps_per_s",
    unit: "steps/s",
    base: "bare_fetch_calls_per_s",
  },
  { label: "worker CPU per step", figure: "worker_cpu_ms_per_step", unit: "ms" },
  { label: "worker memory (resident)", figure: "worker_rss_mb", unit: "MB" },
  ...["dispatch_to_call", "idle_dispatch_to_call", "step_to_step"].flatMap((name) =>
    ["p50", "p95", "p99"].map((p) => ({
      label: `${name.replaceAll("_", " ")}, ${p}`,
      figure: `${name}_ms_${p}`,
      unit: "ms",
    }))
  ),
];

/** Prints a table with the median, the spread and the ratio of every figure that was measured. */
export function printReport(figures: Figures, facts: Record<string, string | number>): void {
  console.log(Object.entries(facts).map(([name, value]) => `${name} ${value}`).join(", "));
  const rows = [...CORE_ROWS, ...SCALE_ROWS, ...HTTP_ROWS].filter((row) => figures.has(row.figure));
  console.log(
    `\n${"".padEnd(36)}${"median".padStart(10)}  ${"".padEnd(8)}${"spread".padStart(17)}  ratio`,
  );
  for (const row of rows) {
    const [least, greatest] = figures.range(row.figure);
    const ratio = row.base === undefined
      ? ""
      : `${(figures.ratio(row.figure, row.base) * 100).toFixed(0)} %`;
    console.log(
      row.label.padEnd(36) + format(figures.median(row.figure)).padStart(10) + "  " +
        row.unit.padEnd(8) + `${format(least)} – ${format(greatest)}`.padStart(17) +
        ratio.padStart(7),
    );
  }
  console.log(
    "\nRatios are medians of the ratios within a repeat: drains to the bare loop of the same batch and " +
      "connections,\ndispatch to the bare insert, steps over HTTP to the bare fetch loop. Rate limits are looked at by every " +
      "lease and hold\nno job back: the agent's policy has no capacity. Latencies: 10 calls at once and the " +
      "other defaults; throughput: as printed above.",
  );
}

/** Writes flat keys: what was measured, where, and how. */
export async function writeResults(
  file: string,
  figures: Figures,
  settings: BenchSettings,
  machine: Machine,
  facts: Record<string, string>,
): Promise<void> {
  const ratios = [...CORE_ROWS, ...HTTP_ROWS]
    .filter((row) => row.base !== undefined && figures.has(row.figure) && figures.has(row.base))
    .map((row) => [`${row.figure}_ratio`, round(figures.ratio(row.figure, row.base!))]);
  const flat = {
    measured_at: new Date().toISOString(),
    mode: settings.mode,
    repeats: settings.repeats,
    ...prefix("machine", { ...machine }),
    ...prefix("postgres", facts),
    ...figures.medians(),
    ...Object.fromEntries(ratios),
  };
  await Deno.writeTextFile(file, JSON.stringify(flat, null, 2) + "\n");
}

function prefix(name: string, values: Record<string, string | number>) {
  return Object.fromEntries(
    Object.entries(values).map(([key, value]) => [`${name}_${key}`, value]),
  );
}

function format(value: number): string {
  return round(value).toLocaleString("en-US", { maximumSignificantDigits: 6 });
}
