// What signed-in people may do: every route of the dashboard as a viewer, as an operator and as nobody,
// and what each action leaves in the audit log.
import assert from "node:assert/strict";
import { ROUTE_ACCESS } from "../../supabase/functions/orchestrator/routes/access.ts";
import { expectProblem, type Json, openHttpStack, send } from "./http_stack.ts";
import { createPerson } from "./signed_in.ts";

// With a token set: an open route refuses who has not its own credential.
const it = await openHttpStack({ env: { ORCHESTRATOR_METRICS_TOKEN: "a-token-of-the-scraper" } });
Deno.test.afterAll(() => it.stop());

const NOBODY = "00000000-0000-4000-8000-000000000000";

/** Routes with their parameters filled in, so that nothing is there: the level alone decides. */
function fillIn(path: string): string {
  return path.replace("/runs/:id", `/runs/${NOBODY}`).replace(":id", "987654")
    .replace(":step", "a").replace(":key", "nobody").replace(":version", "1");
}

const listed = Object.entries(ROUTE_ACCESS).map(([route, level]) => {
  const [method, path] = route.split(" ");
  return { route, level, method, path: fillIn(path) };
});

async function readAudit(): Promise<Json[]> {
  return [...await it.sql`select * from orchestrator_audit order by audit_id`];
}

Deno.test("a viewer is let in where people look, and refused wherever something is done", async () => {
  const viewer = await createPerson(it, "viewer");
  const before = await readAudit();
  for (const { route, level, method, path } of listed) {
    const answer = await viewer.ask(method, path);
    if (level === "viewer" || level === "user") {
      assert.notEqual(answer.status, 401, route);
      assert.notEqual(answer.status, 403, route);
      assert.notEqual(answer.status, 500, route);
    } else if (level === "open") {
      // The description of the routes and public keys are for everybody; what else is open has a
      // credential of its own.
      const isPublic = ["GET /openapi.json", "GET /.well-known/jwks.json"].includes(route);
      assert.equal(answer.status, isPublic ? 200 : 401, route);
    } else {
      const message = level === "operator" ? /needs the role operator/ : /takes a service key only/;
      expectProblem(answer, { status: 403, kind: "forbidden", message }, route);
    }
  }
  assert.deepEqual(await readAudit(), before, "what was refused by role is no action");
});

Deno.test("an operator is let in but where a service key is needed", async () => {
  const operator = await createPerson(it, "operator");
  for (const { route, level, method, path } of listed) {
    const { status } = await operator.ask(method, path);
    if (level === "service") assert.equal(status, 403, route);
    else if (level !== "open") assert.ok(![401, 403, 500].includes(status), `${route}: ${status}`);
  }
});

Deno.test("somebody without a role is refused everywhere, and told how to get one", async () => {
  const stranger = await createPerson(it, null);
  for (const { route, level, method, path } of listed) {
    // What is for every user shows them their own alone.
    if (level === "open" || level === "user") continue;
    const message = new RegExp(
      `${stranger.email} is signed in and has no role.*deno task admin:grant ${stranger.email}`,
    );
    const answer = await stranger.ask(method, path);
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
