import assert from "node:assert/strict";
import { decode } from "hono/jwt";
import { createTokenIssuer } from "../agent_token/issuer.ts";
import { makeSigningKey } from "../agent_token/signing_key.ts";
import { type AgentCall, callAgent } from "./call.ts";
import { chooseCredentials } from "./credentials.ts";

const BASE = "https://ref.supabase.co";
const KEYS = { serviceJwt: "service-jwt", secretKey: "secret-key" };

const key = await makeSigningKey("k");
const tokens = createTokenIssuer({
  baseUrl: BASE,
  tokenAgents: ["/functions/v1/ai-", "https://agents.example.com/"],
  readKey: () => Promise.resolve(key),
});

const call: AgentCall = {
  call: "",
  method: "POST",
  timeoutMs: 1_000,
  headers: { "idempotency-key": "key" },
};

const choose = (href: string) => {
  const url = new URL(href);
  const isOwn = url.origin === BASE;
  return chooseCredentials(call, { url, isOwn, body: "{}" }, { ...KEYS, tokens });
};

Deno.test("an agent of the project gets the service credentials, or a token alone", async () => {
  assert.deepEqual(await choose(`${BASE}/functions/v1/agents/a`), {
    bearer: "service-jwt",
    apikey: "secret-key",
  });
  const { bearer, ...rest } = (await choose(`${BASE}/functions/v1/ai-plan`))!;
  assert.deepEqual(rest, {});
  assert.equal(decode(bearer).payload.aud, "/functions/v1/ai-plan");
  assert.equal((decode(bearer).header as { kid?: string }).kid, "k");
});

Deno.test("an agent of another host gets a token for its URL if it is listed, else nothing, and never a key", async () => {
  const { bearer, ...rest } = (await choose("https://agents.example.com/plan?a=b"))!;
  assert.deepEqual(rest, {});
  const { aud, sub, jti } = decode(bearer).payload;
  assert.deepEqual([aud, sub, jti], ["https://agents.example.com/plan", "http", "key"]);
  assert.equal(await choose("https://other.example.com/plan"), null);
});

Deno.test("a token that cannot be signed ends as a refusal, and nobody is called", async () => {
  let calls = 0;
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, () => {
    calls++;
    return new Response();
  });
  try {
    const baseUrl = `http://127.0.0.1:${server.addr.port}`;
    const outcome = await callAgent({ ...call, call: "/functions/v1/ai-plan" }, {
      ...KEYS,
      baseUrl,
      allowedAgentHosts: [],
      outputMaxBytes: 1_000,
      tokens: createTokenIssuer({
        baseUrl,
        tokenAgents: ["/functions/v1/ai-"],
        readKey: () => Promise.resolve(null),
      }),
    });
    assert.equal(outcome.kind, "refused");
    assert.match(outcome.kind === "refused" ? outcome.message : "", /`deno task setup` makes one/);
    assert.equal(calls, 0);
  } finally {
    await server.shutdown();
  }
});
