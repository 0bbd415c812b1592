// Writes what documents say of settings and figures from where they are defined: .env.example and the
// README's table of settings (contract/settings.ts), the figures of README and docs/performance.md and
// their chart (bench/results/latest.json, and load.json for the load). `--check` writes nothing and fails on drift.
import { drawChart } from "../bench/chart.ts";
import { formatLoad } from "../bench/load_table.ts";
import { PEER_CASES } from "../bench/peers/cases.ts";
import { formatNumber, formatShare, type Results } from "../bench/report.ts";
import { listMeasured, nameOurs, nameRatio, nameVersion, type Row } from "../bench/tables.ts";
import { describeSettings } from "../supabase/functions/_shared/contract/settings.ts";

const ROOT = new URL("..", import.meta.url);
const ENV_EXAMPLE = new URL(".env.example", ROOT);
const README = new URL("README.md", ROOT);
const PERFORMANCE = new URL("docs/performance.md", ROOT);
const FIGURES = new URL("bench/results/latest.json", ROOT);
const LOAD = new URL("bench/results/load.json", ROOT);
const CHART = new URL("bench/results/latest.svg", ROOT);

interface Variable {
  name: string;
  example: string;
  description: string;
}

/** Read by `deno task setup` and the local stack, on the machine that runs them. */
export const LOCAL_VARIABLES: readonly Variable[] = [
  {
    name: "SUPABASE_URL",
    example: "https://your-project.supabase.co",
    description: "The project that `deno task setup` sets up.",
  },
  {
    name: "SUPABASE_SECRET_KEY",
    example: "",
    description: "Its secret key (sb_secret_...), for `deno task setup`.",
  },
  {
    name: "SUPABASE_SERVICE_ROLE_KEY",
    example: "",
    description: "The legacy service_role key, where a project has no secret key.",
  },
  {
    name: "DATABASE_URL",
    example: "",
    description: "A superuser's URL: demo, start and test use this server, not one of their own.",
  },
];

/** Read by the functions besides their settings; the platform itself gives SUPABASE_*. */
export const FUNCTION_VARIABLES: readonly Variable[] = [
  {
    name: "EDGE_BASE_URL",
    example: "",
    description: "Where steps reach the project's agents. Default: the project's own URL.",
  },
  {
    name: "EDGE_SERVICE_JWT",
    example: "",
    description:
      "What agents get as Bearer; accepted as a key too. Default: the service_role key, " +
      "else the secret key.",
  },
  {
    name: "CLIENT_ADDRESS_HEADER",
    example: "",
    description:
      "The header in which the proxy in front tells a caller's address, for the networks " +
      "of trigger keys. Default: cf-connecting-ip, as hosted projects have it.",
  },
  {
    name: "OTEL_EXPORTER_OTLP_ENDPOINT",
    example: "",
    description:
      "Traces of runs go to this OTLP receiver, by HTTP in JSON, at /v1/traces behind this " +
      "address. Default: no traces are exported.",
  },
  {
    name: "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    example: "",
    description: "The whole address for traces, where it is not the one above with /v1/traces.",
  },
  {
    name: "OTEL_EXPORTER_OTLP_HEADERS",
    example: "",
    description:
      "Headers for the receiver: name=value, separated by commas, values percent-encoded.",
  },
  {
    name: "OTEL_SERVICE_NAME",
    example: "",
    description: "The service that traces name. Default: orchestrator.",
  },
  {
    name: "ORCHESTRATOR_DASHBOARD_URL",
    example: "",
    description: "Where the dashboard is: notifications to Slack link to their runs there.",
  },
  {
    name: "ORCHESTRATOR_METRICS_TOKEN",
    example: "",
    description: "What a scraper of GET /metrics sends as Bearer, at least 16 characters. " +
      "Default: none, and no metrics are served.",
  },
];

/** The text of .env.example. */
export function formatEnvExample(): string {
  const describe = ({ name, example, description }: Variable) => [
    ...wrap(description),
    `${example === "" ? "# " : ""}${name}=${example}`,
    "",
  ];
  const settings = describeSettings().flatMap((setting) => [
    ...wrap(`${setting.description} ${formatBounds(setting)}`),
    `# ${setting.env}=${setting.default}`,
    "",
  ]);
  return [
    "# Copy to .env and keep that file out of version control. Written from the code: change it there.",
    "",
    "# --- for `deno task` on this machine",
    "",
    ...LOCAL_VARIABLES.flatMap(describe),
    "# --- secrets of the functions: supabase secrets set NAME=VALUE",
    "# A row in the table orchestrator_settings wins over these, these win over the default.",
    "",
    ...FUNCTION_VARIABLES.flatMap(describe),
    ...settings,
  ].join("\n").trimEnd() + "\n";
}

