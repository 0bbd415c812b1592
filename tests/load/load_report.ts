// The verdict on a load, and its report as a table for people and as flat figures for bench/results. Pure.
import { round } from "../../bench/figures.ts";
import type { Machine } from "../../bench/machine.ts";
import type { Results } from "../../bench/report.ts";
import { formatCounts } from "../faults/report.ts";
import { readTrends, type Trend } from "../faults/samples.ts";
import type { LoadReport } from "./load_run.ts";

const SHOWN_FAILURES = 20;
const MEGABYTE = 1024 * 1024;
/** A shorter load is all warm-up: connections, caches and compiled code still come to be. */
const TREND_SECONDS = 60;

/** Of memory and tables, the second quarter against the last; null: the load was too short to tell. */
export function readLoadTrends({ seconds, samples }: LoadReport): Trend[] | null {
  return seconds < TREND_SECONDS ? null : readTrends(samples);
}

/** What was not as promised; empty: nothing lost, nothing twice, all flat. */
export function judgeLoad(report: LoadReport): string[] {
  const { summary, violations, jobs, runs, lostWorkers } = report;
  const failures = violations.map(({ rule, detail }) => `${rule}: ${detail}`);
  const ended = summary.runsByEnd.success ?? 0;
  if (!report.isOver || ended !== runs) failures.push(`lost: ${ended} of ${runs} runs succeeded`);
  const called = summary.calls - countDuplicates(report);
  if (called !== jobs) failures.push(`lost: ${called} of ${jobs} jobs called the agent`);
  for (const [cause, times] of Object.entries(summary.duplicatesByCause)) {
    failures.push(`twice: ${times} calls repeated, ${cause}`);
  }
  for (const worker of lostWorkers) failures.push(`lost: the process of worker ${worker} ended`);
  for (const { what, unit, second, last, isFlat } of readLoadTrends(report) ?? []) {
    if (isFlat) continue;
    failures.push(`not flat: ${what}, ${second.toFixed(1)} ${unit}, then ${last.toFixed(1)}`);
  }
  return failures;
}

export function formatLoadReport(report: LoadReport): string {
  const { summary, samples, seconds, cpuSeconds } = report;
  const rows: [string, string][] = [
    ["seed", String(report.seed)],
    ["jobs", `${report.jobs} in ${report.runs} runs, ${report.workers} worker processes`],
    ["lasted", `${seconds.toFixed(1)} s, ${round(report.jobs / seconds)} jobs/s`],
    ["runs by end", formatCounts(summary.runsByEnd)],
    ["calls of the agent", String(summary.calls)],
    ["repeated calls by cause", formatCounts(summary.duplicatesByCause)],
    ["attempts that reached nobody", formatCounts(summary.attemptsWithoutCall)],
    ["late results, not applied", String(summary.lateResults)],
    ["history read and checked in", `${report.checkSeconds.toFixed(1)} s`],
    ...Object.entries(cpuSeconds).map(([who, used]): [string, string] => [
      `CPU of ${who}`,
      `${(used * 1000 / report.jobs).toFixed(3)} ms a job, ${(used / seconds).toFixed(2)} cores`,
    ]),
    ...[...findPeaks(report)].map(([who, megabytes]): [string, string] => [
      `most memory of ${who}`,
      `${megabytes.toFixed(0)} MB`,
    ]),
    ["database", `${megabytesOf(samples.at(-1)?.databaseBytes ?? 0).toFixed(0)} MB`],
    ...report.largestTables.map(({ name, megabytes }): [string, string] => [
      `table ${name}`,
      `${megabytes.toFixed(1)} MB with its indexes`,
    ]),
  ];
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, value]) => `${name.padEnd(width)}  ${value}`).join("\n");
}

export function formatVerdict(failures: string[]): string {
  if (failures.length === 0) return "verdict: none lost, none twice, nothing grew";
  const hidden = failures.length - SHOWN_FAILURES;
  return [
    `verdict: ${failures.length} failures`,
    ...failures.slice(0, SHOWN_FAILURES).map((line) => `  ${line}`),
    ...(hidden > 0 ? [`  and ${hidden} more`] : []),
  ].join("\n");
}

/** What bench/results/load.json holds. */
export function flattenLoad(report: LoadReport, machine: Machine, failures: string[]): Results {
  const { summary, samples, seconds, jobs } = report;
  const peaks = findPeaks(report);
  const peaksOfWorkers = [...peaks].filter(([name]) => name.startsWith("worker ")).map(([, it]) =>
    it
  );
  const trends = readLoadTrends(report) ?? [];
  const growths = trends.filter(({ what }) => what.startsWith("memory of worker"))
    .map(({ second, last }) => last - second);
  const perRun = trends.find(({ unit }) => unit === "KB");
  return {
    measured_at: new Date().toISOString(),
    ...prefix("machine", { ...machine }),
    ...prefix("postgres", report.postgres),
    seed: report.seed,
    jobs,
    runs: report.runs,
    workers: report.workers,
    seconds: round(seconds),
    jobs_per_s: round(jobs / seconds),
    calls: summary.calls,
    repeated_calls: countDuplicates(report),
    failures: failures.length,
    check_seconds: round(report.checkSeconds),
    worker_rss_mb_most: round(Math.max(...peaksOfWorkers)),
    ...(growths.length === 0 ? {} : { worker_rss_mb_growth_most: round(Math.max(...growths)) }),
    postgres_private_mb_most: round(peaks.get("PostgreSQL") ?? 0),
    database_mb: round(megabytesOf(samples.at(-1)?.databaseBytes ?? 0)),
    ...(perRun === undefined ? {} : {
      database_kb_per_run_second_quarter: round(perRun.second),
      database_kb_per_run_last_quarter: round(perRun.last),
    }),
    ...prefix(
      "cpu_ms_per_job",
      Object.fromEntries(
        Object.entries(report.cpuSeconds).map(([who, used]) => [
          who.toLowerCase().replaceAll(" ", "_"),
          round(used * 1000 / jobs),
        ]),
      ),
    ),
  };
}

function countDuplicates({ summary }: LoadReport): number {
  return Object.values(summary.duplicatesByCause).reduce((sum, it) => sum + it, 0);
}

/** In megabytes, by name. */
function findPeaks({ samples }: LoadReport): Map<string, number> {
  const peaks = new Map<string, number>();
  for (const { memoryBytes } of samples) {
    for (const [name, bytes] of memoryBytes) {
      peaks.set(name, Math.max(peaks.get(name) ?? 0, megabytesOf(bytes)));
    }
  }
  return peaks;
}

function megabytesOf(bytes: number): number {
  return bytes / MEGABYTE;
}

function prefix(name: string, values: Record<string, string | number>): Results {
  return Object.fromEntries(
    Object.entries(values).map(([key, value]) => [`${name}_${key}`, value]),
  );
}
