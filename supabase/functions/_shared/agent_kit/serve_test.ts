import assert from "node:assert/strict";
import { OrchestratorError } from "../contract/errors.ts";
import type { AgentReplyClaim } from "../database/rows.ts";
import { createServiceAuth } from "../http/auth.ts";
import { type Agent, type AgentCall, fail, ok, type ReplyStore, serveAgents } from "./mod.ts";

const KEY = "sb_secret_agent_kit_test";
const authenticate = createServiceAuth({
  secretKeys: { default: KEY },
  serviceKeys: [],
  jwks: null,
});

interface StoredReply {
  requestHash: string;
  claimToken: string;
  reply: { statusCode: number; body: unknown } | null;
}

/** The seam's promises, in memory: what Postgres keeps is proved by the path tests. */
class MemoryReplies implements ReplyStore {
  readonly stored = new Map<string, StoredReply>();
  readonly holds: number[] = [];
  failOn: "begin" | "finish" | "forget" | null = null;
  #claims = 0;

  beginAgentReply(
    a: { idempotencyKey: string; requestHash: string; holdMs?: number },
  ): Promise<AgentReplyClaim> {
    if (this.failOn === "begin") return Promise.reject(away());
    this.holds.push(a.holdMs ?? -1);
    const found = this.stored.get(a.idempotencyKey);
    const none = {
      claim_token: null,
      status_code: null,
      body: null,
      retry_after_ms: null,
    };
    if (found === undefined) {
      const claimToken = `claim-${++this.#claims}`;
      this.stored.set(a.idempotencyKey, {
        requestHash: a.requestHash,
        claimToken,
        reply: null,
      });
      return Promise.resolve({
        ...none,
        state: "started",
        claim_token: claimToken,
      });
    }
    if (found.requestHash !== a.requestHash) {
      return Promise.resolve({ ...none, state: "conflict" });
    }
    if (found.reply === null) {
      return Promise.resolve({
        ...none,
        state: "in_progress",
        retry_after_ms: 700,
      });
    }
    return Promise.resolve({
      ...none,
      state: "done",
      status_code: found.reply.statusCode,
      body: found.reply.body,
    });
  }

  finishAgentReply(
    a: {
      idempotencyKey: string;
      claimToken: string;
      statusCode: number;
      body: unknown;
    },
  ): Promise<{ stored: boolean }> {
    if (this.failOn === "finish") return Promise.reject(away());
    const found = this.stored.get(a.idempotencyKey);
    if (found?.claimToken !== a.claimToken) {
      return Promise.resolve({ stored: false });
    }
    found.reply = { statusCode: a.statusCode, body: structuredClone(a.body) };
    return Promise.resolve({ stored: true });
  }

  forgetAgentReply(
    a: { idempotencyKey: string; claimToken: string },
  ): Promise<Record<string, unknown>> {
    if (this.failOn === "forget") return Promise.reject(away());
    if (this.stored.get(a.idempotencyKey)?.claimToken === a.claimToken) {
      this.stored.delete(a.idempotencyKey);
    }
    return Promise.resolve({});
  }
}

function away(): OrchestratorError {
  return new OrchestratorError(
    "unavailable",
    "calling begin_agent_reply: the database is away",
    {
      retryAfterMs: 2_000,
    },
  );
}

interface CallOptions {
  method?: string;
  path?: string;
  key?: string | null;
  body?: unknown;
  headers?: Record<string, string>;
}

function serve(run: Agent["run"], replies: ReplyStore = new MemoryReplies()) {
  const server = serveAgents({
    functionName: "my-agents",
    authenticate,
    replies,
    agents: [
      { method: "POST", path: "/work", run },
      { method: "POST", path: "/other", run },
      { method: "GET", path: "/look", run },
      { method: "POST", path: "/cheap", run, replay: false },
    ],
  });
  return (options: CallOptions = {}) => {
    const { method = "POST", path = "/work", key = "run:step:1" } = options;
    return server.fetch(
      new Request(`http://localhost/my-agents${path}`, {
        method,
        headers: {
          apikey: KEY,
          ...(key === null ? {} : { "x-idempotency-key": key, "idempotency-key": key }),
          ...options.headers,
        },
        ...(method === "GET" ? {} : { body: JSON.stringify(options.body ?? { payload: {} }) }),
      }),
    );
  };
}