/** The README's table of settings. */
export function formatSettingsTable(): string {
  return [
    "| Setting | Environment variable | Default | Bounds | What it does |",
    "|---|---|---|---|---|",
    ...describeSettings().map((setting) => {
      const { name, env, default: value, unit, min, max, description } = setting;
      const shown = value === "" ? "none" : `${value} ${unit}`;
      const bounds = min === null ? "" : `${min} to ${max}`;
      return `| \`${name}\` | \`${env}\` | ${shown} | ${bounds} | ${description} |`;
    }),
  ].join("\n");
}

/** The figures that the README tells, by their name in the results; all stand in docs/performance.md. */
const SHOWN_FIGURES: readonly [figure: string, label: string, unit: string, share?: string][] = [
  ["core_1step_runs_per_s", "jobs of one step, SQL core, batch 100", "jobs/s", "of the bare loop"],
  ["peer_graphile_worker_jobs_per_s", "graphile-worker, batched", "jobs/s", "of the bare loop"],
  ["peer_pg_boss_jobs_per_s", "pg-boss, batch 100", "jobs/s", "of the bare loop"],
  ["core_3step_runs_per_s", "runs of three steps, SQL core, batch 100", "runs/s"],
  ["core_3step_runs_per_s_4conn", "the same with 4 connections", "runs/s"],
  ["peer_dbos_3step_runs_per_s", "DBOS, 10 in flight", "runs/s"],
  ["dispatch_jobs_per_s", "dispatch of many 3-step runs at once", "jobs/s", "of a bare insert"],
  ["dispatch_single_ms_p50", "dispatch of one run in SQL, median", "ms"],
  ["fanout_1000_over_100", "two chained fan-outs: time for 1,000 items over 100", "times"],
  ["step_of_5000_over_50", "a step of a graph of 5,000, over one of 50", "times"],
  ["grown_over_empty", "lease, complete, dispatch: grown tables over empty ones", "times"],
  ["held_snapshot_last_over_first", "rate after 45 s under a held snapshot", "times"],
  ["e2e_steps_per_s", "steps through HTTP, end to end", "steps/s", "of a bare fetch loop"],
  ["dispatch_to_call_ms_p50", "dispatch until the agent has the call, median", "ms"],
  ["dispatch_to_call_ms_p99", "the same, 99th percentile", "ms"],
  ["idle_dispatch_to_call_ms_p50", "the same with all idle, median", "ms"],
  ["step_to_step_ms_p50", "end of a step until the next agent has the call, median", "ms"],
  ["worker_cpu_ms_per_step", "the worker's CPU time per step", "ms"],
  ["worker_rss_mb", "memory of the worker's process", "MB"],
];

/** The README's table of figures: those that the last benchmark measured. */
export function formatFigures(results: Results): string {
  const rows = SHOWN_FIGURES.filter(([figure]) => figure in results).map(
    ([figure, label, unit, base]) => {
      const [ratio, ours] = [results[`${figure}_ratio`], results[`ours_over_${figure}`]];
      const share = [
        ...(base === undefined || ratio === undefined ? [] : [`${formatShare(ratio)} ${base}`]),
        ...(ours === undefined ? [] : [`ours is ${formatNumber(Number(ours))} times that`]),
      ].join(", ");
      return `| ${label} | ${formatNumber(Number(results[figure]))} ${unit} | ${share} |`;
    },
  );
  return [formatCircumstances(results), "", "| What | Median | Share |", "|---|---|---|", ...rows]
    .join("\n");
}

/** Where and how the figures were measured, in a sentence. */
export function formatCircumstances(results: Results): string {
  const { machine_cores: cores, machine_cpu: cpu, measured_at: at, mode, repeats } = results;
  const { postgres_server_version: postgres, postgres_fsync: fsync } = results;
  return `Measured ${
    String(at).slice(0, 10)
  } on ${cores} cores (${cpu}), PostgreSQL ${postgres}, ` +
    `fsync ${fsync}: medians of ${repeats} interleaved repeats, ${mode} mode.`;
}

