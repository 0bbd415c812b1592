import assert from "node:assert/strict";
import { type Entry, writeEntry } from "./entries.ts";
import { type Field, readFields } from "./fields.ts";
import { buildRequest, type RunDraft, writePayload } from "./run_request.ts";

function readRoot(schema: Record<string, unknown>): Field {
  const fields = readFields(schema);
  assert.ok(fields);
  return {
    kind: "object",
    fields,
    name: "payload",
    title: null,
    description: null,
    isRequired: true,
    fallback: undefined,
    hint: "",
  };
}

function draftOf(
  root: Field | null,
  changes: Partial<RunDraft> = {},
): RunDraft {
  return {
    userId: "u1",
    intentId: "",
    idempotencyKey: "",
    priority: "",
    runAt: "",
    isJson: root === null,
    json: "{}",
    entries: root === null ? {} : writeEntry(root, undefined) as Record<string, Entry>,
    ...changes,
  };
}

const ALL_KINDS = readRoot({
  type: "object",
  required: ["name", "address"],
  properties: {
    name: { type: "string" },
    count: { type: "integer", default: 3 },
    ratio: { type: "number" },
    loud: { type: "boolean" },
    size: { enum: ["s", "l", 7] },
    tags: { type: "array", items: { type: "string" } },
    scores: { type: "array", items: { type: "number" } },
    address: {
      type: "object",
      properties: { city: { type: "string" }, "post code": { type: "string" } },
    },
    extra: { type: "object" },
    mixed: { type: ["string", "null"] },
  },
});

Deno.test("each kind of field is read as its type, and what is left empty is not sent", () => {
  const { request, problems } = buildRequest(
    "w",
    draftOf(ALL_KINDS, {
      entries: {
        name: "Ada",
        count: "5",
        ratio: "0.5",
        loud: "false",
        size: "7",
        tags: ["a", ""],
        scores: ["1"],
        address: { city: "Bonn", "post code": "" },
        extra: '{"a": [1]}',
        mixed: "",
      },
    }),
    ALL_KINDS,
  );
  assert.deepEqual(problems, []);
  assert.deepEqual(request, {
    workflow_key: "w",
    user_id: "u1",
    payload: {
      name: "Ada",
      count: 5,
      ratio: 0.5,
      loud: false,
      size: 7,
      tags: ["a", ""],
      scores: [1],
      address: { city: "Bonn" },
      extra: { a: [1] },
    },
  });
});

Deno.test("an untouched form sends its defaults and the maps that must be there", () => {
  const { request } = buildRequest("w", draftOf(ALL_KINDS), ALL_KINDS);
  assert.deepEqual(request.payload, { count: 3, address: {} });
});

Deno.test("what is no number, no JSON or an empty item is told at its path", () => {
  const { problems } = buildRequest(
    "w",
    draftOf(ALL_KINDS, {
      userId: " ",
      priority: "high",
      entries: { count: "many", scores: ["1", ""], extra: "{", address: {} },
    }),
    ALL_KINDS,
  );
  assert.deepEqual(problems.map(({ path }) => path), [
    "user_id",
    "priority",
    "payload.count",
    "payload.scores[1]",
    "payload.extra",
  ]);
});

Deno.test("a list with a default that is emptied is sent empty", () => {
  const root = readRoot({
    type: "object",
    properties: {
      tags: { type: "array", items: { type: "string" }, default: ["a"] },
    },
  });
  assert.deepEqual(buildRequest("w", draftOf(root), root).request.payload, {
    tags: ["a"],
  });
  const emptied = draftOf(root, { entries: { tags: [] } });
  assert.deepEqual(buildRequest("w", emptied, root).request.payload, {
    tags: [],
  });
});

Deno.test("JSON goes into the form only where the form can hold all of it", () => {
  assert.deepEqual(
    writePayload({ name: "Ada", tags: ["x"] }, ALL_KINDS)?.tags,
    ["x"],
  );
  assert.equal(writePayload({ name: "Ada", unknown: 1 }, ALL_KINDS), null);
  assert.equal(writePayload({ name: 1 }, ALL_KINDS), null);
});

Deno.test("a schema that a form cannot ask is asked as JSON", () => {
  assert.equal(readFields({ type: "object" }), null);
  assert.equal(
    readFields({ type: "object", properties: { a: {} }, anyOf: [] }),
    null,
  );
  assert.deepEqual(
    readRoot({
      type: "object",
      properties: {
        a: { anyOf: [{ type: "string" }] },
        b: { type: "array", items: { type: "object", properties: {} } },
        c: {
          type: "object",
          properties: {},
          additionalProperties: { type: "string" },
        },
      },
    }),
    readRoot({ type: "object", properties: { a: {}, b: {}, c: {} } }),
  );
});

Deno.test("a payload that is no JSON object is refused before anything is sent", () => {
  for (const json of ["[1]", "null", '"a"', "{"]) {
    const { problems } = buildRequest("w", draftOf(null, { json }), null);
    assert.deepEqual(problems.map(({ path }) => path), ["payload"], json);
  }
});

Deno.test("a time is read by the reader's clock and sent in UTC", () => {
  const { request } = buildRequest(
    "w",
    draftOf(null, { runAt: "2026-12-01T07:00" }),
    null,
  );
  assert.equal(
    Date.parse(String(request.run_at)),
    new Date(2026, 11, 1, 7).getTime(),
  );
  assert.match(String(request.run_at), /Z$/);
});

Deno.test("fields come in the order of the workflow's text, those within a map as well", () => {
  const source = `key: w
inputs:
  type: object
  properties:
    zip: { type: string }
    "a.b": { type: string }
    home: { type: object, properties: { street: { type: string }, no: { type: string } } }
`;
  const text = { type: "string" };
  const fields = readFields({
    type: "object",
    properties: {
      "a.b": text,
      home: { type: "object", properties: { no: text, street: text } },
      zip: text,
      unknown: text,
    },
  }, source);
  assert.deepEqual(fields?.map(({ name }) => name), [
    "zip",
    "a.b",
    "home",
    "unknown",
  ]);
  const home = fields?.[2];
  assert.ok(home?.kind === "object");
  assert.deepEqual(home.fields.map(({ name }) => name), ["street", "no"]);
});
