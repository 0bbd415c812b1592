// Draws results as bars, a group for each comparison with a scale of its own, as an SVG that README and
// docs show: light or dark as the reader has it, and readable without seeing it.
import { formatNumber, type Results } from "./report.ts";

interface Bar {
  label: string;
  figure: string;
  kind: "ours" | "peer" | "bare";
}

interface Group {
  title: string;
  unit: string;
  bars: Bar[];
}

const GROUPS: readonly Group[] = [
  {
    title: "Jobs of one step that do nothing",
    unit: "jobs/s",
    bars: [
      { label: "bare SQL loop", figure: "bare_loop_jobs_per_s", kind: "bare" },
      { label: "this engine's SQL core", figure: "core_1step_runs_per_s", kind: "ours" },
      {
        label: "graphile-worker, batched",
        figure: "peer_graphile_worker_jobs_per_s",
        kind: "peer",
      },
      {
        label: "graphile-worker, defaults",
        figure: "peer_graphile_worker_default_jobs_per_s",
        kind: "peer",
      },
      { label: "pg-boss, batch 100", figure: "peer_pg_boss_jobs_per_s", kind: "peer" },
    ],
  },
  {
    title: "Runs of three steps in a row",
    unit: "runs/s",
    bars: [
      { label: "this engine's SQL core", figure: "core_3step_runs_per_s", kind: "ours" },
      { label: "the same, batch 10", figure: "core_3step_runs_per_s_batch10", kind: "ours" },
      { label: "DBOS, 10 in flight", figure: "peer_dbos_3step_runs_per_s", kind: "peer" },
    ],
  },
  {
    title: "Dispatch of many",
    unit: "jobs/s",
    bars: [
      { label: "bare insert", figure: "bare_insert_jobs_per_s", kind: "bare" },
      { label: "runs of three steps", figure: "dispatch_jobs_per_s", kind: "ours" },
    ],
  },
  {
    title: "Calls of an agent over HTTP, 64 at once",
    unit: "calls/s",
    bars: [
      { label: "bare fetch loop", figure: "bare_fetch_calls_per_s", kind: "bare" },
      { label: "this engine end to end", figure: "e2e_steps_per_s", kind: "ours" },
    ],
  },
];

const WIDTH = 800;
const MARGIN = 20;
const BARS_AT = 230;
/** Room behind the longest bar for its figure. */
const FIGURE_ROOM = 110;
const BAR = { height: 20, gap: 8 };
const HEAD = 34;
const GROUP_GAP = 18;

const STYLE = `
  text { font: 14px system-ui, -apple-system, "Segoe UI", Helvetica, Arial, sans-serif; fill: #1f2328; }
  .title { font-weight: 600; font-size: 15px; }
  .note { font-size: 12px; fill: #59636e; }
  .figure { font-variant-numeric: tabular-nums; }
  .ours { fill: #0969da; }
  .peer { fill: #8c959f; }
  .bare { fill: #d0d7de; }
  .emphasis { font-weight: 600; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3; }
    .note { fill: #9198a1; }
    .ours { fill: #4493f8; }
    .peer { fill: #848d97; }
    .bare { fill: #454c54; }
  }`;

/** The SVG of the groups whose figures were all measured. */
export function drawChart(results: Results): string {
  const groups = GROUPS
    .map((group) => ({ ...group, bars: group.bars.filter(({ figure }) => figure in results) }))
    .filter(({ bars }) => bars.length > 1);
  let y = MARGIN;
  const drawn = groups.map((group) => {
    const text = drawGroup(group, results, y);
    y += HEAD + group.bars.length * (BAR.height + BAR.gap) + GROUP_GAP;
    return text;
  });
  const height = y + 22;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-labelledby="title description">
<title id="title">This engine beside bare loops and other engines</title>
<desc id="description">${escapeText(describe(groups, results))}</desc>
<style>${STYLE}
</style>
${drawn.join("\n")}
<text class="note" x="${MARGIN}" y="${height - 16}">${escapeText(tellWhere(results))}</text>
</svg>
`;
}

function drawGroup({ title, unit, bars }: Group, results: Results, top: number): string {
  const values = bars.map(({ figure }) => Number(results[figure]));
  const scale = (WIDTH - BARS_AT - FIGURE_ROOM - MARGIN) / Math.max(...values);
  const lines = bars.map(({ label, kind }, at) => {
    const y = top + HEAD + at * (BAR.height + BAR.gap);
    const base = y + BAR.height / 2 + 5;
    const width = Math.max(2, values[at] * scale);
    const emphasis = kind === "ours" ? " emphasis" : "";
    return `<text class="label${emphasis}" x="${BARS_AT - 10}" y="${base}" text-anchor="end">` +
      `${escapeText(label)}</text>` +
      `<rect class="${kind}" x="${BARS_AT}" y="${y}" width="${width.toFixed(1)}" ` +
      `height="${BAR.height}" rx="2"/>` +
      `<text class="figure${emphasis}" x="${(BARS_AT + width + 8).toFixed(1)}" y="${base}">` +
      `${formatNumber(values[at])}</text>`;
  });
  return [
    `<text class="title" x="${MARGIN}" y="${top + 16}">${escapeText(title)}, ${unit}</text>`,
    ...lines,
  ].join("\n");
}

function describe(groups: Group[], results: Results): string {
  return groups.map(({ title, unit, bars }) =>
    `${title}, ${unit}: ` +
    bars.map(({ label, figure }) => `${label} ${formatNumber(Number(results[figure]))}`).join(", ")
  ).join(". ") + ".";
}

function tellWhere(results: Results): string {
  return `Medians of ${results.repeats} interleaved repeats on one PostgreSQL ` +
    `${results.postgres_server_version}, fsync ${results.postgres_fsync}, ${results.machine_cores} ` +
    `cores; every group has its own scale. ${String(results.measured_at).slice(0, 10)}`;
}

function escapeText(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
