// Values that a JSON Schema of GET /openapi.json takes, drawn from the schema itself.
import type { Schema } from "@cfworker/json-schema";
import fc from "fast-check";

/** Values that are there, by the name of the field or parameter: ids of runs, keys of workflows. */
export type Known = Readonly<Record<string, readonly unknown[]>>;

type Schemas = Readonly<Record<string, Schema>>;

/** Values of a schema, whose references lead into `schemas`. */
export function drawValues(schema: Schema, schemas: Schemas, known: Known): fc.Arbitrary<unknown> {
  const draw = (inner: Schema | boolean): fc.Arbitrary<unknown> =>
    typeof inner === "boolean" ? fc.jsonValue({ maxDepth: 2 }) : drawValues(inner, schemas, known);
  if (schema.$ref !== undefined) return draw(schemas[schema.$ref.split("/").at(-1)!]);
  if (schema.const !== undefined) return fc.constant(schema.const);
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum);
  const branches = schema.anyOf ?? schema.oneOf;
  if (branches !== undefined) return fc.oneof(...branches.map(draw));
  switch (schema.type) {
    case "null":
      return fc.constant(null);
    case "boolean":
      return fc.boolean();
    case "integer":
      return drawIntegers(schema);
    case "number":
      return drawNumbers(schema);
    case "string":
      return drawTexts(schema);
    case "array":
      return fc.array(draw(schema.items as Schema ?? true), {
        minLength: schema.minItems,
        maxLength: Math.min(schema.maxItems ?? 4, 4),
      });
    case "object":
      return drawMaps(schema, draw, known);
  }
  return fc.jsonValue({ maxDepth: 2 });
}

/** What is known by a name in most cases, so that a request gets further than its first check. */
export function preferKnown(
  name: string,
  known: Known,
  others: fc.Arbitrary<unknown>,
): fc.Arbitrary<unknown> {
  const values = known[name];
  if (values === undefined) return others;
  return fc.oneof({ arbitrary: fc.constantFrom(...values), weight: 4 }, others);
}

function drawMaps(
  { properties = {}, required = [], additionalProperties }: Schema,
  draw: (schema: Schema | boolean) => fc.Arbitrary<unknown>,
  known: Known,
): fc.Arbitrary<unknown> {
  const members = Object.entries(properties).map((
    [name, inner],
  ): [string, fc.Arbitrary<unknown>] => [
    name,
    preferKnown(name, known, draw(inner)),
  ]);
  const own = fc.record(Object.fromEntries(members), { requiredKeys: required });
  if (members.length > 0 || additionalProperties === false) return own;
  const value = draw(additionalProperties ?? true);
  return fc.dictionary(fc.string({ maxLength: 10 }), value, { maxKeys: 5, noNullPrototype: true });
}

function drawIntegers({ minimum, maximum, exclusiveMinimum }: Schema): fc.Arbitrary<number> {
  const least = minimum ??
    (exclusiveMinimum === undefined ? undefined : Number(exclusiveMinimum) + 1);
  return fc.integer({
    min: Math.max(least ?? -(2 ** 31), Number.MIN_SAFE_INTEGER),
    max: Math.min(maximum ?? 2 ** 31, Number.MAX_SAFE_INTEGER),
  });
}

function drawNumbers({ minimum, maximum, exclusiveMinimum }: Schema): fc.Arbitrary<number> {
  const isAbove = typeof exclusiveMinimum === "number";
  return fc.double({
    min: isAbove ? exclusiveMinimum : minimum ?? -1e15,
    max: maximum ?? 1e15,
    minExcluded: isAbove,
    noNaN: true,
  });
}

const instants = fc.oneof(
  fc.date({ min: new Date("0001-01-02"), max: new Date("9999-12-30"), noInvalidDate: true }),
  fc.date({ min: new Date("2020-01-01"), max: new Date("2035-01-01"), noInvalidDate: true }),
).map((date) => date.toISOString());

function drawTexts(
  { format, pattern, minLength = 0, maxLength = 40 }: Schema,
): fc.Arbitrary<string> {
  if (format === "uuid") return fc.uuid();
  if (format === "date-time") return instants;
  if (pattern !== undefined) return fc.stringMatching(new RegExp(pattern));
  const bounds = { minLength, maxLength: Math.min(maxLength, 600) };
  return fc.oneof(
    fc.string({ ...bounds, maxLength: Math.max(minLength, Math.min(maxLength, 20)) }),
    fc.string({ ...bounds, unit: "grapheme" }),
    // As long as it may be, of the characters that take the most room.
    fc.array(fc.integer({ min: 0x10000, max: 0x10ffff }), {
      size: "max",
      maxLength: Math.floor(bounds.maxLength / 2),
    })
      .filter(({ length }) => length * 2 >= minLength)
      .map((points) => String.fromCodePoint(...points)),
  );
}
