// From zod's schemas to those of the document: what has a name (`meta({ id })`) becomes a component.
import { z } from "zod";

export type JsonSchema = z.core.JSONSchema.BaseSchema;

const COMPONENTS = "#/components/schemas/";
const DEFINITIONS = "#/$defs/";

export interface SchemaBook {
  /** One of the schemas that the book was made of, as the document has it: a reference if it has a name. */
  find(schema: z.ZodType): JsonSchema;
  /** Every schema that has a name. */
  components: Record<string, JsonSchema>;
}

/** Converts all of them at once: one by one, each would bring its named schemas along anew. */
export function writeSchemaBook(schemas: Iterable<z.ZodType>): SchemaBook {
  const list = [...new Set(schemas)];
  // As members of one object, so that a schema's own name is treated as that of an inner one.
  const whole = z.toJSONSchema(z.object(Object.fromEntries(list.entries())), {
    // What is sent and what is answered alike: a default need not be sent, nothing is computed.
    io: "input",
    unrepresentable: "any",
    override: ({ jsonSchema }) => shorten(jsonSchema),
  });
  const { properties = {}, $defs = {} } = pointToComponents(whole);
  const converted = new Map(list.map((schema, at) => [schema, properties[at] as JsonSchema]));
  return {
    find: (schema) => {
      const found = converted.get(schema);
      if (found === undefined) throw new Error("finding a schema: the book was made without it");
      return found;
    },
    components: $defs,
  };
}

/** Leaves out what says no more than the rest, such as the pattern of a time. */
function shorten(schema: JsonSchema): void {
  if (schema.format === "uuid" || schema.format === "date-time") delete schema.pattern;
  if (schema.minimum === Number.MIN_SAFE_INTEGER) delete schema.minimum;
  if (schema.maximum === Number.MAX_SAFE_INTEGER) delete schema.maximum;
  const { propertyNames } = schema;
  if (typeof propertyNames === "object" && Object.keys(propertyNames).join() === "type") {
    delete schema.propertyNames;
  }
  delete schema.id;
}

function pointToComponents<T>(value: T): T {
  const text = JSON.stringify(
    value,
    (key, member) =>
      key === "$ref" && typeof member === "string" && member.startsWith(DEFINITIONS)
        ? COMPONENTS + member.slice(DEFINITIONS.length)
        : member,
  );
  return JSON.parse(text);
}
