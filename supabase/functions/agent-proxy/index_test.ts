import assert from "node:assert/strict";
import { parse } from "yaml";

const KEY = "sb_secret_agent_proxy_test";

interface Step {
  id: string;
  call: string;
  method?: string;
  depends_on?: string[];
}

Deno.env.set("SUPABASE_URL", "http://127.0.0.1:1");
Deno.env.set("SUPABASE_SECRET_KEYS", JSON.stringify({ default: KEY }));
const { default: server } = await import("./index.ts");

async function call(
  method: string,
  path: string,
  body: Record<string, unknown> = {},
): Promise<{ status: number; body: Record<string, unknown> }> {
  const response = await server.fetch(
    new Request(`http://localhost${path}`, {
      method,
      headers: { apikey: KEY },
      ...(method === "GET" ? {} : { body: JSON.stringify(body) }),
    }),
  );
  return { status: response.status, body: await response.json() };
}

async function readSteps(file: string): Promise<Step[]> {
  const url = new URL(`../../../workflows/${file}`, import.meta.url);
  return parse(await Deno.readTextFile(url)).steps;
}

/** Calls the steps in the file's order, which is one that their dependencies allow. */
async function runByHand(file: string): Promise<Record<string, unknown>> {
  const outputs: Record<string, unknown> = {};
  for (const step of await readSteps(file)) {
    const inputs = Object.fromEntries(
      (step.depends_on ?? []).map((parent) => [parent, outputs[parent]]),
    );
    const path = step.call.replace("/functions/v1", "");
    const method = step.method ?? "POST";
    const query = method === "GET" ? "?user_id=test-user-id" : "";
    const { status, body } = await call(method, `${path}${query}`, {
      workflow_run_id: "run-1",
      user_id: "test-user-id",
      step_id: step.id,
      inputs,
    });
    assert.equal(status, 200, step.call);
    assert.equal(body.ok, true, `${step.call}: ${JSON.stringify(body)}`);
    outputs[step.id] = body.output;
  }
  return outputs;
}

Deno.test("every step of both seed workflows has its agent, and outputs build on inputs", async () => {
  const daily = await runByHand("daily_instructor_v1.yml") as Record<
    string,
    Record<string, unknown>
  >;
  assert.equal(daily.notify.title, daily.create_plan.headline);
  assert.ok(
    String(daily.create_plan.headline).includes(
      String(daily.gather_signals.weakest_skill),
    ),
  );
  const weekly = await runByHand("weekly_seed_v1.yml") as Record<
    string,
    Record<string, unknown>
  >;
  assert.equal(
    weekly.brand_ingest.briefing,
    "This week: 3 exercises and 3 questions",
  );
});

Deno.test("the briefing fails for good when a parent's output is missing", async () => {
  const { body } = await call("POST", "/agent-proxy/brand/update-briefing");
  assert.deepEqual([body.ok, body.retryable], [false, false]);
});

Deno.test("the limited agent lets its capacity through and then says when to come back", async () => {
  const replies = [];
  for (let index = 0; index < 20; index++) {
    replies.push(await call("POST", "/agent-proxy/limited"));
  }
  const refused = replies.filter(({ status }) => status === 429);
  assert.ok(replies.slice(0, 5).every(({ status }) => status === 200));
  assert.ok(refused.length > 0);
  assert.ok(Number(refused[0].body.retry_after_ms) <= 100);
});

Deno.test("echo shows what was sent but not the key", async () => {
  const { body } = await call("POST", "/agent-proxy/echo", {
    payload: { a: 1 },
  });
  const text = JSON.stringify(body);
  assert.equal(text.includes(KEY), false);
  assert.match(text, /"payload":\{"a":1\}/);
  assert.match(text, /"has_apikey":true/);
});

Deno.test("noop needs no database even with an idempotency key", async () => {
  const response = await server.fetch(
    new Request("http://localhost/agent-proxy/noop", {
      method: "POST",
      headers: { apikey: KEY, "x-idempotency-key": "a" },
    }),
  );
  assert.deepEqual(await response.json(), { ok: true, output: null });
});

Deno.test("the example agents refuse callers without a service key", async () => {
  const response = await server.fetch(
    new Request("http://localhost/agent-proxy/snapshot"),
  );
  assert.equal(response.status, 401);
});
