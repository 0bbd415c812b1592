// GET /rate_limits, PUT and DELETE /rate_limits/policies: the buckets as they are now, and the policies
// that fill them.
import { z } from "zod";
import type { RateLimits } from "../../_shared/contract/dashboard.ts";
import { OrchestratorError } from "../../_shared/contract/errors.ts";
import { checkInput, readJson } from "../../_shared/http/body.ts";
import type { Router } from "../../_shared/http/router.ts";
import { describeActor } from "../act.ts";
import type { Engine } from "../engine.ts";
import { bucketPage, text } from "../fields.ts";

export const rateLimitsQuery = z.strictObject({ text: text(200).optional(), ...bucketPage });
const pattern = text(500);
export const policyInput = z.strictObject({
  pattern,
  capacity: z.number().nullable(),
  refill_rate: z.number(),
  description: text(2_000).or(z.literal("")).nullable().optional(),
}).meta({ id: "PolicyRequest" });

export const policyQuery = z.strictObject({ pattern });

export function addRateLimitsRoutes(router: Router, { rpc, loadSettings }: Engine): void {
  router.get("/rate_limits", async (context) => {
    const { text, limit, after } = checkInput(context.req.query(), rateLimitsQuery, "query");
    const { policies, buckets } = await rpc.listRateLimits({ text, limit, after });
    const answer: RateLimits = {
      policies,
      buckets,
      next_after: buckets.length < limit ? null : buckets.at(-1)!.rl_key,
    };
    return context.json(answer);
  });

  router.put("/rate_limits/policies", async (context) => {
    const { requestMaxBytes } = await loadSettings();
    const args = await readJson(context.req.raw, policyInput, requestMaxBytes);
    const actor = describeActor(context.get("caller"));
    const { result, reason } = await rpc.act({ actor, action: "policy.set", args });
    if (result === "invalid") throw refusePolicy(args.pattern, reason ?? "it is not possible");
    return context.json({ pattern: args.pattern, result });
  });

  router.delete("/rate_limits/policies", async (context) => {
    const args = checkInput(context.req.query(), policyQuery, "query");
    const name = JSON.stringify(args.pattern);
    const actor = describeActor(context.get("caller"));
    const { result, reason } = await rpc.act({ actor, action: "policy.delete", args });
    if (result === "not_found") {
      throw new OrchestratorError("not_found", `there is no policy ${name}`);
    }
    if (result === "conflict") {
      const message = `deleting policy ${name}: ${reason ?? "it is needed"}`;
      throw new OrchestratorError("conflict", message);
    }
    return context.json({ pattern: args.pattern, result });
  });
}

/** The reason begins with the name of its field. */
function refusePolicy(pattern: string, reason: string): OrchestratorError {
  const message = `saving policy ${JSON.stringify(pattern)}: ${reason}`;
  return new OrchestratorError("invalid", message, {
    problems: [{ path: reason.split(" ", 1)[0], message: reason }],
  });
}
