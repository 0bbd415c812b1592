// Collects the compiler's findings with their place in the text, and bounds them: a broken file of
// 2 MiB must not make an answer of 100 MiB.
import { LineCounter } from "yaml";
import type { Problem } from "../contract/errors.ts";

/** Findings beyond this number are counted, not kept. */
export const MAX_PROBLEMS = 100;

export class ProblemList {
  readonly #found: { offset: number; problem: Problem }[] = [];
  readonly #lineCounter: LineCounter | null;
  readonly #file: string | undefined;
  #dropped = 0;

  /** Without a source, problems have a path but no line. */
  constructor(source: string | null, file: string | undefined) {
    this.#lineCounter = source === null ? null : countLines(source);
    this.#file = file;
  }

  get isEmpty(): boolean {
    return this.#found.length === 0;
  }

  /** Further findings are counted, not kept. */
  get isFull(): boolean {
    return this.#found.length >= MAX_PROBLEMS;
  }

  /**
   * Notes a finding at a character offset. Functions are called only for findings that are kept,
   * so that thousands of mistakes stay cheap.
   */
  add(
    at: number | (() => number),
    message: string,
    path?: string,
    findNear?: () => string[],
  ): void {
    if (this.isFull) {
      this.#dropped++;
      return;
    }
    const offset = typeof at === "number" ? at : at();
    const problem: Problem = { message };
    if (path !== undefined && path !== "") problem.path = path;
    if (this.#file !== undefined) problem.file = this.#file;
    if (this.#lineCounter !== null) {
      const { line, col } = this.#lineCounter.linePos(offset);
      problem.line = Math.max(line, 1);
      problem.column = Math.max(col, 1);
    }
    const near = findNear?.() ?? [];
    if (near.length > 0) problem.near = near;
    this.#found.push({ offset, problem });
  }

  /** The findings in the order of the text; a last one tells how many more there were. */
  list(): Problem[] {
    const problems = this.#found
      .toSorted((a, b) => a.offset - b.offset)
      .map(({ problem }) => problem);
    if (this.#dropped > 0) {
      const message = `and ${this.#dropped} more`;
      problems.push(this.#file === undefined ? { message } : { message, file: this.#file });
    }
    return problems;
  }
}

/**
 * The parser would fill a line counter as well, but in broken flow collections it misses line breaks,
 * and every later place would be wrong.
 */
function countLines(source: string): LineCounter {
  const lineCounter = new LineCounter();
  lineCounter.addNewLine(0);
  for (let at = source.indexOf("\n"); at !== -1; at = source.indexOf("\n", at + 1)) {
    lineCounter.addNewLine(at + 1);
  }
  return lineCounter;
}

/** Writes a path as people write it: `steps[2].depends_on[0]`. */
export function writePath(path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, part) => {
    if (typeof part === "number") return `${text}[${part}]`;
    const name = /^[A-Za-z_][\w-]*$/.test(String(part)) ? String(part) : null;
    if (name === null) return `${text}[${quoteValue(part)}]`;
    return text === "" ? name : `${text}.${name}`;
  }, "");
}

/** Characters of a value that a message shows. */
const MAX_QUOTED = 60;

/** A value as it can stand in a message: JSON, cut short. */
export function quoteValue(value: unknown): string {
  const text = typeof value === "bigint" || typeof value === "symbol"
    ? String(value)
    : JSON.stringify(prune(value, 0)) ?? String(value);
  return text.length > MAX_QUOTED ? `${text.slice(0, MAX_QUOTED - 3)}...` : text;
}

/** Leaves out what would be cut anyway: a list of a million items is quoted a hundred times else. */
function prune(value: unknown, depth: number): unknown {
  if (typeof value === "string") return value.slice(0, MAX_QUOTED);
  if (typeof value !== "object" || value === null) return value;
  if (depth > MAX_QUOTED / 2) return null;
  if (Array.isArray(value)) {
    return value.slice(0, MAX_QUOTED / 2).map((item) => prune(item, depth + 1));
  }
  const entries = Object.entries(value).slice(0, MAX_QUOTED / 2);
  return Object.fromEntries(entries.map(([key, item]) => [key, prune(item, depth + 1)]));
}
