// GET /workflows, GET /workflows/:key, POST /workflows (publish), POST /workflows/validate,
// POST /workflows/sync: the registry over HTTP. The bucket stays the source of truth.
import { z } from "zod";
import type { CompiledWorkflow } from "../../_shared/contract/compiled_workflow.ts";
import { readJson } from "../../_shared/http/body.ts";
import type { Router } from "../../_shared/http/router.ts";
import { checkSource, publishChecked, refuseSource } from "../../_shared/registry/publish.ts";
import { refuseUnknown } from "../../_shared/registry/read_through.ts";
import { syncRegistry } from "../../_shared/registry/sync.ts";
import type { Engine } from "../engine.ts";

const input = z.strictObject({ source: z.string().min(1) });

export function addWorkflowsRoutes(router: Router, engine: Engine): void {
  const { rpc, bucket, loadRegistry } = engine;

  router.get("/workflows", async (context) => {
    return context.json({ workflows: await rpc.listWorkflows() });
  });

  router.get("/workflows/:key", async (context) => {
    const workflowKey = context.req.param("key");
    const workflow = await rpc.getWorkflow({ workflowKey });
    if (workflow === null) throw await refuseUnknown(workflowKey, rpc);
    return context.json(workflow);
  });

  router.post("/workflows", async (context) => {
    const { source, workflow } = await readWorkflow(context.req.raw, engine);
    const file = `${workflow.key}.yml`;
    // Uploaded first: should the rest fail, the next tick publishes what the bucket has.
    await bucket.upload(file, source);
    return context.json(await publishChecked({ source, file }, workflow, rpc), 201);
  });

  router.post("/workflows/validate", async (context) => {
    const { workflow } = await readWorkflow(context.req.raw, engine);
    return context.json({ ok: true, workflow_key: workflow.key, workflow });
  });

  router.post("/workflows/sync", async (context) => {
    return context.json(await syncRegistry(await loadRegistry()));
  });
}

/** Reads and compiles the source in the body; throws `unprocessable` with every problem. */
async function readWorkflow(
  request: Request,
  { loadSettings, bucket }: Engine,
): Promise<{ source: string; workflow: CompiledWorkflow }> {
  const settings = await loadSettings();
  // As JSON a text may be twice as long; the compiler looks at the length of the text itself.
  const { source } = await readJson(request, input, settings.workflowMaxBytes * 2);
  const checked = await checkSource({ source, file: null }, { settings, bucket });
  if (!checked.ok) throw refuseSource(null, checked.problems);
  return { source, workflow: checked.workflow };
}
