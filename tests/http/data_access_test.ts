// What can be reached past the functions: by app users and people of the dashboard nothing, by the service
// all of it. Every table, view and function of the catalog through the Data API, every bucket through Storage.
import assert from "node:assert/strict";
import { ARCHIVE_BUCKET } from "../../supabase/functions/_shared/archive/bucket.ts";
import { OUTPUT_BUCKET } from "../../supabase/functions/_shared/outputs/bucket.ts";
import { WORKFLOW_BUCKET } from "../../supabase/functions/_shared/registry/bucket.ts";
import { readFunctions, readRelations } from "../database/catalog.ts";
import { openHttpStack, send } from "./http_stack.ts";
import { createPerson } from "./signed_in.ts";
import { readDigests } from "./table_digests.ts";

// The service calls every function, with nothing.
const it = await openHttpStack({ isArranged: true });
Deno.test.afterAll(() => it.stop());

const { publishable, anonJwt, secret, serviceRoleJwt } = it.stack.keys;
const userJwt = await it.stack.signJwt({ role: "authenticated", sub: crypto.randomUUID() });
const operator = await createPerson(it, "operator");

const CALLERS: [who: string, headers: Record<string, string>, status: number][] = [
  ["anon with the publishable key", { apikey: publishable }, 401],
  ["anon with the legacy JWT", { apikey: anonJwt, authorization: `Bearer ${anonJwt}` }, 401],
  ["a signed-in user", { apikey: publishable, authorization: `Bearer ${userJwt}` }, 403],
  ["an operator of the dashboard", operator.headers, 403],
];
const SERVICES: [who: string, headers: Record<string, string>][] = [
  ["the service with the secret key", { apikey: secret }],
  ["the service with the legacy JWT", {
    apikey: publishable,
    authorization: `Bearer ${serviceRoleJwt}`,
  }],
];

/** What lies in each bucket besides the workflows' own files. */
const CANARY = "canary/kept.json";
const BUCKETS = [WORKFLOW_BUCKET, OUTPUT_BUCKET, ARCHIVE_BUCKET];
const storage = `${it.stack.url}/storage/v1`;

const made = await send(`${storage}/bucket`, "POST", {
  headers: { apikey: secret },
  body: { id: ARCHIVE_BUCKET, name: ARCHIVE_BUCKET, public: false },
});
assert.equal(made.status, 200, made.text);
for (const bucket of BUCKETS) {
  const kept = await send(`${storage}/object/${bucket}/${CANARY}`, "POST", {
    headers: { apikey: secret },
    body: { canary: true },
  });
  assert.equal(kept.status, 200, kept.text);
}

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

Deno.test("there are more than 10 tables and 30 functions, which the tests below ask for", () => {
  assert.ok(relations.length > 10, `${relations.length} relations`);
  assert.ok(functions.length > 30, `${functions.length} functions`);
});

for (const [who, headers] of SERVICES) {
  Deno.test(`${who} can read every table and view, and call every function`, async () => {
    for (const [method, path, body] of listRequests()) {
      // The right to insert is asked for where nothing is inserted, in tests/database/access_test.ts.
      if (method === "POST" && !path.startsWith("rpc/")) continue;
      const query = method === "GET" ? "?limit=1" : "";
      const answer = await send(`${it.stack.url}/rest/v1/${path}${query}`, method, {
        body,
        headers,
      });
      const said = `${method} ${path}: ${answer.status} ${answer.text}`;
      // What a function makes of nothing but nulls is its own affair, as long as it was entered.
      if (method === "GET") assert.equal(answer.status, 200, said);
      assert.doesNotMatch(String(answer.body.code ?? ""), /^(42501|PGRST)/, said);
    }
  });

  Deno.test(`${who} can list, read, write and remove files of every bucket`, async () => {
    for (const bucket of BUCKETS) {
      const listed = await send(`${storage}/object/list/${bucket}`, "POST", {
        headers,
        body: { prefix: "canary/", limit: 100 },
      });
      assert.match(listed.text, /kept\.json/, bucket);
      const steps: [method: string, path: string, body?: unknown][] = [
        ["GET", `${bucket}/${CANARY}`],
        ["POST", `${bucket}/canary/new.json`, {}],
        ["PUT", `${bucket}/canary/new.json`, { more: 1 }],
        ["DELETE", `${bucket}/canary/new.json`],
      ];
      for (const [method, path, body] of steps) {
        const answer = await send(`${storage}/object/${path}`, method, { headers, body });
        assert.equal(answer.status, 200, `${method} ${path}: ${answer.text}`);
      }
    }
  });
}

