// What `inputs:` of a workflow may say: every keyword known, none that can run for minutes.
import assert from "node:assert/strict";
import { readSettings } from "../contract/settings.ts";
import { compileWorkflow } from "./compile.ts";

const settings = readSettings(() => undefined, {});

/** The problems of a schema, as `path message`. */
function find(inputs: unknown): string[] {
  const source = JSON.stringify({
    key: "a",
    trigger: { type: "manual" },
    steps: [{ id: "a", call: "/a" }],
    inputs,
  });
  const result = compileWorkflow(source, { settings });
  if (result.ok) return [];
  return result.problems.map(({ message, near }) => near ? `${message} (near: ${near})` : message);
}

const object = (properties: unknown, more = {}) => ({ type: "object", properties, ...more });

Deno.test("schemas of forms and of nested data are taken", () => {
  assert.deepEqual(
    find(object({
      name: { type: "string", title: "Name", description: "Who.", minLength: 1, examples: ["A"] },
      age: { type: ["integer", "null"], minimum: 0, exclusiveMaximum: 150, default: null },
      plan: { enum: ["a", "b"], default: "a" },
      tags: { type: "array", items: { type: "string" }, minItems: 0, default: [] },
      at: { anyOf: [{ type: "string", format: "date-time" }, { type: "null" }] },
      more: { type: "object", additionalProperties: { type: "number" } },
      any: true,
    }, { required: ["name"], additionalProperties: false, $comment: "ok" })),
    [],
  );
});

Deno.test("inputs have names, so the schema is that of a map", () => {
  assert.deepEqual(find({}), [
    "inputs.type must be object, because inputs have names: it has no type",
  ]);
  assert.deepEqual(find({ type: "array" }), [
    'inputs.type must be object, because inputs have names: got "array"',
  ]);
  assert.deepEqual(find([]), ["inputs must be a map of keys and values, got []"]);
});

Deno.test("an unknown keyword is a slip of the pen", () => {
  assert.deepEqual(find(object({ a: { typ: "string", minLenght: 3 } })), [
    'unknown keyword "typ" of JSON Schema (near: type)',
    'unknown keyword "minLenght" of JSON Schema (near: minLength,maxLength)',
  ]);
});

Deno.test("what can run for minutes or refer to itself is refused with the reason", () => {
  const refused = {
    pattern: "^(a+)+$",
    patternProperties: { "^a": true },
    $ref: "#",
    $dynamicRef: "#a",
    $defs: {},
    $id: "https://example.com/a",
    uniqueItems: true,
    unevaluatedProperties: false,
  };
  for (const [keyword, value] of Object.entries(refused)) {
    const [message] = find(object({ a: { [keyword]: value } }));
    assert.match(message, /is not supported: (a|it|use) /, keyword);
  }
  assert.match(find(object({ a: { format: "regex" } }))[0], /format must be date or time or/);
  assert.match(find(object({ a: { format: "url" } }))[0], /format must be date or time or/);
});

Deno.test("values of keywords are what they must be", () => {
  const cases: [unknown, string][] = [
    [
      { type: "text" },
      "inputs.properties.a.type must be string or number or integer or boolean or " +
      'object or array or null, got "text"',
    ],
    [{ minLength: -1 }, "inputs.properties.a.minLength must be a whole number from 0 on, got -1"],
    [{ minimum: "1" }, 'inputs.properties.a.minimum must be a number, got "1"'],
    [{ multipleOf: 0 }, "inputs.properties.a.multipleOf must be a number above 0, got 0"],
    [{ enum: [] }, "inputs.properties.a.enum must be a list, got []"],
    [
      { items: "string" },
      'inputs.properties.a.items must be a JSON Schema (a map, true or false), got "string"',
    ],
    [{ anyOf: {} }, "inputs.properties.a.anyOf must be a list, got {}"],
    [{ required: ["b", 5] }, "inputs.properties.a.required[1] must be a text, got 5"],
    [{ readOnly: "yes" }, 'inputs.properties.a.readOnly must be true or false, got "yes"'],
    [5, "inputs.properties.a must be a JSON Schema (a map, true or false), got 5"],
  ];
  for (const [schema, message] of cases) {
    assert.deepEqual(find(object({ a: schema })), [message]);
  }
});

Deno.test("a required name is one of the properties", () => {
  assert.deepEqual(find(object({ lead_id: {} }, { required: ["leadid"] })), [
    'inputs.required[0] names "leadid", which is no property (near: lead_id)',
  ]);
});

Deno.test("a default fits its own schema and is a value", () => {
  assert.deepEqual(find(object({ a: { type: "integer", default: "x" } })), [
    'inputs.properties.a.default does not fit its own schema: must be a whole number, got "x"',
  ]);
  assert.deepEqual(find(object({ a: object({ b: { type: "string" } }, { default: { b: 1 } }) })), [
    "inputs.properties.a.default does not fit its own schema: b must be a text, got 1",
  ]);
  assert.deepEqual(find(object({ a: { default: "${{ event.id }}" } })), [
    "inputs.properties.a.default must be a value: expressions are not evaluated here",
  ]);
});

Deno.test("size, depth and number of schemas are bounded", () => {
  let deep: unknown = { type: "string" };
  for (let level = 0; level < 12; level++) deep = { items: deep };
  assert.deepEqual(find(object({ a: deep })), []);
  for (let level = 0; level < 3; level++) deep = { not: deep };
  assert.match(find(object({ a: { allOf: [{ if: deep }] } })).join(), /nested too deeply/);
  const many = Object.fromEntries(Array.from({ length: 1_001 }, (_, index) => [`a${index}`, {}]));
  assert.match(find(object(many))[0], /is one schema too many: 1000 are allowed/);
  const long = object({ a: { enum: [..."x".repeat(20_000)].map((_, index) => `${index}`) } });
  assert.match(find(long)[0], /must be at most 65536 characters as JSON/);
});
