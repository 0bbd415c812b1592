// The keywords of JSON Schema that `inputs` may have: those that the validator knows and that end in
// time whatever the value.

export const TYPES = ["string", "number", "integer", "boolean", "object", "array", "null"];

/** Formats whose check takes linear time. */
export const FORMATS = [
  "date",
  "time",
  "date-time",
  "duration",
  "email",
  "hostname",
  "ipv4",
  "ipv6",
  "uri",
  "uri-reference",
  "uuid",
  "json-pointer",
];

/** What the value of a keyword is. */
export type KeywordKind =
  | "schema"
  | "schemas"
  | "schema map"
  | "type"
  | "format"
  | "names"
  | "names map"
  | "values"
  | "number"
  | "positive"
  | "count"
  | "flag"
  | "text"
  | "any";

export const KEYWORDS: Readonly<Record<string, KeywordKind>> = {
  type: "type",
  title: "text",
  description: "text",
  default: "any",
  properties: "schema map",
  required: "names",
  additionalProperties: "schema",
  propertyNames: "schema",
  minProperties: "count",
  maxProperties: "count",
  dependentRequired: "names map",
  dependentSchemas: "schema map",
  items: "schema",
  prefixItems: "schemas",
  contains: "schema",
  minContains: "count",
  maxContains: "count",
  minItems: "count",
  maxItems: "count",
  enum: "values",
  const: "any",
  minimum: "number",
  maximum: "number",
  exclusiveMinimum: "number",
  exclusiveMaximum: "number",
  multipleOf: "positive",
  minLength: "count",
  maxLength: "count",
  format: "format",
  allOf: "schemas",
  anyOf: "schemas",
  oneOf: "schemas",
  not: "schema",
  if: "schema",
  then: "schema",
  else: "schema",
  examples: "values",
  deprecated: "flag",
  readOnly: "flag",
  writeOnly: "flag",
  $comment: "text",
  $schema: "text",
};

const REGEX =
  "a regular expression may take minutes for one value; use enum, format, minLength or " +
  "maxLength";
const REFERENCE = "a schema that refers to itself has no bound; write the part out";
const UNEVALUATED = "use additionalProperties or prefixItems with items: false";

/** Keywords of JSON Schema that are refused, and why. */
export const REFUSED: Readonly<Record<string, string>> = {
  pattern: REGEX,
  patternProperties: REGEX,
  $ref: REFERENCE,
  $dynamicRef: REFERENCE,
  $recursiveRef: REFERENCE,
  $defs: REFERENCE,
  definitions: REFERENCE,
  $id: REFERENCE,
  $anchor: REFERENCE,
  $dynamicAnchor: REFERENCE,
  uniqueItems: "it compares every item with every other, which takes minutes for a long list",
  unevaluatedProperties: UNEVALUATED,
  unevaluatedItems: UNEVALUATED,
  dependencies: "use dependentRequired or dependentSchemas",
};
