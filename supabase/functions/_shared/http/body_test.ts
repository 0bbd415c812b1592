import assert from "node:assert/strict";
import { z } from "zod";
import { OrchestratorError, type Problem } from "../contract/errors.ts";
import { checkInput, readBytes, readJson } from "./body.ts";

const item = z.strictObject({
  user_id: z.string().min(1),
  workflow_key: z.string(),
  payload: z.record(z.string(), z.unknown()).optional(),
});
const schema = z.union([item, z.array(item).min(1)]);

function post(
  body: BodyInit | null,
  headers: Record<string, string> = {},
): Request {
  return new Request("http://localhost/", { method: "POST", body, headers });
}

async function findError(
  promise: Promise<unknown>,
): Promise<OrchestratorError> {
  const error = await promise.then(
    () => assert.fail("accepted"),
    (error: unknown) => error,
  );
  assert.ok(error instanceof OrchestratorError, String(error));
  return error;
}

async function findProblems(
  body: unknown,
  expected: z.ZodType = schema,
): Promise<Problem[]> {
  const error = await findError(
    readJson(post(JSON.stringify(body)), expected, 10_000),
  );
  assert.equal(error.kind, "invalid");
  return error.problems ?? [];
}

/** A body that never ends; tells how much of it was taken and whether the reader gave it up. */
function createFlood(): {
  body: ReadableStream<Uint8Array>;
  taken: () => number;
  left: () => boolean;
} {
  let taken = 0;
  let left = false;
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      taken += 1_000;
      controller.enqueue(new Uint8Array(1_000).fill(0x20));
    },
    cancel() {
      left = true;
    },
  });
  return { body, taken: () => taken, left: () => left };
}

Deno.test("a body that fits comes out typed", async () => {
  const body = {
    user_id: "test-user-id",
    workflow_key: "a",
    payload: { test: true },
  };
  assert.deepEqual(
    await readJson(post(JSON.stringify(body)), schema, 10_000),
    body,
  );
  const wrongType = post(JSON.stringify(body), {
    "content-type": "application/x-www-form-urlencoded",
  });
  assert.deepEqual(await readJson(wrongType, schema, 10_000), body);
});

Deno.test("an empty body is undefined to an optional schema and refused by others", async () => {
  const optional = z.strictObject({ wait: z.boolean() }).optional();
  assert.equal(await readJson(post(null), optional, 100), undefined);
  assert.equal(await readJson(post(" \n"), optional, 100), undefined);
  const error = await findError(readJson(post(null), schema, 100));
  assert.equal(error.kind, "invalid");
  assert.match(error.message, /empty/);
});

Deno.test("a body over the limit is refused by its announced length without being read", async () => {
  const flood = createFlood();
  const request = post(flood.body, { "content-length": "1048577" });
  const error = await findError(readJson(request, schema, 1_048_576));
  assert.equal(error.kind, "payload_too_large");
  assert.match(error.message, /1048576 bytes/);
  assert.ok(flood.taken() <= 1_000);
});

Deno.test("a body over the limit is cut off while it comes in when its length is not told", async () => {
  const flood = createFlood();
  const error = await findError(readJson(post(flood.body), schema, 10_000));
  assert.equal(error.kind, "payload_too_large");
  assert.ok(flood.taken() <= 13_000, `took ${flood.taken()} bytes`);
  assert.equal(flood.left(), true);
});

Deno.test("the limit counts bytes, and a body of exactly that many is taken", async () => {
  const text = JSON.stringify("é".repeat(49));
  assert.equal(new TextEncoder().encode(text).length, 100);
  assert.equal((await readJson(post(text), z.string(), 100)).length, 49);
  await assert.rejects(readJson(post(text), z.string(), 99), {
    kind: "payload_too_large",
  });
});

Deno.test("text that is not JSON is refused with its line and column", async () => {
  const error = await findError(
    readJson(post('{\n  "user_id": u1\n}'), schema, 1_000),
  );
  assert.equal(error.kind, "invalid");
  assert.match(error.message, /line 2, column 14/);
  assert.deepEqual(error.problems?.map(({ line, column }) => [line, column]), [[
    2,
    14,
  ]]);
});

