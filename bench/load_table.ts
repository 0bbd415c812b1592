// The figures of the last load (`deno task test:load`) as a table of docs/performance.md. Pure.
import { formatNumber, type Results } from "./report.ts";

const ROWS: [figure: string, label: string, unit: string][] = [
  ["jobs", "jobs that called the agent", "jobs"],
  ["runs", "in runs of one step, chains of three and fan-outs", "runs"],
  ["workers", "worker processes", ""],
  ["jobs_per_s", "rate, from the first dispatch to the end of the last run", "jobs/s"],
  ["calls", "calls in the agent's own log", "calls"],
  ["repeated_calls", "of them made again", "calls"],
  ["failures", "rules of the history or of flatness that were broken", ""],
  ["worker_rss_mb_most", "most memory of a worker's process", "MB"],
  [
    "worker_rss_mb_growth_most",
    "most growth of one, from the second quarter to the last",
    "MB",
  ],
  ["postgres_private_mb_most", "most memory of all of PostgreSQL's processes, unshared", "MB"],
  ["database_mb", "the database at the end, history kept", "MB"],
  ["database_kb_per_run_second_quarter", "its growth a run, second quarter", "KB"],
  ["database_kb_per_run_last_quarter", "its growth a run, last quarter", "KB"],
  ["cpu_ms_per_job_workers", "CPU time of the workers a job", "ms"],
  ["cpu_ms_per_job_postgresql", "CPU time of PostgreSQL a job", "ms"],
  [
    "cpu_ms_per_job_gateway_and_data_api",
    "CPU time of the stack's gateway and Data API a job",
    "ms",
  ],
  ["check_seconds", "reading and checking the history", "s"],
];

export function formatLoad(results: Results): string {
  const { machine_cores: cores, machine_cpu: cpu, measured_at: at, seed } = results;
  const { postgres_server_version: postgres, postgres_fsync: fsync } = results;
  const rows = ROWS.filter(([figure]) => figure in results).map(([figure, label, unit]) =>
    `| ${label} | ${`${formatNumber(Number(results[figure]))} ${unit}`.trim()} | \`${figure}\` |`
  );
  return [
    `Measured ${String(at).slice(0, 10)} on ${cores} cores (${cpu}), PostgreSQL ${postgres}, ` +
    `fsync ${fsync}, seed ${seed}.`,
    "",
    "| What | Figure | Key |",
    "|---|---|---|",
    ...rows,
  ].join("\n");
}
