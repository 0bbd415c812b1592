// Problems as a compiler prints them: place, message, the source line with a caret, near names.
import type { Problem } from "../contract/errors.ts";

/** Longer source lines are cut around the caret. */
const MAX_LINE_LENGTH = 120;

/**
 * One paragraph a problem, for terminals and logs:
 *
 *     workflows/a.yml:7:5: unknown key "timeout": expected one of …
 *         7 |     timeout: 3
 *           |     ^
 *       did you mean timeout_ms?
 */
export function formatProblems(problems: readonly Problem[], source?: string): string {
  const lines = source?.split(/\r\n|\n/) ?? [];
  return problems.map((problem) => formatProblem(problem, lines)).join("\n");
}

function formatProblem(problem: Problem, lines: readonly string[]): string {
  const { file, line, column, message, near } = problem;
  const place = [file, line, column].filter((part) => part !== undefined).join(":");
  const text = [place === "" ? message : `${place}: ${message}`];
  const sourceLine = line === undefined ? undefined : lines[line - 1];
  if (line !== undefined && sourceLine !== undefined) {
    text.push(...drawCaret(sourceLine, line, column ?? 1));
  }
  if (near !== undefined && near.length > 0) text.push(`  did you mean ${near.join(" or ")}?`);
  return text.join("\n");
}

function drawCaret(sourceLine: string, line: number, column: number): string[] {
  const start = Math.max(0, Math.min(column - 1 - MAX_LINE_LENGTH / 2, sourceLine.length));
  const shown = sourceLine.slice(start, start + MAX_LINE_LENGTH);
  // Tabs are kept in the margin, so that the caret stands under its character at any tab width.
  const margin = sourceLine.slice(start, column - 1).replace(/[^\t]/g, " ");
  const number = String(line).padStart(5);
  return [`${number} | ${shown}`, `${" ".repeat(number.length)} | ${margin}^`];
}
