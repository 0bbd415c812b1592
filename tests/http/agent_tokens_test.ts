// Agents that take tokens get one for each call, and no key of the project; it opens that call alone.
import assert from "node:assert/strict";
import { sign } from "hono/jwt";
import {
  makeSigningKey,
  type SigningKey,
} from "../../supabase/functions/_shared/agent_token/signing_key.ts";
import { openHttpStack, send } from "./http_stack.ts";
import { createTokenCalls, readClaims, readToken, TOKEN_AGENTS } from "./agent_token_calls.ts";

const it = await openHttpStack({ env: TOKEN_AGENTS });
Deno.test.afterAll(() => it.stop());

const { publish, run, capture, replay, readJob } = createTokenCalls(it);
const { secret, serviceRoleJwt, publishable } = it.stack.keys;
const seconds = () => Math.floor(Date.now() / 1_000);

/** All that an agent was sent, as text. */
function writeAll(call: (typeof it.agents.calls)[number]): string {
  return JSON.stringify([call.path, call.query, [...call.headers], call.body]);
}

async function readPrivateKey(): Promise<SigningKey> {
  const [{ key }] = await it.sql<{ key: string }[]>`
    select decrypted_secret as key from vault.decrypted_secrets where name like 'orchestrator/agent_token_key/%'`;
  return JSON.parse(key);
}

await publish("takes_token", [{
  id: "a",
  call: "/functions/v1/agent-proxy/echo",
  timeout_ms: 8000,
}]);
await publish("takes_key", [{ id: "a", call: "/functions/v1/own/agent" }]);
await publish("tries_again", [{ id: "a", call: "/functions/v1/own/token" }]);
it.agents.answer("own/agent", () => Response.json({ ok: true, output: null }));

Deno.test("an agent that takes tokens gets one for this call, and no key of the project in any header or the body", async () => {
  const runId = await run("takes_token");
  const job = await readJob(runId);
  assert.equal(job.status, "success", String(job.error_text));
  const [call] = it.agents.of(runId);
  assert.equal(call.headers.has("apikey"), false);
  for (const key of [secret, serviceRoleJwt, publishable]) {
    assert.equal(writeAll(call).includes(key), false);
  }
  const { iat, exp, req, ...claims } = readClaims(readToken(call));
  assert.deepEqual(claims, {
    iss: `${it.agents.url}/functions/v1/orchestrator`,
    aud: "/functions/v1/agent-proxy/echo",
    sub: `${runId}/a`,
    jti: call.idempotencyKey,
    htm: "POST",
  });
  assert.match(String(req), /^[\w-]{43}$/);
  assert.equal(
    Number(exp) - Number(iat),
    8 + 30,
    "the step's timeout, and a little for the clocks",
  );
  assert.ok(Math.abs(Number(iat) - seconds()) < 60);
});

Deno.test("an agent that is not listed gets the service credentials as ever", async () => {
  const runId = await run("takes_key");
  const [call] = it.agents.of(runId);
  assert.equal(call.headers.get("authorization"), `Bearer ${serviceRoleJwt}`);
  assert.equal(call.headers.get("apikey"), secret);
});

Deno.test("a listed agent may be called with the service key too, as by people with curl", async () => {
  const call = await capture("agent-proxy/echo");
  const headers = { apikey: secret, authorization: null };
  assert.equal((await replay(call, { headers })).status, 200);
});

Deno.test("a retry brings a new token for the same idempotency key", async () => {
  it.agents.answer("own/token", ({ attempt }) =>
    attempt === 1
      ? Response.json({ ok: false, error: "later", retryable: true, retry_after_ms: 1 })
      : Response.json({ ok: true, output: null }));
  const runId = await run("tries_again");
  for (let tries = 0; it.agents.of(runId).length < 2; tries++) {
    assert.ok(tries < 100, "the second attempt came");
    await it.sql`update job_queue set next_run_at = now() where workflow_run_id = ${runId}`;
    await it.ask("POST", "/orchestrator/worker?wait=true");
  }
  const [first, second] = it.agents.of(runId).map(readToken);
  assert.notEqual(first, second);
  assert.equal(readClaims(first).jti, readClaims(second).jti);
});

Deno.test("a call by POST /http carries a token too", async () => {
  const body = { call: "/functions/v1/agent-proxy/echo", body: { payload: { a: 1 } } };
  const answer = await it.ask("POST", "/orchestrator/http", { body });
  assert.deepEqual([answer.status, answer.body.ok], [200, true], answer.text);
  const { has_authorization, has_apikey } = answer.body.output as Record<string, unknown>;
  assert.deepEqual([has_authorization, has_apikey], [true, false]);
});

