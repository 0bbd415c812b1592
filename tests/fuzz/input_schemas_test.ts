// Whatever JSON Schema a file has under `inputs`: it is refused, or any value is taken or refused by it in time.
import assert from "node:assert/strict";
import process from "node:process";
import fc from "fast-check";
import { readSettings } from "../../supabase/functions/_shared/contract/settings.ts";
import { compileWorkflow } from "../../supabase/functions/_shared/workflow/compile.ts";
import {
  FORMATS,
  type KeywordKind,
  KEYWORDS,
  REFUSED,
  TYPES,
} from "../../supabase/functions/_shared/workflow/input_keywords.ts";
import { validateInputs } from "../../supabase/functions/_shared/workflow/inputs.ts";
import { draw } from "../harness/fuzz.ts";
import { hostileValues } from "./hostile.ts";

const settings = readSettings(() => undefined, {});
const CPU_LIMIT_MS = 2_000;

const names = fc.constantFrom("a", "b", "toString", "length", "constructor", "x y");
const numbers = fc.oneof(
  fc.integer({ min: -3, max: 5 }),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
);
const values = fc.oneof(fc.jsonValue({ maxDepth: 2 }), fc.constantFrom<unknown>("a", 1, {}, []));

/** Schemas that are nearly always right, so that values get to be validated by them. */
const schemas = fc.letrec<Record<"schema", unknown>>((tie) => {
  const schema = tie("schema");
  const byKind: Record<KeywordKind, fc.Arbitrary<unknown>> = {
    schema,
    schemas: fc.array(schema, { minLength: 1, maxLength: 3 }),
    "schema map": fc.dictionary(names, schema, { maxKeys: 3 }),
    type: fc.oneof(fc.constantFrom(...TYPES), fc.subarray(TYPES, { minLength: 1 })),
    format: fc.constantFrom(...FORMATS),
    names: fc.array(names, { maxLength: 2 }),
    "names map": fc.dictionary(names, fc.array(names, { maxLength: 2 }), { maxKeys: 2 }),
    values: fc.array(values, { minLength: 1, maxLength: 3 }),
    number: numbers,
    positive: numbers.map((it) => Math.abs(it) + 1e-9),
    count: fc.nat(4),
    flag: fc.boolean(),
    text: fc.string({ maxLength: 5 }),
    any: values,
  };
  const keyword = fc.constantFrom(...Object.keys(KEYWORDS)).chain((name) =>
    fc.tuple(fc.constant(name), byKind[KEYWORDS[name]])
  );
  const odd = fc.tuple(
    fc.constantFrom(...Object.keys(REFUSED), ...Object.keys(KEYWORDS), "x"),
    values,
  );
  const map = fc.array(fc.oneof({ arbitrary: keyword, weight: 30 }, odd), { maxLength: 4 })
    .map(Object.fromEntries);
  return { schema: fc.oneof({ maxDepth: 4, withCrossShrink: true }, fc.boolean(), map, map) };
}).schema;

const formatted = fc.oneof(
  fc.constantFrom(
    "2026-01-01",
    "12:00:00Z",
    "P1D",
    "a@b.c",
    "::1",
    "http://a/",
    "/a/b",
    "127.0.0.1",
  ),
  fc.constantFrom("a@", "a.", "1", ":", "-", "P", "/", "0:", "%4").map((text) =>
    text.repeat(20_000)
  ),
);

Deno.test("any schema of inputs is refused, or judges any value in time", () => {
  let validated = 0;
  const properties = fc.dictionary(names, schemas, { maxKeys: 3 });
  const given = fc.oneof(
    fc.dictionary(names, fc.oneof(values, hostileValues, formatted)),
    hostileValues,
  );
  fc.assert(
    fc.property(properties, fc.array(given, { minLength: 1, maxLength: 4 }), (properties, list) => {
      const inputs = { type: "object", properties };
      const steps = [{ id: "a", call: "/a" }];
      const source = JSON.stringify({ key: "a", inputs, trigger: { type: "manual" }, steps });
      const compiled = compileWorkflow(source, { settings });
      if (!compiled.ok) return;
      for (const value of list) {
        const before = process.cpuUsage();
        const checked = validateInputs(compiled.workflow.inputs!, value);
        const tookMs = process.cpuUsage(before).user / 1_000;
        assert.ok(tookMs < CPU_LIMIT_MS, `took ${Math.round(tookMs)} ms`);
        validated++;
        if (checked.ok) {
          assert.ok(
            validateInputs(compiled.workflow.inputs!, checked.value).ok,
            "not what it gave itself",
          );
        } else assert.ok(checked.problems.length > 0 && checked.problems.length <= 20);
      }
    }),
    draw(300),
  );
  assert.ok(validated > 50, `${validated} values were judged`);
});
