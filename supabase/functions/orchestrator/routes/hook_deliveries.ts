// POST /hooks/:source: a webhook of somebody else's service. No service key: what the sender signed is its
// credential. The answer is there as soon as the event is, and its runs with it; nothing waits for them.
import { OrchestratorError } from "../../_shared/contract/errors.ts";
import { type HookDatabase, receiveDelivery } from "../../_shared/hooks/receive.ts";
import { readBytes } from "../../_shared/http/body.ts";
import type { Router } from "../../_shared/http/router.ts";
import { logEvent } from "../../_shared/log.ts";
import type { Engine } from "../engine.ts";

export type HookEngine = Pick<Engine, "loadSettings"> & {
  rpc: HookDatabase;
  host: Pick<Engine["host"], "wakeQuietly">;
};

export function addHookDeliveriesRoute(
  router: Router,
  { rpc, host, loadSettings }: HookEngine,
): void {
  router.post("/hooks/:source", async (context) => {
    const source = context.req.param("source");
    const { raw } = context.req;
    try {
      const { requestMaxBytes } = await loadSettings();
      const delivery = { headers: raw.headers, raw: await readBytes(raw, requestMaxBytes) };
      const received = await receiveDelivery(source, delivery, rpc, Date.now());
      switch (received.kind) {
        case "challenge":
          return context.json({ challenge: received.challenge });
        case "ping":
          return context.json({ ping: true }, 202);
        case "filtered":
          return context.json({ filtered: true }, 202);
        case "event": {
          if (received.runs.length > 0) host.wakeQuietly();
          const { event_id, isDuplicate } = received;
          return context.json({ event_id, ...isDuplicate ? { duplicate: true } : {} }, 202);
        }
      }
    } catch (error) {
      // What is not the sender's fault is logged where it is answered.
      const isRefusal = error instanceof OrchestratorError && error.status < 500;
      if (isRefusal) logEvent("warn", "hook.refused", { source: source.slice(0, 100), error });
      throw error;
    }
  });
}
