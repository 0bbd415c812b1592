// The Data API of the local stack gives back what it was given, and lets in whom the hosted one would.
import assert from "node:assert/strict";
import { startFixtureStack } from "./stack_fixture.ts";

const fixture = await startFixtureStack({ loops: { cron: false, net: false } });
const { stack, sql } = fixture;
const service = fixture.connectAs(stack.keys.secret);
Deno.test.afterAll(() => fixture.stop());

Deno.test("a JSON argument and its answer are exactly what was sent", async () => {
  const values: unknown[] = [
    { a: null, b: 0, c: false, d: "", e: [], f: {} },
    [1, "2", null, { deep: [{ er: "ünïcödé '\"\\ \n" }] }],
    '{"looks":"like json"}',
    "null",
    "",
    0,
    false,
    1.5,
    9007199254740991,
  ];
  for (const value of values) {
    const { data, error } = await service.rpc("echo_bare", { p_json: value });
    assert.equal(error, null);
    assert.deepEqual(data, value);
  }
});

Deno.test("a number too large for JavaScript passes unharmed", async () => {
  const response = await fetch(`${stack.url}/rest/v1/rpc/echo_bare`, {
    method: "POST",
    headers: { apikey: stack.keys.secret, "content-type": "application/json" },
    body: '{"p_json": 12345678901234567890.123}',
  });
  assert.equal(await response.text(), "12345678901234567890.123");
});

Deno.test("arguments are named, and those left out take their defaults", async () => {
  const given = await service.rpc("echo", { p_number: 0, p_text: "", p_json: null });
  assert.deepEqual(given.data, { json: null, text: "", number: 0 });
  const defaults = await service.rpc("echo", { p_json: 1 });
  assert.deepEqual(defaults.data, { json: 1, text: "absent", number: 7 });
});

Deno.test("a text argument that looks like JSON stays a text", async () => {
  const { data } = await service.rpc("echo", { p_json: 1, p_text: '{"a": 1}' });
  assert.equal(data.text, '{"a": 1}');
});

Deno.test("void answers nothing, sets and tables answer lists", async () => {
  const added = await service.rpc("add_note", { p_body: "first" });
  assert.equal(added.status, 204);
  const notes = await service.rpc("list_notes");
  assert.deepEqual(notes.data, [{ id: 1, body: "first" }]);
  assert.deepEqual((await service.rpc("count_to", { p_limit: 3 })).data, [1, 2, 3]);
  assert.deepEqual((await service.rpc("count_to", { p_limit: 0 })).data, []);
});

Deno.test("an unknown function or argument is a 404 that names it", async () => {
  const { error, status } = await service.rpc("echo", { p_wrong: 1 });
  assert.equal(status, 404);
  assert.equal(error?.code, "PGRST202");
  assert.match(error?.message ?? "", /public\.echo\(p_wrong\)/);
});

Deno.test("a function made later is found without a restart", async () => {
  await sql.unsafe(
    "create function public.later() returns int language sql as 'select 42';" +
      "grant execute on function public.later() to service_role",
  );
  assert.equal((await service.rpc("later")).data, 42);
});

Deno.test("a raised error keeps its code and hint, and its status is PostgREST's", async () => {
  for (
    const [sqlstate, status] of [["P0001", 400], ["WF001", 400], ["23505", 409], ["PT418", 418]]
  ) {
    const result = await service.rpc("fail_with", { p_sqlstate: sqlstate });
    assert.equal(result.status, status);
    assert.deepEqual([result.error?.code, result.error?.hint], [sqlstate, "a hint"]);
  }
});

Deno.test("a stable function runs in a read-only transaction, a volatile one does not", async () => {
  assert.equal((await service.rpc("read_only_mode")).data, "on");
  assert.equal((await service.rpc("write_mode")).data, "off");
});

Deno.test("the caller's role and claims reach the database", async () => {
  const sub = "6d1f9f0e-6d5c-4c7e-9d1a-0f4c5b7a9e01";
  const user = await stack.signJwt({ role: "authenticated", sub }, { alg: "ES256" });
  const publishable = stack.keys.publishable;
  const asUser = await fixture.connectAs(publishable, user).rpc("describe_caller");
  assert.deepEqual(asUser.data, [{ role: "authenticated", subject: sub }]);
  const asAnon = await fixture.connectAs(publishable).rpc("describe_caller");
  assert.deepEqual(asAnon.data, [{ role: "anon", subject: null }]);
  const asLegacy = await fixture.connectAs(stack.keys.anonJwt).rpc("describe_caller");
  assert.deepEqual(asLegacy.data, [{ role: "anon", subject: null }]);
});

Deno.test("the role of one call does not stay for the next", async () => {
  const anon = fixture.connectAs(stack.keys.publishable);
  for (let round = 0; round < 30; round++) {
    assert.equal((await anon.rpc("list_notes")).error?.code, "42501");
    assert.equal((await service.rpc("list_notes")).error, null);
  }
});

