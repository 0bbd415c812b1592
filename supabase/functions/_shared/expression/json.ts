// Results leave as JSON: what only expressions know is converted, or refused with the way out.
import { Failure, LimitFailure } from "./failure.ts";
import { MAX_VALUE_DEPTH } from "./limits.ts";
import { describeKind, findKind, type Optional } from "./values.ts";
import type { Work } from "./work.ts";

/** Beyond this, neighbours of an integer are lost in a double. */
const MAX_INTEGER = 2n ** 53n;

/**
 * The value as JSON: integers become numbers, optionals their value or null, times ISO 8601 and
 * spans seconds (`90s`). What is JSON already is not copied, so that the result may share parts
 * with the data. Throws Failure for what JSON cannot hold or what is too large.
 */
export function toJson(value: unknown, work: Work, depth = 0): unknown {
  switch (typeof value) {
    case "string":
      work.addResult(value.length + 3);
      return value;
    case "number":
      return convertNumber(value, work);
    case "bigint":
      return convertInteger(value, work);
    case "boolean":
      work.addResult(5);
      return value;
  }
  if (depth > MAX_VALUE_DEPTH) {
    throw new LimitFailure(`the result is nested deeper than ${MAX_VALUE_DEPTH} levels`);
  }
  switch (findKind(value)) {
    case "null":
      work.addResult(5);
      return null;
    case "list":
      return convertList(value as unknown[], work, depth);
    case "map":
      return convertMap(value as Record<string, unknown>, work, depth);
    case "optional":
      return toJson((value as Optional).value, work, depth);
    case "timestamp":
      return toJson((value as Date).toISOString(), work, depth);
    case "duration":
      return toJson(String(value), work, depth);
  }
  throw new Failure(`the result is ${describeKind(value)}, which JSON does not have: compare it`);
}

function convertNumber(value: number, work: Work): number {
  if (!Number.isFinite(value)) {
    throw new Failure(`the result is ${value}, which JSON does not have`);
  }
  work.addResult(Number.isInteger(value) && Math.abs(value) < 100 ? 3 : 16);
  // JSON has no negative zero.
  return value === 0 ? 0 : value;
}

function convertInteger(value: bigint, work: Work): number {
  work.addResult(16);
  if (value <= MAX_INTEGER && value >= -MAX_INTEGER) return Number(value);
  throw new Failure("the result is an integer beyond 2^53, which JSON's numbers do not hold");
}

function convertList(list: unknown[], work: Work, depth: number): unknown[] {
  work.addResult(2);
  work.spend(6 + list.length / 2);
  let copy: unknown[] | undefined;
  for (let index = 0; index < list.length; index++) {
    const item = list[index];
    const converted = toJson(item, work, depth + 1);
    if (copy === undefined && !Object.is(converted, item)) copy = list.slice(0, index);
    copy?.push(converted);
  }
  return copy ?? list;
}

function convertMap(
  map: Record<string, unknown>,
  work: Work,
  depth: number,
): Record<string, unknown> {
  work.addResult(2);
  const keys = Object.keys(map);
  work.spend(6);
  work.spendKeys(keys.length);
  let copy: Record<string, unknown> | undefined;
  for (const key of keys) {
    work.addResult(key.length + 4);
    const value = map[key];
    const converted = toJson(value, work, depth + 1);
    if (Object.is(converted, value)) continue;
    // The copy has each key of its own, `__proto__` too: setting it inherits nothing.
    copy ??= { ...map };
    copy[key] = converted;
  }
  return copy ?? map;
}
