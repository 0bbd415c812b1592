// POST /rate_limit: takes or peeks at the tokens of a key, for agents and apps. A refusal is an
// answer, not an error: always 200.
import { z } from "zod";
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
    const { allowed, tokens, retry_after_ms } = await rpc.takeTokens(request);
    if (!allowed) {
      context.header("Retry-After", formatRetryAfter(retry_after_ms));
    }
    const answer: Tokens = { allowed, tokens, retry_after_ms };
    return context.json(answer);
  });
}
