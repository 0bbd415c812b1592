// What the checks work with: a value with the places of its parts, and the list that their findings go
// to. Members are read loosely, so that all findings come in one pass, whatever else is wrong.
import type { ParsedText, Path } from "./parse.ts";
import { type ProblemList, writePath } from "./problems.ts";

export interface NoteOptions {
  /** Point at the key instead of its value. */
  part?: "key" | "value";
  /** Point at this character of the text. */
  at?: number;
  findNear?: () => string[];
}

export class Findings {
  readonly parsed: ParsedText;
  readonly #problems: ProblemList;

  constructor(parsed: ParsedText, problems: ProblemList) {
    this.parsed = parsed;
    this.#problems = problems;
  }

  /** Notes a finding about the value at a path. */
  note(path: Path, message: string, { part, at, findNear }: NoteOptions = {}): void {
    // What could not be read has its finding already.
    if (part !== "key" && this.parsed.isUnreadable(path)) return;
    const locate = () => this.parsed.locate(path, part, at);
    this.#problems.add(locate, message, writePath(path), findNear);
  }

  /** Notes a finding that begins with the path. */
  noteAt(path: Path, rest: string, options?: NoteOptions): void {
    this.note(path, `${writePath(path)} ${rest}`, options);
  }

  /** Notes that a key does nothing, and why. */
  noteUseless(path: Path, why: string): void {
    this.noteAt(path, `has no effect: ${why}`, { part: "key" });
  }

  get isEmpty(): boolean {
    return this.#problems.isEmpty;
  }

  /** Further findings are only counted: what is looked up for their sake can be left out. */
  get isFull(): boolean {
    return this.#problems.isFull;
  }
}

export type LooseMap = Readonly<Record<string, unknown>>;

/** A map, or null for anything else. */
export function asMap(value: unknown): LooseMap | null {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? value as LooseMap
    : null;
}

export function asText(value: unknown): string | null {
  return typeof value === "string" ? value : null;
}

export function readMember(value: unknown, name: string): unknown {
  const map = asMap(value);
  return map !== null && Object.hasOwn(map, name) ? map[name] : undefined;
}
