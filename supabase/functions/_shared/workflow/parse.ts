// YAML text → plain value, with the document kept for positions. Strict: warnings are errors, no
// aliases, anchors or tags, no duplicate keys, one document, YAML 1.2, a size limit. Pure.
import { isAlias, isMap, isNode, isScalar, isSeq, type Pair } from "yaml";
import { composeYaml, MAX_DEPTH } from "./compose_yaml.ts";
import { locateKey, locatePath, type Path, readKey } from "./locate.ts";
import { type ProblemList, quoteValue, writePath } from "./problems.ts";

/**
 * What YAML does not call printable, half surrogate pairs included. The parser lets them pass, but
 * Postgres does not store them all; and a binary file is told from text at once.
 */
// deno-lint-ignore no-control-regex
const UNPRINTABLE = /[\0-\x08\x0B\x0C\x0E-\x1F\x7F\uFFFE\uFFFF]|\p{Surrogate}/u;

export type { Path };

/** A value with the places of its parts; data without a text have all of them at 0. */
export interface ParsedText {
  value: unknown;
  /**
   * The character offset of the value at a path, or of its key; with `at` that of a character of the
   * text there.
   */
  locate(path: Path, part?: "key" | "value", at?: number): number;
  /** Whether a problem was noted for the value at a path while it was read. */
  isUnreadable(path: Path): boolean;
}

/**
 * Parses the text and notes every finding in `problems`. Returns null where the text is no YAML, so
 * that nothing can be said about its content.
 */
export function parseText(
  source: string,
  maxBytes: number,
  problems: ProblemList,
): ParsedText | null {
  // A text of n UTF-16 units has at least n bytes: a huge one need not be counted.
  const bytes = source.length > maxBytes ? source.length : new TextEncoder().encode(source).length;
  if (bytes > maxBytes) {
    const least = source.length > maxBytes ? "at least " : "";
    problems.add(0, `the file has ${least}${bytes} bytes, more than the ${maxBytes} allowed`);
    return null;
  }
  const bad = UNPRINTABLE.exec(source);
  if (bad !== null) {
    const code = bad[0].charCodeAt(0).toString(16).toUpperCase().padStart(4, "0");
    problems.add(bad.index, `the character U+${code} is not allowed in YAML`);
    return null;
  }
  const { document, faults } = composeYaml(source);
  for (const { offset, message } of faults) problems.add(offset, message);
  if (document === null) return null;
  const { explicit, version } = document.directives?.yaml ?? {};
  if (explicit && version !== "1.2") {
    problems.add(0, `workflow files are YAML 1.2, not ${version}`);
  }
  const reader = new Reader(source, problems);
  const value = reader.read(document.contents, []);
  return {
    value,
    locate: (path, part, at) => locatePath(source, document, path, part, at),
    isUnreadable: (path) => reader.unreadable.has(writePath(path)),
  };
}

/** Turns nodes into plain data; objects have no prototype, so that any key is only a key. */
class Reader {
  /** Paths whose values were refused. */
  readonly unreadable = new Set<string>();
  readonly #source: string;
  readonly #problems: ProblemList;

  constructor(source: string, problems: ProblemList) {
    this.#source = source;
    this.#problems = problems;
  }

  read(node: unknown, path: Path): unknown {
    if (!isNode(node)) return null;
    const offset = node.range?.[0] ?? 0;
    if (isAlias(node)) {
      return this.#refuse(offset, "aliases are not allowed: write the value out", path);
    }
    if (path.length > MAX_DEPTH) return this.#refuse(offset, "the YAML is nested too deeply", path);
    if (node.tag !== undefined) return this.#refuseTag(node.tag, offset, path);
    if (node.anchor !== undefined) {
      const at = this.#source.lastIndexOf(`&${node.anchor}`, offset);
      const message = `anchors are not allowed, got &${node.anchor}: nothing may refer to it`;
      this.#note(at === -1 ? offset : at, message, path);
    }
    if (isSeq(node)) return node.items.map((item, index) => this.read(item, [...path, index]));
    if (isMap(node)) return this.#readMap(node.items, path);
    return isScalar(node) ? this.#readScalar(node.value, offset, path) : null;
  }

  #readMap(pairs: readonly Pair[], path: Path): Record<string, unknown> {
    const result: Record<string, unknown> = Object.create(null);
    for (const pair of pairs) {
      const key = readKey(pair);
      const offset = locateKey(pair);
      const fault = findKeyFault(key);
      if (key === null || fault !== null) {
        this.#note(offset, fault ?? "", path);
        continue;
      }
      const place = [...path, key];
      const value = this.read(pair.value, place);
      if (Object.hasOwn(result, key)) {
        this.#note(offset, `key ${quoteValue(key)} is given twice`, place);
      } else result[key] = value;
    }
    return result;
  }

  #readScalar(value: unknown, offset: number, path: Path): unknown {
    const name = writePath(path) || "the file";
    if (typeof value === "string" && !isStorable(value)) {
      return this.#refuse(offset, `${name} ${STORABLE_RULE}`, path);
    }
    if (typeof value === "number" && !Number.isFinite(value)) {
      return this.#refuse(offset, `${name} must be a number that JSON knows, got ${value}`, path);
    }
    if (Number.isInteger(value) && !Number.isSafeInteger(value)) {
      const message = `${name} is a number that would lose digits: write it in quotes`;
      return this.#refuse(offset, message, path);
    }
    return value;
  }

  /** `if: !steps.a.ok` is a tag with an empty text behind it to YAML. */
  #refuseTag(tag: string, offset: number, path: Path): null {
    if (this.#problems.isFull) return this.#refuse(offset, "", path);
    const before = this.#source.slice(Math.max(0, offset - 300), offset);
    const written = /(![^\s,[\]{}]*)\s*(?:&\S+\s*)?$/.exec(before);
    const at = written === null ? offset : offset - written[0].length;
    const shown = written?.[1] ?? tag;
    const rest = this.#source.slice(at).split(/[\n\r#]/, 1)[0].trim();
    // In a flow collection what follows may belong to others.
    const isShort = rest.length <= 60 && !/[",\]}]/.test(rest);
    const advice = isShort ? `: write "${rest}" in quotes` : ": write the value in quotes";
    return this.#refuse(at, `${shown} is a tag to YAML, and no part of the value${advice}`, path);
  }

  #refuse(offset: number, message: string, path: Path): null {
    this.#note(offset, message, path);
    if (!this.#problems.isFull) this.unreadable.add(writePath(path));
    return null;
  }

  #note(offset: number, message: string, path: Path): void {
    this.#problems.add(offset, message, this.#problems.isFull ? "" : writePath(path));
  }
}

/** Postgres stores neither NUL nor half a surrogate pair. */
export const STORABLE_RULE = "must be text that can be stored, without NUL and lone surrogates";

export function isStorable(text: string): boolean {
  return text.isWellFormed() && !text.includes("\0");
}

/** What is wrong with a key, or null. */
export function findKeyFault(key: string | null): string | null {
  if (key === null) return "a key must be a plain name";
  // To much of JavaScript it is no key, but the map's own prototype.
  if (key === "__proto__") return "a key must not be __proto__";
  return isStorable(key) ? null : `a key ${STORABLE_RULE}`;
}
