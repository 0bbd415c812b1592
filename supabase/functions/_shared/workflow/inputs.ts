// Values against the JSON Schema of a workflow's or a template's inputs: defaults are filled in, and
// what does not fit is told in words. Serves the start step, dispatch and the compiler. Pure.
import { type OutputUnit, type Schema, Validator } from "@cfworker/json-schema";
import { findNearNames } from "./near.ts";

/** Where a value does not fit; the path is empty for the value as a whole. */
export interface InputProblem {
  path: string;
  message: string;
}

export type CheckedInputs =
  | { ok: true; value: unknown }
  | { ok: false; problems: InputProblem[] };

export type JsonSchema = Readonly<Record<string, unknown>>;

/** Problems beyond this number are not told. */
const MAX_INPUT_PROBLEMS = 20;

/**
 * Fills in the defaults of properties that are not there, then validates. The value itself is not
 * changed. `schema` has passed the compiler's check: it has no reference and no pattern.
 */
export function validateInputs(schema: JsonSchema, value: unknown): CheckedInputs {
  const filled = fillDefaults(schema, value);
  const problems = listProblems(schema, filled);
  return problems.length === 0 ? { ok: true, value: filled } : { ok: false, problems };
}

/** The value with the defaults of absent properties, in nested maps as well. */
function fillDefaults(schema: unknown, value: unknown): unknown {
  if (!isMap(schema) || !isMap(schema.properties) || !isMap(value)) return value;
  const filled = new Map(Object.entries(value));
  for (const [name, property] of Object.entries(schema.properties)) {
    if (filled.has(name)) filled.set(name, fillDefaults(property, filled.get(name)));
    else if (isMap(property) && property.default !== undefined) {
      filled.set(name, structuredClone(property.default));
    }
  }
  return Object.fromEntries(filled);
}

function listProblems(schema: JsonSchema, value: unknown): InputProblem[] {
  const errors = validate(schema, value);
  if (errors === null) return [{ path: "", message: "does not fit the schema in too many places" }];
  const problems = errors.flatMap((unit, index) =>
    describeUnit(unit, index, { schema, value, errors })
  );
  const unique = new Map(problems.map((it) => [JSON.stringify(it), it]));
  return [...unique.values()].slice(0, MAX_INPUT_PROBLEMS);
}

/** The validator's findings; null where there are more than it can hold on its stack. */
function validate(schema: JsonSchema, value: unknown): OutputUnit[] | null {
  // The package writes addresses into the schema that it is given.
  const own = structuredClone(schema) as Schema;
  try {
    return new Validator(own, "2020-12", false).validate(value).errors;
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
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

interface Findings {
  schema: JsonSchema;
  value: unknown;
  errors: readonly OutputUnit[];
}

function describeUnit(unit: OutputUnit, index: number, all: Findings): InputProblem[] {
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
function describeAlternatives(unit: OutputUnit, { schema, errors }: Findings): string {
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

function describeUnknown(place: readonly string[], index: number, { schema, errors }: Findings) {
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

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
