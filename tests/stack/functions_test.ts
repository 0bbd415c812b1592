// Edge Functions of the local stack: started on demand, given what the platform gives, and started
// again after a crash.
import assert from "node:assert/strict";
import { startFixtureStack, waitFor } from "./stack_fixture.ts";

const fixture = await startFixtureStack({
  loops: { cron: false, net: false },
  env: { OWN_SETTING: "own" },
});
const { stack } = fixture;
const base = `${stack.url}/functions/v1`;
Deno.test.afterAll(() => fixture.stop());

Deno.test("a function is started by its first request and sees its path without the prefix", async () => {
  assert.deepEqual(stack.functionPids(), {});
  const response = await fetch(`${base}/hello/a%20b?x=1&y=`, {
    method: "POST",
    headers: { "x-custom": "kept" },
    body: "the body",
  });
  const seen = await response.json();
  assert.deepEqual(
    [seen.path, seen.method, seen.body, seen.custom, seen.length],
    ["/hello/a%20b?x=1&y=", "POST", "the body", "kept", "8"],
  );
  assert.ok(stack.functionPids().hello > 0);
});

Deno.test("a function's environment is the platform's and nothing of ours", async () => {
  Deno.env.set("STACK_TEST_LEAK", "leaked");
  await stack.restartFunction("hello");
  const environment = await (await fetch(`${base}/hello/environment`)).json();
  assert.equal(environment.STACK_TEST_LEAK, undefined);
  assert.equal(environment.OWN_SETTING, "own");
  assert.equal(environment.SUPABASE_URL, stack.url);
  assert.equal(environment.SUPABASE_SERVICE_ROLE_KEY, stack.keys.serviceRoleJwt);
  assert.deepEqual(JSON.parse(environment.SUPABASE_SECRET_KEYS), { default: stack.keys.secret });
  const jwks = await (await fetch(`${stack.url}/auth/v1/.well-known/jwks.json`)).json();
  assert.deepEqual(JSON.parse(environment.SUPABASE_JWKS), jwks);
  assert.equal(jwks.keys[0].d, undefined);
});

Deno.test("APIs that the hosted runtime lacks say so", async () => {
  const answers = await (await fetch(`${base}/hello/missing`)).json();
  for (const answer of answers) assert.match(answer, /not available in the hosted edge runtime/);
});

Deno.test("a function's heap has the limit of the hosted platform", async () => {
  const limit = await (await fetch(`${base}/hello/heap`)).json();
  assert.equal(limit / 1024 / 1024, 256);
});

Deno.test("headers that come twice reach the caller twice", async () => {
  const response = await fetch(`${base}/hello/cookies`);
  assert.deepEqual(response.headers.getSetCookie(), ["a=1", "b=2"]);
});

Deno.test("a large body streams through in both directions", async () => {
  const sent = crypto.getRandomValues(new Uint8Array(65536));
  const chunks = new ReadableStream<Uint8Array>({
    start(controller) {
      for (let n = 0; n < 16; n++) controller.enqueue(sent);
      controller.close();
    },
  });
  const response = await fetch(`${base}/hello/stream`, { method: "POST", body: chunks });
  const received = new Uint8Array(await response.arrayBuffer());
  assert.equal(received.length, 16 * 65536);
  assert.deepEqual(received.subarray(15 * 65536), sent);
});

Deno.test("background work goes on after the answer, and the log keeps what it says", async () => {
  const response = await fetch(`${base}/hello/background`);
  assert.equal(response.status, 202);
  await waitFor(() => stack.logs("hello").includes("background done") || undefined);
});

Deno.test("a function that crashes in a request is a 502, and the next request is served", async () => {
  const before = stack.functionPids().hello;
  const crashed = await fetch(`${base}/hello/crash`);
  assert.equal(crashed.status, 502);
  assert.equal((await crashed.json()).code, "WORKER_ERROR");
  const after = await fetch(`${base}/hello`);
  assert.equal(after.status, 200);
  await after.body?.cancel();
  assert.notEqual(stack.functionPids().hello, before);
});

Deno.test("a killed function is started again by the next request", async () => {
  await stack.killFunction("hello");
  assert.deepEqual(stack.functionPids(), {});
  const response = await fetch(`${base}/hello`);
  assert.equal(response.status, 200);
  await response.body?.cancel();
});

Deno.test("a restart tells the function that it is unloaded", async () => {
  const before = stack.functionPids().hello;
  await stack.restartFunction("hello");
  assert.match(stack.logs("hello"), /unloading: termination/);
  assert.notEqual(stack.functionPids().hello, before);
});

Deno.test("a function that cannot start is a 503, and its log says why", async () => {
  const response = await fetch(`${base}/broken`);
  assert.equal(response.status, 503);
  assert.equal((await response.json()).code, "BOOT_ERROR");
  await waitFor(() => stack.logs("broken").includes("broken on purpose") || undefined);
});

Deno.test("an unknown function is a 404", async () => {
  for (const name of ["nothing", "..%2f..", "_shared"]) {
    const response = await fetch(`${base}/${name}/x`);
    assert.equal(response.status, 404);
    assert.equal((await response.json()).code, "NOT_FOUND");
  }
});

Deno.test("a function with verify_jwt is closed to all but tokens of the project", async () => {
  const ask = async (authorization?: string) => {
    const headers: HeadersInit = authorization === undefined ? {} : { authorization };
    const response = await fetch(`${base}/guarded`, { headers });
    await response.body?.cancel();
    return response.status;
  };
  assert.equal(await ask(), 401);
  assert.equal(await ask(`Bearer ${stack.keys.secret}`), 401);
  const foreign = await stack.signJwt({ role: "anon" }, { key: "foreign", alg: "ES256" });
  assert.equal(await ask(`Bearer ${foreign}`), 401);
  assert.equal(await ask(`Bearer ${stack.keys.anonJwt}`), 200);
  const user = await stack.signJwt({ role: "authenticated" }, { alg: "ES256" });
  assert.equal(await ask(`Bearer ${user}`), 200);
});
