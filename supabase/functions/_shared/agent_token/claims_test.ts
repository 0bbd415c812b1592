import assert from "node:assert/strict";
import { buildClaims, digestRequest, nameAudience, nameIssuer, type TokenCall } from "./claims.ts";

const BASE = "https://ref.supabase.co";
const call: TokenCall = {
  method: "POST",
  url: new URL(`${BASE}/functions/v1/ai-seed-plan?mode=fast`),
  body: "{}",
  timeoutMs: 15_000,
  subject: "run/step",
  idempotencyKey: "run:step:1",
};
const nowMs = 1_800_000_000_900;

Deno.test("a token names the project, the agent's path, the step, the idempotency key and the call", async () => {
  const { req, ...claims } = await buildClaims(call, { baseUrl: `${BASE}/behind/a/path`, nowMs });
  assert.deepEqual(claims, {
    iss: "https://ref.supabase.co/functions/v1/orchestrator",
    aud: "/functions/v1/ai-seed-plan",
    sub: "run/step",
    jti: "run:step:1",
    htm: "POST",
    iat: 1_800_000_000,
    exp: 1_800_000_045,
  });
  assert.equal(req, await digestRequest(call.url, call.body));
});

Deno.test("a token lives for the call's timeout and half a minute, and three minutes at most", async () => {
  const live = async (timeoutMs: number) => {
    const { iat, exp } = await buildClaims({ ...call, timeoutMs }, { baseUrl: BASE, nowMs });
    return Number(exp) - Number(iat);
  };
  assert.deepEqual([await live(1), await live(145_000), await live(86_400_000)], [31, 175, 180]);
});

Deno.test("an agent of another host is named with its host, one of the project by its path", () => {
  const name = (url: string) => nameAudience(new URL(url), BASE);
  assert.equal(
    name("https://agents.example.com/v2/plan/?a=b"),
    "https://agents.example.com/v2/plan",
  );
  assert.equal(name(`${BASE}/functions/v1//plan/`), "/functions/v1/plan");
  assert.equal(nameIssuer("http://kong:8000"), "http://kong:8000/functions/v1/orchestrator");
});

Deno.test("the digest of a call is that of its query in any order and escaping, and of every byte of its body", async () => {
  const digest = (query: string, body = "") => digestRequest(new URL(`https://x/?${query}`), body);
  const one = await digest("a=1&b=2&a=0");
  assert.equal(await digest("b=2&a=0&%61=%31"), one);
  for (const other of ["a=1&b=2", "a=1&b=2&a=0&c", "a=1%26b%3D2&a=0", "a=2&b=1&a=0"]) {
    assert.notEqual(await digest(other), one, other);
  }
  assert.notEqual(await digest("", '{"a":1}'), await digest("", '{"a": 1}'));
  // What an agent in another language computes, as the README describes it.
  assert.equal(
    await digest("b=2&a=1", "{}"),
    await sha256('[["a","1"],["b","2"]]\n{}'),
  );
});

async function sha256(text: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return btoa(String.fromCharCode(...new Uint8Array(digest)))
    .replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}