async function withoutConsole<T>(
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

Deno.test("an agent gets the step's ids, payload, inputs, attempt and time left", async () => {
  const seen: AgentCall[] = [];
  const call = serve((it) => {
    seen.push(it);
    return ok({ plan: [1] });
  });
  const response = await call({
    body: {
      workflow_run_id: "r",
      workflow_key: "w",
      step_id: "s",
      attempt: 2,
      user_id: "u",
      intent_id: null,
      payload: { a: 1 },
      inputs: { gather: { b: 2 } },
      later_member: true,
    },
    headers: { "x-deadline": new Date(Date.now() + 5_000).toISOString() },
  });
  assert.equal(response.status, 200);
  assert.deepEqual(await response.json(), { ok: true, output: { plan: [1] } });
  const [got] = seen;
  assert.equal(got.workflow_run_id, "r");
  assert.equal(got.intent_id, null);
  assert.equal(got.attempt, 2);
  assert.deepEqual(got.payload, { a: 1 });
  assert.deepEqual(got.inputs, { gather: { b: 2 } });
  assert.equal(got.sent.later_member, true);
  const remaining = got.deadline.remainingMs() ?? 0;
  assert.ok(remaining > 4_000 && remaining <= 5_000);
  assert.equal(got.deadline.signal.aborted, false);
});

Deno.test("a GET brings its ids in the query and the attempt in a header, and is never kept", async () => {
  const replies = new MemoryReplies();
  let calls = 0;
  const call = serve(
    (it) => ok({ user: it.user_id, attempt: it.attempt, calls: ++calls }),
    replies,
  );
  const options = {
    method: "GET",
    path: "/look?user_id=u",
    headers: { "x-attempt": "3" },
  };
  await call(options);
  const response = await call(options);
  assert.deepEqual((await response.json()).output, {
    user: "u",
    attempt: 3,
    calls: 2,
  });
  assert.equal(replies.stored.size, 0);
});

Deno.test("a repetition of the key is answered with the first reply and runs nothing", async () => {
  let calls = 0;
  const call = serve(() => ok({ calls: ++calls }));
  const body = { payload: { a: 1, b: 2 }, inputs: {}, attempt: 1 };
  const first = await call({ body });
  const second = await call({
    body: { inputs: {}, attempt: 2, payload: { b: 2, a: 1 } },
  });
  assert.equal(first.headers.get("idempotency-replayed"), null);
  assert.equal(second.headers.get("idempotency-replayed"), "true");
  assert.deepEqual(await second.json(), await first.json());
  assert.equal(calls, 1);
  await call({ body, key: "run:step:2" });
  await call({ body, key: null });
  await call({ body, key: null });
  assert.equal(calls, 4);
});

Deno.test("falsy outputs are kept as they are", async () => {
  for (const output of [0, false, "", null]) {
    const call = serve(() => ok(output));
    assert.deepEqual(await (await call()).json(), { ok: true, output });
    assert.deepEqual(await (await call()).json(), { ok: true, output });
  }
});

Deno.test("the same key for another body or another agent is a conflict", async () => {
  const call = serve(() => ok(1));
  await call({ body: { payload: { a: 1 } } });
  for (
    const other of [{ body: { payload: { a: 2 } } }, {
      path: "/other",
      body: { payload: { a: 1 } },
    }]
  ) {
    const response = await call(other);
    assert.equal(response.status, 422);
    const body = await response.json();
    assert.equal(body.ok, false);
    assert.equal(body.code, "idempotency_conflict");
  }
});

Deno.test("while the first call runs, a second one is told to come back", async () => {
  const first = Promise.withResolvers<void>();
  const started = Promise.withResolvers<void>();
  const call = serve(async () => {
    started.resolve();
    await first.promise;
    return ok("done");
  });
  const running = call();
  await started.promise;
  const second = await call();
  assert.equal(second.status, 409);
  assert.equal(second.headers.get("retry-after"), "1");
  const body = await second.json();
  assert.deepEqual([body.ok, body.code, body.retry_after_ms], [
    false,
    "in_progress",
    700,
  ]);
  first.resolve();
  assert.deepEqual(await (await running).json(), { ok: true, output: "done" });
  assert.equal((await call()).headers.get("idempotency-replayed"), "true");
});

Deno.test("a failure for good is kept, one that may pass is not", async () => {
  const outcomes: [reply: ReturnType<typeof fail>, kept: boolean][] = [
    [fail("no such user"), true],
    [fail("bad input", { status: 400 }), true],
    [fail("try again", { retryable: true, retryAfterMs: 10 }), false],
    [fail("busy", { status: 429, retryAfterMs: 1_500 }), false],
    [fail("down", { status: 500 }), false],
    [fail("down", { status: 503, retryable: false }), false],
  ];
  for (const [reply, kept] of outcomes) {
    let calls = 0;
    const call = serve(() => {
      calls += 1;
      return reply;
    });
    const first = await call();
    assert.equal(first.status, reply.status);
    assert.equal((await first.json()).ok, false);
    await call();
    assert.equal(calls, kept ? 1 : 2, reply.body.ok ? "" : reply.body.error);
  }
});

Deno.test("retry_after_ms is sent as Retry-After too", async () => {
  const response = await serve(() => fail("busy", { status: 429, retryAfterMs: 1_500 }))();
  assert.equal(response.headers.get("retry-after"), "2");
  assert.deepEqual(await response.json(), {
    ok: false,
    error: "busy",
    retryable: true,
    retry_after_ms: 1_500,
  });
});

Deno.test("a thrown error is a bare 500 that may be retried, and the key is free again", async () => {
  let calls = 0;
  const call = serve(() => {
    calls += 1;
    if (calls === 1) throw new Error("model said: sk-private");
    return ok(calls);
  });
  const { result: failed, lines } = await withoutConsole(async () => await call());
  assert.equal(failed.status, 500);
  const text = await failed.text();
  assert.equal(text.includes("sk-private"), false);
  assert.deepEqual([JSON.parse(text).ok, JSON.parse(text).retryable], [
    false,
    true,
  ]);
  assert.match(lines[0], /sk-private/);
  assert.deepEqual(await (await call()).json(), { ok: true, output: 2 });
});

Deno.test("with the database away the agent does not run and the caller is told to come back", async () => {
  const replies = new MemoryReplies();
  replies.failOn = "begin";
  let calls = 0;
  const call = serve(() => ok(++calls), replies);
  const { result } = await withoutConsole(async () => await call());
  assert.equal(result.status, 503);
  assert.equal(result.headers.get("retry-after"), "2");
  assert.equal((await result.json()).ok, false);
  assert.equal(calls, 0);
  assert.equal((await call({ path: "/cheap" })).status, 200);
});

Deno.test("a reply that cannot be kept still reaches its caller, and the log says so", async () => {
  const replies = new MemoryReplies();
  replies.failOn = "finish";
  const call = serve(() => ok("worked"), replies);
  const { result, lines } = await withoutConsole(async () => await call());
  assert.deepEqual(await result.json(), { ok: true, output: "worked" });
  assert.match(lines[0], /"agent.reply_not_stored"/);
  const repeated = await call();
  assert.equal((await repeated.json()).code, "in_progress");
});

Deno.test("a reply of a call whose claim was taken over is delivered but not kept", async () => {
  const replies = new MemoryReplies();
  const call = serve(() => {
    replies.stored.get("run:step:1")!.claimToken = "another call";
    return ok("late");
  }, replies);
  const { result, lines } = await withoutConsole(async () => await call());
  assert.deepEqual(await result.json(), { ok: true, output: "late" });
  assert.match(lines[0], /claim had ended/);
  assert.equal(replies.stored.get("run:step:1")?.reply, null);
});

Deno.test("an agent that heeds its deadline fails in a way that may be retried", async () => {
  const replies = new MemoryReplies();
  const call = serve((it) =>
    new Promise((_resolve, reject) => {
      it.deadline.signal.addEventListener("abort", () => reject(it.deadline.signal.reason));
    }), replies);
  const { result } = await withoutConsole(async () =>
    await call({
      headers: { "x-deadline": new Date(Date.now() + 30).toISOString() },
    })
  );
  assert.equal(result.status, 504);
  assert.equal((await result.json()).retryable, true);
  assert.equal(replies.stored.size, 0);
  assert.ok(replies.holds[0] >= 5_000 && replies.holds[0] <= 5_030);
});

Deno.test("a Response of the agent's own is passed on and not kept", async () => {
  let calls = 0;
  const call = serve(() => new Response(`<html>${++calls}</html>`, { status: 200 }));
  assert.equal(await (await call()).text(), "<html>1</html>");
  assert.equal(await (await call()).text(), "<html>2</html>");
});

Deno.test("a body that is no call is refused in the envelope, naming the field", async () => {
  const call = serve(() => ok(1));
  const cases: [options: CallOptions, status: number, expected: RegExp][] = [
    [{ body: [] }, 400, /must be a map of keys/],
    [{ body: { inputs: 1 } }, 400, /inputs/],
    [{ body: { attempt: "1" } }, 400, /attempt/],
    [{ body: { payload: { a: "\u0000" } } }, 400, /cannot be stored/],
    [{ headers: { "idempotency-key": "another" } }, 400, /differ/],
    [{ key: "k".repeat(513) }, 400, /512/],
  ];
  for (const [options, status, expected] of cases) {
    const response = await call(options);
    const body = await response.json();
    assert.equal(response.status, status, JSON.stringify(options));
    assert.equal(body.ok, false);
    assert.equal(body.retryable, false);
    assert.match(body.error, expected);
  }
});

Deno.test("a caller without the service key reaches no agent", async () => {
  let calls = 0;
  const call = serve(() => ok(++calls));
  const response = await call({ headers: { apikey: "sb_publishable_x" } });
  assert.equal(response.status, 401);
  assert.match(response.headers.get("www-authenticate") ?? "", /Bearer/);
  assert.equal((await response.json()).ok, false);
  assert.equal(calls, 0);
});
