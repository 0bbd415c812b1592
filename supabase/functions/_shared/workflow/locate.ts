// Where the parts of a YAML document stand in its text: values, keys, and characters of texts. Pure.
import { type Document, isMap, isNode, isScalar, isSeq, type Pair, Scalar } from "yaml";
import { findRawOffset, type TextStyle } from "./text_position.ts";

export type Path = readonly (string | number)[];

/** A key that is a plain name, else null. */
export function readKey(pair: Pair): string | null {
  const { key } = pair;
  if (!isScalar(key) || key.tag !== undefined || key.anchor !== undefined) return null;
  return typeof key.value === "string" ? key.value : null;
}

export function locateKey(pair: Pair): number {
  return isNode(pair.key) ? pair.key.range?.[0] ?? 0 : 0;
}

/**
 * The value at `path`, its key where `part` is `key` or the value is empty, and the nearest parent
 * where there is no such value.
 */
export function locatePath(
  source: string,
  document: Document,
  path: Path,
  part: "key" | "value" = "value",
  at?: number,
): number {
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
  if (at === undefined || !isScalar(node)) return offset;
  return offset + findOffsetWithin(source, node, at);
}

const STYLES: Record<string, TextStyle> = {
  [Scalar.PLAIN]: "plain",
  [Scalar.QUOTE_SINGLE]: "single",
  [Scalar.QUOTE_DOUBLE]: "double",
  [Scalar.BLOCK_FOLDED]: "block",
  [Scalar.BLOCK_LITERAL]: "block",
};

function findOffsetWithin(source: string, { value, range, type }: Scalar, at: number): number {
  if (typeof value !== "string" || range === undefined || range === null) return 0;
  const raw = source.slice(range[0], range[1]);
  return findRawOffset(raw, value, at, STYLES[type ?? Scalar.PLAIN] ?? "plain");
}
