import assert from "node:assert/strict";
import { OrchestratorError } from "../contract/errors.ts";
import { createServiceAuth } from "./auth.ts";
import type { AccessTable } from "./access.ts";
import type { KnownCaller } from "./auth.ts";
import type { OperatorCaller } from "./user_auth.ts";
import { createRouter, stripFunctionName } from "./router.ts";

const KEY = "sb_secret_router_test";
const authenticate = createServiceAuth({
  secretKeys: { default: KEY },
  serviceKeys: [],
  jwks: null,
});

function createApp() {
  const router = createRouter({ functionName: "orchestrator", authenticate });
  router.post(
    "/dispatch",
    (context) => context.json(context.get("caller"), 202),
  );
  router.get(
    "/runs/:id",
    (context) => context.json({ id: context.req.param("id") }),
  );
  router.post("/broken", () => {
    throw new TypeError("secret detail");
  });
  router.post("/away", () => {
    throw new OrchestratorError(
      "unavailable",
      "calling x: the database is away",
      {
        retryAfterMs: 2_000,
      },
    );
  });
  return router;
}

function call(
  method: string,
  path: string,
  headers: Record<string, string> = { apikey: KEY },
) {
  return createApp().fetch(
    new Request(`http://localhost${path}`, { method, headers }),
  );
}

async function quietly<T>(
  action: () => Promise<T>,
): Promise<{ result: T; lines: string[] }> {
  const lines: string[] = [];
  const { error, warn } = console;
  console.error = (line: string) => lines.push(line);
  console.warn = (line: string) => lines.push(line);
  try {
    return { result: await action(), lines };
  } finally {
    Object.assign(console, { error, warn });
  }
}

Deno.test("routes match with and without the platform's prefix", async () => {
  for (const prefix of ["", "/orchestrator", "/functions/v1/orchestrator"]) {
    const response = await call("POST", `${prefix}/dispatch`);
    assert.equal(response.status, 202, prefix);
    assert.deepEqual(await response.json(), {
      kind: "service",
      via: "secret_key",
      keyName: "default",
    });
  }
  assert.deepEqual(
    await (await call("GET", "/orchestrator/runs/a%20b")).json(),
    { id: "a b" },
  );
  assert.equal(stripFunctionName("/orchestrator", "orchestrator"), "/");
  assert.equal(
    stripFunctionName("/orchestrator-x/a", "orchestrator"),
    "/orchestrator-x/a",
  );
});

Deno.test("without a key no route answers, not even to say that it does not exist", async () => {
  for (
    const path of [
      "/orchestrator/dispatch",
      "/orchestrator/nothing",
      "/orchestrator",
    ]
  ) {
    for (const method of ["GET", "POST", "OPTIONS"]) {
      const response = await call(method, path, {});
      assert.equal(response.status, 401, `${method} ${path}`);
      assert.equal(
        response.headers.get("content-type"),
        "application/problem+json",
      );
      assert.match(response.headers.get("www-authenticate") ?? "", /Bearer/);
      assert.equal(response.headers.get("access-control-allow-origin"), null);
    }
  }
});

Deno.test("an unknown path is 404 with near names, a known one with another method is 405", async () => {
  const missing = await call("POST", "/orchestrator/dispach");
  assert.equal(missing.status, 404);
  assert.deepEqual((await missing.json()).problems[0].near, ["/dispatch"]);
  const wrong = await call("GET", "/orchestrator/dispatch");
  assert.equal(wrong.status, 405);
  assert.equal(wrong.headers.get("allow"), "POST");
  const parameter = await call("DELETE", "/orchestrator/runs/1");
  assert.equal(parameter.status, 405);
  assert.equal(parameter.headers.get("allow"), "GET");
});

Deno.test("a fitting request id is kept, another one replaced, and both are answered", async () => {
  const kept = await call("POST", "/dispatch", {
    apikey: KEY,
    "x-request-id": "curl-1",
  });
  assert.equal(kept.headers.get("x-request-id"), "curl-1");
  const replaced = await call("POST", "/dispatch", {
    apikey: KEY,
    "x-request-id": "a b{}",
  });
  assert.match(replaced.headers.get("x-request-id") ?? "", /^[0-9a-f-]{36}$/);
});

Deno.test("every answer may be kept by nobody, and is what its type says, whatever it answers", async () => {
  const answers = await quietly(() =>
    Promise.all([
      call("GET", "/runs/1"),
      call("GET", "/runs/1", {}),
      call("GET", "/nothing"),
      call("PUT", "/runs/1"),
      call("POST", "/broken"),
    ])
  );
  assert.deepEqual(answers.result.map(({ status }) => status), [200, 401, 404, 405, 500]);
  for (const { status, headers } of answers.result) {
    assert.equal(headers.get("cache-control"), "no-store", `${status}`);
    assert.equal(headers.get("x-content-type-options"), "nosniff", `${status}`);
  }
  const router = createApp();
  router.get("/stream", (context) => context.body("", 200, { "cache-control": "no-store, x" }));
  const kept = await router.fetch(
    new Request("http://localhost/stream", { headers: { apikey: KEY } }),
  );
  assert.equal(kept.headers.get("cache-control"), "no-store, x", "a route may say more");
});