Deno.test("a stolen token opens its own call, and no other agent, method, query, body or idempotency key", async () => {
  const call = await capture("agent-proxy/notify");
  const body = { ...call.body as Record<string, unknown>, user_id: "mallory" };
  const other = `${call.idempotencyKey.slice(0, -1)}9`;
  const headers = (key: string | null) => ({ "x-idempotency-key": key, "idempotency-key": key });
  for (
    const [change, message] of [
      [{ path: "agent-proxy/echo" }, /is for \/functions\/v1\/agent-proxy\/notify \(aud\)/],
      [{ method: "PUT" }, /is for POST \(htm\)/],
      [{ query: "user_id=mallory" }, /another query or body \(req\)/],
      [{ body }, /another query or body \(req\)/],
      [{ headers: headers(other) }, /another idempotency key \(jti\)/],
      [{ headers: { "x-idempotency-key": other } }, /another idempotency key \(jti\)/],
      [{ headers: headers(null) }, /another idempotency key \(jti\)/],
      // Nor does a good key beside it make a bad token good.
      [{ path: "agent-proxy/echo", headers: { apikey: secret } }, /\(aud\)/],
    ] as const
  ) {
    const answer = await replay(call, change);
    assert.equal(answer.status, 401, `${JSON.stringify(change)}: ${answer.text}`);
    assert.match(String(answer.body.error), message);
  }
  assert.equal(
    (await replay(call)).status,
    200,
    "the call itself, so that the others were refused for their change",
  );
});

Deno.test("a GET's token is good for its own query alone, in whatever order and escaping", async () => {
  const call = await capture("agent-proxy/snapshot", "GET");
  const { user_id, ...rest } = call.query;
  const ids = new URLSearchParams(rest).toString();
  assert.equal((await replay(call, { query: `${ids}&user_id=mallory` })).status, 401);
  assert.equal((await replay(call, { query: ids })).status, 401);
  const escaped = `%75ser_id=${user_id}`;
  assert.equal((await replay(call, { query: `${ids}&${escaped}` })).status, 200);
});

Deno.test("a token that is tampered with, unsigned, signed by another key or another algorithm is refused", async () => {
  const call = await capture("agent-proxy/notify");
  const token = readToken(call);
  const [header, payload, signature] = token.split(".");
  const claims = readClaims(token);
  const write = (part: unknown) =>
    btoa(JSON.stringify(part)).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
  const { kid } = JSON.parse(atob(header));
  const publicKeys =
    await (await fetch(`${it.stack.url}/functions/v1/orchestrator/.well-known/jwks.json`)).text();
  const tokens = {
    "moved expiry": `${header}.${write({ ...claims, exp: Number(claims.exp) + 60 })}.${signature}`,
    "no signature": `${header}.${payload}.`,
    "alg none": `${write({ alg: "none", typ: "JWT", kid })}.${payload}.`,
    "alg none without kid": `${write({ alg: "none" })}.${payload}.`,
    "another key under this name": await sign(claims, await makeSigningKey(kid)),
    "another key": await sign(claims, await makeSigningKey()),
    "the public keys as a shared secret": await sign(claims, publicKeys, "HS256"),
    "the public keys as a shared secret under this name": await sign(
      claims,
      { kty: "oct", k: btoa(publicKeys), alg: "HS256", kid } as JsonWebKey & { kid: string },
    ),
  };
  for (const [what, bad] of Object.entries(tokens)) {
    const answer = await replay(call, { token: bad });
    assert.deepEqual([answer.status, answer.body.ok], [401, false], `${what}: ${answer.text}`);
  }
  assert.equal((await replay(call)).status, 200);
});

Deno.test("a token that has ended, has no end, or comes from another project is refused, and the same one that lives is taken", async () => {
  const call = await capture("agent-proxy/notify");
  const key = await readPrivateKey();
  const { exp: _exp, ...claims } = readClaims(readToken(call));
  const living = { ...claims, exp: seconds() + 30 };
  for (
    const [what, bad] of Object.entries({
      ended: { ...claims, exp: seconds() - 1 },
      endless: claims,
      "of another project": {
        ...living,
        iss: "https://other.supabase.co/functions/v1/orchestrator",
      },
      "of nobody": { ...living, iss: undefined },
      "for several agents": {
        ...living,
        aud: [String(claims.aud), "/functions/v1/agent-proxy/echo"],
      },
      "for no call": { ...living, req: undefined },
      "of the service role": { role: "service_role", exp: living.exp },
    })
  ) {
    const answer = await replay(call, { token: await sign(bad, key) });
    assert.equal(answer.status, 401, `${what}: ${answer.text}`);
  }
  assert.equal((await replay(call, { token: await sign(living, key) })).status, 200);
});

Deno.test("a token opens neither the database nor Storage nor a route of the orchestrator", async () => {
  const call = await capture("agent-proxy/notify");
  const token = readToken(call);
  for (
    const path of [
      "/rest/v1/workflow_runs",
      "/storage/v1/bucket",
      "/functions/v1/orchestrator/runs",
      "/functions/v1/orchestrator/health",
      "/functions/v1/cron-orchestrator",
    ]
  ) {
    const bearer = `Bearer ${token}`;
    const presented: Record<string, string>[] = [
      { authorization: bearer },
      { apikey: token },
      { authorization: bearer, apikey: publishable },
    ];
    for (const headers of presented) {
      const method = path.endsWith("cron-orchestrator") ? "POST" : "GET";
      const answer = await send(it.stack.url + path, method, { headers });
      assert.ok(
        [400, 401, 403].includes(answer.status),
        `${path}: ${answer.status} ${answer.text}`,
      );
    }
  }
});
