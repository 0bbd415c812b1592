import assert from "node:assert/strict";
import { OrchestratorError } from "../contract/errors.ts";
import { createRouter } from "./router.ts";

const PAGE = "https://admin.example.com";

function call(method: string, path: string, headers: Record<string, string> = {}) {
  const router = createRouter({
    functionName: "orchestrator",
    authenticate: ({ headers }) =>
      headers.get("apikey") === "good"
        ? Promise.resolve({ kind: "service", via: "secret_key", keyName: "default" })
        : Promise.reject(new OrchestratorError("unauthorized", "authenticating: no")),
    access: { "GET /runs": "viewer", "PUT /policies": "operator" },
    findOrigins: () => Promise.resolve([PAGE]),
  });
  router.get("/runs", (context) => context.json({}));
  router.put("/policies", (context) => context.json({}));
  router.post("/worker", (context) => context.json({}));
  return router.fetch(new Request(`http://localhost/orchestrator${path}`, { method, headers }));
}

const ask = (method: string, path: string, origin: string, asked: string) =>
  call(method, path, { origin, "access-control-request-method": asked });

Deno.test("a listed origin may read answers and errors, and no other may", async () => {
  for (const [path, apikey, status] of [["/runs", "good", 200], ["/runs", "bad", 401]] as const) {
    const { headers, status: answered } = await call("GET", path, { origin: PAGE, apikey });
    assert.equal(answered, status);
    assert.equal(headers.get("access-control-allow-origin"), PAGE);
    assert.equal(headers.get("access-control-expose-headers"), "x-request-id, retry-after");
    assert.equal(headers.get("access-control-allow-credentials"), null);
    assert.equal(headers.get("vary"), "Origin");
  }
  const others = [
    "https://evil.example.com",
    `${PAGE}.evil.com`,
    `${PAGE}/`,
    "http://admin.example.com",
    "null",
  ];
  for (const origin of others) {
    const { headers } = await call("GET", "/runs", { origin, apikey: "good" });
    assert.equal(headers.get("access-control-allow-origin"), null, origin);
    assert.equal(headers.get("vary"), "Origin", origin);
  }
});

Deno.test("a preflight of a listed origin is answered without a key, for routes that pages use", async () => {
  for (const [path, asked] of [["/runs", "GET"], ["/policies", "PUT"]]) {
    const answer = await ask("OPTIONS", path, PAGE, asked);
    assert.equal(answer.status, 204, path);
    assert.equal(answer.headers.get("access-control-allow-origin"), PAGE);
    assert.match(answer.headers.get("access-control-allow-methods") ?? "", new RegExp(asked));
    assert.equal(
      answer.headers.get("access-control-allow-headers"),
      "authorization, apikey, content-type, last-event-id, x-request-id",
    );
  }
});

Deno.test("any other preflight needs a key like every request", async () => {
  const cases = [
    ["/runs", "https://evil.example.com", "GET"],
    ["/runs", PAGE, "DELETE"],
    ["/worker", PAGE, "POST"],
    ["/nothing", PAGE, "GET"],
  ];
  for (const [path, origin, asked] of cases) {
    assert.equal((await ask("OPTIONS", path, origin, asked)).status, 401, `${asked} ${path}`);
  }
  assert.equal((await call("OPTIONS", "/runs", { origin: PAGE })).status, 401, "no method asked");
  assert.equal((await ask("GET", "/runs", PAGE, "GET")).status, 401, "no OPTIONS");
});
