// The report of a run as a table for people. Pure.
import type { FaultReport } from "./fault_run.ts";
import type { Trend } from "./samples.ts";

const SHOWN_VIOLATIONS = 20;

export function formatReport(report: FaultReport): string {
  const { summary, violations, recoveryMs } = report;
  const rows: [string, string][] = [
    ["seed", String(report.seed)],
    ["disk", `${report.disk}, found full ${report.diskErrors} times`],
    ["runs by end", formatCounts(summary.runsByEnd)],
    ["jobs", String(summary.jobs)],
    ["calls of agents", String(summary.calls)],
    ["repeated calls by cause", formatCounts(summary.duplicatesByCause)],
    ["attempts that reached nobody", formatCounts(summary.attemptsWithoutCall)],
    ["late results, not applied", String(summary.lateResults)],
    ["requests that callers repeated", String(report.repeatedRequests)],
    ["faults", formatCounts(report.faults)],
    ["all ended after the last fault", recoveryMs === null ? "no" : `${recoveryMs / 1000} s`],
    ["violations", String(violations.length)],
  ];
  const width = Math.max(...rows.map(([name]) => name.length));
  const lines = rows.map(([name, value]) => `${name.padEnd(width)}  ${value}`);
  for (const { rule, detail } of violations.slice(0, SHOWN_VIOLATIONS)) {
    lines.push(`  ${rule}: ${detail}`);
  }
  if (violations.length > SHOWN_VIOLATIONS) {
    lines.push(`  and ${violations.length - SHOWN_VIOLATIONS} more`);
  }
  return lines.join("\n");
}

/** Memory and database, quarter against quarter. */
export function formatTrends(trends: Trend[] | null): string {
  if (trends === null) return "too short for a trend";
  return trends.map(({ what, unit, second, last, isFlat }) =>
    `${what}: ${second.toFixed(1)} ${unit} in the second quarter, ${last.toFixed(1)} in the last: ${
      isFlat ? "flat" : "NOT flat"
    }`
  ).join("\n");
}

/** "name times, name times" in the order of the names. */
export function formatCounts(counts: Partial<Record<string, number>>): string {
  const names = Object.keys(counts).toSorted();
  return names.map((name) => `${name} ${counts[name]}`).join(", ") || "none";
}
