// YAML text → plain value, with the document kept for positions. Strict: warnings are errors, no
// aliases, no duplicate keys, no tags, one document, YAML 1.2, a size limit. Pure.
import {
  type Document,
  isAlias,
  isMap,
  isNode,
  isScalar,
  isSeq,
  type Pair,
  parseDocument,
} from "yaml";
import type { ProblemList } from "./problems.ts";
import { quoteValue, writePath } from "./problems.ts";

/** A workflow file is four levels deep; more is an attack or a mistake. */
const MAX_DEPTH = 32;

/**
 * What YAML does not call printable, half surrogate pairs included. The parser lets them pass, but
 * Postgres does not store them all; and a binary file is told from text at once.
 */
// deno-lint-ignore no-control-regex
const UNPRINTABLE = /[\0-\x08\x0B\x0C\x0E-\x1F\x7F\uFFFE\uFFFF]|\p{Surrogate}/u;

export type Path = readonly (string | number)[];

/** `document` is for positions only: its values may hold what `value` leaves out. */
export interface ParsedText {
  value: unknown;
  document: Document;
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
  const bytes = new TextEncoder().encode(source).length;
  if (bytes > maxBytes) {
    problems.add(0, `the file has ${bytes} bytes, more than the ${maxBytes} allowed`);
    return null;
  }
  const bad = UNPRINTABLE.exec(source);
  if (bad !== null) {
    const code = bad[0].charCodeAt(0).toString(16).toUpperCase().padStart(4, "0");
    problems.add(bad.index, `the character U+${code} is not allowed in YAML`);
    return null;
  }
  const document = composeDocument(source, problems);
  if (document === null) return null;
  for (const error of document.errors) {
    problems.add(error.pos[0], describeSyntaxError(error.code, error.message));
  }
  if (document.errors.length > 0) return null;
  for (const warning of document.warnings) problems.add(warning.pos[0], warning.message);
  const { explicit, version } = document.directives?.yaml ?? {};
  if (explicit && version !== "1.2") {
    problems.add(0, `workflow files are YAML 1.2, not ${version}`);
  }
  return { value: readNode(document.contents, [], problems), document };
}

function composeDocument(
  source: string,
  problems: ProblemList,
): Document | null {
  try {
    return parseDocument(source, {
      version: "1.2",
      schema: "core",
      // "silent" would also silence the error of a second document.
      logLevel: "error",
      prettyErrors: false,
      // The library compares every key with every other; readNode finds duplicates in linear time.
      uniqueKeys: false,
    });
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    problems.add(0, describeSyntaxError("", message));
    return null;
  }
}

function describeSyntaxError(code: string, message: string): string {
  // The library composes recursively and reports its exhausted stack as a syntax error.
  if (/call stack|too much recursion/i.test(message)) return "the YAML is nested too deeply";
  if (code === "MULTIPLE_DOCS") return "a workflow file holds one YAML document, not several";
  return `YAML: ${message}`;
}

/** Turns a node into plain data; objects have no prototype, so that any key is only a key. */
function readNode(node: unknown, path: Path, problems: ProblemList): unknown {
  if (!isNode(node)) return null;
  const offset = node.range?.[0] ?? 0;
  if (isAlias(node)) {
    problems.add(offset, `aliases are not allowed: write the value out`, writePath(path));
    return null;
  }
  if (path.length > MAX_DEPTH) {
    problems.add(offset, "the YAML is nested too deeply", writePath(path));
    return null;
  }
  if (isSeq(node)) {
    return node.items.map((item, index) => readNode(item, [...path, index], problems));
  }
  if (isMap(node)) return readMap(node.items, path, problems);
  return isScalar(node) ? node.value : null;
}

function readMap(
  pairs: readonly Pair[],
  path: Path,
  problems: ProblemList,
): Record<string, unknown> {
  const result: Record<string, unknown> = Object.create(null);
  const offsets = new Map<string, number>();
  for (const pair of pairs) {
    const key = readKey(pair);
    const offset = locateKey(pair);
    if (key === null) {
      problems.add(offset, "a key must be a plain name", writePath(path));
      continue;
    }
    const value = readNode(pair.value, [...path, key], problems);
    if (offsets.has(key)) {
      problems.add(offset, `key ${quoteValue(key)} is given twice`, writePath([...path, key]));
      continue;
    }
    offsets.set(key, offset);
    result[key] = value;
  }
  return result;
}

function readKey(pair: Pair): string | null {
  return isScalar(pair.key) && typeof pair.key.value === "string" ? pair.key.value : null;
}

function locateKey(pair: Pair): number {
  return isNode(pair.key) ? pair.key.range?.[0] ?? 0 : 0;
}

/**
 * The character offset of the value at `path`, of its key where `part` is `key` or the value is
 * empty, and of the nearest parent where there is no such value.
 */
export function locatePath(document: Document, path: Path, part: "key" | "value" = "value") {
  let node: unknown = document.contents;
  let offset = isNode(node) ? node.range?.[0] ?? 0 : 0;
  for (const [depth, step] of path.entries()) {
    if (isSeq(node)) {
      node = node.items[Number(step)];
      if (!isNode(node)) return offset;
      offset = node.range?.[0] ?? offset;
      continue;
    }
    const pair = isMap(node) ? node.items.find((item) => readKey(item) === step) : undefined;
    if (pair === undefined) return offset;
    node = pair.value;
    const isWanted = part === "value" || depth < path.length - 1;
    const isEmpty = !isNode(node) || (node.range !== undefined && node.range !== null &&
      node.range[0] === node.range[1]);
    offset = isWanted && !isEmpty && isNode(node) ? node.range?.[0] ?? offset : locateKey(pair);
  }
  return offset;
}
