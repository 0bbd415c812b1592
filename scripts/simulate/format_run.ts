// A simulated run for a terminal: how it ended, the timeline, the picture of its path, the outputs.
import { paint } from "../terminal/progress.ts";
import { drawPath } from "./draw_path.ts";
import { formatDuration } from "./format_duration.ts";
import type { SimulatedRun } from "./simulated_run.ts";
import { clip, describeEntry, quote, type TimelineEntry } from "./timeline.ts";

const MAX_SUBJECT = 32;
/** Up to this many items of a fan-out that do the same at one instant have a line each. */
const MAX_SINGLE_ITEMS = 3;
/** Of a longer stretch of one fan-out's lines the middle is only counted. */
const MAX_STRETCH = 24;
const STRETCH_HEAD = 12;
const STRETCH_TAIL = 4;
const MAX_OUTPUT = 400;
const MAX_RANGES = 16;

/** The whole report; colours only where the terminal shows them. */
export function formatRun(run: SimulatedRun): string {
  const outputs = Object.entries(run.outputs);
  const path = run.status === "skipped" ? [] : drawPath(run);
  return [
    ...formatTimeline(run.timeline),
    ...section("Path, time to the right and not to scale", path),
    ...section("Outputs", outputs.map(([id, output]) => `  ${id}  ${quote(output, MAX_OUTPUT)}`)),
    "",
    formatEnd(run),
  ].join("\n");
}

function formatEnd({ workflow_key, status, reason, duration_ms }: SimulatedRun): string {
  const time = formatDuration(duration_ms);
  const end = status === "running"
    ? paint("yellow", `${workflow_key} is not over after ${time}`)
    : paint(
      status === "success" ? "green" : "red",
      `${workflow_key} ended after ${time}: ${status}`,
    );
  return reason === null ? end : `${end}\n  ${reason}`;
}

function section(title: string, lines: string[]): string[] {
  return lines.length === 0 ? [] : ["", paint("bold", title), ...lines];
}

interface Line {
  at_ms: number;
  subject: string;
  text: string;
  what: TimelineEntry["what"];
  /** How many entries it stands for. */
  count: number;
  /** Whose item it tells of; null for all else. */
  fanOut: string | null;
}

function formatTimeline(entries: readonly TimelineEntry[]): string[] {
  const lines = shortenStretches(fold(entries));
  const times = lines.map(({ at_ms }, at) =>
    at > 0 && lines[at - 1].at_ms === at_ms ? "" : formatDuration(at_ms)
  );
  const timeWidth = Math.max(0, ...times.map((time) => time.length));
  const subjectWidth = Math.max(
    0,
    ...lines.map(({ subject }) => Math.min(subject.length, MAX_SUBJECT)),
  );
  return lines.map(({ subject, text, what }, at) => {
    const time = paint("dim", times[at].padStart(timeWidth));
    // What is said of the run itself stands where the steps' names stand.
    const rest = subject === ""
      ? paint("bold", text)
      : `${clip(subject, MAX_SUBJECT).padEnd(subjectWidth)}  ${colour(what, text)}`;
    return `${time}  ${rest}`;
  });
}

/** Items of a fan-out that do the same at the same instant become one line. */
function fold(entries: readonly TimelineEntry[]): Line[] {
  const lines: Line[] = [];
  for (let at = 0; at < entries.length;) {
    let end = at + 1;
    while (end < entries.length && isSame(entries[at], entries[end])) end++;
    const group = entries.slice(at, end);
    if (group.length > MAX_SINGLE_ITEMS) lines.push(foldGroup(group));
    else lines.push(...group.map(toLine));
    at = end;
  }
  return lines;
}

/** A fan-out of thousands must not hide the rest. */
function shortenStretches(lines: readonly Line[]): Line[] {
  const short: Line[] = [];
  for (let at = 0; at < lines.length;) {
    const { fanOut } = lines[at];
    let end = at + 1;
    while (end < lines.length && fanOut !== null && lines[end].fanOut === fanOut) end++;
    const stretch = lines.slice(at, end);
    if (stretch.length > MAX_STRETCH) {
      const middle = stretch.slice(STRETCH_HEAD, -STRETCH_TAIL);
      short.push(...stretch.slice(0, STRETCH_HEAD), count(middle), ...stretch.slice(-STRETCH_TAIL));
    } else short.push(...stretch);
    at = end;
  }
  return short;
}

const COUNTED: Partial<Record<TimelineEntry["what"], string>> = {
  failed: "failed, to be tried again",
  dead: "failed for good",
  put_off: "put off by a rate limit",
  went_on: "done",
  run_started: "runs started",
  run_ended: "runs ended",
};

function count(lines: readonly Line[]): Line {
  const counts = new Map<string, number>();
  for (const { what, count } of lines) {
    const word = COUNTED[what] ?? what;
    counts.set(word, (counts.get(word) ?? 0) + count);
  }
  const text = `… ${[...counts].map(([word, number]) => `${number} ${word}`).join(", ")} …`;
  return { ...lines[0], subject: `${lines[0].fanOut}[…]`, text, what: "called" };
}

function isSame(a: TimelineEntry, b: TimelineEntry): boolean {
  const classOf = (it: TimelineEntry) =>
    it.what === "failed" || it.what === "dead" ? it.error_class : "";
  return a.index !== null && b.index !== null && a.what === b.what && a.at_ms === b.at_ms &&
    a.step_id === b.step_id && a.workflow_run_id === b.workflow_run_id &&
    classOf(a) === classOf(b);
}

function foldGroup(group: TimelineEntry[]): Line {
  const [first] = group.toSorted((a, b) => a.index! - b.index!);
  const ranges = formatRanges(group.map(({ index }) => index!));
  const subject = `${first.subject.replace(/\[\d+\]$/, "")}[${clip(ranges, MAX_RANGES)}]`;
  const text = `${group.length} items, such as [${first.index}]: ${describeEntry(first)}`;
  return { ...toLine(first), subject, text, count: group.length };
}

/** `0–2,5` */
function formatRanges(indexes: number[]): string {
  const ranges: [low: number, high: number][] = [];
  for (const index of indexes.toSorted((a, b) => a - b)) {
    const last = ranges.at(-1);
    if (last !== undefined && last[1] === index - 1) last[1] = index;
    else ranges.push([index, index]);
  }
  return ranges.map(([low, high]) => low === high ? `${low}` : `${low}–${high}`).join(",");
}

function toLine(entry: TimelineEntry): Line {
  const { at_ms, subject, what, index } = entry;
  const fanOut = index === null ? null : subject.replace(/\[\d+\]$/, "");
  return { at_ms, subject, text: describeEntry(entry), what, count: 1, fanOut };
}

function colour(what: TimelineEntry["what"], text: string): string {
  switch (what) {
    case "answered":
    case "went_on":
      return paint("green", text);
    case "dead":
      return paint("red", text);
    case "failed":
    case "put_off":
      return paint("yellow", text);
    case "skipped":
    case "cancelled":
      return paint("dim", text);
    default:
      return text;
  }
}