/** All tables of docs/performance.md: everything that the last benchmark measured. */
export function formatTables(results: Results): string {
  const formatRow = (row: Row) => {
    const [share, ours] = [results[nameRatio(row)], results[nameOurs(row)]];
    return `| ${row.label} | ${formatNumber(Number(results[row.figure]))} ${row.unit} | ` +
      `${share === undefined ? "" : formatShare(share)} | ` +
      `${ours === undefined ? "" : `× ${formatNumber(Number(ours))}`} | \`${row.figure}\` |`;
  };
  const sections = listMeasured((figure) => figure in results).map(({ title, rows }) =>
    [
      `#### ${title}`,
      "",
      "| What | Median | Share | Ours over it | Key |",
      "|---|---|---|---|---|",
      ...rows.map(formatRow),
    ].join("\n")
  );
  return [formatCircumstances(results), ...sections].join("\n\n");
}

/** The table of the other engines: versions from the results, settings as their adapters get them. */
export function formatPeers(results: Results): string {
  const rows = PEER_CASES.filter(({ figure }) => figure in results).map((peer) =>
    `| ${peer.package} ${results[nameVersion(peer.package)]} | \`${
      JSON.stringify(peer.setting)
    }\` | \`${peer.figure}\` |`
  );
  return [
    `PostgreSQL ${results.postgres_server_version} for all: \`fsync ${results.postgres_fsync}\`, ` +
    `\`synchronous_commit ${results.postgres_synchronous_commit}\`, ` +
    `\`shared_buffers ${results.postgres_shared_buffers}\`, ` +
    `\`max_wal_size ${results.postgres_max_wal_size}\`.`,
    "",
    "| Engine | Settings | Key |",
    "|---|---|---|",
    ...rows,
  ].join("\n");
}

/** The results of the last run. */
export async function readResults(): Promise<Results> {
  return JSON.parse(await Deno.readTextFile(FIGURES));
}

/** The text between the marks of a block of a document. */
export function readBlock(text: string, name: string): string {
  return splitAtBlock(text, name)[1];
}

/** The README with its written blocks as they must be. */
export async function fillReadme(text: string): Promise<string> {
  const results = await readResults();
  return fill(text, { settings: formatSettingsTable(), figures: formatFigures(results) });
}

/** docs/performance.md with its written blocks as they must be. */
export async function fillPerformance(text: string): Promise<string> {
  const results = await readResults();
  const load: Results = JSON.parse(await Deno.readTextFile(LOAD));
  return fill(text, {
    figures: formatTables(results),
    engines: formatPeers(results),
    load: formatLoad(load),
  });
}

function fill(text: string, blocks: Record<string, string>): string {
  let filled = text;
  for (const [name, content] of Object.entries(blocks)) {
    const [before, , after] = splitAtBlock(filled, name);
    filled = `${before}${content}${after}`;
  }
  return filled;
}

function splitAtBlock(text: string, name: string): [before: string, block: string, after: string] {
  const [begin, end] = [`<!-- ${name}: written from the code -->\n`, `\n<!-- end of ${name} -->`];
  const from = text.indexOf(begin);
  const to = text.indexOf(end);
  if (from === -1 || to < from) throw new Error(`the document has no block ${name}`);
  const start = from + begin.length;
  return [text.slice(0, start), text.slice(start, to), text.slice(to)];
}

function formatBounds({ unit, min, max }: ReturnType<typeof describeSettings>[number]): string {
  return min === null ? "" : `(${unit}, ${min} to ${max})`;
}

function wrap(text: string): string[] {
  const lines: string[] = [];
  for (const word of text.trim().split(" ")) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + word.length < 99) lines.push(`${lines.pop()} ${word}`);
    else lines.push(`# ${word}`);
  }
  return lines;
}

async function main(args: string[]): Promise<number> {
  const readme = await Deno.readTextFile(README);
  const performanceDoc = await Deno.readTextFile(PERFORMANCE);
  const wanted = [
    { url: ENV_EXAMPLE, name: ".env.example", text: formatEnvExample() },
    { url: README, name: "README.md", text: await fillReadme(readme) },
    { url: PERFORMANCE, name: "docs/performance.md", text: await fillPerformance(performanceDoc) },
    { url: CHART, name: "bench/results/latest.svg", text: drawChart(await readResults()) },
  ];
  let drifted = 0;
  for (const { url, name, text } of wanted) {
    const found = await Deno.readTextFile(url).catch(() => "");
    if (found === text) continue;
    drifted++;
    if (args.includes("--check")) {
      console.error(
        `checking ${name}: it differs from the code; run scripts/generate_env_example.ts and ` +
          "commit the result",
      );
    } else {
      await Deno.writeTextFile(url, text);
      console.log(`wrote ${name}`);
    }
  }
  return drifted > 0 && args.includes("--check") ? 1 : 0;
}

if (import.meta.main) Deno.exit(await main(Deno.args));
