// Nobody that answers with a redirect takes the project's credentials along: each kind of call, with a real
// server that redirects, and one of another origin that writes down whatever reaches it.
import assert from "node:assert/strict";
import { connect } from "../../supabase/functions/_shared/database/client.ts";
import { createKeySource } from "../../supabase/functions/_shared/http/jwks.ts";
import { buildHeaders, callAgent } from "../../supabase/functions/_shared/worker/call.ts";
import { resolveAgentUrl } from "../../supabase/functions/_shared/worker/resolve_url.ts";
import { postMessage } from "../../supabase/functions/_shared/notify/post.ts";
import { ProgressBroadcaster } from "../../supabase/functions/_shared/progress/broadcast.ts";
import { sendSpans } from "../../supabase/functions/_shared/tracing/otlp.ts";
import { callBack } from "../../supabase/functions/_shared/agent_kit/callback.ts";

const SECRET = `sb_secret_${"c".repeat(22)}`;
const SERVICE_JWT = `eyJhbGciOiJIUzI1NiJ9.${"d".repeat(40)}.${"e".repeat(43)}`;

/** What reached the other origin, headers and body in one text. */
let stolen: string[] = [];
const other = serve(async (request) => {
  const headers = JSON.stringify([...request.headers]);
  stolen.push(`${request.method} ${request.url} ${headers} ${await request.text()}`);
  return Response.json({ ok: true, output: null, keys: [] });
});

let redirect: { status: number; location: string };
let redirected: { path: string; headers: Headers }[] = [];
const own = serve(async (request) => {
  await request.body?.cancel();
  redirected.push({ path: new URL(request.url).pathname, headers: request.headers });
  return new Response(null, {
    status: redirect.status,
    headers: { location: redirect.location },
  });
});
Deno.test.afterAll(async () => {
  await other.server.shutdown();
  await own.server.shutdown();
});

function serve(handler: (request: Request) => Promise<Response>) {
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, handler);
  return { server, url: `http://127.0.0.1:${server.addr.port}` };
}

interface Door {
  what: string;
  /** Whether the call carries a key. */
  hasCredentials: boolean;
  /** Calls the server that redirects; answers what came of it. */
  call(): Promise<unknown>;
}

const identity = {
  baseUrl: own.url,
  allowedAgentHosts: [],
  serviceJwt: SERVICE_JWT,
  secretKey: SECRET,
  outputMaxBytes: 1_000,
};

let hinting: Promise<unknown> = Promise.resolve();
const hints = new ProgressBroadcaster({
  url: own.url,
  secretKey: SECRET,
  waitUntil: (sent) => hinting = sent,
});

const DOORS: Door[] = [
  ...["GET", "POST"].map((method) => ({
    what: `a step's ${method}`,
    hasCredentials: true,
    call: async () => {
      const body = method === "GET" ? undefined : { secret: 1 };
      const outcome = await callAgent(
        { call: "/functions/v1/a", method, timeoutMs: 5_000, body },
        identity,
      );
      assert.ok(outcome.kind === "received" && outcome.status === redirect.status);
    },
  })),
  {
    what: "a call of the database",
    hasCredentials: true,
    call: () => assert.rejects(connect(own.url, SECRET).rpc.listWorkflows()),
  },
  {
    what: "an upload to Storage",
    hasCredentials: true,
    call: async () => {
      const { storage } = connect(own.url, SECRET);
      const { error } = await storage.from("a").upload("b", "text");
      assert.notEqual(error, null);
    },
  },
  {
    what: "a hint to Realtime",
    hasCredentials: true,
    call: async () => {
      hints.note([{ workflow_run_id: crypto.randomUUID(), user_id: crypto.randomUUID() }], 0);
      await hinting;
    },
  },
  {
    what: "a look at the signing keys",
    hasCredentials: false,
    call: () => assert.rejects(createKeySource(new URL(`${own.url}/jwks`))("a")),
  },
  {
    what: "a webhook's message",
    hasCredentials: false,
    call: async () => {
      const outcome = await postMessage(
        { url: own.url, kind: "webhook", headers: { "webhook-signature": "v1,x" }, body: "{}" },
        {
          policy: { allowedWebhookHosts: [new URL(own.url).host] },
          resolve: () => Promise.resolve([]),
        },
      );
      assert.ok(outcome.kind === "answered" && outcome.status === redirect.status);
    },
  },
  {
    what: "an export of traces",
    hasCredentials: true,
    call: async () => {
      const headers = { authorization: `Bearer ${SECRET}` };
      const { kind } = await sendSpans([], { url: own.url, headers, serviceName: "a" });
      assert.equal(kind, "refused");
    },
  },
  {
    what: "a callback of an agent",
    hasCredentials: false,
    call: async () => {
      const callback = { url: `${own.url}/token`, heartbeatUrl: `${own.url}/token/heartbeat` };
      const { delivered } = await callBack({ callback }, { status: 200, body: { ok: true } }, []);
      assert.equal(delivered, false);
    },
  },
];

for (const { what, hasCredentials, call } of DOORS) {
  Deno.test(`${what} follows no redirect, and no credential leaves`, async () => {
    for (const status of [301, 302, 303, 307, 308]) {
      const locations = [
        `${other.url}/stolen`,
        other.url.replace("http:", ""),
        `${own.url}/elsewhere`,
        "file:///etc/passwd",
        "data:application/json,{}",
      ];
      for (const location of locations) {
        redirect = { status, location };
        redirected = [];
        stolen = [];
        await call();
        const said = `${status} to ${location}: ${redirected.map(({ path }) => path)}`;
        assert.equal(redirected.length, 1, said);
        const { headers } = redirected[0];
        // The test would see a key where one is sent.
        const sendsKey = [...headers.values()].some((value) => value.includes(SECRET));
        assert.equal(sendsKey, hasCredentials, said);
        assert.deepEqual(stolen, [], said);
      }
    }
  });
}

Deno.test("a step's call to an allowed host of another origin carries no credential", () => {
  // Allowed hosts are https, and this one is nobody's: what would be sent is looked at before it is.
  const policy = { ...identity, allowedAgentHosts: ["agents.example.com"] };
  const resolved = resolveAgentUrl("https://agents.example.com/a", policy);
  assert.ok("isOwn" in resolved && !resolved.isOwn);
  const call = { call: "", method: "POST", timeoutMs: 1, headers: { "x-step-id": "a" } };
  assert.doesNotMatch(JSON.stringify(buildHeaders(call, null)), /sb_secret|eyJ|authorization/);
});
