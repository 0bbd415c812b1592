import assert from "node:assert/strict";
import fc from "fast-check";
import { type JsonSchema, validateInputs } from "./inputs.ts";

const LEAD = {
  type: "object",
  required: ["lead_id"],
  properties: {
    lead_id: { type: "string", minLength: 2 },
    min_score: { type: "integer", default: 50, minimum: 0 },
    owner: { type: "object", properties: { team: { type: "string", default: "sales" } } },
    tags: { type: "array", items: { type: "string" }, maxItems: 3 },
    size: { enum: ["small", "large"] },
    when: { anyOf: [{ type: "string", format: "date" }, { type: "null" }] },
  },
  additionalProperties: false,
};

/** The problems as `path: message`. */
function list(schema: JsonSchema, value: unknown): string[] {
  const checked = validateInputs(schema, value);
  return checked.ok ? [] : checked.problems.map(({ path, message }) => `${path}: ${message}`);
}

Deno.test("defaults of absent properties are filled in, in nested maps as well", () => {
  const given = { lead_id: "ab", owner: {} };
  const checked = validateInputs(LEAD, given);
  assert.deepEqual(checked, {
    ok: true,
    value: { lead_id: "ab", owner: { team: "sales" }, min_score: 50 },
  });
  assert.deepEqual(given, { lead_id: "ab", owner: {} });
});

Deno.test("a value that is given is kept, whatever the default, and null is one", () => {
  const schema = { properties: { a: { default: 1 }, b: { default: 2 }, c: { default: 3 } } };
  assert.deepEqual(validateInputs(schema, { a: 0, b: null, c: false }), {
    ok: true,
    value: { a: 0, b: null, c: false },
  });
});

Deno.test("a default is a copy of its own", () => {
  const schema = { properties: { list: { default: [] as unknown[] } } };
  const first = validateInputs(schema, {});
  assert.ok(first.ok);
  (first.value as { list: unknown[] }).list.push(1);
  assert.deepEqual(validateInputs(schema, {}), { ok: true, value: { list: [] } });
});

Deno.test("every problem is told with its path, in words", () => {
  assert.deepEqual(
    list(LEAD, {
      min_score: "x",
      owner: { team: 5 },
      tags: ["a", 2, "c", "d"],
      size: "huge",
      when: "soon",
      lead: 1,
    }),
    [
      "lead_id: is missing: expected a text",
      'min_score: must be a whole number, got "x"',
      "owner.team: must be a text, got 5",
      'tags: must have at most 3 items, got ["a",2,"c","d"]',
      "tags[1]: must be a text, got 2",
      'size: must be one of "small", "large", got "huge"',
      'when: must have the format date or null, got "soon"',
      "lead: is not among the inputs; did you mean lead_id?",
    ],
  );
});

Deno.test("inputs that are no map are refused as a whole", () => {
  assert.deepEqual(list(LEAD, ["a"]), [': must be a map of keys and values, got ["a"]']);
  assert.deepEqual(list(LEAD, null), [": must be a map of keys and values, got null"]);
});

Deno.test("the rules of numbers, texts, lists and maps have words", () => {
  const cases: [JsonSchema, unknown, RegExp][] = [
    [{ minimum: 5 }, 4, /^: must be at least 5, got 4$/],
    [{ exclusiveMaximum: 5 }, 5, /must be below 5/],
    [{ multipleOf: 0.1 }, 0.25, /must be a multiple of 0\.1/],
    [{ minLength: 3 }, "ab", /must have at least 3 characters/],
    [{ format: "email" }, "x", /must have the format email/],
    [{ minItems: 1 }, [], /must have at least 1 items/],
    [{ contains: { const: 1 } }, [2], /must hold an item that fits `contains`/],
    [{ minProperties: 1 }, {}, /must have at least 1 keys/],
    [{ const: { a: 1 } }, {}, /must be \{"a":1\}, got \{\}/],
    [{ not: { type: "string" } }, "a", /must not be what the schema excludes/],
    [
      { oneOf: [{ type: "string" }, { type: "integer" }] },
      true,
      /must be a text or a whole number/,
    ],
    [{ allOf: [{ minimum: 3 }] }, 1, /must be at least 3/],
    [{ if: { type: "number" }, then: { minimum: 3 } }, 1, /must be at least 3/],
    [{ propertyNames: { maxLength: 2 } }, { abc: 1 }, /must have keys that fit/],
    [
      { dependentRequired: { a: ["b"] } },
      { a: 1 },
      /must have the keys that one of its keys needs/,
    ],
    [{ properties: { a: false } }, { a: 1 }, /^a: must not be given$/],
  ];
  for (const [schema, value, message] of cases) {
    assert.match(list(schema, value).join("; "), message, JSON.stringify(schema));
  }
});

Deno.test("a property may be named like a keyword", () => {
  const schema = {
    type: "object",
    properties: { anyOf: { type: "object", properties: { type: { type: "string" } } } },
  };
  assert.deepEqual(list(schema, { anyOf: { type: 5 } }), ["anyOf.type: must be a text, got 5"]);
});

Deno.test("a value with more problems than can be held is refused in time", () => {
  const schema = {
    type: "object",
    properties: { list: { type: "array", items: { type: "string" } } },
  };
  const value = { list: Array.from({ length: 300_000 }, (_, index) => index) };
  const started = performance.now();
  const problems = list(schema, value);
  assert.ok(problems.length >= 1 && problems.length <= 20, problems.join("; "));
  assert.ok(performance.now() - started < 10_000);
});

Deno.test("any JSON value is taken or refused, and the schema is left as it is", () => {
  const before = JSON.stringify(LEAD);
  const value = fc.oneof(
    fc.jsonValue(),
    fc.record({ lead_id: fc.jsonValue(), tags: fc.jsonValue(), owner: fc.jsonValue() }, {
      requiredKeys: [],
    }),
  );
  fc.assert(fc.property(value, (value) => {
    const checked = validateInputs(Object.freeze({ ...LEAD }), value);
    assert.ok(checked.ok || checked.problems.length > 0);
  }));
  assert.equal(JSON.stringify(LEAD), before);
});
