// What app users can reach past the functions: nothing. Every table and function of the catalog, and
// the bucket, asked through the Data API and Storage as anon and as a signed-in user.
import assert from "node:assert/strict";
import { readFunctions, readRelations } from "../database/catalog.ts";
import { openHttpStack, send } from "./http_stack.ts";

const it = await openHttpStack();
Deno.test.afterAll(() => it.stop());

const { publishable, anonJwt, secret } = it.stack.keys;
const userJwt = await it.stack.signJwt({ role: "authenticated", sub: crypto.randomUUID() });

const CALLERS: [who: string, headers: Record<string, string>, status: number][] = [
  ["anon with the publishable key", { apikey: publishable }, 401],
  ["anon with the legacy JWT", { apikey: anonJwt, authorization: `Bearer ${anonJwt}` }, 401],
  ["a signed-in user", { apikey: publishable, authorization: `Bearer ${userJwt}` }, 403],
];

const relations = (await readRelations(it.sql)).filter(({ name }) => name.startsWith("public."));
const functions = (await readFunctions(it.sql)).filter((fn) =>
  fn.schema === "public" && !fn.is_trigger
);

/** `name of a table`, or `rpc/name of a function` with all of its arguments. */
function listRequests(): [method: string, path: string, body?: unknown][] {
  return [
    ...relations.map(({ name }): [string, string] => ["GET", name.slice("public.".length)]),
    ...relations.filter(({ kind }) => kind === "table").map(
      ({ name }): [string, string, unknown] => ["POST", name.slice("public.".length), [{}]],
    ),
    ...functions.map((fn): [string, string, unknown] => {
      const names = fn.argument_names.slice(0, fn.argument_types.length);
      return ["POST", `rpc/${fn.bare_name}`, Object.fromEntries(names.map((name) => [name, null]))];
    }),
  ];
}

Deno.test("the Data API offers the service more than 10 tables and 30 functions, which the tests below ask for", async () => {
  assert.ok(relations.length > 10, `${relations.length} relations`);
  assert.ok(functions.length > 30, `${functions.length} functions`);
  for (const { name } of relations) {
    const url = `${it.stack.url}/rest/v1/${name.slice("public.".length)}?limit=1`;
    const { status, text } = await send(url, "GET", { headers: { apikey: secret } });
    assert.equal(status, 200, `${name}: ${text}`);
  }
});

for (const [who, headers, status] of CALLERS) {
  Deno.test(`${who} can read no table, insert into none, and call no function`, async () => {
    for (const [method, path, body] of listRequests()) {
      const answer = await send(`${it.stack.url}/rest/v1/${path}`, method, { body, headers });
      const said = `${method} ${path}: ${answer.text}`;
      assert.deepEqual([answer.status, answer.body.code], [status, "42501"], said);
      // Refused itself, and not only by something behind it.
      const name = path.replace("rpc/", "");
      const refusal = new RegExp(`^permission denied for (table|view|function) ${name}$`);
      assert.match(String(answer.body.message), refusal, said);
    }
  });

  Deno.test(`${who} cannot reach the private schema`, async () => {
    const requests: [method: string, path: string, header: string][] = [
      ["GET", "clock", "accept-profile"],
      ["POST", "rpc/ring", "content-profile"],
    ];
    for (const [method, path, header] of requests) {
      const answer = await send(`${it.stack.url}/rest/v1/${path}`, method, {
        headers: { ...headers, [header]: "orchestrator" },
        body: method === "GET" ? undefined : {},
      });
      assert.deepEqual([answer.status, answer.body.code], [406, "PGRST106"], answer.text);
    }
  });

  Deno.test(`${who} can neither list, read, replace nor remove a workflow file`, async () => {
    const storage = `${it.stack.url}/storage/v1`;
    const file = "workflows/daily_instructor_v1.yml";
    const before = await it.sql`select name, metadata from storage.objects order by name`;
    const listed = await send(`${storage}/object/list/workflows`, "POST", {
      headers,
      body: { prefix: "", limit: 100 },
    });
    assert.doesNotMatch(listed.text, /daily_instructor/);
    const attempts: [method: string, path: string, body?: string][] = [
      ["GET", `/object/${file}`],
      ["GET", `/object/public/${file}`],
      ["GET", `/object/authenticated/${file}`],
      ["POST", `/object/${file}`, "key: stolen"],
      ["PUT", `/object/${file}`, "key: stolen"],
      ["POST", "/object/workflows/new.yml", "key: new"],
      ["DELETE", `/object/${file}`],
      ["GET", "/bucket/workflows"],
      ["DELETE", "/bucket/workflows"],
    ];
    for (const [method, path, body] of attempts) {
      const answer = await send(`${storage}${path}`, method, {
        body,
        headers: { ...headers, "content-type": "application/yaml", "x-upsert": "true" },
      });
      assert.ok(answer.status >= 400 && answer.status < 500, `${method} ${path}: ${answer.text}`);
      assert.doesNotMatch(answer.text, /steps:/);
    }
    const after = await it.sql`select name, metadata from storage.objects order by name`;
    assert.deepEqual([...after], [...before]);
  });
}
