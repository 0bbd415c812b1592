// Problems as a compiler prints them: place, message, the source line with a caret, near names.
import type { Problem } from "../contract/errors.ts";

/** Longer source lines are cut around the caret. */
const MAX_LINE_LENGTH = 120;

/** The source of the one file, or of each by its name. */
export type Sources = string | ReadonlyMap<string, string>;

/** How the parts of a problem are shown; without it they are plain text. */
export interface Style {
  place(text: string): string;
  margin(text: string): string;
  caret(text: string): string;
  near(text: string): string;
}

const asIs = (text: string) => text;
const PLAIN: Style = { place: asIs, margin: asIs, caret: asIs, near: asIs };

/**
 * One paragraph a problem, for terminals and logs:
 *
 *     workflows/a.yml:7:5: unknown key "timeout": expected one of …
 *         7 |     timeout: 3
 *           |     ^
 *       did you mean timeout_ms?
 */
export function formatProblems(
  problems: readonly Problem[],
  sources?: Sources,
  style: Style = PLAIN,
): string {
  const lines = new Map<string | undefined, string[]>();
  const readLines = (file: string | undefined) => {
    const known = lines.get(file);
    if (known !== undefined) return known;
    const source = typeof sources === "object" ? sources.get(file ?? "") : sources;
    const split = source?.split(/\r\n|\n/) ?? [];
    lines.set(file, split);
    return split;
  };
  return problems.map((problem) => formatProblem(problem, readLines(problem.file), style)).join(
    "\n",
  );
}

function formatProblem(problem: Problem, lines: readonly string[], style: Style): string {
  const { file, line, column, message, near } = problem;
  const place = [file, line, column].filter((part) => part !== undefined).join(":");
  const text = [place === "" ? message : `${style.place(`${place}:`)} ${message}`];
  const sourceLine = line === undefined ? undefined : lines[line - 1];
  if (line !== undefined && sourceLine !== undefined) {
    text.push(...drawCaret(sourceLine, line, column ?? 1, style));
  }
  if (near !== undefined && near.length > 0) {
    text.push(style.near(`  did you mean ${near.join(" or ")}?`));
  }
  return text.join("\n");
}

function drawCaret(sourceLine: string, line: number, column: number, style: Style): string[] {
  const start = Math.max(0, Math.min(column - 1 - MAX_LINE_LENGTH / 2, sourceLine.length));
  const shown = sourceLine.slice(start, start + MAX_LINE_LENGTH);
  // Tabs are kept in the margin, so that the caret stands under its character at any tab width.
  const margin = sourceLine.slice(start, column - 1).replace(/[^\t]/g, " ");
  const number = String(line).padStart(5);
  return [
    `${style.margin(`${number} |`)} ${shown}`,
    `${style.margin(`${" ".repeat(number.length)} |`)} ${margin}${style.caret("^")}`,
  ];
}
