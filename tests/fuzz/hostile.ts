// Data that trips up careless code, and ways to put it into data that is right.
import fc from "fast-check";

/** As JSON has them: a member `__proto__` is one of its own. */
const OBJECTS = [
  '{"__proto__": {"isAdmin": true}}',
  '{"constructor": {"prototype": {"isAdmin": true}}}',
  '{"toString": 1, "valueOf": 1}',
  '{"length": {"toString": 1}}',
  '{"length": 3, "0": "a"}',
  '{"then": 1, "toJSON": 1, "hasOwnProperty": 1}',
  '{"": {"": {"": null}}}',
].map((text) => JSON.parse(text));

function nest(depth: number): unknown {
  return JSON.parse("[".repeat(depth) + "]".repeat(depth));
}

const numbers = fc.constantFrom<unknown>(
  ...[0, -0, -1, 0.5, 1e-9, 1e-308, 1e16, 1e19, 1e300, 2 ** 31, 2 ** 53, -(2 ** 63)],
);

/** Texts at the edges of what columns, dates, patterns and expressions take. */
const texts = fc.oneof(
  fc.constantFrom(
    ...[
      "",
      " ",
      "\u0000",
      "a\u0000b",
      "\ud800",
      "\udc00x",
      "\u202e",
      "\ufeff",
      "a\nb\r\nc",
      "\\",
      "%",
    ],
    ...["%_\\", "*", "**", ":", "[", "(a+)+$", "'", '"', "null", "__proto__", "constructor", "-"],
    ...["0000-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"],
    ...["2026-02-30T00:00:00Z", "2026-01-01T24:00:00Z", "2026-12-31T23:59:60Z", "2026-01-01"],
    ...["1e999", "NaN", "Infinity", "0x10", "1_000", "00", "999999999999999", "-0", "9".repeat(40)],
    ...["${{ inputs", "${{ 1 / 0 }}", "../..", "/", "http://127.0.0.1:1/", "javascript:0"],
    ...["99999999999999d", "1ms1ms", "00000000-0000-0000-0000-000000000000"],
  ),
  fc.constantFrom(200, 255, 256, 500, 2_001, 70_000).map((length) => "a".repeat(length)),
  // Neither compresses, so that an index has to take all of it.
  fc.string({ unit: "binary", minLength: 190, maxLength: 510, size: "max" }),
  fc.array(fc.integer({ min: 0x10000, max: 0x10ffff }), {
    minLength: 100,
    maxLength: 500,
    size: "max",
  })
    .map((points) => String.fromCodePoint(...points)),
  fc.string({ unit: "binary", maxLength: 12 }),
);

/** Any JSON value, most of them unwelcome wherever they stand. */
export const hostileValues: fc.Arbitrary<unknown> = fc.oneof(
  { arbitrary: texts, weight: 4 },
  { arbitrary: numbers, weight: 2 },
  fc.constantFrom<unknown>(null, true, false, [], {}, [[]], [null]),
  fc.constantFrom(...OBJECTS),
  fc.constantFrom(100, 511, 513).map(nest),
  fc.jsonValue({ maxDepth: 3 }),
);

export const hostileTexts: fc.Arbitrary<string> = texts;

/** Where and how a value is spoilt; places are counted through all of its parts. */
interface Spoiling {
  place: number;
  how: "replace" | "remove" | "add" | "wrap" | "swap";
  name: string;
  value: unknown;
}

export const spoilings: fc.Arbitrary<Spoiling[]> = fc.array(
  fc.record({
    place: fc.nat(200),
    how: fc.constantFrom("replace", "replace", "remove", "add", "wrap", "swap"),
    name: fc.constantFrom(
      "x",
      "__proto__",
      "constructor",
      "toString",
      "length",
      "id",
      "\u0000",
      "",
    ),
    value: hostileValues,
  }),
  { maxLength: 3 },
);

/** The value with every spoiling done to it, one after the other. */
export function spoil(value: unknown, list: readonly Spoiling[]): unknown {
  return list.reduce(spoilOnce, value);
}

function spoilOnce(whole: unknown, { place, how, name, value }: Spoiling): unknown {
  const copy: { it: unknown } = { it: structuredClone(whole) };
  const places = listPlaces(copy);
  const { owner, key } = places[place % places.length];
  const members = owner as Record<string, unknown>;
  if (how === "remove" && owner !== copy) delete members[key];
  else if (how === "wrap") members[key] = [members[key]];
  else if (how === "add") add(members[key], name, value);
  else if (how === "swap") swap(members, key, places[(place * 7 + 1) % places.length]);
  else members[key] = value;
  return copy.it;
}

function add(target: unknown, name: string, value: unknown): void {
  if (Array.isArray(target)) target.push(value);
  else if (typeof target === "object" && target !== null) {
    Object.defineProperty(target, name, {
      value,
      enumerable: true,
      configurable: true,
      writable: true,
    });
  }
}

/** The other's value too: a text where a number was, an id where a name was. */
function swap(members: Record<string, unknown>, key: string, other: Place): void {
  members[key] = structuredClone((other.owner as Record<string, unknown>)[other.key]);
}

interface Place {
  owner: object;
  key: string;
}

function listPlaces(owner: object, depth = 0): Place[] {
  if (depth > 20) return [];
  return Object.entries(owner).flatMap(([key, value]) => [
    { owner, key },
    ...(typeof value === "object" && value !== null ? listPlaces(value, depth + 1) : []),
  ]);
}
