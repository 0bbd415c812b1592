// The values that expressions work on. JSON's stay as they are: numbers are doubles, maps are plain
// objects of which only own keys are seen. Integers, which only expressions make, are BigInt; times
// and spans are the CEL package's; optionals and types are the classes below.
import { findNearNames } from "../workflow/near.ts";
import { Failure } from "./failure.ts";

/** Of a map with more keys than this, only the first ones are compared with a missing one. */
const MAX_NEAR_KEYS = 200;

export type Kind =
  | "null"
  | "bool"
  | "int"
  | "double"
  | "string"
  | "list"
  | "map"
  | "timestamp"
  | "duration"
  | "optional"
  | "type";

/** What `.?` gives: a value or none. */
export class Optional {
  static readonly NONE = new Optional(undefined);
  readonly #value: unknown;

  /** `undefined` is none. */
  constructor(value: unknown) {
    this.#value = value;
  }

  get isPresent(): boolean {
    return this.#value !== undefined;
  }

  get value(): unknown {
    return this.#value;
  }
}

/** What `type(x)` gives; there is one object for each kind, so that they compare by identity. */
export class ValueType {
  readonly #name: string;

  constructor(name: string) {
    this.#name = name;
  }

  toString(): string {
    return this.#name;
  }
}

/** Names of types as expressions write them. */
export const TYPES: ReadonlyMap<string, ValueType> = new Map(
  [
    "bool",
    "double",
    "int",
    "list",
    "map",
    "null_type",
    "string",
  ].map((name) => [name, new ValueType(name)]),
);

export function findKind(value: unknown): Kind {
  switch (typeof value) {
    case "boolean":
      return "bool";
    case "bigint":
      return "int";
    case "number":
      return "double";
    case "string":
      return "string";
  }
  if (value === null || value === undefined) return "null";
  if (Array.isArray(value)) return "list";
  if (Object.getPrototypeOf(value) === Object.prototype) return "map";
  if (value instanceof Date) return "timestamp";
  if (value instanceof Optional) return "optional";
  if (value instanceof ValueType) return "type";
  return isDuration(value) ? "duration" : "map";
}

/** Data cannot pose as a duration: JSON has no symbols as keys. */
function isDuration(value: object): boolean {
  return (value as { [Symbol.toStringTag]?: string })[Symbol.toStringTag] ===
    "google.protobuf.Duration";
}

/** `null`, `true`, `a string`, `an int`: how messages speak of a value without telling it. */
export function describeKind(value: unknown): string {
  const kind = findKind(value);
  if (kind === "null" || kind === "bool") return String(value ?? null);
  return `${/^[aeiou]/.test(kind) ? "an" : "a"} ${kind}`;
}

/** Own keys only: nothing that an object inherits can be named. */
export function isMap(value: unknown): value is Record<string, unknown> {
  return findKind(value) === "map";
}

/** What stands under a key or an index; undefined if nothing does, or `owner` holds nothing. */
export function findMember(owner: unknown, key: unknown): unknown {
  if (typeof owner !== "object" || owner === null) return undefined;
  if (Array.isArray(owner)) {
    const index = typeof key === "bigint" ? Number(key) : key;
    return typeof index === "number" ? owner[index] : undefined;
  }
  // Optionals, types, times and spans have no own keys.
  if (typeof key !== "string" || !Object.hasOwn(owner, key)) return undefined;
  return (owner as Record<string, unknown>)[key];
}

/** `.?key` and `[?key]`, and every access behind one of them: what is missing gives none. */
export function findOptionalMember(owner: unknown, key: unknown): Optional {
  const found = findMember(owner instanceof Optional ? owner.value : owner, key);
  return found === undefined ? Optional.NONE : new Optional(found);
}

export function needOptional(value: unknown, name: string): Optional {
  if (value instanceof Optional) return value;
  throw new Failure(`${name} needs an optional such as inputs.?x, got ${describeKind(value)}`);
}

/** `.key` and `[key]`. */
export function readMember(owner: unknown, key: unknown): unknown {
  const found = findMember(owner, key);
  if (found !== undefined) return found;
  if (owner instanceof Optional) return findOptionalMember(owner, key);
  throw explainMissing(owner, key);
}

function explainMissing(owner: unknown, key: unknown): Failure {
  if (Array.isArray(owner)) {
    return typeof key === "bigint" || typeof key === "number"
      ? new Failure(`no such item: ${key} in a list of ${owner.length}`)
      : new Failure(`no such key: ${showKey(key)}, the value is a list`);
  }
  if (!isMap(owner)) {
    return new Failure(`no such key: ${showKey(key)}, the value is ${describeKind(owner)}`);
  }
  if (typeof key !== "string") {
    return new Failure(`no such key: ${showKey(key)}, keys of a map are strings`);
  }
  return new Failure(
    `no such key: ${key}`,
    () => findNearNames(key, Object.keys(owner).slice(0, MAX_NEAR_KEYS)),
  );
}

function showKey(key: unknown): string {
  return typeof key === "object" && key !== null ? describeKind(key) : String(key);
}
