// What any caller may send to any route: it is answered in time, with what is wrong with it, and never as
// an error of ours; and the function goes on.
import assert from "node:assert/strict";
import { ROUTE_ACCESS } from "../../supabase/functions/orchestrator/routes/access.ts";
import { expectProblem, openHttpStack, send } from "../http/http_stack.ts";
import { HOSTILE_PARTS, HOSTILE_VALUES } from "./hostile_texts.ts";

const it = await openHttpStack({ env: { ORCHESTRATOR_METRICS_TOKEN: "t".repeat(40) } });
Deno.test.afterAll(() => it.stop());

const BASE = `${it.stack.url}/functions/v1/orchestrator`;
/** No answer may take that long; most take milliseconds. */
const PATIENCE_MS = 10_000;
/** An answer quotes what was wrong, not all that was sent. */
const ANSWER_MAX_CHARS = 100_000;
const NOBODY = "00000000-0000-4000-8000-000000000000";
const KEY = { apikey: it.stack.keys.secret };

function findLogged(requestId: unknown): string {
  const lines = it.stack.logs("orchestrator").split("\n");
  return lines.filter((line) => line.includes(String(requestId))).join("\n").slice(0, 5_000);
}

/** Asks, and holds the answer to what every answer must be. */
async function ask(method: string, path: string, body?: string, headers = KEY as object) {
  const what = `${method} ${path.slice(0, 200)} ${body?.slice(0, 200) ?? ""}`;
  const startedAt = performance.now();
  const answer = await send(BASE + path, method, { body, headers: { ...headers } });
  const tookMs = performance.now() - startedAt;
  // The log tells more of what failed than a caller is told.
  assert.ok(
    answer.status < 500,
    `${what}: ${answer.status} after ${tookMs} ms ${answer.text.slice(0, 500)}\n` +
      findLogged(answer.body.request_id),
  );
  assert.ok(tookMs < PATIENCE_MS, `${what}: took ${tookMs} ms`);
  if (answer.status < 400) return answer;
  assert.ok(answer.text.length < ANSWER_MAX_CHARS, `${what}: ${answer.text.length} characters`);
  const { status, kind } = answer.body;
  assert.deepEqual([status, typeof kind], [answer.status, "string"], what);
  assert.equal(answer.headers.get("x-evil"), null, what);
  assert.doesNotMatch(
    answer.text,
    /a value cannot be stored/,
    `${what}: seen by the database first`,
  );
  return answer;
}

async function isUnharmed(): Promise<void> {
  const source = JSON.stringify({
    key: "harmless",
    trigger: { type: "manual" },
    steps: [{ id: "a", call: "/functions/v1/agent-proxy/noop" }],
  });
  assert.equal((await ask("POST", "/workflows", JSON.stringify({ source }))).status, 201);
  const start = { user_id: "u", workflow_key: "harmless" };
  assert.equal((await ask("POST", "/dispatch", JSON.stringify(start))).status, 202);
}

const ROUTES = Object.keys(ROUTE_ACCESS).map((route) => {
  const [method, path] = route.split(" ");
  return { method, path, params: path.match(/:\w+/g) ?? [] };
});

Deno.test("no part of any path does harm", async () => {
  for (const { method, path, params } of ROUTES) {
    for (const hostile of params) {
      const place = path.replaceAll(/:\w+/g, (name) => {
        if (name === hostile) return "\n";
        return name === ":id" ? NOBODY : "a";
      });
      const body = method === "POST" || method === "PUT" ? "{}" : undefined;
      await Promise.all(HOSTILE_PARTS.map(async (part) => {
        const { status } = await ask(method, place.replace("\n", part), body);
        // Nothing has such a name; a source of webhooks that is not there is like a wrong signature.
        assert.ok(status >= 400, `${method} ${place.replace("\n", part)}: ${status}`);
      }));
    }
  }
  await isUnharmed();
});

Deno.test("no value of any query does harm", async () => {
  const { body } = await it.ask("GET", "/orchestrator/openapi.json");
  const paths = body.paths as Record<string, Record<string, { parameters?: Parameter[] }>>;
  let tried = 0;
  for (const [path, operations] of Object.entries(paths)) {
    for (const [method, { parameters = [] }] of Object.entries(operations)) {
      // A stream does not end.
      if (path.endsWith("/events") && method === "get") continue;
      for (const { name } of parameters.filter((parameter) => parameter.in === "query")) {
        tried++;
        const place = path.replaceAll(/\{\w+\}/g, NOBODY);
        await Promise.all(
          HOSTILE_PARTS.map((part) =>
            ask(
              method.toUpperCase(),
              `${place}?${name}=${part}`,
              method === "get" ? undefined : "{}",
            )
          ),
        );
      }
    }
  }
  assert.ok(tried > 20, `the description names ${tried} parameters`);
  await isUnharmed();
});

