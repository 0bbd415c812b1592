import assert from "node:assert/strict";
import { type CallbackClaims, createCallbackTokens } from "./token.ts";
import { makeCallbackUrls } from "./urls.ts";

const NOW = Date.parse("2026-11-22T10:00:00Z");
const SECRET = "sb_secret_token_test";
const claims: CallbackClaims = { jobId: 812, generation: 0, attempt: 2, expiresAt: NOW + 60_000 };

Deno.test("a token gives back what it was made of, in every isolate with the same secret", async () => {
  const token = await createCallbackTokens(SECRET).sign(claims);
  assert.deepEqual(await createCallbackTokens(SECRET).read(token, NOW), { ok: true, claims });
});

Deno.test("a token fits into a path and does not hold the secret", async () => {
  const token = await createCallbackTokens(SECRET).sign(claims);
  assert.match(token, /^[\w.-]+$/);
  assert.equal(token.includes(SECRET), false);
});

Deno.test("a token is good until its expiry and not a moment longer", async () => {
  const tokens = createCallbackTokens(SECRET);
  const token = await tokens.sign(claims);
  assert.equal((await tokens.read(token, claims.expiresAt)).ok, true);
  assert.deepEqual(await tokens.read(token, claims.expiresAt + 1), { ok: false, fault: "expired" });
});

Deno.test("every change of a token is seen, one for another job or a later end included", async () => {
  const tokens = createCallbackTokens(SECRET);
  const token = await tokens.sign(claims);
  const [job, generation, attempt, expiry, signature] = token.split(".");
  const same = `${generation}.${attempt}.${expiry}`;
  const flipped = (signature[0] === "A" ? "B" : "A") + signature.slice(1);
  const last = signature.slice(0, -1) + (signature.endsWith("A") ? "B" : "A");
  for (
    const forged of [
      `813.${same}.${signature}`,
      `${job}.1.${attempt}.${expiry}.${signature}`,
      `${job}.${generation}.3.${expiry}.${signature}`,
      `${job}.${generation}.${attempt}.${Number(expiry) + 1}.${signature}`,
      `${job}.${same}.${flipped}`,
      `${job}.${same}.${last}`,
      `0${job}.${same}.${signature}`,
      `${token}=`,
      `${job}.${same}.`,
      "",
      "a.b.c.d",
    ]
  ) {
    assert.deepEqual(await tokens.read(forged, NOW), { ok: false, fault: "forged" }, forged);
  }
});

Deno.test("a token that another secret signed is forged, also after its end", async () => {
  const token = await createCallbackTokens("sb_secret_other").sign(claims);
  const tokens = createCallbackTokens(SECRET);
  assert.deepEqual(await tokens.read(token, NOW), { ok: false, fault: "forged" });
  assert.deepEqual(await tokens.read(token, NOW + 1e9), { ok: false, fault: "forged" });
});

Deno.test("the URLs lead to the orchestrator and name the attempt for as long as it may take", async () => {
  const tokens = createCallbackTokens(SECRET);
  const urls = await makeCallbackUrls(
    { job_id: 7, attempt: 1, idempotency_key: "r:s:3" },
    3_600_000,
    {
      baseUrl: "https://ref.supabase.co/",
      tokens,
      nowMs: NOW,
    },
  );
  const [, token] = urls.callback_url.split("/functions/v1/orchestrator/callbacks/");
  assert.equal(urls.callback_heartbeat_url, `${urls.callback_url}/heartbeat`);
  assert.ok(urls.callback_url.startsWith("https://ref.supabase.co/functions/"));
  const read = await tokens.read(token, NOW + 3_600_000);
  assert.ok(read.ok);
  const { jobId, generation, attempt } = read.claims;
  assert.deepEqual([jobId, generation, attempt], [7, 3, 1]);
});
