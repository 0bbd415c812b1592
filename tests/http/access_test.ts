// What signed-in people are told where they may not go on, and what makes them who they are. Whom each route
// lets in is in security_test.ts.
import assert from "node:assert/strict";
import { expectProblem, type Json, openHttpStack, send } from "./http_stack.ts";
import { NOBODY, SAMPLE_CALLS } from "./sample_calls.ts";
import { createPerson } from "./signed_in.ts";

const it = await openHttpStack();
Deno.test.afterAll(() => it.stop());

const routes = SAMPLE_CALLS.filter(({ functionName }) => functionName === "orchestrator");

async function readAudit(): Promise<Json[]> {
  return [...await it.sql`select * from orchestrator_audit order by audit_id`];
}

Deno.test("a viewer is told which role an action needs, and that some routes are for service keys", async () => {
  const viewer = await createPerson(it, "viewer");
  const before = await readAudit();
  for (const { route, level, method, path, body } of routes) {
    if (level !== "operator" && level !== "service") continue;
    const message = level === "operator" ? /needs the role operator/ : /takes a service key only/;
    const answer = await viewer.ask(method, path, body);
    expectProblem(answer, { status: 403, kind: "forbidden", message }, route);
  }
  assert.deepEqual(await readAudit(), before, "what was refused by role is no action");
});

Deno.test("somebody without a role is told everywhere how to get one", async () => {
  const stranger = await createPerson(it, null);
  for (const { route, level, method, path, body } of routes) {
    // What is for every user shows them their own alone.
    if (level === "open" || level === "user") continue;
    const message = new RegExp(
      `${stranger.email} is signed in and has no role.*deno task admin:grant ${stranger.email}`,
    );
    const answer = await stranger.ask(method, path, body);
    expectProblem(answer, { status: 403, kind: "forbidden", message }, route);
  }
});

Deno.test("a role that is taken away or changed counts at once", async () => {
  const ada = await createPerson(it, "operator");
  assert.equal((await ada.ask("GET", "/runs")).status, 200);
  assert.equal((await ada.ask("POST", `/runs/${NOBODY}/cancel`)).status, 404);
  await it.sql`update orchestrator_operators set role = 'viewer' where user_id = ${ada.userId}`;
  assert.equal((await ada.ask("POST", `/runs/${NOBODY}/cancel`)).status, 403);
  assert.equal((await ada.ask("GET", "/runs")).status, 200);
  await it.sql`delete from orchestrator_operators where user_id = ${ada.userId}`;
  assert.equal((await ada.ask("GET", "/runs")).status, 403);
  // A user that is gone has lost the role with it, whatever token is left.
  const eve = await createPerson(it, "operator");
  await it.sql`delete from auth.users where id = ${eve.userId}`;
  assert.equal((await eve.ask("GET", "/runs")).status, 403);
});

Deno.test("a token that is not a signed-in user's of this project is refused with the reason", async () => {
  const sign = it.stack.signJwt;
  const { userId, email, headers } = await createPerson(it, "operator");
  const user = { role: "authenticated", sub: userId, email };
  const good = headers.authorization.slice("Bearer ".length);
  const [head, claims, signature] = good.split(".");
  const none = btoa(JSON.stringify({ ...JSON.parse(atob(head)), alg: "none" })).replace(/=+$/, "");
  const es256 = { alg: "ES256" } as const;
  const cases: [what: string, token: string, status: number, message: RegExp][] = [
    ["expired", await sign(user, { ...es256, expiresInSeconds: -1 }), 401, /has expired/],
    ["foreign", await sign(user, { ...es256, key: "foreign" }), 401, /does not verify/],
    ["unsigned", `${none}.${claims}.`, 401, /does not verify/],
    ["of another user", `${head}.${btoa("{}")}.${signature}`, 401, /does not verify/],
    ["anonymous", await sign({ ...user, is_anonymous: true }, es256), 403, /anonymous/],
    ["nobody's", await sign({ role: "authenticated" }, es256), 401, /names no user/],
    ["legacy", await sign(user), 401, /HS256.*JWT signing keys/],
    ["of another role", await sign({ ...user, role: "anon" }, es256), 401, /not a service token/],
  ];
  const url = `${it.stack.url}/functions/v1/orchestrator/me`;
  for (const [what, token, status, message] of cases) {
    const answer = await send(url, "GET", {
      headers: { ...headers, authorization: `Bearer ${token}` },
    });
    const kind = status === 401 ? "unauthorized" : "forbidden";
    expectProblem(answer, { status, kind, message }, what);
  }
  const inKey = await send(url, "GET", { headers: { apikey: good } });
  assert.equal(inKey.status, 401, "a user's token is no API key");
});

Deno.test("whoever is signed in reads who they are; a service key is nobody", async () => {
  const { userId, email, ask } = await createPerson(it, "viewer");
  assert.deepEqual((await ask("GET", "/me")).body, { user_id: userId, email, role: "viewer" });
  const answer = await it.ask("GET", "/orchestrator/me");
  expectProblem(answer, { status: 404, kind: "not_found", message: /service key/ });
});

Deno.test("the role of the database counts, whatever a token says of itself", async () => {
  const claims = { user_role: "operator", app_metadata: { role: "operator" } };
  const viewer = await createPerson(it, "viewer", claims);
  assert.equal((await viewer.ask("GET", "/me")).body.role, "viewer");
  assert.equal((await viewer.ask("POST", "/workflows/sync")).status, 403);
});
