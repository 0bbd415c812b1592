import assert from "node:assert/strict";
import { type AgentCall, callAgent, type CallerIdentity } from "./call.ts";

/** Runs a test against a real HTTP server that answers as `handler` does. */
async function withAgent(
  handler: (request: Request) => Response | Promise<Response>,
  test: (identity: CallerIdentity) => Promise<void>,
): Promise<void> {
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, handler);
  try {
    await test(identityOf(server.addr.port));
  } finally {
    await server.shutdown();
  }
}

/** Runs a test against a TCP server that does to each connection what `handler` does. */
async function withRawAgent(
  handler: (connection: Deno.Conn) => Promise<void>,
  test: (identity: CallerIdentity) => Promise<void>,
): Promise<void> {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const work: Promise<void>[] = [];
  const accepting = (async () => {
    for await (const connection of listener) {
      work.push(handler(connection).catch(() => {}).finally(() => closeQuietly(connection)));
    }
  })();
  try {
    await test(identityOf(listener.addr.port));
  } finally {
    listener.close();
    await accepting;
    await Promise.all(work);
  }
}

function closeQuietly(connection: Deno.Conn): void {
  try {
    connection.close();
  } catch {
    // Closed already.
  }
}

async function reply(connection: Deno.Conn, text: string): Promise<void> {
  await connection.read(new Uint8Array(65_536));
  await connection.write(new TextEncoder().encode(text));
}

function identityOf(port: number): CallerIdentity {
  return {
    baseUrl: `http://127.0.0.1:${port}`,
    allowedAgentHosts: [],
    serviceJwt: "service-jwt",
    secretKey: "secret-key",
    outputMaxBytes: 1_000,
  };
}

const call: AgentCall = { call: "/functions/v1/agent", method: "POST", timeoutMs: 5_000 };

Deno.test("a call carries credentials, headers, query and body, and brings the answer back", async () => {
  await withAgent(async (request) => {
    const url = new URL(request.url);
    return Response.json({
      path: url.pathname + url.search,
      authorization: request.headers.get("authorization"),
      apikey: request.headers.get("apikey"),
      step: request.headers.get("x-step-id"),
      body: await request.json(),
    }, { status: 201, headers: { "retry-after": "7" } });
  }, async (identity) => {
    const outcome = await callAgent({
      ...call,
      headers: { "x-step-id": "s" },
      query: { user_id: "a b", intent_id: null },
      body: { n: 1 },
    }, identity);
    assert.equal(outcome.kind, "received");
    if (outcome.kind !== "received") return;
    assert.deepEqual([outcome.status, outcome.retryAfter, outcome.isCut], [201, "7", false]);
    assert.deepEqual(JSON.parse(outcome.text), {
      path: "/functions/v1/agent?user_id=a+b",
      authorization: "Bearer service-jwt",
      apikey: "secret-key",
      step: "s",
      body: { n: 1 },
    });
  });
});

Deno.test("a caller's headers cannot replace the credentials", async () => {
  await withAgent(
    (request) => new Response(request.headers.get("authorization")),
    async (identity) => {
      const headers = { authorization: "Bearer other", Authorization: "Bearer third" };
      const outcome = await callAgent({ ...call, headers }, identity);
      assert.equal(outcome.kind === "received" && outcome.text, "Bearer service-jwt");
    },
  );
});

Deno.test("an agent that does not answer ends as a timeout, and its connection is closed", async () => {
  const closed = Promise.withResolvers<void>();
  await withRawAgent(async (connection) => {
    const buffer = new Uint8Array(65_536);
    while (await connection.read(buffer) !== null);
    closed.resolve();
  }, async (identity) => {
    const outcome = await callAgent({ ...call, timeoutMs: 50 }, identity);
    assert.equal(outcome.kind, "timeout");
    await closed.promise;
  });
});

Deno.test("the timeout covers a body that never ends", async () => {
  const cancelled = Promise.withResolvers<void>();
  await withAgent(() => {
    const body = new ReadableStream({
      start: (it) => it.enqueue(new Uint8Array([123])),
      cancel: () => cancelled.resolve(),
    });
    return new Response(body);
  }, async (identity) => {
    const outcome = await callAgent({ ...call, timeoutMs: 100 }, identity);
    assert.equal(outcome.kind, "timeout");
    await cancelled.promise;
  });
});

Deno.test("an endless body is cut at the limit and its connection closed", async () => {
  const cancelled = Promise.withResolvers<void>();
  await withAgent(() => {
    const body = new ReadableStream({
      pull: (it) => it.enqueue(new Uint8Array(512).fill(97)),
      cancel: () => cancelled.resolve(),
    });
    return new Response(body);
  }, async (identity) => {
    const outcome = await callAgent(call, identity);
    assert.equal(outcome.kind, "received");
    if (outcome.kind !== "received") return;
    assert.deepEqual([outcome.isCut, outcome.text.length], [true, 1_000]);
    await cancelled.promise;
  });
});

