// A name that changes its address: a message goes to the addresses that were looked at, over TLS for the
// name, and to nobody else.
import assert from "node:assert/strict";
import { type PostDeps, postMessage } from "../../supabase/functions/_shared/notify/post.ts";
import { issueCertificate } from "./certificates.ts";

const NAME = "hooks.rebinding.example";
const identity = await issueCertificate(NAME);

interface Seen {
  host: string | null;
  path: string;
  body: string;
  headers: Headers;
}

/** A server of this name, on this machine. */
async function withReceiver(test: (port: number, seen: Seen[]) => Promise<void>): Promise<void> {
  const seen: Seen[] = [];
  const server = Deno.serve({
    hostname: "127.0.0.1",
    port: 0,
    onListen: () => {},
    cert: identity.cert,
    key: identity.key,
  }, async (request) => {
    const { pathname, search } = new URL(request.url);
    const { headers } = request;
    const body = await request.text();
    seen.push({ host: headers.get("host"), path: pathname + search, body, headers });
    return new Response("thanks", { status: 202 });
  });
  try {
    await test(server.addr.port, seen);
  } finally {
    await server.shutdown();
  }
}

const post = (url: string, deps: Partial<PostDeps>) =>
  postMessage({ url, kind: "webhook", headers: { "x-sign": "a b" }, body: '{"n":"ü"}' }, {
    policy: { allowedWebhookHosts: [] },
    resolve: () => Promise.resolve(["127.0.0.1"]),
    timeoutMs: 5_000,
    caCerts: [identity.caCert],
    ...deps,
  });

/** A host that an operator has allowed, so that it may lead to this machine. */
const allow = (port: number) => ({ allowedWebhookHosts: [`${NAME}:${port}`] });

Deno.test("a message goes over TLS for the name to the address that was found, and the name is asked for once", async () => {
  await withReceiver(async (port, seen) => {
    const asked: string[] = [];
    const resolve = (host: string) => Promise.resolve(asked.push(host) === 1 ? ["127.0.0.1"] : []);
    const outcome = await post(`https://${NAME}:${port}/in?a=%20b`, {
      policy: allow(port),
      resolve,
    });
    assert.deepEqual(outcome, {
      kind: "answered",
      status: 202,
      retryAfter: null,
      text: "thanks",
    });
    assert.deepEqual(asked, [NAME]);
    const [{ host, path, body, headers }] = seen;
    assert.deepEqual([host, path, body], [`${NAME}:${port}`, "/in?a=%20b", '{"n":"ü"}']);
    assert.equal(headers.get("x-sign"), "a b");
    assert.equal(headers.get("content-type"), "application/json");
  });
});

Deno.test("one closed address among those of a name is enough for nobody to be called", async () => {
  await withReceiver(async (_port, seen) => {
    for (const addresses of [["127.0.0.1"], ["8.8.8.8", "127.0.0.1"], ["::1", "2606:4700::1"]]) {
      const outcome = await post(`https://${NAME}/`, { resolve: () => Promise.resolve(addresses) });
      assert.equal(outcome.kind, "refused", addresses.join());
    }
    assert.equal(seen.length, 0);
  });
});

Deno.test("an address that cannot be reached is passed over", async () => {
  await withReceiver(async (port) => {
    const outcome = await post(`https://${NAME}:${port}/`, {
      policy: allow(port),
      resolve: () => Promise.resolve(["127.0.0.2", "127.0.0.1"]),
    });
    assert.equal(outcome.kind, "answered");
  });
});

Deno.test("a server whose certificate is of another name, or of nobody known, gets no message", async () => {
  await withReceiver(async (port, seen) => {
    const other = `other.rebinding.example:${port}`;
    const cases: [url: string, deps: Partial<PostDeps>][] = [
      [`https://${other}/`, { policy: { allowedWebhookHosts: [other] } }],
      [`https://127.0.0.1:${port}/`, { policy: { allowedWebhookHosts: [`127.0.0.1:${port}`] } }],
      [`https://${NAME}:${port}/`, { policy: allow(port), caCerts: [] }],
    ];
    for (const [url, deps] of cases) {
      const outcome = await post(url, deps);
      assert.ok(outcome.kind === "network", `${url}: ${JSON.stringify(outcome)}`);
      assert.match(outcome.message, /certificate/, url);
    }
    assert.equal(seen.length, 0);
  });
});

Deno.test("a receiver that takes the message and says nothing is given up in time, and hung up on", async () => {
  const { cert, key } = identity;
  const listener = Deno.listenTls({ hostname: "127.0.0.1", port: 0, cert, key });
  const { port } = listener.addr;
  const readAll = async () => {
    using connection = await listener.accept();
    const buffer = new Uint8Array(4_096);
    // Whoever hangs up need not say goodbye in TLS.
    while (await connection.read(buffer).catch(() => null) !== null);
  };
  const hungUp = readAll();
  const deps = { policy: allow(port), timeoutMs: 300 };
  assert.equal((await post(`https://${NAME}:${port}/`, deps)).kind, "timeout");
  await waitFor("the sender to hang up", hungUp);
  listener.close();
});

Deno.test("a receiver that never says hello is given up in time", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  const taken = listener.accept();
  const deps = { policy: allow(port), timeoutMs: 100 };
  assert.equal((await post(`https://${NAME}:${port}/`, deps)).kind, "timeout");
  (await taken).close();
  listener.close();
});

/** Bounds a failure only. */
async function waitFor(what: string, event: Promise<void>): Promise<void> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error(`waited in vain for ${what}`)), 10_000);
  await Promise.race([event, late.promise]).finally(() => clearTimeout(timer));
}
