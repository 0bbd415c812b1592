// POST /deliveries: the one step of the workflow that sends notifications. It answers at once and sends in
// the background, so that no receiver, however slow, has a place of a worker.
import { z } from "zod";
import { OrchestratorError } from "../../_shared/contract/errors.ts";
import { readJson } from "../../_shared/http/body.ts";
import type { Router } from "../../_shared/http/router.ts";
import { attemptDelivery } from "../../_shared/notify/deliver.ts";
import { resolveHost } from "../../_shared/notify/resolve.ts";
import { getEnv, waitUntil } from "../../_shared/platform.ts";
import type { Engine } from "../engine.ts";

/** As much as is read of what every agent gets. */
export const deliveryInput = z.object({
  payload: z.object({ delivery_id: z.guid() }),
  callback_url: z.url(),
});

export function addDeliveriesRoute(router: Router, engine: Engine): void {
  const { rpc, tokens, loadSettings } = engine;
  router.post("/deliveries", async (context) => {
    const policy = await loadSettings();
    const body = await readJson(context.req.raw, deliveryInput, policy.requestMaxBytes);
    const token = new URL(body.callback_url).pathname.split("/").at(-1)!;
    const read = await tokens.read(token, Date.now());
    if (!read.ok) {
      const message = `holds no token of this project that is still good: it is ${read.fault}`;
      throw new OrchestratorError("invalid", `delivering: callback_url ${message}`, {
        problems: [{ path: "callback_url", message }],
      });
    }
    const deps = {
      rpc,
      policy,
      resolve: resolveHost,
      dashboardUrl: getEnv("ORCHESTRATOR_DASHBOARD_URL"),
    };
    waitUntil(attemptDelivery(body.payload.delivery_id, read.claims, deps));
    return context.json({ ok: true }, 202);
  });
}
