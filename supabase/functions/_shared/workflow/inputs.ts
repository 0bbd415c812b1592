// Values against the JSON Schema of a workflow's or a template's inputs: defaults are filled in, and
// what does not fit is told in words. Serves the start step, dispatch and the compiler. Pure.
import { type OutputUnit, type Schema, Validator } from "@cfworker/json-schema";
import { describeUnit, type InputProblem, isMap, type JsonSchema } from "./describe_inputs.ts";

export type { InputProblem, JsonSchema };

export type CheckedInputs =
  | { ok: true; value: unknown }
  | { ok: false; problems: InputProblem[] };

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