Deno.test("anon is refused with 401 and a user with 403, tables and functions alike", async () => {
  const user = await stack.signJwt({ role: "authenticated", sub: crypto.randomUUID() });
  const anon = fixture.connectAs(stack.keys.publishable);
  const signedIn = fixture.connectAs(stack.keys.publishable, user);
  for (const [client, status] of [[anon, 401], [signedIn, 403]] as const) {
    const table = await client.from("notes").select("*").limit(1);
    assert.deepEqual([table.status, table.error?.code], [status, "42501"]);
    const insert = await client.from("notes").insert({ body: "x" });
    assert.deepEqual([insert.status, insert.error?.code], [status, "42501"]);
    const call = await client.rpc("add_note", { p_body: "x" });
    assert.deepEqual([call.status, call.error?.code], [status, "42501"]);
  }
});

Deno.test("service_role reads, filters, counts and inserts rows", async () => {
  const inserted = await service.from("notes").insert([{ body: "b" }, { body: "it's" }]).select();
  assert.deepEqual(inserted.data?.map((row) => row.body), ["b", "it's"]);
  const found = await service.from("notes").select("body").eq("body", "it's").single();
  assert.deepEqual(found.data, { body: "it's" });
  const counted = await service.from("notes").select("*", { count: "exact", head: true });
  assert.equal(counted.count, 3);
  assert.equal((await service.from("nothing").select("*")).status, 404);
});

Deno.test("a call without, with a wrong, a foreign or an expired key is refused", async () => {
  const call = (headers: Record<string, string>) =>
    fetch(`${stack.url}/rest/v1/rpc/describe_caller`, { method: "POST", headers, body: "{}" });
  const foreign = await stack.signJwt({ role: "service_role" }, { key: "foreign" });
  const foreignSigned = await stack.signJwt({ role: "service_role" }, {
    key: "foreign",
    alg: "ES256",
  });
  const expired = await stack.signJwt({ role: "service_role" }, { expiresInSeconds: -1 });
  const apikey = stack.keys.publishable;
  const refused: Record<string, string>[] = [
    {},
    { apikey: "sb_secret_wrong" },
    { authorization: `Bearer ${stack.keys.serviceRoleJwt}` },
    { apikey: foreign },
    { apikey: expired },
    { apikey, authorization: `Bearer ${foreign}` },
    { apikey, authorization: `Bearer ${foreignSigned}` },
    { apikey, authorization: `Bearer ${expired}` },
    { apikey, authorization: `Bearer ${stack.keys.secret}` },
  ];
  for (const headers of refused) {
    const response = await call(headers);
    assert.equal(response.status, 401, JSON.stringify(headers));
    await response.body?.cancel();
  }
});

Deno.test("a body that is no JSON object is a 400", async () => {
  for (const body of ["{", "[1]", "7"]) {
    const response = await fetch(`${stack.url}/rest/v1/rpc/echo`, {
      method: "POST",
      headers: { apikey: stack.keys.secret },
      body,
    });
    assert.equal(response.status, 400);
    assert.equal((await response.json()).code, "PGRST102");
  }
});

Deno.test("a database that is away is a 503 in PostgREST's words, and comes back", async () => {
  stack.setAway("database", true);
  const away = await service.rpc("list_notes");
  assert.deepEqual([away.status, away.error?.code], [503, "PGRST000"]);
  stack.setAway("database", false);
  assert.equal((await service.rpc("list_notes")).error, null);
});

Deno.test("calls survive the loss of every database connection", async () => {
  await fixture.admin`
    select pg_terminate_backend(pid) from pg_stat_activity
    where datname = current_database() and application_name = 'local-stack-api'`;
  const first = await service.rpc("list_notes");
  assert.ok(first.status === 200 || first.status === 503);
  assert.equal((await service.rpc("list_notes")).status, 200);
});

Deno.test("a call takes a few milliseconds at most", async () => {
  const spent: number[] = [];
  for (let round = 0; round < 200; round++) {
    const started = performance.now();
    await service.rpc("echo_bare", { p_json: 1 });
    spent.push(performance.now() - started);
  }
  const median = spent.sort((a, b) => a - b)[100];
  console.log(`median of an RPC through supabase-js: ${median.toFixed(2)} ms`);
  assert.ok(median < 20, `median ${median} ms`);
});

Deno.test("new objects of the owner are granted to nobody", async () => {
  await sql`create table public.fresh (id int)`;
  const [row] = await sql`select coalesce(relacl::text, '') as acl from pg_class
    where oid = 'public.fresh'::regclass`;
  assert.doesNotMatch(row.acl, /anon|authenticated|service_role/);
  const [owner] = await sql`select rolsuper, current_user as name from pg_roles
    where rolname = current_user`;
  assert.deepEqual([owner.name, owner.rolsuper], ["postgres", false]);
});