for (const [who, headers, status] of CALLERS) {
  Deno.test(`${who} can read no table, insert into none, and call no function`, async () => {
    const before = await readDigests(it.sql);
    for (const [method, path, body] of listRequests()) {
      const answer = await send(`${it.stack.url}/rest/v1/${path}`, method, { body, headers });
      const said = `${method} ${path}: ${answer.text}`;
      assert.deepEqual([answer.status, answer.body.code], [status, "42501"], said);
      // Refused itself, and not only by something behind it.
      const name = path.replace("rpc/", "");
      const refusal = new RegExp(`^permission denied for (table|view|function) ${name}$`);
      assert.match(String(answer.body.message), refusal, said);
    }
    assert.deepEqual(await readDigests(it.sql), before);
  });

  Deno.test(`${who} can reach no schema but the public one`, async () => {
    const hidden = ["orchestrator", "orchestrator_monitoring", "vault", "auth", "storage", "net"];
    for (const schema of [...hidden, "cron", "pg_catalog", "information_schema"]) {
      const requests: [method: string, path: string, header: string][] = [
        ["GET", "clock", "accept-profile"],
        ["POST", "rpc/ring", "content-profile"],
      ];
      for (const [method, path, header] of requests) {
        const answer = await send(`${it.stack.url}/rest/v1/${path}`, method, {
          headers: { ...headers, [header]: schema },
          body: method === "GET" ? undefined : {},
        });
        assert.deepEqual([answer.status, answer.body.code], [406, "PGRST106"], answer.text);
      }
    }
  });

  Deno.test(`${who} can neither list, read, replace nor remove a file of any bucket`, async () => {
    const before = await readDigests(it.sql);
    for (const bucket of BUCKETS) {
      const file = `${bucket}/${CANARY}`;
      const attempts: [method: string, path: string, body?: unknown][] = [
        ["GET", `/object/${file}`],
        ["HEAD", `/object/${file}`],
        ["GET", `/object/info/${file}`],
        ["GET", `/object/public/${file}`],
        ["GET", `/object/authenticated/${file}`],
        ["POST", `/object/${file}`, { stolen: true }],
        ["PUT", `/object/${file}`, { stolen: true }],
        ["POST", `/object/${bucket}/new.json`, { stolen: true }],
        ["DELETE", `/object/${file}`],
        ["GET", `/bucket/${bucket}`],
        ["PUT", `/bucket/${bucket}`, { public: true }],
        ["POST", `/bucket/${bucket}/empty`],
        ["DELETE", `/bucket/${bucket}`],
        ["POST", "/bucket", { id: `${bucket}-own`, name: `${bucket}-own`, public: true }],
      ];
      for (const [method, path, body] of attempts) {
        const answer = await send(`${storage}${path}`, method, {
          body,
          headers: { ...headers, "x-upsert": "true" },
        });
        assert.ok(answer.status >= 400 && answer.status < 500, `${method} ${path}: ${answer.text}`);
        assert.doesNotMatch(answer.text, /canary"/);
      }
      // These answer what the caller may see of what was asked for, which is nothing.
      const empty: [method: string, path: string, body?: unknown][] = [
        ["POST", `/object/list/${bucket}`, { prefix: "", limit: 100 }],
        ["DELETE", `/object/${bucket}`, { prefixes: [CANARY] }],
        ["GET", "/bucket"],
      ];
      for (const [method, path, body] of empty) {
        const answer = await send(`${storage}${path}`, method, { headers, body });
        assert.equal(answer.text, "[]", `${method} ${path}`);
      }
    }
    assert.deepEqual(await readDigests(it.sql), before);
  });
}