Deno.test("bytes that are not UTF-8 are refused", async () => {
  const error = await findError(
    readJson(post(new Uint8Array([0x22, 0xff, 0x22])), schema, 100),
  );
  assert.match(error.message, /UTF-8/);
});

Deno.test("wrong and missing fields are named by their path, in lists too", async () => {
  const problems = await findProblems([
    { user_id: "u", workflow_key: "w" },
    { user_id: 7, payload: [] },
  ]);
  assert.deepEqual(problems.map(({ path }) => path), [
    "[1].user_id",
    "[1].workflow_key",
    "[1].payload",
  ]);
  assert.match(problems[0].message, /must be a text/);
});

Deno.test("an unknown field is named together with what it may have meant", async () => {
  const [problem, ...others] = await findProblems({
    user_id: "u",
    workflow_key: "w",
    paylaod: {},
  }, item);
  assert.deepEqual(others, []);
  assert.equal(problem.path, "paylaod");
  assert.deepEqual(problem.near, ["payload"]);
  assert.match(problem.message, /did you mean payload/);
});

Deno.test("near names are found through lists, optional fields and unions", async () => {
  const nested = z.strictObject({
    steps: z.array(
      z.strictObject({
        retry: z.strictObject({ initial_ms: z.int() }).optional(),
      }),
    ),
  });
  const [problem] = await findProblems(
    { steps: [{ retry: { initial_ms: 1, inital_ms: 1 } }] },
    nested,
  );
  assert.deepEqual(problem.near, ["initial_ms"]);
  const list = [{ user_id: "u", workflow_key: "w", user_ids: "" }];
  const [inList] = await findProblems(list);
  assert.equal(inList.path, "[0].user_ids");
  assert.deepEqual(inList.near, ["user_id"]);
});

Deno.test("the message names the first problem and how many more there are", () => {
  assert.throws(
    () => checkInput({ user_id: 1 }, item, "query"),
    /reading the query: user_id: .*a text.*\(and 1 more\)/,
  );
});

Deno.test("a list that is far too long is refused before its items are looked at", async () => {
  const listed = z.strictObject({ types: z.array(z.enum(["a", "b"])), any: z.array(z.unknown()) });
  const zeros = Array.from({ length: 400_000 }, () => 0);
  const startedAt = performance.now();
  const one = await findError(
    readJson(post(JSON.stringify({ types: zeros, any: [] })), listed, 1_000_000),
  );
  assert.deepEqual(one.problems, [{
    path: "types",
    message: "must be a list of at most 10000 items",
  }]);
  const all = await findError(readJson(post(JSON.stringify(zeros)), schema, 1_000_000));
  assert.match(all.message, /it must be a list of at most 10000 items/);
  assert.ok(performance.now() - startedAt < 3_000);
  const free = { types: ["a"], any: zeros };
  assert.equal((await readJson(post(JSON.stringify(free)), listed, 1_000_000)).any.length, 400_000);
});

Deno.test("of very many problems a hundred are told, and how many more there are", async () => {
  const body = Object.fromEntries(Array.from({ length: 50_000 }, (_, n) => [`u${n}`, 0]));
  const error = await findError(readJson(post(JSON.stringify(body)), item, 1_000_000));
  assert.equal(error.problems?.length, 100);
  assert.match(error.message, /and 50001 more/);
});

Deno.test("a body that stops coming is given up after its time, and its sender hung up on", async () => {
  const left = Promise.withResolvers<void>();
  const body = new ReadableStream<Uint8Array>({
    start: (stream) => stream.enqueue(new Uint8Array(1)),
    pull: () => new Promise(() => {}),
    cancel: () => left.resolve(),
  });
  const error = await findError(readBytes(post(body), 10_000, 100));
  assert.equal(error.kind, "invalid");
  assert.match(error.message, /not come in whole after 100 ms/);
  await left.promise;
});
