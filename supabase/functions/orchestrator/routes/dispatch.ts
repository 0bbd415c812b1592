// POST /dispatch: starts runs. One request answers with its run; a list is answered item by item,
// so that one bad item does not hide what became of the others.
import { z } from "zod";
import type {
  ListedStart,
  StartedRun,
  StartedRuns,
} from "../../_shared/contract/answers/dispatch.ts";
import { OrchestratorError, type Problem } from "../../_shared/contract/errors.ts";
import type { DispatchedRun, DispatchRequest } from "../../_shared/database/rows.ts";
import type { Caller } from "../../_shared/http/auth.ts";
import { checkInput, readJson } from "../../_shared/http/body.ts";
import type { Router } from "../../_shared/http/router.ts";
import { readThrough } from "../../_shared/registry/read_through.ts";
import { readTraceContext } from "../../_shared/tracing/trace_context.ts";
import { createStarter, type StartRuns } from "../act.ts";
import type { Engine } from "../engine.ts";
import { idempotencyKey, intentId, payload, userId, workflowKey } from "../fields.ts";
import { describeMisfit, InputsCheck } from "../inputs_check.ts";

const MAX_ITEMS = 1_000;

/** One request. */
export const dispatchInput = z.strictObject({
  user_id: userId,
  workflow_key: workflowKey,
  intent_id: intentId,
  payload,
  idempotency_key: idempotencyKey,
  run_at: z.iso.datetime({ offset: true, error: "must be a time such as 2026-12-01T07:00:00Z" })
    .nullable().optional(),
  priority: z.int().min(0).max(1_000).nullable().optional(),
}).meta({ id: "DispatchRequest" });
export const dispatchListInput = z.array(dispatchInput).min(1).max(MAX_ITEMS);

export function addDispatchRoute(router: Router, engine: Engine): void {
  const inputs = new InputsCheck(engine.rpc);
  const open = (caller: Caller, headers: Headers): Dispatcher => {
    const start = createStarter(caller, engine.rpc);
    const trace = readTraceContext(headers);
    return {
      engine,
      inputs,
      start: (requests) => start(requests.map((request) => ({ ...request, ...trace }))),
    };
  };

  router.post("/dispatch", async (context) => {
    const { requestMaxBytes } = await engine.loadSettings();
    const body = await readJson(context.req.raw, z.unknown(), requestMaxBytes);
    const dispatcher = open(context.get("caller"), context.req.raw.headers);
    if (Array.isArray(body)) {
      const requests = checkInput(body, dispatchListInput, "body");
      const { runs, refusals } = await dispatch(requests, dispatcher);
      const answer: StartedRuns = { runs: runs.map((run) => explain(run, refusals)) };
      return context.json(answer, 202);
    }
    const request = checkInput(body, dispatchInput, "body");
    const { runs: [run], refusals } = await dispatch([request], dispatcher);
    if (run.result === "conflict") throw refuseConflict();
    if (run.result === "unknown_workflow") throw refusals.get(run.workflow_key);
    if (run.result === "invalid") throw refuseInputs(run);
    const { workflow_run_id, workflow_key, result } = run;
    const answer: StartedRun = { workflow_run_id, workflow_key, result };
    return context.json(answer, 202);
  });
}

/** What one request works with. */
interface Dispatcher {
  engine: Engine;
  inputs: InputsCheck;
  start: StartRuns;
}

/** Why an unknown workflow could not be read through, by its key. */
type Refusals = Map<string, OrchestratorError>;

/** A request whose payload is not what the workflow takes as inputs; nothing was started. */
interface Misfit extends Omit<DispatchedRun, "result"> {
  result: "invalid";
  problems: Problem[];
}

interface Answer {
  /** In the order of the requests. */
  runs: (DispatchedRun | Misfit)[];
  refusals: Refusals;
}

function explain(run: DispatchedRun | Misfit, refusals: Refusals): ListedStart {
  if (run.result === "invalid") return { ...run, detail: describeMisfit(run.problems) };
  if (run.result !== "unknown_workflow") return run;
  const refusal = refusals.get(run.workflow_key);
  const result = refusal?.kind === "unavailable" ? "unavailable" : run.result;
  return { ...run, result, detail: refusal?.message };
}

async function dispatch(requests: DispatchRequest[], dispatcher: Dispatcher): Promise<Answer> {
  const runs = await startFitting(requests, dispatcher);
  const unknown = runs.filter((run) => run.result === "unknown_workflow");
  if (unknown.length === 0) return { runs, refusals: new Map() };
  const refusals = await readUnknown(unknown.map((run) => run.workflow_key), dispatcher.engine);
  // Runs that were started must be told, or a caller that tries again starts them twice.
  if (runs.every((run) => run.workflow_run_id === null)) {
    throwUnavailable(refusals);
  }
  const again = unknown.filter((run) => !refusals.has(run.workflow_key));
  if (again.length === 0) return { runs, refusals };
  const second = await startFitting(again.map(({ index }) => requests[index]), dispatcher);
  for (const run of second) {
    const { index } = again[run.index];
    runs[index] = { ...run, index };
  }
  return { runs, refusals };
}

/** Starts the requests whose payloads fit; the others are answered as invalid, in their places. */
async function startFitting(
  requests: DispatchRequest[],
  { engine: { host }, inputs, start }: Dispatcher,
): Promise<Answer["runs"]> {
  const misfits = await inputs.findMisfits(requests);
  const runs: Answer["runs"] = requests.map(({ workflow_key }, index) => ({
    index,
    result: "invalid",
    workflow_run_id: null,
    workflow_key,
    problems: misfits.get(index) ?? [],
  }));
  const fitting = misfits.size === 0 ? runs : runs.filter(({ index }) => !misfits.has(index));
  if (fitting.length === 0) return runs;
  const started = await start(fitting.map(({ index }) => requests[index]));
  if (started.wake) host.wakeQuietly();
  else host.poke();
  for (const [place, { index }] of fitting.entries()) {
    runs[index] = { ...started.runs[place], index };
  }
  return runs;
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

function refuseInputs(run: Misfit): OrchestratorError {
  const message = `dispatching ${run.workflow_key}: ${describeMisfit(run.problems)}`;
  return new OrchestratorError("unprocessable", message, { problems: run.problems });
}
