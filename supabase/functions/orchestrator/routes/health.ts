// GET /health: what a monitor asks. 200 when all is well, 503 with warnings when somebody should
// look. It needs the service key like every route: queue depths are nobody else's business.
import type { Health } from "../../_shared/contract/answers/health.ts";
import { OrchestratorError } from "../../_shared/contract/errors.ts";
import { SCHEMA_VERSION } from "../../_shared/contract/version.ts";
import type { Rpc } from "../../_shared/database/rpc.ts";
import type { Router } from "../../_shared/http/router.ts";
import type { Engine } from "../engine.ts";

export function addHealthRoute(router: Router, { rpc, loadSettings }: Engine): void {
  router.get("/health", async (context) => {
    const [health, schema, settings] = await Promise.all([
      rpc.getHealth(),
      checkSchema(rpc),
      checkSettings(loadSettings),
    ]);
    const warnings = [...health.warnings, ...schema, ...settings];
    const ok = health.ok && warnings.length === 0;
    const answer: Health = { ...health, ok, warnings };
    return context.json(answer, ok ? 200 : 503);
  });
}

/** A database that has more than this code needs is none to warn of: that is the middle of every upgrade. */
async function checkSchema(rpc: Rpc): Promise<string[]> {
  const found = await rpc.getSchemaVersion();
  return found >= SCHEMA_VERSION ? [] : [
    `the database is at schema ${found} and these functions need ${SCHEMA_VERSION}: ` +
    "apply the migrations (supabase db push)",
  ];
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