interface Parameter {
  name: string;
  in: string;
}

/** Bodies that are taken, so that a hostile member is looked at by all that looks at members. */
const BODIES: Record<string, Record<string, unknown>> = {
  "POST /dispatch": {
    user_id: "u",
    workflow_key: "daily_instructor_v1",
    payload: {},
    intent_id: "i",
    idempotency_key: null,
    priority: 1,
    run_at: null,
  },
  "POST /events": { user_id: "u", type: "t", payload: {}, idempotency_key: null, intent_id: "i" },
  "POST /http": {
    call: "/functions/v1/agent-proxy/noop",
    body: {},
    timeout_ms: 1_000,
    idempotency_key: "k",
    method: "POST",
  },
  "POST /rate_limit": { key: "k" },
  "POST /runs/bulk": { action: "cancel", filter: {}, newest: NOBODY, reason: "r" },
  "POST /runs/:id/restart": { mode: "whole", reason: "r" },
  "POST /runs/:id/cancel": { reason: "r" },
  "POST /runs/:id/steps": {
    author: "a",
    steps: [{ id: "a", call: "/functions/v1/agent-proxy/noop" }],
  },
  "POST /runs/:id/steps/:step/approve": { actor: "a", reason: "r", output: {} },
  "POST /jobs/bulk": { action: "retry", filter: { status: "dead" }, newest: 0 },
  "POST /workflows": { source: "key: a" },
  "PUT /hooks/:source": { preset: "standard", event_type: "a", user_id: "u", filter: null },
  "POST /hooks/:source/rotate": { secret: "s".repeat(20), overlap_seconds: 1 },
  "POST /keys": { name: "n", workflow_keys: ["*"], user_id: "u" },
  "PUT /destinations/:name": {
    kind: "webhook",
    url: "https://hooks.example.com/",
    types: ["run.failed"],
  },
  "POST /destinations/:name/replay": { delivery_id: NOBODY },
  "PUT /rate_limits/policies": { pattern: "user:*:agent:a", capacity: 5, refill_rate: 1 },
  "PUT /alerts/rules/:name": { enabled: true },
  "POST /deliveries": { payload: { delivery_id: NOBODY }, callback_url: "https://a.example/" },
};

/** Values of so many characters are tried where somebody looks into them, and as some whole bodies. */
const LARGE = 10_000;
const FREE_MEMBERS = new Set(["payload", "body", "output", "steps", "types"]);
const LARGE_BODIES = new Set(["POST /dispatch", "POST /runs/bulk", "PUT /destinations/:name"]);

Deno.test("no body of any route does harm, whole or in any of its members", async () => {
  for (const { method, path } of ROUTES) {
    if (method !== "POST" && method !== "PUT") continue;
    const place = path.replaceAll(/:\w+/g, (name) => name === ":id" ? NOBODY : "harmless");
    const members = Object.entries(BODIES[`${method} ${path}`] ?? {});
    const isTried = (json: string) => json.length < LARGE || LARGE_BODIES.has(`${method} ${path}`);
    const bodies = HOSTILE_VALUES.flatMap(([, json]) => [
      ...(isTried(json) ? [json] : []),
      ...members.filter(([name]) => json.length < LARGE || FREE_MEMBERS.has(name)).map((
        [hostile],
      ) =>
        `{${
          members.map(([name, value]) =>
            `"${name}":${name === hostile ? json : JSON.stringify(value)}`
          )
        }}`
      ),
    ]);
    for (let at = 0; at < bodies.length; at += 8) {
      await Promise.all(bodies.slice(at, at + 8).map((body) => ask(method, place, body)));
    }
  }
  await isUnharmed();
});

Deno.test("a body of unknown fields is refused with some of them named, in time", async () => {
  const fields = Array.from({ length: 80_000 }, (_, n) => `"u${n}":0`);
  const answer = await ask("POST", "/dispatch", `{${fields}}`);
  expectProblem(answer, {
    status: 400,
    kind: "invalid",
    path: "user_id",
    message: /and 80001 more/,
  });
});

Deno.test("every line that these requests have logged is one record of JSON", () => {
  const lines = it.stack.logs("orchestrator").trimEnd().split("\n");
  const records = lines.filter((line) => line.startsWith("{")).map((line) => JSON.parse(line));
  assert.ok(records.length > 0);
  // deno-lint-ignore no-control-regex
  const controls = lines.filter((line) => /[\x00-\x08\x0b-\x1f\x7f\u2028\u2029]/.test(line));
  assert.deepEqual(controls, []);
});
