// Functions that make one kind of value of another. None of their messages tells the value.
import { computeTime } from "./cel.ts";
import { Failure } from "./failure.ts";
import { scan } from "./text_functions.ts";
import { describeKind, findKind, TYPES } from "./values.ts";
import type { Work } from "./work.ts";

export function writeString(value: unknown): string {
  switch (findKind(value)) {
    case "timestamp":
      return (value as Date).toISOString();
    case "string":
    case "bool":
    case "int":
    case "double":
    case "duration":
      return String(value);
  }
  throw new Failure(`string cannot write ${describeKind(value)}`);
}

/** Numbers are read from text in about 200 ns. */
const WORK_OF_READING = 8;

export function readInt(value: unknown, work: Work): bigint {
  work.spend(WORK_OF_READING);
  if (typeof value === "bigint") return value;
  if (typeof value === "number" && Math.abs(value) < 2 ** 63) return BigInt(Math.trunc(value));
  if (typeof value === "string" && /^[+-]?\d{1,18}$/.test(value)) return BigInt(value);
  throw new Failure(`int cannot read ${describeKind(value)} that is no number of up to 18 digits`);
}

export function readDouble(value: unknown, work: Work): number {
  work.spend(WORK_OF_READING);
  if (typeof value === "number") return value;
  if (typeof value === "bigint") return Number(value);
  if (typeof value !== "string") throw new Failure(`double cannot read ${describeKind(value)}`);
  const number = Number(scan(value, work));
  if (value !== "" && value === value.trim() && Number.isFinite(number)) return number;
  throw new Failure("double cannot read a string that is no number");
}

const BOOLS: ReadonlyMap<string, boolean> = new Map([
  ...["1", "t", "true", "TRUE", "True"].map((text) => [text, true] as const),
  ...["0", "f", "false", "FALSE", "False"].map((text) => [text, false] as const),
]);

export function readBool(value: unknown): boolean {
  const read = typeof value === "boolean" ? value : BOOLS.get(String(value));
  if (read !== undefined && (typeof value === "boolean" || typeof value === "string")) return read;
  throw new Failure(`bool cannot read ${describeKind(value)} other than "true" and "false"`);
}

export function readTimestamp(value: unknown, work: Work): unknown {
  if (findKind(value) === "timestamp") return value;
  const isSeconds = typeof value === "number" && Number.isInteger(value);
  const seconds = isSeconds ? BigInt(value) : value;
  const complaint =
    `timestamp needs a string such as 2026-11-22T10:00:00Z or seconds since 1970, ` +
    `got ${describeKind(value)}`;
  if (typeof seconds !== "string" && typeof seconds !== "bigint") throw new Failure(complaint);
  return computeTime("timestamp(a)", [seconds], work, complaint);
}

/** Beyond this length no duration is meant; the package reads one unit at a time. */
const MAX_DURATION_CHARS = 100;

export function readDuration(value: unknown, work: Work): unknown {
  if (findKind(value) === "duration") return value;
  const complaint = `duration needs a string such as 90m or 1h30m, got ${describeKind(value)}`;
  if (typeof value === "string" && value.length <= MAX_DURATION_CHARS) {
    return computeTime("duration(a)", [value], work, complaint);
  }
  throw new Failure(complaint);
}

export function findType(value: unknown): unknown {
  const kind = findKind(value);
  const type = TYPES.get(kind === "null" ? "null_type" : kind);
  if (type !== undefined) return type;
  throw new Failure(`type does not know ${describeKind(value)}`);
}
