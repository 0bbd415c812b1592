// GET /alerts, PUT /alerts/rules/:name: the alert rules that the ticks look at, what they found, and their
// thresholds.
import { z } from "zod";
import { OrchestratorError } from "../../_shared/contract/errors.ts";
import { readJson } from "../../_shared/http/body.ts";
import type { Router } from "../../_shared/http/router.ts";
import { describeActor } from "../act.ts";
import type { Engine } from "../engine.ts";
import { readRuleName } from "../fields.ts";

/** The body of PUT /alerts/rules/:name: what is not given stays as it is. */
export const alertRuleInput = z.strictObject({
  threshold: z.number().min(0).max(1_000_000_000).optional(),
  for_seconds: z.int().min(0).max(86_400).optional(),
  enabled: z.boolean().optional(),
});

export function addAlertsRoutes(router: Router, { rpc, loadSettings }: Engine): void {
  router.get("/alerts", async (context) => context.json(await rpc.listAlerts()));

  router.put("/alerts/rules/:name", async (context) => {
    const { requestMaxBytes } = await loadSettings();
    const name = readRuleName(context.req.param("name"));
    const args = await readJson(context.req.raw, alertRuleInput, requestMaxBytes);
    const actor = describeActor(context.get("caller"));
    const { result, reason } = await rpc.act({
      actor,
      action: "alert_rule.set",
      args: { alert_rule: name, ...args },
    });
    if (result === "not_found") {
      const known = (await rpc.listAlerts()).rules.map((rule) => rule.name).join(", ");
      const message = `there is no alert rule ${JSON.stringify(name)}: they are ${known}`;
      throw new OrchestratorError("not_found", message);
    }
    if (result === "invalid") {
      throw new OrchestratorError("invalid", `changing the alert rule ${name}: ${reason}`);
    }
    return context.json({ name, result });
  });
}
