// GET /openapi.json: that it is valid, that it has every route with its level, and above all that it is
// true: what it says of bodies and answers is held against what the routes do.
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { validate } from "@readme/openapi-parser";
import { ROUTE_ENTRIES } from "../../supabase/functions/orchestrator/openapi/entries/all.ts";
import { ROUTE_ACCESS } from "../../supabase/functions/orchestrator/routes/access.ts";
import { type Json, openHttpStack, send } from "../http/http_stack.ts";
import {
  checkAnswer,
  findOperation,
  listFaults,
  listOperations,
  type OpenapiDocument,
  takesBody,
} from "./described_surface.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const FUTURE = "2099-01-01T00:00:00Z";

const it = await openHttpStack();
Deno.test.afterAll(() => it.stop());

const answered = await send(`${it.stack.url}/functions/v1/orchestrator/openapi.json`, "GET");
assert.equal(answered.status, 200, answered.text);
const document = answered.body as unknown as OpenapiDocument;
const operations = listOperations(document);
const ask = (method: string, path: string, body?: unknown) =>
  it.ask(method, `/orchestrator${path}`, { body });

Deno.test("the document is valid OpenAPI 3.1, and what it refers to is in it", async () => {
  assert.match(answered.headers.get("content-type") ?? "", /^application\/json/);
  assert.match(document.openapi, /^3\.1\./);
  // The validator replaces references in what it is given.
  const result = await validate(structuredClone(answered.body) as never);
  assert.ok(result.valid, JSON.stringify(result));
  const schemes = Object.keys(document.components.securitySchemes);
  const tags = document.tags.map(({ name }) => name);
  for (const { route, operation } of operations) {
    for (const name of operation.security.flatMap(Object.keys)) {
      assert.ok(schemes.includes(name), `${route} asks for ${name}`);
    }
    for (const tag of operation.tags) assert.ok(tags.includes(tag), `${route} is of ${tag}`);
  }
});

Deno.test("every route has its entry and every entry its route, for whom routes/access.ts says", () => {
  assert.deepEqual(Object.keys(ROUTE_ENTRIES).sort(), Object.keys(ROUTE_ACCESS).sort());
  const described = new Map(operations.map(({ route, operation }) => [route, operation]));
  assert.equal(described.size, Object.keys(ROUTE_ACCESS).length);
  for (const [route, level] of Object.entries(ROUTE_ACCESS)) {
    const { security } = described.get(route.replaceAll(/:(\w+)/g, "{$1}"))!;
    const roles = security.flatMap((requirement) => requirement.userToken ?? []);
    const isForKeys = security.some((requirement) => "secretKey" in requirement);
    assert.deepEqual(roles, ["viewer", "operator"].includes(level) ? [level] : [], route);
    assert.equal(isForKeys, level !== "open", route);
  }
});

Deno.test("the document has no key of the project in it", () => {
  for (const key of Object.values(it.stack.keys)) {
    if (typeof key === "string") assert.ok(!answered.text.includes(key));
  }
});

Deno.test("nothing of the document is loaded before it is asked for", async () => {
  const index = "supabase/functions/orchestrator/index.ts";
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", index],
    cwd: ROOT,
  }).output();
  const { roots, modules } = JSON.parse(new TextDecoder().decode(stdout)) as {
    roots: string[];
    modules: {
      specifier: string;
      dependencies?: { isDynamic?: boolean; code?: { specifier: string } }[];
    }[];
  };
  const found = new Map(modules.map((module) => [module.specifier, module]));
  const loaded = new Set<string>(roots);
  for (const specifier of loaded) {
    for (const { isDynamic, code } of found.get(specifier)?.dependencies ?? []) {
      if (!isDynamic && code !== undefined) loaded.add(code.specifier);
    }
  }
  const late = /\/orchestrator\/openapi\/|\/contract\/answers\//;
  assert.ok(modules.some(({ specifier }) => late.test(specifier)), "it is part of the function");
  assert.deepEqual([...loaded].filter((specifier) => late.test(specifier)), []);
});

Deno.test("every example is what its schema says, and those of dispatch start runs", async () => {
  for (const { route, operation } of operations) {
    for (const media of Object.values(operation.requestBody?.content ?? {})) {
      for (const [name, { value }] of Object.entries(media.examples ?? {})) {
        assert.deepEqual(listFaults(document, media.schema, value), [], `${route} ${name}`);
      }
    }
    for (
      const media of Object.values(operation.responses).flatMap((it) =>
        Object.values(it.content ?? {})
      )
    ) {
      if (!("example" in media)) continue;
      assert.deepEqual(listFaults(document, media.schema, media.example), [], route);
    }
  }
  const dispatch = findOperation(document, "POST", "/dispatch");
  const { examples = {} } = dispatch.operation.requestBody!.content["application/json"];
  assert.ok(Object.keys(examples).length > 0);
  for (const { value } of Object.values(examples)) {
    const answer = await ask("POST", "/dispatch", value);
    assert.equal(answer.status, 202, answer.text);
    checkAnswer(document, dispatch, answer);
    const runs = (answer.body.runs ?? [answer.body]) as Json[];
    for (const { result } of runs) assert.equal(result, "created");
  }
});

Deno.test("a body is refused by the route if and only if the schema refuses it", async () => {
  const dispatch = findOperation(document, "POST", "/dispatch");
  const good = { user_id: "ada", workflow_key: "daily_instructor_v1", run_at: FUTURE };
  const bodies: unknown[] = [
    good,
    [good, good],
    { ...good, intent_id: null, idempotency_key: null, priority: null, payload: {} },
    { ...good, priority: 0 },
    { ...good, user_id: "" },
    { ...good, user_id: "u".repeat(201) },
    { ...good, user_id: undefined },
    { ...good, workflow_key: 7 },
    { ...good, payload: [] },
    { ...good, payload: null },
    { ...good, run_at: "tomorrow" },
    { ...good, priority: 1_001 },
    { ...good, priority: 1.5 },
    { ...good, idempotency_key: "k".repeat(256) },
    { ...good, colour: "red" },
    [],
    [good, { ...good, user_id: 1 }],
    "ada",
  ];
  for (const body of bodies) {
    // As it is sent: without the fields that are undefined.
    const sent = JSON.parse(JSON.stringify(body));
    const answer = await ask("POST", "/dispatch", JSON.stringify(sent));
    const said = `${JSON.stringify(sent).slice(0, 200)}: ${answer.text}`;
    assert.equal(answer.status, takesBody(document, dispatch, sent) ? 202 : 400, said);
    checkAnswer(document, dispatch, answer);
  }
});
