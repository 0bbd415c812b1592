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

/** The output of a successful call. */
async function callForOutput(
  path: string,
  body: Record<string, unknown> = {},
): Promise<Record<string, unknown>> {
  const { status, body: reply } = await call(
    "POST",
    `/agent-proxy/${path}`,
    body,
  );
  assert.deepEqual([status, reply.ok], [200, true], JSON.stringify(reply));
  return reply.output as Record<string, unknown>;
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

Deno.test("enrich finds as many contacts as the payload says, the same for the same lead", async () => {
  const inputs = { lead: "acme" };
  const first = await callForOutput("enrich", { inputs });
  assert.equal((first.contacts as unknown[]).length, 3);
  assert.deepEqual(await callForOutput("enrich", { inputs }), first);
  const wide = await callForOutput("enrich", {
    inputs,
    payload: { contacts: 120 },
  });
  assert.equal((wide.contacts as unknown[]).length, 120);
  const none = await callForOutput("enrich", {
    inputs,
    payload: { contacts: 0 },
  });
  assert.deepEqual(none.contacts, []);
});

Deno.test("score gives a contact a value from 0 to 100 and fails for good without one", async () => {
  const { contacts } = await callForOutput("enrich", {
    payload: { contacts: 50 },
  });
  for (const [n, contact] of (contacts as unknown[]).entries()) {
    const { value } = await callForOutput("score", { inputs: { contact, n } });
    assert.ok(typeof value === "number" && value >= 0 && value <= 100);
  }
  const { body } = await call("POST", "/agent-proxy/score", { inputs: {} });
  assert.deepEqual([body.ok, body.retryable], [false, false]);
});

Deno.test("each booking is cancelled by its reference, from `with` or from the undone step's output", async () => {
  const pairs = [
    ["reserve_flight", "cancel_flight"],
    ["book_hotel", "cancel_hotel"],
    ["charge_card", "cancel_charge"],
  ];
  for (const [book, cancel] of pairs) {
    const booked = await callForOutput(book, { user_id: "ada" });
    const { reference } = booked;
    for (const inputs of [{ reference }, { [book]: booked }]) {
      assert.equal(
        (await callForOutput(cancel, { inputs })).reference,
        reference,
      );
    }
    const { body } = await call("POST", `/agent-proxy/${cancel}`);
    assert.deepEqual([body.ok, body.retryable], [false, false]);
  }
});

Deno.test("the planner appends a step for each topic, and one behind all of them", async () => {
  const { body } = await call("POST", "/agent-proxy/planner", {
    step_id: "plan",
    payload: { topics: ["a", "b"] },
  });
  const steps = body.steps as { id: string; depends_on: string[] }[];
  assert.deepEqual(steps.map(({ id, depends_on }) => [id, depends_on]), [
    ["plan_1", ["plan"]],
    ["plan_2", ["plan"]],
    ["plan_summary", ["plan_1", "plan_2"]],
  ]);
});

Deno.test("the report comes by callback, when and how the script says", async () => {
  const posted: unknown[] = [];
  const arrived = Promise.withResolvers<void>();
  const orchestrator = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    async (request) => {
      const { pathname } = new URL(request.url);
      posted.push([pathname, await request.json().catch(() => null)]);
      if (pathname === "/cb") arrived.resolve();
      return Response.json({});
    },
  );
  const url = `http://127.0.0.1:${orchestrator.addr.port}/cb`;
  try {
    const response = await server.fetch(
      new Request("http://localhost/agent-proxy/report", {
        method: "POST",
        headers: {
          apikey: KEY,
          "x-callback-url": url,
          "x-callback-heartbeat-url": `${url}/heartbeat`,
        },
        body: JSON.stringify({
          step_id: "write",
          payload: {
            agents: {
              write: { output: 7, callback: { after_ms: 20, beat_ms: 10 } },
            },
          },
        }),
      }),
    );
    assert.equal(response.status, 202);
    await arrived.promise;
    assert.deepEqual(posted, [["/cb/heartbeat", null], ["/cb", {
      ok: true,
      output: 7,
    }]]);
  } finally {
    await orchestrator.shutdown();
  }
});

Deno.test("notify sends the text that it is given, or the plan's headline", async () => {
  const inputs = { text: "3 scored", channel: "#leads" };
  const sent = await callForOutput("notify", { user_id: "ada", inputs });
  assert.deepEqual([sent.title, sent.channel], ["3 scored", "#leads"]);
});
