import assert from "node:assert/strict";
import { DELIVERY_ATTEMPTS, judgeAttempt, RETRY_WAITS_MS } from "./verdict.ts";

const first = { attempt: 1, kind: "webhook", nowMs: 0, random: 0 } as const;
const answer = (status: number, text = "", retryAfter: string | null = null) =>
  ({ kind: "answered", status, text, retryAfter }) as const;

Deno.test("only 2xx is delivered; all else is tried again", () => {
  for (const status of [200, 202, 204]) {
    assert.equal(judgeAttempt(answer(status), first).result.outcome, "success");
  }
  for (const status of [301, 400, 401, 404, 429, 500, 502, 504]) {
    const { result, disableReason } = judgeAttempt(answer(status), first);
    assert.deepEqual([result.outcome, result.retry_after_ms, disableReason], [
      "retry",
      5_000,
      undefined,
    ]);
  }
});

Deno.test("the waits are those of Standard Webhooks, longer by up to a tenth", () => {
  assert.deepEqual(RETRY_WAITS_MS.map((ms) => ms / 1_000), [
    5,
    300,
    1_800,
    7_200,
    18_000,
    36_000,
    50_400,
    72_000,
    86_400,
  ]);
  const wait = (attempt: number, random: number) =>
    judgeAttempt(answer(500), { ...first, attempt, random }).result.retry_after_ms;
  assert.deepEqual([wait(2, 0), wait(2, 1)], [300_000, 330_000]);
});

Deno.test("Retry-After counts where it is longer", () => {
  const wait = (seconds: string) =>
    judgeAttempt(answer(429, "", seconds), first).result.retry_after_ms;
  assert.deepEqual([wait("3"), wait("60")], [5_000, 60_000]);
});

Deno.test("the last attempt is the end of the message and disables, also in another round", () => {
  for (const attempt of [DELIVERY_ATTEMPTS, 2 * DELIVERY_ATTEMPTS]) {
    const { result, disableReason } = judgeAttempt(answer(500, "x".repeat(500)), {
      ...first,
      attempt,
    });
    assert.equal(result.outcome, "dead");
    assert.ok(disableReason!.length < 300, disableReason);
  }
  const again = judgeAttempt(answer(500), { ...first, attempt: DELIVERY_ATTEMPTS + 1 });
  assert.equal(again.result.retry_after_ms, 5_000);
});

Deno.test("410 disables a webhook, and what says that it is gone a channel", () => {
  assert.match(judgeAttempt(answer(410), first).disableReason ?? "", /410/);
  const slack = { ...first, kind: "slack" } as const;
  for (const status of [403, 404, 410]) {
    const { result, disableReason } = judgeAttempt(answer(status, "channel_is_archived"), slack);
    assert.deepEqual([result.outcome, disableReason], [
      "dead",
      `it answered status ${status}: channel_is_archived`,
    ]);
  }
});

Deno.test("what may not be called is dead at once, and disables nothing", () => {
  const verdict = judgeAttempt({ kind: "refused", message: "url must not" }, first);
  assert.deepEqual(verdict, {
    result: { outcome: "dead", error_class: "internal", error_text: "url must not" },
  });
});

Deno.test("no more than 200 characters of an answer are kept, and no keys", () => {
  const { result } = judgeAttempt(answer(500, `sb_secret_abc ${"y".repeat(1_000)}`), first);
  assert.match(result.error_text!, /^status 500: \[redacted\] y+$/);
  assert.ok(result.error_text!.length <= 212, `${result.error_text!.length}`);
});