Deno.test("an unexpected error is a bare 500 outside and whole in the log", async () => {
  const headers = { apikey: KEY, "x-request-id": "find-me" };
  const { result, lines } = await quietly(async () => await call("POST", "/broken", headers));
  assert.equal(result.status, 500);
  const text = await result.text();
  assert.equal(text.includes("secret detail"), false);
  assert.equal(JSON.parse(text).request_id, "find-me");
  assert.equal(lines.length, 1);
  assert.match(lines[0], /"request.failed".*find-me/);
  assert.match(lines[0], /secret detail/);
  assert.equal(lines[0].includes(KEY), false);
});

Deno.test("a database that is away is 503 with Retry-After", async () => {
  const { result } = await quietly(async () => await call("POST", "/away"));
  assert.equal(result.status, 503);
  assert.equal(result.headers.get("retry-after"), "2");
});

Deno.test("an open route answers without a key, and no other route or method does", async () => {
  const router = createRouter({
    functionName: "orchestrator",
    authenticate,
    access: { "POST /hooks/:token": "open" },
  });
  router.post("/hooks/:token", (context) => context.json(context.req.param("token")));
  router.post("/hooks/:token/more", (context) => context.text("more"));
  router.get("/hooks/:token", (context) => context.text("read"));
  const status = async (method: string, path: string) =>
    (await router.fetch(new Request(`http://localhost${path}`, { method }))).status;
  assert.equal(await status("POST", "/functions/v1/orchestrator/hooks/t"), 200);
  for (
    const [method, path] of [
      ["POST", "/orchestrator/hooks/t/more"],
      ["POST", "/orchestrator/hooks"],
      ["POST", "/orchestrator/x/hooks/t"],
      ["GET", "/orchestrator/hooks/t"],
      ["PUT", "/orchestrator/hooks/t"],
    ]
  ) {
    assert.equal(await status(method, path), 401, `${method} ${path}`);
  }
});

Deno.test("what an open route's path holds is not logged", async () => {
  const router = createRouter({
    functionName: "orchestrator",
    authenticate,
    access: { "POST /hooks/:token": "open" },
  });
  router.post("/hooks/:token", () => {
    throw new TypeError("broken");
  });
  const request = new Request("http://localhost/hooks/the-credential", { method: "POST" });
  const { result, lines } = await quietly(async () => await router.fetch(request));
  assert.equal(result.status, 500);
  assert.match(lines[0], /\/hooks\/:token/);
  assert.equal(lines[0].includes("the-credential"), false);
});

const ACCESS: AccessTable = {
  "GET /own": "user",
  "GET /seen": "viewer",
  "GET /seen/:id": "viewer",
  "POST /done": "operator",
  "POST /kept": "service",
};

/** Routes of every level, called by a person with this role. */
function callAs(
  role: OperatorCaller["role"] | null,
  method: string,
  path: string,
): Promise<Response> {
  const email = `${role}@example.com`;
  const caller: KnownCaller = role === null
    ? { kind: "user", userId: "u", refusal: "authenticating: this is an app's user" }
    : { kind: "operator", role, userId: "u", email };
  const router = createRouter({
    functionName: "orchestrator",
    authenticate: () => Promise.resolve(caller),
    access: ACCESS,
  });
  for (const path of ["/seen/:id", "/seen", "/unlisted"]) router.get(path, (it) => it.text("seen"));
  router.get("/own", (it) => it.text(it.get("reader").kind));
  for (const path of ["/done", "/kept", "/seen"]) router.post(path, (it) => it.text("done"));
  router.all("/anything", (it) => it.text("anything"));
  return Promise.resolve(router.fetch(new Request(`http://localhost${path}`, { method })));
}

Deno.test("a viewer looks, an operator also acts, and the rest is for service keys", async () => {
  const expected: [method: string, path: string, viewer: number, operator: number][] = [
    ["GET", "/seen", 200, 200],
    ["HEAD", "/seen", 200, 200],
    ["GET", "/orchestrator/seen/7", 200, 200],
    ["POST", "/done", 403, 200],
    ["POST", "/kept", 403, 403],
    ["POST", "/seen", 403, 403],
    ["GET", "/unlisted", 403, 403],
    ["HEAD", "/unlisted", 403, 403],
    ["GET", "/anything", 403, 403],
    ["GET", "/nothing", 403, 403],
    ["DELETE", "/seen", 403, 403],
  ];
  for (const [method, path, viewer, operator] of expected) {
    const what = `${method} ${path}`;
    assert.equal((await callAs("viewer", method, path)).status, viewer, `${what} as viewer`);
    assert.equal((await callAs("operator", method, path)).status, operator, `${what} as operator`);
  }
});

Deno.test("an app's user gets to what is for users, and to nothing else", async () => {
  assert.equal(await (await callAs(null, "GET", "/own")).text(), "user");
  assert.equal(await (await callAs("viewer", "GET", "/own")).text(), "operator");
  for (const path of ["/seen", "/seen/7", "/unlisted", "/nothing"]) {
    const answer = await callAs(null, "GET", path);
    assert.equal(answer.status, 403, path);
    assert.equal((await answer.json()).detail, "authenticating: this is an app's user", path);
  }
  assert.equal((await callAs(null, "POST", "/own")).status, 403);
});

Deno.test("a refusal says what role is needed, who asks, and how to get it", async () => {
  const { detail } = await (await callAs("viewer", "POST", "/done")).json();
  assert.equal(
    detail,
    "authorizing: POST /done needs the role operator, viewer@example.com has the role viewer; " +
      "`deno task admin:grant viewer@example.com operator` gives it",
  );
  const kept = await (await callAs("operator", "POST", "/kept")).json();
  assert.match(kept.detail, /POST \/kept takes a service key only/);
});
