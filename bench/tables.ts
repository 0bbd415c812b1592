// What the figures mean and what each is set against, in the order in which terminal, documents and
// chart tell them. Peers and ours stand in one table only where both were measured in the same run.
import { BATCHES, MANY_CONNECTIONS } from "./settings.ts";

export interface Row {
  label: string;
  figure: string;
  unit: string;
  /** The limit that this figure is a share of. */
  base?: string;
  /** The figure of ours that is told as so many times this one. */
  ours?: string;
}

export interface Section {
  title: string;
  rows: Row[];
}

export interface Cell {
  batch: number;
  connections: number;
}

/** One connection at every batch size, and many at the largest. */
export const CELLS: Cell[] = [
  ...BATCHES.map((batch) => ({ batch, connections: 1 })),
  { batch: 100, connections: MANY_CONNECTIONS },
];

/** The flat name of a figure; batch 100 on one connection is the plain one. */
export function nameFigure(name: string, { batch, connections }: Cell): string {
  const suffix = [
    ...(batch === 100 ? [] : [`_batch${batch}`]),
    ...(connections === 1 ? [] : [`_${connections}conn`]),
  ];
  return name + suffix.join("");
}

/** The key of a share of the base, a median of the ratios within a repeat. */
export function nameRatio(row: Row): string {
  return `${row.figure}_ratio`;
}

/** The key of ours over a peer, likewise. */
export function nameOurs(row: Row): string {
  return `ours_over_${row.figure}`;
}

/** The key of a package's version. */
export function nameVersion(name: string): string {
  return `version_${name.replaceAll(/[^a-z0-9]+/gi, "_").replace(/^_/, "")}`;
}

const JOBS: Section = {
  title: "Jobs of one step, that do nothing",
  rows: [
    { label: "bare SQL loop, batch 100", figure: "bare_loop_jobs_per_s", unit: "jobs/s" },
    {
      label: "this engine's SQL core, batch 100",
      figure: "core_1step_runs_per_s",
      unit: "jobs/s",
      base: "bare_loop_jobs_per_s",
    },
    {
      label: "graphile-worker, local queue 500, batched completes",
      figure: "peer_graphile_worker_jobs_per_s",
      unit: "jobs/s",
      base: "bare_loop_jobs_per_s",
      ours: "core_1step_runs_per_s",
    },
    {
      label: "graphile-worker, defaults",
      figure: "peer_graphile_worker_default_jobs_per_s",
      unit: "jobs/s",
      base: "bare_loop_jobs_per_s",
      ours: "core_1step_runs_per_s",
    },
    {
      label: "pg-boss, batch 100",
      figure: "peer_pg_boss_jobs_per_s",
      unit: "jobs/s",
      base: "bare_loop_jobs_per_s",
      ours: "core_1step_runs_per_s",
    },
    {
      label: "bare SQL loop, batch 100, 4 connections",
      figure: "bare_loop_jobs_per_s_4conn",
      unit: "jobs/s",
    },
    {
      label: "this engine's SQL core, 4 connections",
      figure: "core_1step_runs_per_s_4conn",
      unit: "jobs/s",
      base: "bare_loop_jobs_per_s_4conn",
    },
    {
      label: "pg-boss, batch 100, 4 workers in the process",
      figure: "peer_pg_boss_jobs_per_s_4conn",
      unit: "jobs/s",
      base: "bare_loop_jobs_per_s_4conn",
      ours: "core_1step_runs_per_s_4conn",
    },
  ],
};

const CHAINS: Section = {
  title: "Runs of three steps in a row",
  rows: [
    {
      label: "this engine's SQL core, batch 100",
      figure: "core_3step_runs_per_s",
      unit: "runs/s",
    },
    {
      label: "this engine's SQL core, 4 connections",
      figure: "core_3step_runs_per_s_4conn",
      unit: "runs/s",
    },
    {
      label: "this engine's SQL core, batch 10",
      figure: "core_3step_runs_per_s_batch10",
      unit: "runs/s",
    },
    {
      label: "DBOS, called directly, 10 in flight",
      figure: "peer_dbos_3step_runs_per_s",
      unit: "runs/s",
      ours: "core_3step_runs_per_s",
    },
  ],
};

const SIZES: Section = {
  title: "Jobs by size of the batch",
  rows: CELLS.flatMap((cell) => {
    const where = `batch ${cell.batch}${
      cell.connections === 1 ? "" : `, ${cell.connections} connections`
    }`;
    const base = nameFigure("bare_loop_jobs_per_s", cell);
    return [
      { label: `bare SQL loop, ${where}`, figure: base, unit: "jobs/s" },
      ...[1, 3].map((steps) => ({
        label: `runs of ${steps} step${steps === 1 ? "" : "s"}, ${where}`,
        figure: nameFigure(`core_${steps}step_jobs_per_s`, cell),
        unit: "jobs/s",
        base,
      })),
    ];
  }),
};

const DISPATCH: Section = {
  title: "Dispatch",
  rows: [
    {
      label: "bare insert, 1,000 rows a statement",
      figure: "bare_insert_jobs_per_s",
      unit: "jobs/s",
    },
    {
      label: "1,000 runs of 3 steps a call",
      figure: "dispatch_jobs_per_s",
      unit: "jobs/s",
      base: "bare_insert_jobs_per_s",
    },
    {
      label: "1,000 runs of 1 step a call",
      figure: "dispatch_1step_jobs_per_s",
      unit: "jobs/s",
      base: "bare_insert_jobs_per_s",
    },
    { label: "one run a call, median", figure: "dispatch_single_ms_p50", unit: "ms" },
    { label: "one run a call, 99th percentile", figure: "dispatch_single_ms_p99", unit: "ms" },
  ],
};

