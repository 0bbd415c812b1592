// What the validator found wrong with inputs, in words that people know: path by path, without its
// own pointers and without the findings that only pass on others. Pure.
import type { OutputUnit } from "@cfworker/json-schema";
import { findNearNames } from "./near.ts";

export type JsonSchema = Readonly<Record<string, unknown>>;

/** Where a value does not fit; the path is empty for the value as a whole. */
export interface InputProblem {
  path: string;
  message: string;
}

/** Units that only say that a part does not fit; the part's own units follow. */
const PASSING = new Set([
  "properties",
  "additionalProperties",
  "items",
  "prefixItems",
  "allOf",
  "if",
  "dependentSchemas",
]);

/** Alternatives say by themselves what they expect; which one was meant is not known. */
const ALTERNATIVES = new Set(["anyOf", "oneOf", "contains", "propertyNames"]);

/** A whole validation. */
export interface Validation {
  schema: JsonSchema;
  value: unknown;
  errors: readonly OutputUnit[];
}

/** What one finding of the validator means, in words; nothing where others say it. */
export function describeUnit(unit: OutputUnit, index: number, all: Validation): InputProblem[] {
  const { keyword, instanceLocation, keywordLocation } = unit;
  if (PASSING.has(keyword) || isWithinAlternative(keywordLocation)) return [];
  const place = readPointer(instanceLocation);
  const path = writePlace(place);
  const found = follow(all.value, place);
  if (keyword === "false") return [{ path, message: describeUnknown(place, index, all) }];
  const wanted = follow(all.schema, readPointer(keywordLocation));
  if (keyword === "required") {
    return listMissing(wanted, found).map((name) => ({
      path: writePlace([...place, name]),
      message: `is missing${describeProperty(all.schema, keywordLocation, name)}`,
    }));
  }
  const rule = ALTERNATIVES.has(keyword)
    ? describeAlternatives(unit, all)
    : describeRule(keyword, wanted);
  return [{ path, message: `must ${rule}, got ${quote(found)}` }];
}

/** Below an alternative, by the location of its keyword: `#/properties/a/anyOf/0/type`. */
function isWithinAlternative(keywordLocation: string): boolean {
  const parts = readPointer(keywordLocation);
  // A property may be named like a keyword.
  return parts.some((part, at) =>
    ALTERNATIVES.has(part) && at < parts.length - 1 &&
    !["properties", "dependentSchemas"].includes(parts[at - 1])
  );
}

/** What the alternatives want of the same value, where they say it in a word. */
function describeAlternatives(unit: OutputUnit, { schema, errors }: Validation): string {
  if (unit.keyword === "contains") return "hold an item that fits `contains` of the schema";
  if (unit.keyword === "propertyNames") return "have keys that fit `propertyNames` of the schema";
  const rules = errors.filter((it) =>
    it.instanceLocation === unit.instanceLocation && !PASSING.has(it.keyword) &&
    !ALTERNATIVES.has(it.keyword) && it.keywordLocation.startsWith(`${unit.keywordLocation}/`)
  ).map((it) => describeRule(it.keyword, follow(schema, readPointer(it.keywordLocation))));
  // "be a text or null": the verb is said once.
  return [...new Set(rules)].map((rule, at) => at === 0 ? rule : rule.replace(/^be /, "")).join(
    " or ",
  ) ||
    `fit exactly one of the schema's alternatives (${unit.keyword})`;
}

function describeUnknown(place: readonly string[], index: number, { schema, errors }: Validation) {
  const owner = errors[index - 1];
  const message = "is not among the inputs";
  if (owner?.keyword !== "additionalProperties") return "must not be given";
  const parent = follow(schema, readPointer(owner.keywordLocation).slice(0, -1));
  const known = isMap(parent) && isMap(parent.properties) ? Object.keys(parent.properties) : [];
  const [near] = findNearNames(place.at(-1) ?? "", known);
  return near === undefined ? message : `${message}; did you mean ${near}?`;
}

function listMissing(wanted: unknown, found: unknown): string[] {
  return (Array.isArray(wanted) ? wanted : []).map(String).filter((name) =>
    isMap(found) && !Object.hasOwn(found, name)
  );
}

/** What a missing property must be, where its schema says so. */
function describeProperty(schema: JsonSchema, keywordLocation: string, name: string): string {
  const owner = follow(schema, readPointer(keywordLocation).slice(0, -1));
  const property = isMap(owner) && isMap(owner.properties) ? owner.properties[name] : undefined;
  const type = isMap(property) ? property.type : undefined;
  return type === undefined ? "" : `: expected ${describeType(type)}`;
}

function describeRule(keyword: string, wanted: unknown): string {
  switch (keyword) {
    case "type":
      return `be ${describeType(wanted)}`;
    case "enum":
      return `be one of ${(wanted as unknown[]).map(quote).join(", ")}`;
    case "const":
      return `be ${quote(wanted)}`;
    case "format":
      return `have the format ${wanted}`;
    case "minimum":
      return `be at least ${wanted}`;
    case "maximum":
      return `be at most ${wanted}`;
    case "exclusiveMinimum":
      return `be above ${wanted}`;
    case "exclusiveMaximum":
      return `be below ${wanted}`;
    case "multipleOf":
      return `be a multiple of ${wanted}`;
    case "minLength":
      return `have at least ${wanted} characters`;
    case "maxLength":
      return `have at most ${wanted} characters`;
    case "minItems":
      return `have at least ${wanted} items`;
    case "maxItems":
      return `have at most ${wanted} items`;
    case "minProperties":
      return `have at least ${wanted} keys`;
    case "maxProperties":
      return `have at most ${wanted} keys`;
    case "minContains":
      return `hold at least ${wanted} items that fit \`contains\` of the schema`;
    case "maxContains":
      return `hold at most ${wanted} items that fit \`contains\` of the schema`;
    case "dependentRequired":
      return "have the keys that one of its keys needs";
    case "not":
      return "not be what the schema excludes";
    default:
      return `fit ${keyword} of the schema`;
  }
}

const TYPE_WORDS: Record<string, string> = {
  string: "a text",
  integer: "a whole number",
  number: "a number",
  boolean: "true or false",
  array: "a list",
  object: "a map of keys and values",
  null: "null",
};

function describeType(type: unknown): string {
  const types = Array.isArray(type) ? type : [type];
  return types.map((name) => TYPE_WORDS[String(name)] ?? String(name)).join(" or ");
}

/** The parts of a JSON pointer in a URI fragment: `#/a/0`. */
function readPointer(pointer: string): string[] {
  return pointer.split("/").slice(1).map((part) =>
    decodeURIComponent(part).replaceAll("~1", "/").replaceAll("~0", "~")
  );
}

function follow(value: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>((current, part) => {
    if (Array.isArray(current)) return current[Number(part)];
    return isMap(current) && Object.hasOwn(current, part) ? current[part] : undefined;
  }, value);
}

function writePlace(parts: readonly string[]): string {
  return parts.reduce((text, part) => {
    if (/^\d+$/.test(part)) return `${text}[${part}]`;
    const name = /^[A-Za-z_][\w-]*$/.test(part) ? part : JSON.stringify(part);
    return text === "" ? name : `${text}.${name}`;
  }, "");
}

function quote(value: unknown): string {
  const text = JSON.stringify(value) ?? "nothing";
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}

export function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
