// The picture of a run's path: a line for each step, and time to the right. Not to scale, or a week
// of sleep would leave no room for the rest. Pure.
import { paint } from "../terminal/progress.ts";
import { formatDuration } from "./format_duration.ts";
import type { SimulatedRun, SimulatedStep } from "./simulated_run.ts";
import type { Span } from "./spans.ts";
import { clip, describeSkip, STATUS_MARKS } from "./timeline.ts";

const MAX_WIDTH = 60;
const MAX_NAME = 28;

/** What stands for a state, the stronger first: of a fan-out's items one call is enough. */
const BARS: readonly [state: Span["state"], bar: string][] = [
  ["called", "█"],
  ["waiting", "░"],
  ["pausing", "·"],
];

/** The lines of the picture; none for a run without steps. */
export function drawPath(run: SimulatedRun): string[] {
  const names = Object.keys(run.steps);
  if (names.length === 0) return [];
  const own = run.spans.filter((span) => span.workflow_run_id === run.runs[0].workflow_run_id);
  const axis = buildAxis(own);
  const nameWidth = Math.max(...names.map((name) => Math.min(name.length, MAX_NAME)));
  const pad = " ".repeat(nameWidth + 5);
  const lines = names.map((name) => {
    const step = run.steps[name];
    const bar = drawBar(own.filter(({ step_id }) => step_id === name), axis).padEnd(axis.width);
    const label = clip(name, MAX_NAME).padEnd(nameWidth);
    return `  ${colourMark(step)} ${label} ${colourBar(step, bar)}  ${describeStep(step)}`
      .trimEnd();
  });
  return [paint("dim", `${pad}${drawLabels(axis)}`.trimEnd()), ...lines];
}

interface Axis {
  /** Column of a round. */
  columns: Map<number, number>;
  /** Columns at which time has passed, with the time. */
  labels: { column: number; at_ms: number }[];
  width: number;
}

function buildAxis(spans: readonly Span[]): Axis {
  const times = new Map<number, number>();
  for (const { from, to } of spans) {
    times.set(from.round, from.at_ms);
    times.set(to.round, to.at_ms);
  }
  const points = [...times].sort(([a], [b]) => a - b);
  const columns = new Map<number, number>();
  const labels: Axis["labels"] = [];
  let column = 0;
  let before: number | null = null;
  for (const [round, at_ms] of points) {
    // The more time passes, the wider, but a day is not thousands of times a second.
    if (before !== null) {
      column += at_ms === before ? 1 : 2 + Math.floor(Math.log10(1 + (at_ms - before) / 1_000));
    }
    if (at_ms !== before) labels.push({ column, at_ms });
    columns.set(round, column);
    before = at_ms;
  }
  const scale = Math.min(1, (MAX_WIDTH - 1) / Math.max(1, column));
  const fit = (at: number) => Math.floor(at * scale);
  return {
    columns: new Map([...columns].map(([round, at]) => [round, fit(at)])),
    labels: labels.map((it) => ({ ...it, column: fit(it.column) })),
    width: fit(column) + 1,
  };
}

function drawBar(spans: readonly Span[], axis: Axis): string {
  const cells: string[] = new Array(axis.width).fill(" ");
  for (const [state, bar] of BARS.toReversed()) {
    for (const { from, to } of spans.filter((span) => span.state === state)) {
      const start = axis.columns.get(from.round)!;
      // What takes no time still is seen.
      const end = Math.max(start + 1, axis.columns.get(to.round)!);
      cells.fill(bar, start, end);
    }
  }
  return cells.join("");
}

function drawLabels({ labels }: Axis): string {
  let line = "";
  for (const { column, at_ms } of labels) {
    if (line !== "" && column <= line.length) continue;
    line = line.padEnd(column) + formatDuration(at_ms);
  }
  return line;
}

function describeStep(step: SimulatedStep): string {
  const parts: string[] = [];
  const { items } = step;
  if (items !== undefined) {
    const succeeded = items.filter(({ status }) => status === "success").length;
    parts.push(`${succeeded} of ${items.length} items`);
  }
  if (step.status === "skipped") {
    parts.push(describeSkip(step.skip_reason ?? "condition", step.condition));
  } else if (step.status === "dead") {
    parts.push(`${step.error_class}`);
  } else if (step.status !== "success") {
    parts.push(step.status);
  }
  if (step.attempts > 1) parts.push(`${step.attempts} attempts`);
  const { started_ms, ended_ms } = step;
  const took = started_ms === null || ended_ms === null ? 0 : ended_ms - started_ms;
  if (took > 0 && step.status !== "skipped") parts.push(formatDuration(took));
  return parts.join(", ");
}

function colourMark(step: SimulatedStep): string {
  return paint(COLOURS[step.status] ?? "cyan", STATUS_MARKS[step.status]);
}

function colourBar(step: SimulatedStep, bar: string): string {
  return paint(COLOURS[step.status] ?? "cyan", bar);
}

const COLOURS: Partial<Record<SimulatedStep["status"], "green" | "red" | "dim">> = {
  success: "green",
  dead: "red",
  skipped: "dim",
  cancelled: "dim",
};
