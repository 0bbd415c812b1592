// POST /dispatch: starts runs. One request answers with its run; a list is answered item by item,
// so that one bad item does not hide what became of the others.
import { z } from "zod";
import { OrchestratorError } from "../../_shared/contract/errors.ts";
import type { DispatchedRun, DispatchRequest } from "../../_shared/database/rows.ts";
import { checkInput, readJson } from "../../_shared/http/body.ts";
import type { Router } from "../../_shared/http/router.ts";
import { readThrough } from "../../_shared/registry/read_through.ts";
import type { Engine } from "../engine.ts";
import { idempotencyKey, intentId, payload, userId, workflowKey } from "../fields.ts";

const MAX_ITEMS = 1_000;

const item = z.strictObject({
  user_id: userId,
  workflow_key: workflowKey,
  intent_id: intentId,
  payload,
  idempotency_key: idempotencyKey,
  run_at: z.iso.datetime({
    offset: true,
    error: "must be a time such as 2026-12-01T07:00:00Z",
  })
    .nullable().optional(),
  priority: z.int().min(0).max(1_000).nullable().optional(),
});
const list = z.array(item).min(1).max(MAX_ITEMS);

export function addDispatchRoute(router: Router, engine: Engine): void {
  router.post("/dispatch", async (context) => {
    const { requestMaxBytes } = await engine.loadSettings();
    const body = await readJson(context.req.raw, z.unknown(), requestMaxBytes);
    if (Array.isArray(body)) {
      const { runs, refusals } = await dispatch(
        checkInput(body, list, "body"),
        engine,
      );
      return context.json(
        { runs: runs.map((run) => explain(run, refusals)) },
        202,
      );
    }
    const { runs: [run], refusals } = await dispatch([
      checkInput(body, item, "body"),
    ], engine);
    if (run.result === "conflict") throw refuseConflict();
    if (run.result === "unknown_workflow") throw refusals.get(run.workflow_key);
    const { workflow_run_id, workflow_key, result } = run;
    return context.json({ workflow_run_id, workflow_key, result }, 202);
  });
}

/** Why an unknown workflow could not be read through, by its key. */
type Refusals = Map<string, OrchestratorError>;

interface Answer {
  runs: DispatchedRun[];
  refusals: Refusals;
}

interface ExplainedRun extends Omit<DispatchedRun, "result"> {
  /** `unavailable`: nobody could look whether there is such a workflow; try this item again. */
  result: DispatchedRun["result"] | "unavailable";
  detail?: string;
}

function explain(run: DispatchedRun, refusals: Refusals): ExplainedRun {
  if (run.result !== "unknown_workflow") return run;
  const refusal = refusals.get(run.workflow_key);
  const result = refusal?.kind === "unavailable" ? "unavailable" : run.result;
  return { ...run, result, detail: refusal?.message };
}

async function dispatch(
  requests: DispatchRequest[],
  engine: Engine,
): Promise<Answer> {
  const { rpc, host } = engine;
  const first = await rpc.dispatchWorkflows({ requests, ring: false });
  if (first.wake) host.wakeQuietly();
  else host.poke();
  const unknown = first.runs.filter((run) => run.result === "unknown_workflow");
  if (unknown.length === 0) return { runs: first.runs, refusals: new Map() };
  const refusals = await readUnknown(
    unknown.map((run) => run.workflow_key),
    engine,
  );
  // Runs that were started must be told, or a caller that tries again starts them twice.
  if (first.runs.every((run) => run.workflow_run_id === null)) {
    throwUnavailable(refusals);
  }
  const again = unknown.filter((run) => !refusals.has(run.workflow_key));
  if (again.length === 0) return { runs: first.runs, refusals };
  const second = await rpc.dispatchWorkflows({
    requests: again.map(({ index }) => requests[index]),
    ring: false,
  });
  if (second.wake) host.wakeQuietly();
  const runs = [...first.runs];
  for (const run of second.runs) {
    const { index } = again[run.index];
    runs[index] = { ...run, index };
  }
  return { runs, refusals };
}

function throwUnavailable(refusals: Refusals): void {
  for (const refusal of refusals.values()) {
    if (refusal.kind === "unavailable") throw refusal;
  }
}

/** Publishes the files of unknown workflows; answers why not, also where Storage is away. */
async function readUnknown(keys: string[], engine: Engine): Promise<Refusals> {
  const registry = await engine.loadRegistry();
  const refusals: Refusals = new Map();
  for (const key of new Set(keys)) {
    try {
      await readThrough(key, registry);
    } catch (error) {
      const isRefusal = error instanceof OrchestratorError &&
        ["not_found", "unprocessable", "unavailable"].includes(error.kind);
      if (!isRefusal) throw error;
      refusals.set(key, error);
    }
  }
  return refusals;
}

function refuseConflict(): OrchestratorError {
  const message = "this key was used before with another request";
  return new OrchestratorError("conflict", `dispatching: ${message}`, {
    problems: [{ path: "idempotency_key", message }],
  });
}