const SCALE: Section = {
  title: "Fan-outs and large graphs",
  rows: [
    { label: "two chained fan-outs over 100 items", figure: "fanout_100_ms", unit: "ms" },
    { label: "two chained fan-outs over 1,000 items", figure: "fanout_1000_ms", unit: "ms" },
    { label: "1,000 items over 100", figure: "fanout_1000_over_100", unit: "times" },
    { label: "items of one fan-out", figure: "fanout_items_per_s", unit: "jobs/s" },
    {
      label: "items of one fan-out, 4 connections",
      figure: "fanout_items_per_s_4conn",
      unit: "jobs/s",
    },
    { label: "4 connections over one", figure: "fanout_4conn_over_1", unit: "times" },
    { label: "compile and publish 5,000 steps", figure: "publish_5000_steps_ms", unit: "ms" },
    { label: "dispatch one run of 5,000 steps", figure: "dispatch_5000_steps_ms", unit: "ms" },
    { label: "a step of a graph of 50", figure: "step_of_50_ms", unit: "ms" },
    { label: "a step of a graph of 5,000", figure: "step_of_5000_ms", unit: "ms" },
    { label: "a step of 5,000 over one of 50", figure: "step_of_5000_over_50", unit: "times" },
  ],
};

const GROWTH: Section = {
  title: "Grown tables",
  rows: [
    { label: "worst of the calls, grown over empty", figure: "grown_over_empty", unit: "times" },
    ...["grown", "pruned"].flatMap((state) =>
      ["dispatch", "lease", "complete"].map((call) => ({
        label: `${call}, ${state} over empty`,
        figure: `${state}_${call}_over_empty`,
        unit: "times",
      }))
    ),
    { label: "backlog of 20,000 jobs", figure: "backlog_20k_jobs_per_s", unit: "jobs/s" },
    { label: "backlog of 200,000 jobs", figure: "backlog_200k_jobs_per_s", unit: "jobs/s" },
    { label: "200,000 over 20,000", figure: "backlog_200k_over_20k", unit: "times" },
    {
      label: "last 5 s over the first, autovacuum as shipped",
      figure: "autovacuum_last_over_first",
      unit: "times",
    },
    {
      label: "first 5 s under a held snapshot",
      figure: "held_snapshot_first_jobs_per_s",
      unit: "jobs/s",
    },
    { label: "last 5 s of 45 s", figure: "held_snapshot_last_jobs_per_s", unit: "jobs/s" },
    {
      label: "last over first under a held snapshot",
      figure: "held_snapshot_last_over_first",
      unit: "times",
    },
    {
      label: "statements in 5 idle minutes",
      figure: "idle_statements_5min",
      unit: "statements",
    },
  ],
};

const CPU_SHARES = {
  postgres: "Postgres",
  gateway: "gateway, Data API and benchmark",
  worker: "worker",
  agent: "agent",
};

const HTTP: Section = {
  title: "Over HTTP",
  rows: [
    {
      label: "bare fetch loop, 64 at once",
      figure: "bare_fetch_calls_per_s",
      unit: "calls/s",
    },
    {
      label: "steps end to end, 64 at once",
      figure: "e2e_steps_per_s",
      unit: "steps/s",
      base: "bare_fetch_calls_per_s",
    },
    ...Object.entries(CPU_SHARES).map(([name, label]) => ({
      label: `share of the CPU time: ${label}`,
      figure: `e2e_cpu_share_${name}`,
      unit: "",
    })),
    { label: "CPU time of all per step", figure: "e2e_cpu_ms_per_step", unit: "ms" },
    { label: "worker's CPU per step", figure: "worker_cpu_ms_per_step", unit: "ms" },
    { label: "worker's memory (resident)", figure: "worker_rss_mb", unit: "MB" },
    ...["20k", "60k", "100k"].map((steps) => ({
      label: `the same after ${steps.replace("k", ",000")} steps`,
      figure: `worker_rss_mb_${steps}`,
      unit: "MB",
    })),
    {
      label: "growth from 20,000 to 100,000 steps",
      figure: "worker_rss_growth_mb_100k",
      unit: "MB",
    },
    ...[
      ["dispatch_to_call", "dispatch to the agent's call, worker at work"],
      ["idle_dispatch_to_call", "dispatch to the agent's call, all idle"],
      ["step_to_step", "answer of a step to the next call"],
    ].flatMap(([name, label]) =>
      [["p50", "median"], ["p95", "95th"], ["p99", "99th"]].map(([p, which]) => ({
        label: `${label}, ${which}`,
        figure: `${name}_ms_${p}`,
        unit: "ms",
      }))
    ),
  ],
};

export const SECTIONS: readonly Section[] = [JOBS, CHAINS, SIZES, DISPATCH, SCALE, GROWTH, HTTP];

/** The sections with only the rows that were measured, without those that have none. */
export function listMeasured(isMeasured: (figure: string) => boolean): Section[] {
  return SECTIONS
    .map(({ title, rows }) => ({ title, rows: rows.filter(({ figure }) => isMeasured(figure)) }))
    .filter(({ rows }) => rows.length > 0);
}
