import assert from "node:assert/strict";
import { postMessage } from "./post.ts";
import { resolveHost } from "./resolve.ts";

type Handler = (request: Request) => Response | Promise<Response>;

/** Posts to a server that answers so. */
async function post(handler: Handler, timeoutMs = 5_000) {
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, handler);
  const host = `127.0.0.1:${server.addr.port}`;
  try {
    return await postMessage({ url: `http://${host}/`, kind: "webhook", headers: {}, body: "{}" }, {
      policy: { allowedWebhookHosts: [host] },
      resolve: resolveHost,
      timeoutMs,
    });
  } finally {
    await server.shutdown();
  }
}

Deno.test("an answer comes back with its status, its text and when to come again", async () => {
  const outcome = await post(() =>
    new Response("busy", { status: 429, headers: { "retry-after": "7" } })
  );
  assert.deepEqual(outcome, { kind: "answered", status: 429, retryAfter: "7", text: "busy" });
});

Deno.test("a receiver that never answers, or never ends its answer, is given up in time", async () => {
  const gate = Promise.withResolvers<Response>();
  const hung = await post(() => {
    setTimeout(() => gate.resolve(new Response()), 400);
    return gate.promise;
  }, 100);
  assert.deepEqual(hung, { kind: "timeout", timeoutMs: 100 });
  const endless = await post(
    () => new Response(new ReadableStream({ pull: () => new Promise(() => {}) })),
    100,
  );
  assert.deepEqual(endless, { kind: "timeout", timeoutMs: 100 });
});

Deno.test("no more of an answer is read than 64 KiB", async () => {
  let sent = 0;
  const outcome = await post(() =>
    new Response(
      new ReadableStream<Uint8Array>({
        pull: (stream) => {
          sent += 65_536;
          stream.enqueue(new Uint8Array(65_536).fill(65));
        },
      }),
      { status: 500 },
    )
  );
  assert.ok(outcome.kind === "answered" && outcome.text.length === 65_536, outcome.kind);
  assert.ok(sent < 20_000_000, `${sent} bytes were taken`);
});

Deno.test("a name that leads to this machine is not called", async () => {
  const outcome = await postMessage(
    { url: "https://hooks.example.com/", kind: "webhook", headers: {}, body: "{}" },
    { policy: { allowedWebhookHosts: [] }, resolve: () => resolveHost("localhost") },
  );
  assert.equal(outcome.kind, "refused");
  assert.match(
    outcome.message,
    /^hooks\.example\.com leads to (127\.0\.0\.1|::1), which is not a public/,
  );
});

Deno.test("a name without an address, and a slow look-up, are failures to be tried again", async () => {
  const target = {
    url: "https://hooks.example.com/",
    kind: "webhook",
    headers: {},
    body: "{}",
  } as const;
  const policy = { allowedWebhookHosts: [] };
  const unknown = await postMessage(target, {
    policy,
    resolve: () => resolveHost("nobody.invalid"),
  });
  assert.equal(unknown.kind, "network");
  const slow = await postMessage(target, {
    policy,
    resolve: () => new Promise(() => {}),
    timeoutMs: 50,
  });
  assert.deepEqual(slow, { kind: "timeout", timeoutMs: 50 });
});
