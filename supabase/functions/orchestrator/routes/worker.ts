// POST /worker: wakes this isolate's worker. Called by pg_cron and pg_net, which must be answered at
// once, and with ?wait=true by people and tests, who want to see what was done.
import type { Router } from "../../_shared/http/router.ts";
import type { Engine } from "../engine.ts";

export function addWorkerRoute(router: Router, { host }: Engine): void {
  router.post("/worker", async (context) => {
    if (context.req.query("wait") === "true") {
      return context.json(await host.drain(), 200);
    }
    return context.json(await host.wake(), 202);
  });
}
