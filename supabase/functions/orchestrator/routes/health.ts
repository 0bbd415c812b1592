// GET /health: what a monitor asks. 200 when all is well, 503 with warnings when somebody should
// look. It needs the service key like every route: queue depths are nobody else's business.
import type { Health } from "../../_shared/contract/answers/health.ts";
import { OrchestratorError } from "../../_shared/contract/errors.ts";
import type { Router } from "../../_shared/http/router.ts";
import type { Engine } from "../engine.ts";

export function addHealthRoute(router: Router, { rpc, loadSettings }: Engine): void {
  router.get("/health", async (context) => {
    const health = await rpc.getHealth();
    const warnings = [...health.warnings, ...await checkSettings(loadSettings)];
    const ok = health.ok && warnings.length === 0;
    const answer: Health = { ...health, ok, warnings };
    return context.json(answer, ok ? 200 : 503);
  });
}

/** A bad setting stops every other route; this is the one that says which. */
async function checkSettings(loadSettings: Engine["loadSettings"]): Promise<string[]> {
  try {
    await loadSettings();
    return [];
  } catch (error) {
    if (error instanceof OrchestratorError && error.kind === "internal") {
      return [error.message];
    }
    throw error;
  }
}
