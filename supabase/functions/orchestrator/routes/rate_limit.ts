// POST /rate_limit: takes or peeks at the tokens of a key, for agents and apps. A refusal is an
// answer, not an error: 200, but for more than a bucket ever holds.
import { z } from "zod";
import { OrchestratorError } from "../../_shared/contract/errors.ts";
import type { Tokens } from "../../_shared/contract/answers/health.ts";
import { readJson } from "../../_shared/http/body.ts";
import { formatRetryAfter } from "../../_shared/http/problem.ts";
import type { Router } from "../../_shared/http/router.ts";
import type { Engine } from "../engine.ts";
import { text } from "../fields.ts";

export const tokensInput = z.strictObject({
  key: text(500),
  tokens: z.number().positive().max(1_000_000).optional(),
  peek: z.boolean().optional(),
}).meta({ id: "TokensRequest" });

export function addRateLimitRoute(router: Router, { rpc, loadSettings }: Engine): void {
  router.post("/rate_limit", async (context) => {
    const { requestMaxBytes } = await loadSettings();
    const request = await readJson(context.req.raw, tokensInput, requestMaxBytes);
    const { allowed, tokens, capacity, retry_after_ms } = await rpc.takeTokens(request);
    if (capacity !== null && (request.tokens ?? 1) > capacity) {
      throw refuseTooMany(request.key, request.tokens ?? 1, capacity);
    }
    if (!allowed) {
      context.header("Retry-After", formatRetryAfter(retry_after_ms));
    }
    const answer: Tokens = { allowed, tokens, retry_after_ms };
    return context.json(answer);
  });
}

/** A bucket never holds so many: to wait for them would be to wait for ever. */
function refuseTooMany(key: string, tokens: number, capacity: number): OrchestratorError {
  const message =
    `asks for ${tokens} at once, and the bucket of ${key} holds ${capacity} at most; ` +
    "take fewer at a time, or raise the capacity of its policy";
  return new OrchestratorError("invalid", `taking tokens: ${message}`, {
    problems: [{ path: "tokens", message }],
  });
}
