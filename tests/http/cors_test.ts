// Pages of another origin: the setting admin_origins says which of them may call.
import assert from "node:assert/strict";
import { openHttpStack, send } from "./http_stack.ts";
import { SAMPLE_CALLS } from "./sample_calls.ts";
import { createPerson } from "./signed_in.ts";

const it = await openHttpStack();
Deno.test.afterAll(() => it.stop());

const PAGE = "https://admin.example.com";
const { ask } = await createPerson(it, "viewer");

/** The setting is read again after some seconds: a new process reads it at once. */
async function list(origins: string[]): Promise<void> {
  await it.sql`delete from orchestrator_settings where name = 'admin_origins'`;
  await it.sql`
    insert into orchestrator_settings (name, value) values ('admin_origins', ${
    it.sql.json(origins)
  })`;
  await it.stack.restartFunction("orchestrator");
}

const allowed = (headers: Headers) => headers.get("access-control-allow-origin");
const preflight = (path: string, origin: string, method: string, name = "orchestrator") =>
  send(`${it.stack.url}/functions/v1/${name}${path}`, "OPTIONS", {
    headers: {
      ...{ "content-type": null, origin, "access-control-request-method": method },
      "access-control-request-headers": "apikey,authorization,content-type",
    },
  });

Deno.test("no other origin may call unless it is listed", async () => {
  const { status, headers } = await ask("GET", "/runs", undefined, { headers: { origin: PAGE } });
  assert.deepEqual([status, allowed(headers)], [200, null]);
  const asked = await preflight("/runs", PAGE, "GET");
  assert.deepEqual([asked.status, allowed(asked.headers)], [401, null]);
});

Deno.test("a listed origin may, from the preflight to the errors; others still may not", async () => {
  await list([PAGE]);
  for (const [path, method] of [["/runs", "GET"], ["/rate_limits/policies", "DELETE"]]) {
    const asked = await preflight(path, PAGE, method);
    assert.deepEqual([asked.status, allowed(asked.headers)], [204, PAGE], path);
    assert.match(asked.headers.get("access-control-allow-methods") ?? "", new RegExp(method));
    assert.match(asked.headers.get("access-control-allow-headers") ?? "", /authorization, apikey/);
  }
  for (
    const [method, path, status] of [["GET", "/runs", 200], ["POST", "/dispatch", 403]] as const
  ) {
    const answer = await ask(method, path, undefined, { headers: { origin: PAGE } });
    assert.deepEqual([answer.status, allowed(answer.headers)], [status, PAGE], path);
    assert.match(answer.headers.get("vary") ?? "", /origin/i);
  }
  const other = await ask("GET", "/runs", undefined, { headers: { origin: `${PAGE}.evil.com` } });
  assert.equal(allowed(other.headers), null);
  assert.match(other.headers.get("vary") ?? "", /origin/i);
  assert.equal((await preflight("/worker", PAGE, "POST")).status, 401, "no route of a page");
  await list([]);
});

Deno.test("on every route only what is listed counts, and no page is told to send cookies", async () => {
  await list([PAGE]);
  for (const { functionName, route, level, method, path, body } of SAMPLE_CALLS) {
    const isOwn = functionName === "orchestrator";
    const isForPages = isOwn && ["user", "viewer", "operator"].includes(level);
    const url = `${it.stack.url}/functions/v1/${functionName}${path}`;
    for (const origin of [PAGE, "null", `${PAGE}.evil.com`]) {
      const isListed = isOwn && origin === PAGE;
      const asked = await preflight(path, origin, method, functionName);
      assert.equal(asked.status, isListed && isForPages ? 204 : 401, `${route} from ${origin}`);
      const answer = await send(url, method, { body, headers: { origin } });
      for (const { headers } of [asked, answer]) {
        assert.equal(allowed(headers), isListed ? origin : null, `${route} from ${origin}`);
        assert.equal(headers.get("access-control-allow-credentials"), null, route);
        if (isOwn) assert.match(headers.get("vary") ?? "", /origin/i, route);
      }
    }
  }
});

Deno.test("an origin that only looks like a listed one is not listed", async () => {
  const strangers = [
    ...["*", "http://admin.example.com", `${PAGE}:8443`, `${PAGE}/`, `${PAGE}m`, ` ${PAGE}.`],
    ...["https://ADMIN.example.com", "https://x.admin.example.com", "https://example.com"],
  ];
  await list([PAGE]);
  for (const origin of strangers) {
    const { status, headers } = await ask("GET", "/runs", undefined, { headers: { origin } });
    assert.deepEqual([status, allowed(headers)], [200, null], origin);
  }
  await list([]);
});
