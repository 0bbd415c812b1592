import assert from "node:assert/strict";
import { readAgentCall } from "../_shared/agent_kit/agent_call.ts";
import { type Agent, type AgentReply, ok } from "../_shared/agent_kit/mod.ts";
import type { Failure } from "./failures.ts";
import { followScript, type Script } from "./script.ts";

const work: Agent = {
  method: "POST",
  path: "/work",
  run: () => ok("own output"),
};

interface RequestOptions {
  script?: unknown;
  stepId?: string;
  key?: string;
  attempt?: number;
  item?: number;
  deadlineMs?: number;
  signal?: AbortSignal;
}

function createRequest(options: RequestOptions): Request {
  const {
    script,
    stepId = "create_plan",
    key,
    attempt = 1,
    item,
    deadlineMs,
    signal,
  } = options;
  const payload = script === undefined ? {} : { agents: { create_plan: script } };
  return new Request("http://localhost/agent-proxy/work", {
    method: "POST",
    body: JSON.stringify({ step_id: stepId, attempt, payload }),
    headers: {
      ...(key === undefined ? {} : { "x-idempotency-key": key }),
      ...(item === undefined ? {} : { "x-item-index": String(item) }),
      ...(deadlineMs === undefined
        ? {}
        : { "x-deadline": new Date(Date.now() + deadlineMs).toISOString() }),
    },
    signal,
  });
}

async function run(options: RequestOptions): Promise<AgentReply | Response> {
  const call = await readAgentCall(createRequest(options), 10_000);
  try {
    return await followScript(work).run(call);
  } finally {
    call.deadline.close();
  }
}

async function runReply(options: RequestOptions): Promise<AgentReply> {
  const reply = await run(options);
  assert.ok(!(reply instanceof Response));
  return reply;
}

Deno.test("without a script for its step an agent does its own work", async () => {
  for (
    const options of [{}, {
      script: { fail_with: "not_ok" },
      stepId: "another",
    }]
  ) {
    assert.deepEqual((await runReply(options)).body, {
      ok: true,
      output: "own output",
    });
  }
});

Deno.test("fail_times fails that many attempts and then behaves", async () => {
  const script = { fail_times: 2 } satisfies Script;
  const statuses = [];
  for (let attempt = 1; attempt <= 3; attempt++) {
    statuses.push((await runReply({ script, attempt })).status);
  }
  assert.deepEqual(statuses, [500, 500, 200]);
});

Deno.test("output replaces the agent's own, also by null", async () => {
  for (const output of [{ a: 1 }, 0, null]) {
    assert.deepEqual((await runReply({ script: { output } })).body, {
      ok: true,
      output,
    });
  }
});

Deno.test("an item follows its own script, and the step's where it has none", async () => {
  const script = {
    output: "step",
    items: { 2: { fail_with: "not_ok" }, 3: { output: "third" } },
  };
  const outputs = [];
  for (const item of [undefined, 0, 2, 3]) {
    outputs.push((await runReply({ script, item })).body.output);
  }
  assert.deepEqual(outputs, ["step", "step", undefined, "third"]);
});

Deno.test("failures in the envelope say what the contract lets them say", async () => {
  const cases: [
    fail_with: Failure,
    status: number,
    retryable: boolean,
    retryAfterMs?: number,
  ][] = [
    ["http_500", 500, true],
    ["http_400", 400, false],
    ["http_429", 429, true, 1_234],
    ["http_503", 503, true, 1_234],
    ["not_ok", 200, false],
    ["not_ok_retryable", 200, true, 1_234],
  ];
  for (const [fail_with, status, retryable, retryAfterMs] of cases) {
    const reply = await runReply({
      script: { fail_with, retry_after_ms: 1_234 },
    });
    assert.equal(reply.status, status, fail_with);
    assert.equal(reply.body.ok, false);
    assert.equal(reply.body.retryable, retryable);
    assert.equal(reply.body.retry_after_ms, retryAfterMs);
  }
});

Deno.test("a timeout outlasts the deadline and ends when the caller hangs up", async () => {
  const caller = new AbortController();
  const started = performance.now();
  const running = run({
    script: { fail_with: "timeout" },
    deadlineMs: 20,
    signal: caller.signal,
  });
  const first = await Promise.race([
    running.then(() => "answered"),
    new Promise((resolve) => setTimeout(() => resolve("still waiting"), 100)),
  ]);
  assert.equal(first, "still waiting");
  caller.abort();
  await running;
  assert.ok(performance.now() - started < 1_500);
});

Deno.test("a delay ends with the deadline", async () => {
  await assert.rejects(run({ script: { delay_ms: 60_000 }, deadlineMs: 20 }), {
    name: "TimeoutError",
  });
  assert.equal((await runReply({ script: { delay_ms: 1 } })).status, 200);
});

Deno.test("broken answers look broken to an HTTP client", async () => {
  const server = Deno.serve({
    port: 0,
    onListen: () => {},
    onError: () => new Response(),
  }, (it) => {
    const fail_with = new URL(it.url).searchParams.get("fail_with");
    return run({ script: { fail_with } }) as Promise<Response>;
  });
  const get = (failure: Failure) =>
    fetch(`http://localhost:${server.addr.port}/?fail_with=${failure}`);
  try {
    await assert.rejects((await get("garbage")).json(), SyntaxError);
    const html = await get("html");
    assert.match(html.headers.get("content-type") ?? "", /text\/html/);
    assert.match(await html.text(), /<h1>/);
    assert.equal(await (await get("empty")).text(), "");
    await assert.rejects((await get("drop")).text());
    const endless = await get("endless");
    let size = 0;
    for await (const chunk of endless.body!) {
      size += chunk.length;
      if (size > 1_000_000) break;
    }
    assert.ok(size > 1_000_000);
  } finally {
    await server.shutdown();
  }
});

Deno.test("a script that cannot be read is refused, naming the field", async () => {
  const cases: [script: unknown, expected: RegExp][] = [
    [{ fail_wiht: "not_ok" }, /fail_wiht.*did you mean fail_with/],
    [{ fail_with: "http_418" }, /fail_with/],
    [{ delay_ms: -1 }, /delay_ms/],
    ["http_500", /must be a map of keys/],
  ];
  for (const [script, expected] of cases) {
    await assert.rejects(run({ script }), {
      kind: "invalid",
      message: expected,
    });
  }
});

Deno.test("a GET reads its script from the query", async () => {
  const look: Agent = { ...work, method: "GET" };
  const lookAt = async (query: string) => {
    const call = await readAgentCall(
      new Request(`http://localhost/look?${query}`),
      100,
    );
    return followScript(look).run(call);
  };
  const script = encodeURIComponent(JSON.stringify({ fail_with: "http_503" }));
  assert.equal((await lookAt(`script=${script}`) as AgentReply).status, 503);
  assert.equal((await lookAt("user_id=u") as AgentReply).status, 200);
  await assert.rejects(lookAt("script=%7B"), { kind: "invalid" });
});
