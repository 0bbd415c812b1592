// GET /workflows, GET /workflows/:key and its /versions/:version, POST /workflows (publish),
// POST /workflows/validate, POST /workflows/sync: the registry over HTTP. The bucket stays the source
// of truth.
import { z } from "zod";
import type { CheckedWorkflow, WorkflowList } from "../../_shared/contract/answers/workflows.ts";
import type { CompiledWorkflow } from "../../_shared/contract/compiled_workflow.ts";
import { OrchestratorError } from "../../_shared/contract/errors.ts";
import { readJson } from "../../_shared/http/body.ts";
import type { WorkflowDetail, WorkflowRow } from "../../_shared/database/rows.ts";
import type { Router } from "../../_shared/http/router.ts";
import { checkSource, publishChecked, refuseSource } from "../../_shared/registry/publish.ts";
import { refuseUnknown } from "../../_shared/registry/read_through.ts";
import { syncRegistry } from "../../_shared/registry/sync.ts";
import { describeCron } from "../../_shared/schedule/describe_cron.ts";
import { createPublisher } from "../act.ts";
import type { Engine } from "../engine.ts";
import { readVersion, readWorkflowKey } from "../fields.ts";

export const sourceInput = z.strictObject({ source: z.string().min(1) });

export function addWorkflowsRoutes(router: Router, engine: Engine): void {
  const { rpc, bucket, loadRegistry } = engine;

  router.get("/workflows", async (context) => {
    const answer: WorkflowList = { workflows: (await rpc.listWorkflows()).map(addWords) };
    return context.json(answer);
  });

  router.get("/workflows/:key", async (context) => {
    const workflowKey = readWorkflowKey(context.req.param("key"));
    const workflow = await rpc.getWorkflow({ workflowKey });
    if (workflow === null) throw await refuseUnknown(workflowKey, rpc);
    return context.json(addWords(workflow));
  });

  router.get("/workflows/:key/versions/:version", async (context) => {
    const workflowKey = readWorkflowKey(context.req.param("key"));
    const version = readVersion(context.req.param("version"));
    const found = await rpc.getWorkflowVersion({ workflowKey, version });
    if (found !== null) return context.json(found);
    if (await rpc.getWorkflow({ workflowKey }) === null) {
      throw await refuseUnknown(workflowKey, rpc);
    }
    const message = `workflow ${workflowKey} has no version ${version}`;
    throw new OrchestratorError("not_found", message);
  });

  router.post("/workflows", async (context) => {
    const { source, workflow } = await readWorkflow(context.req.raw, engine);
    const file = `${workflow.key}.yml`;
    // Uploaded first: should the rest fail, the next tick publishes what the bucket has.
    await bucket.upload(file, source);
    const publisher = createPublisher(context.get("caller"), rpc);
    return context.json(await publishChecked({ source, file }, workflow, publisher), 201);
  });

  router.post("/workflows/validate", async (context) => {
    const { workflow } = await readWorkflow(context.req.raw, engine);
    const answer: CheckedWorkflow = { ok: true, workflow_key: workflow.key, workflow };
    return context.json(answer);
  });

  router.post("/workflows/sync", async (context) => {
    const registry = await loadRegistry();
    const publisher = createPublisher(context.get("caller"), rpc);
    return context.json(await syncRegistry({ ...registry, rpc: { ...rpc, ...publisher } }));
  });
}

function addWords<T extends WorkflowRow | WorkflowDetail>(workflow: T) {
  const { cron } = workflow.trigger;
  return { ...workflow, cron_words: cron === null ? null : describeCron(cron) };
}

/** Reads and compiles the source in the body; throws `unprocessable` with every problem. */
async function readWorkflow(
  request: Request,
  { loadSettings, bucket }: Engine,
): Promise<{ source: string; workflow: CompiledWorkflow }> {
  const settings = await loadSettings();
  // As JSON a text may be twice as long; the compiler looks at the length of the text itself.
  const { source } = await readJson(request, sourceInput, settings.workflowMaxBytes * 2);
  const checked = await checkSource({ source, file: null }, { settings, bucket });
  if (!checked.ok) throw refuseSource(null, checked.problems);
  return { source, workflow: checked.workflow };
}
