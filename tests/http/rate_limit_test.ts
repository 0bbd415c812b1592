// POST /rate_limit: the token buckets for agents and apps. A refusal is an answer, not an error.
import assert from "node:assert/strict";
import { expectProblem, openHttpStack } from "./http_stack.ts";

const it = await openHttpStack();
Deno.test.afterAll(() => it.stop());

const take = (body: unknown) => it.ask("POST", "/orchestrator/rate_limit", { body });

Deno.test("tokens of a key are taken until none is left, and then the answer says when to come back", async () => {
  await it.sql`
    insert into rate_limit_policies (pattern, capacity, refill_rate)
    values ('user:*:agent:clo', 3, 0.01)`;
  const key = "user:u:agent:clo";
  for (const left of [2, 1, 0]) {
    const { status, body } = await take({ key });
    assert.deepEqual([status, body.allowed, Math.floor(body.tokens as number)], [200, true, left]);
    assert.equal(body.retry_after_ms, 0);
  }
  const { status, headers, body } = await take({ key });
  assert.deepEqual([status, body.allowed], [200, false]);
  const retryAfterMs = body.retry_after_ms as number;
  assert.ok(retryAfterMs > 90_000 && retryAfterMs <= 100_000, `${retryAfterMs}`);
  assert.equal(headers.get("retry-after"), String(Math.ceil(retryAfterMs / 1_000)));
  assert.equal((await take({ key: "user:v:agent:clo" })).body.allowed, true, "another user's key");
});

Deno.test("a peek takes nothing, and several tokens are taken at once", async () => {
  const key = "user:peeker:agent:x";
  const first = (await take({ key, peek: true })).body;
  const second = (await take({ key, peek: true })).body;
  assert.deepEqual([first.tokens, second.tokens], [100, 100]);
  const taken = (await take({ key, tokens: 40 })).body;
  assert.equal(taken.allowed, true);
  assert.ok((taken.tokens as number) >= 60 && (taken.tokens as number) < 70, `${taken.tokens}`);
});

Deno.test("more tokens than a bucket ever holds are refused, not put off", async () => {
  const key = "user:greedy:agent:x";
  for (const peek of [true, false]) {
    expectProblem(await take({ key, tokens: 101, peek }), {
      status: 400,
      kind: "invalid",
      path: "tokens",
      message: /asks for 101 at once, and the bucket .* holds 100 at most/,
    });
  }
  assert.equal((await take({ key, tokens: 100 })).body.allowed, true);
});

Deno.test("a wrong body is a 400 that names the field", async () => {
  const bodies: [body: unknown, path: string | undefined, message: RegExp, near?: string][] = [
    ["", undefined, /empty, expected JSON/],
    ["{", undefined, /not valid JSON/],
    [{}, "key", /a text/],
    [{ key: 5 }, "key", /a text/],
    [{ key: "" }, "key", /at least 1$/],
    [{ key: "k".repeat(501) }, "key", /at most 500$/],
    [{ key: "k\u0000" }, "key", /u0000/],
    [{ key: "k", tokens: 0 }, "tokens", /above 0$/],
    [{ key: "k", tokens: -1 }, "tokens", /above 0$/],
    [{ key: "k", tokens: "1" }, "tokens", /a (whole )?number/],
    [{ key: "k", peek: "yes" }, "peek", /must be true or false/],
    [{ key: "k", token: 1 }, "token", /unknown field/, "tokens"],
  ];
  for (const [body, path, message, near] of bodies) {
    const answer = await take(body);
    expectProblem(answer, { status: 400, kind: "invalid", path, message, near }, String(path));
  }
});
