// What changed between two texts, line by line, with long stretches of the same folded. Pure.
import { diffLines } from "diff";

export interface DiffLine {
  kind: "same" | "added" | "removed";
  /** Line numbers in the old and in the new text. */
  before: number | null;
  after: number | null;
  text: string;
}

/** Lines that follow one another, or a fold of unchanged ones. */
export type DiffPart =
  | { kind: "lines"; lines: DiffLine[] }
  | { kind: "fold"; lines: DiffLine[] };

/** Unchanged lines that are shown around a change. */
const CONTEXT = 3;

/** A computation of seconds would freeze the page: then everything is told as changed. */
const MAX_EDITS = 1_000;

export function compareTexts(before: string, after: string): DiffLine[] {
  const changes = diffLines(before, after, { maxEditLength: MAX_EDITS }) ?? [
    { value: before, removed: true, added: false },
    { value: after, removed: false, added: true },
  ];
  let old = 0;
  let fresh = 0;
  return changes.flatMap(({ value, added, removed }) =>
    splitLines(value).map((text): DiffLine => {
      if (added) return { kind: "added", before: null, after: ++fresh, text };
      if (removed) return { kind: "removed", before: ++old, after: null, text };
      return { kind: "same", before: ++old, after: ++fresh, text };
    })
  );
}

function splitLines(text: string): string[] {
  if (text === "") return [];
  return (text.endsWith("\n") ? text.slice(0, -1) : text).split("\n");
}

/** Folds what is further than three lines from a change; a fold of one line would save nothing. */
export function foldUnchanged(lines: DiffLine[]): DiffPart[] {
  const isShown = new Array<boolean>(lines.length).fill(false);
  for (const [at, { kind }] of lines.entries()) {
    if (kind === "same") continue;
    isShown.fill(true, Math.max(0, at - CONTEXT), at + CONTEXT + 1);
  }
  const parts: DiffPart[] = [];
  for (const [at, line] of lines.entries()) {
    const isLone = !isShown[at] && (isShown[at - 1] ?? true) &&
      (isShown[at + 1] ?? true);
    const kind = isShown[at] || isLone ? "lines" : "fold";
    const last = parts.at(-1);
    if (last?.kind === kind) last.lines.push(line);
    else parts.push({ kind, lines: [line] });
  }
  return parts;
}

export function countChanges(
  lines: DiffLine[],
): { added: number; removed: number } {
  const count = (kind: DiffLine["kind"]) => lines.filter((line) => line.kind === kind).length;
  return { added: count("added"), removed: count("removed") };
}
