// The fields of a form for a JSON Schema of inputs: what a form can ask well has a kind of its own, all
// else is a field of JSON. Pure.

type Schema = Readonly<Record<string, unknown>>;

interface Common {
  /** The property's name; of an item of a list, its list's. */
  name: string;
  title: string | null;
  description: string | null;
  isRequired: boolean;
  /** Undefined: none. */
  fallback: unknown;
  /** What the schema demands besides the type, in words. */
  hint: string;
}

export type TextType = "text" | "date" | "datetime-local" | "email" | "url";

export type Field =
  & Common
  & (
    | { kind: "text"; type: TextType; isLong: boolean }
    | { kind: "number"; isInteger: boolean }
    | { kind: "boolean" }
    | { kind: "choice"; options: unknown[] }
    | { kind: "list"; item: Field }
    | { kind: "object"; fields: Field[] }
    | { kind: "json" }
  );

/** Deeper maps are asked as JSON: nobody finds their way in five frames within one another. */
const MAX_DEPTH = 4;

/** Longer texts get more than one line. */
const LONG_TEXT = 200;

const TYPE_OF_FORMAT: Record<string, TextType> = {
  date: "date",
  "date-time": "datetime-local",
  email: "email",
  uri: "url",
};

const FORMAT_HINTS: Record<string, string> = {
  date: "",
  "date-time": "in your time zone",
  email: "an e-mail address",
};

/** Keywords that mean more than a field can ask. */
const BEYOND_FORMS = [
  "allOf",
  "anyOf",
  "oneOf",
  "not",
  "if",
  "prefixItems",
  "contains",
  "dependentSchemas",
  "dependentRequired",
  "propertyNames",
];

/**
 * The root is always a map: what the payload is. Null: the schema is none that a form can ask. The
 * database keeps no order of keys, so the fields come in that of the workflow's text.
 */
export function readFields(schema: unknown, source = ""): Field[] | null {
  const root = readField("payload", schema, true, 0);
  return root.kind === "object" ? orderByText(root.fields, source) : null;
}

function orderByText(fields: Field[], source: string): Field[] {
  const text = source.slice(Math.max(0, source.search(/^inputs:/m)));
  const findPlace = ({ name }: Field) => {
    const at = text.search(
      new RegExp(`(^|[\\s{,"'])${escapePattern(name)}["']?\\s*:`, "m"),
    );
    return at === -1 ? text.length : at;
  };
  return fields
    .map((field) => ({ field, place: findPlace(field) }))
    .toSorted((one, other) => one.place - other.place)
    .map(({ field }) =>
      field.kind === "object" ? { ...field, fields: orderByText(field.fields, source) } : field
    );
}

function escapePattern(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");
}

function readField(
  name: string,
  schema: unknown,
  isRequired: boolean,
  depth: number,
): Field {
  const given: Schema = isMap(schema) ? schema : {};
  const common: Common = {
    name,
    title: readText(given.title),
    description: readText(given.description),
    isRequired,
    fallback: given.default,
    hint: describeRules(given),
  };
  if (BEYOND_FORMS.some((keyword) => keyword in given)) {
    return { ...common, kind: "json" };
  }
  const options = "const" in given ? [given.const] : given.enum;
  if (Array.isArray(options)) return { ...common, kind: "choice", options };
  switch (given.type) {
    case "string":
      return { ...common, kind: "text", ...readTextKind(given) };
    case "integer":
    case "number":
      return { ...common, kind: "number", isInteger: given.type === "integer" };
    case "boolean":
      return { ...common, kind: "boolean" };
    case "array":
      return readList(common, given, depth);
    case "object":
      return readObject(common, given, depth);
    default:
      return { ...common, kind: "json" };
  }
}

function readTextKind(
  { format, maxLength }: Schema,
): { type: TextType; isLong: boolean } {
  const type = TYPE_OF_FORMAT[String(format)] ?? "text";
  return {
    type,
    isLong: type === "text" && typeof maxLength === "number" &&
      maxLength > LONG_TEXT,
  };
}

function readList(common: Common, { items }: Schema, depth: number): Field {
  const item = readField(common.name, items, true, depth + 1);
  const isScalar = ["text", "number", "boolean", "choice"].includes(item.kind);
  return isScalar ? { ...common, kind: "list", item } : { ...common, kind: "json" };
}

function readObject(common: Common, schema: Schema, depth: number): Field {
  const { properties, required, additionalProperties } = schema;
  const isOpen = isMap(additionalProperties) || !isMap(properties);
  if (isOpen || depth >= MAX_DEPTH) return { ...common, kind: "json" };
  const names = new Set(Array.isArray(required) ? required : []);
  const fields = Object.entries(properties).map(([name, property]) =>
    readField(name, property, names.has(name), depth + 1)
  );
  return { ...common, kind: "object", fields };
}

function describeRules(schema: Schema): string {
  const rules: [string, (value: unknown) => string][] = [
    ["minimum", (value) => `at least ${value}`],
    ["exclusiveMinimum", (value) => `above ${value}`],
    ["maximum", (value) => `at most ${value}`],
    ["exclusiveMaximum", (value) => `below ${value}`],
    ["multipleOf", (value) => `a multiple of ${value}`],
    ["minLength", (value) => `${value} or more characters`],
    ["maxLength", (value) => `${value} characters at most`],
    ["minItems", (value) => `${value} or more`],
    ["maxItems", (value) => `${value} at most`],
    ["format", (value) => FORMAT_HINTS[String(value)] ?? String(value)],
  ];
  return rules.filter(([keyword]) => keyword in schema)
    .map(([keyword, describe]) => describe(schema[keyword]))
    .filter((hint) => hint !== "").join(", ");
}

function readText(value: unknown): string | null {
  return typeof value === "string" && value !== "" ? value : null;
}

export function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
