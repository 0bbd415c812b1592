// GET /overview: the state of everything on one page, over a window of time.
import { z } from "zod";
import { OVERVIEW_WINDOWS } from "../../_shared/contract/dashboard.ts";
import { checkInput } from "../../_shared/http/body.ts";
import type { Router } from "../../_shared/http/router.ts";
import type { Engine } from "../engine.ts";

export const overviewQuery = z.strictObject({ window: z.enum(OVERVIEW_WINDOWS).default("1h") });

export function addOverviewRoute(router: Router, { rpc }: Engine): void {
  router.get("/overview", async (context) => {
    const { window } = checkInput(context.req.query(), overviewQuery, "query");
    return context.json(await rpc.getOverview({ window }));
  });
}