Deno.test("a body of exactly the limit is whole", async () => {
  await withAgent(() => new Response("a".repeat(1_000)), async (identity) => {
    const outcome = await callAgent(call, identity);
    assert.equal(outcome.kind === "received" && outcome.isCut, false);
  });
});

Deno.test("an answer that says its length and is too long is cut at the limit", async () => {
  await withAgent(() => new Response("a".repeat(1_001)), async (identity) => {
    const outcome = await callAgent(call, identity);
    assert.equal(outcome.kind, "received");
    if (outcome.kind !== "received") return;
    assert.deepEqual([outcome.isCut, outcome.text.length], [true, 1_000]);
  });
});

Deno.test("a compressed answer counts as long as it is unpacked", async () => {
  await withAgent(async () => {
    const packed = new Blob(["a".repeat(100_000)]).stream()
      .pipeThrough(new CompressionStream("gzip"));
    const body = await new Response(packed).arrayBuffer();
    assert.ok(body.byteLength < 1_000, "told length is within the limit");
    return new Response(body, { headers: { "content-encoding": "gzip" } });
  }, async (identity) => {
    const outcome = await callAgent(call, identity);
    assert.equal(outcome.kind, "received");
    if (outcome.kind !== "received") return;
    assert.deepEqual([outcome.isCut, outcome.text.length], [true, 1_000]);
  });
});

Deno.test("bytes are counted, not characters, whether an answer says its length or not", async () => {
  const text = '{"ok":true,"name":"Zoë"}';
  const chunked = () => new Response(new Blob([text]).stream());
  for (const answer of [() => new Response(text), chunked]) {
    await withAgent(answer, async (identity) => {
      const outcome = await callAgent(call, identity);
      assert.equal(outcome.kind, "received");
      if (outcome.kind !== "received") return;
      assert.deepEqual([outcome.text, outcome.bytes, outcome.isCut], [text, 25, false]);
    });
  }
});

Deno.test("redirects are not followed", async () => {
  let calls = 0;
  await withAgent(() => {
    calls++;
    return new Response(null, { status: 302, headers: { location: "http://127.0.0.1:1/" } });
  }, async (identity) => {
    const outcome = await callAgent(call, identity);
    assert.equal(outcome.kind === "received" && outcome.status, 302);
    assert.equal(calls, 1);
  });
});

Deno.test("a dropped connection is a network error", async () => {
  await withRawAgent(async (connection) => {
    await connection.read(new Uint8Array(65_536));
  }, async (identity) => {
    assert.equal((await callAgent(call, identity)).kind, "network");
  });
});

Deno.test("an answer that breaks off is a network error", async () => {
  const head = "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n";
  await withRawAgent((connection) => reply(connection, `${head}{"ok":`), async (identity) => {
    assert.equal((await callAgent(call, identity)).kind, "network");
  });
});

Deno.test("an answer that is not HTTP is a network error", async () => {
  await withRawAgent((connection) => reply(connection, "garbage\r\n\r\n"), async (identity) => {
    assert.equal((await callAgent(call, identity)).kind, "network");
  });
});

Deno.test("a refused connection is a network error that does not tell the URL's query", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const identity = identityOf(listener.addr.port);
  listener.close();
  const outcome = await callAgent({ ...call, query: { user_id: "u-42" } }, identity);
  assert.equal(outcome.kind, "network");
  assert.ok(outcome.kind === "network" && !outcome.message.includes("u-42"), "tells the user");
});

Deno.test("a lost lease aborts the call", async () => {
  const arrived = Promise.withResolvers<void>();
  const release = Promise.withResolvers<void>();
  await withAgent(async () => {
    arrived.resolve();
    await release.promise;
    return new Response();
  }, async (identity) => {
    const lost = new AbortController();
    const outcome = callAgent(call, identity, lost.signal);
    await arrived.promise;
    lost.abort();
    assert.equal((await outcome).kind, "aborted");
    release.resolve();
    assert.equal((await callAgent(call, identity, lost.signal)).kind, "aborted");
  });
});

Deno.test("a call that leads out of the project is refused unsent", async () => {
  const outcome = await callAgent({ ...call, call: "https://evil.example/" }, identityOf(1));
  assert.equal(outcome.kind, "refused");
});

Deno.test("a header that cannot be sent does not throw", async () => {
  const outcome = await callAgent({ ...call, headers: { "x-bad": "a\nb" } }, identityOf(1));
  assert.equal(outcome.kind, "network");
});
