import assert from "node:assert/strict";
import { createServiceAuth } from "../http/auth.ts";
import {
  type Agent,
  answerLater,
  callBack,
  fail,
  later,
  ok,
  type ReplyStore,
  sendHeartbeat,
  serveAgents,
} from "./mod.ts";

const KEY = "sb_secret_callback_test";
const authenticate = createServiceAuth({
  secretKeys: { default: KEY },
  serviceKeys: [],
  jwks: null,
});

/** An orchestrator that takes callbacks and answers each with the next of `statuses`. */
async function withOrchestrator(
  statuses: number[],
  test: (
    url: string,
    posted: { path: string; body: unknown }[],
  ) => Promise<void>,
): Promise<void> {
  const posted: { path: string; body: unknown }[] = [];
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    async (request) => {
      const text = await request.text();
      const { pathname: path } = new URL(request.url);
      posted.push({ path, body: text === "" ? null : JSON.parse(text) });
      return new Response("{}", { status: statuses[posted.length - 1] ?? 200 });
    },
  );
  try {
    await test(`http://127.0.0.1:${server.addr.port}/callbacks/t`, posted);
  } finally {
    await server.shutdown();
  }
}

const target = (url: string) => ({
  callback: { url, heartbeatUrl: `${url}/heartbeat` },
});

function call(run: Agent["run"], url: string | null, replies?: ReplyStore) {
  const server = serveAgents({
    functionName: "my-agents",
    authenticate,
    replies,
    agents: [{
      method: "POST",
      path: "/work",
      run,
      replay: replies !== undefined,
    }],
  });
  return server.fetch(
    new Request("http://localhost/my-agents/work", {
      method: "POST",
      headers: {
        apikey: KEY,
        "x-idempotency-key": "run:step:0",
        "x-item-index": "4",
        ...(url === null ? {} : {
          "x-callback-url": url,
          "x-callback-heartbeat-url": `${url}/heartbeat`,
        }),
      },
      body: JSON.stringify({
        payload: {},
        ...(url === null ? {} : { callback_url: url }),
      }),
    }),
  );
}

Deno.test("an agent that answers later is answered 202 at once, and its reply posted when it is there", async () => {
  await withOrchestrator([], async (url, posted) => {
    const gate = Promise.withResolvers<void>();
    const done = Promise.withResolvers<void>();
    const response = await call((it) =>
      answerLater(it, async () => {
        await gate.promise;
        done.resolve();
        return ok({ item: it.item_index });
      }), url);
    assert.equal(response.status, 202);
    assert.equal(posted.length, 0);
    gate.resolve();
    await done.promise;
    while (posted.length === 0) {
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    assert.deepEqual(posted, [{
      path: "/callbacks/t",
      body: { ok: true, output: { item: 4 } },
    }]);
  });
});

Deno.test("work that throws is posted as a failure that may be retried", async () => {
  await withOrchestrator([], async (url, posted) => {
    const { error } = console;
    console.error = () => {};
    try {
      await call((it) =>
        answerLater(it, () => {
          throw new TypeError("secret detail");
        }), url);
      while (posted.length === 0) {
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
    } finally {
      console.error = error;
    }
    assert.deepEqual(posted[0].body, {
      ok: false,
      error: "the agent failed",
      retryable: true,
    });
  });
});

Deno.test("a caller that knows no later gets a failure instead of a 202 that it would take for the result", async () => {
  let worked = 0;
  const response = await call(
    (it) => answerLater(it, () => ok(++worked)),
    null,
  );
  const body = await response.json();
  assert.deepEqual([response.status, body.ok, body.retryable], [
    200,
    false,
    false,
  ]);
  assert.match(body.error, /mode: async/);
  assert.equal(worked, 0);
});

Deno.test("a 202 is not kept for repetitions: the next attempt has a URL of its own", async () => {
  const calls: string[] = [];
  const replies: ReplyStore = {
    beginAgentReply: ({ requestHash }) => {
      calls.push(requestHash);
      return Promise.resolve({
        state: "started",
        claim_token: "c",
        status_code: null,
        body: null,
        retry_after_ms: null,
      });
    },
    finishAgentReply: () => Promise.reject(new Error("a 202 was kept")),
    forgetAgentReply: () => Promise.resolve({}),
  };
  await call(() => later(), "http://127.0.0.1:1/callbacks/first", replies);
  await call(() => later(), "http://127.0.0.1:1/callbacks/second", replies);
  assert.equal(calls.length, 2);
  assert.equal(calls[0], calls[1], "the URL is no part of what was asked");
});

Deno.test("a callback is posted again while the orchestrator is away", async () => {
  await withOrchestrator([503, 429, 500, 200], async (url, posted) => {
    const delivery = await callBack(target(url), ok(1), [1, 1, 1]);
    assert.deepEqual(delivery, { delivered: true, status: 200 });
    assert.equal(posted.length, 4);
  });
});

Deno.test("a callback that is refused is not posted again", async () => {
  for (const status of [401, 404, 409, 413]) {
    await withOrchestrator([status], async (url, posted) => {
      const delivery = await callBack(target(url), fail("no"), [1, 1]);
      assert.deepEqual(delivery, { delivered: false, status });
      assert.equal(posted.length, 1);
    });
  }
});

Deno.test("a callback gives up on an orchestrator that stays away", async () => {
  await withOrchestrator([503, 503, 503], async (url, posted) => {
    assert.deepEqual(await callBack(target(url), ok(1), [1, 1]), {
      delivered: false,
      status: 503,
    });
    assert.equal(posted.length, 3);
  });
  const nobody = target("http://127.0.0.1:1/callbacks/t");
  assert.deepEqual(await callBack(nobody, ok(1), []), {
    delivered: false,
    status: null,
  });
});

Deno.test("a heartbeat tells whether anybody still waits", async () => {
  await withOrchestrator([200, 409, 503], async (url, posted) => {
    assert.equal(await sendHeartbeat(target(url)), true);
    assert.equal(await sendHeartbeat(target(url)), false);
    assert.equal(await sendHeartbeat(target(url)), true, "away is no answer");
    assert.deepEqual(
      posted.map(({ path }) => path),
      Array(3).fill("/callbacks/t/heartbeat"),
    );
  });
});
