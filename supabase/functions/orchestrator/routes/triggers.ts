// POST /triggers/:key and GET /triggers/runs/:id: others than the project itself start public workflows and
// ask what became of their runs. The credential is a trigger key, and each key sees its own runs alone.
import { OrchestratorError } from "../../_shared/contract/errors.ts";
import { NAME_PATTERN } from "../../_shared/contract/workflow_file.ts";
import type { TriggeredRun } from "../../_shared/database/rows.ts";
import { checkInput, readJson } from "../../_shared/http/body.ts";
import type { Router } from "../../_shared/http/router.ts";
import { logEvent } from "../../_shared/log.ts";
import { type CheckKey, createKeyCheck, type KeyHolder } from "../../_shared/triggers/check_key.ts";
import { readTraceContext } from "../../_shared/tracing/trace_context.ts";
import { createRefusalLog, type LogRefusal } from "../../_shared/triggers/refusal_log.ts";
import { readWait, waitForEnd } from "../../_shared/triggers/wait_for_end.ts";
import type { Engine } from "../engine.ts";
import { idempotencyKey, readRunId } from "../fields.ts";
import { describeMisfit, InputsCheck } from "../inputs_check.ts";
import { refuseUnknownRun } from "../refusals.ts";
import { triggerInput, triggerQuery } from "../trigger_input.ts";

/** What a caller hears of a run; of one that was just started no more than that. */
type TriggerAnswer =
  & Pick<TriggeredRun, "workflow_run_id" | "workflow_key" | "status">
  & Partial<Omit<TriggeredRun, "others">>;

type TriggersEngine = Pick<Engine, "rpc" | "host" | "outputs" | "loadSettings">;

export function addTriggersRoutes(router: Router, engine: TriggersEngine): void {
  const { rpc } = engine;
  const logRefusal = createRefusalLog();
  const checkKey = createKeyCheck(rpc, logRefusal);
  const inputs = new InputsCheck(rpc);

  router.post("/triggers/:key", async (context) => {
    const request = context.req.raw;
    const param = context.req.param("key");
    const workflowKey = NAME_PATTERN.test(param) ? param : "";
    const holder = await checkKey(request);
    await admit(holder, workflowKey, rpc, logRefusal);
    const waitMs = readWait(checkInput(context.req.query(), triggerQuery, "query").wait);
    const { requestMaxBytes } = await engine.loadSettings();
    const given = await readJson(request, triggerInput, requestMaxBytes) ?? {};
    const payload = given.payload ?? {};
    const { trace_parent, trace_state } = readTraceContext(request.headers);
    const start = {
      keyId: holder.key_id,
      workflowKey,
      userId: chooseUser(given.user_id, holder),
      payload,
      idempotencyKey: readIdempotencyKey(request.headers) ?? given.idempotency_key ?? null,
      traceParent: trace_parent,
      traceState: trace_state,
    };
    const problems = (await inputs.findMisfits([{ workflow_key: workflowKey, payload }])).get(0);
    if (problems !== undefined) {
      const message = `starting ${workflowKey}: ${describeMisfit(problems)}`;
      throw new OrchestratorError("unprocessable", message, { problems });
    }

    const started = await rpc.startTriggeredRun(start);
    if (started.result === "conflict") throw refuseConflict();
    if (started.result === "unknown_workflow") {
      // Either the key or the workflow has ended between the two looks.
      await checkKey(request);
      throw refuseWorkflow();
    }
    if (started.wake) engine.host.wakeQuietly();
    else engine.host.poke();
    const { result, workflow_run_id } = started;
    const begun: TriggerAnswer = { workflow_run_id, workflow_key: workflowKey, status: "running" };
    const run = result === "created" && waitMs === 0
      ? begun
      : await follow(begun, engine, () =>
        waitForEnd(
          () => readRun(request, workflow_run_id, holder, checkKey, rpc),
          waitMs,
          request.signal,
        ));
    // Relative to where the request was sent: only the caller knows the name that it used.
    const status_url = `/functions/v1/orchestrator/triggers/runs/${workflow_run_id}`;
    context.header("Location", status_url);
    return context.json({ ...run, result, status_url }, run.status === "running" ? 202 : 200);
  });

  router.get("/triggers/runs/:id", async (context) => {
    const request = context.req.raw;
    const holder = await checkKey(request);
    const runId = readRunId(context.req.param("id"));
    const run = await readRun(request, runId, holder, checkKey, rpc);
    return context.json(await present(run, engine.outputs));
  });
}

/** Takes a token, whatever comes of the request; throws `rate_limited` or `not_found`. */
async function admit(
  { key_id: keyId, address }: KeyHolder,
  workflowKey: string,
  rpc: Engine["rpc"],
  logRefusal: LogRefusal,
): Promise<void> {
  const { allowed, retry_after_ms, capacity, is_startable } = await rpc.useTriggerKey({
    keyId,
    workflowKey,
  });
  if (!allowed) {
    logRefusal({ reason: "rate", keyId, address });
    const message = `starting a run: the trigger key ${keyId} takes ${capacity} requests a minute`;
    throw new OrchestratorError("rate_limited", message, { retryAfterMs: retry_after_ms });
  }
  if (!is_startable) {
    logRefusal({ reason: "workflow", keyId, address });
    throw refuseWorkflow();
  }
}

/** The key's own user, or another one where the key may name them. */
function chooseUser(given: string | undefined, holder: KeyHolder): string {
  if (given === undefined || given === holder.user_id) return holder.user_id;
  if (holder.may_name_user) return given;
  const message = "this trigger key starts runs for its own user only";
  throw new OrchestratorError("forbidden", `starting a run: ${message}`, {
    problems: [{ path: "user_id", message: `${message}; leave it out` }],
  });
}

function readIdempotencyKey(headers: Headers): string | undefined {
  const given = headers.get("idempotency-key");
  if (given === null) return undefined;
  const parsed = idempotencyKey.safeParse(given);
  if (parsed.success) return given;
  const message = `must have 1 to 255 characters, got ${given.length}`;
  throw new OrchestratorError("invalid", `reading the headers: Idempotency-Key ${message}`, {
    problems: [{ path: "Idempotency-Key", message }],
  });
}

/** A run of this key; throws `not_found`, or what has become of the key meanwhile. */
async function readRun(
  request: Request,
  workflowRunId: string,
  { key_id: keyId }: KeyHolder,
  checkKey: CheckKey,
  rpc: Engine["rpc"],
): Promise<TriggeredRun> {
  const run = await rpc.getTriggeredRun({ keyId, workflowRunId });
  if (run !== null) return run;
  await checkKey(request);
  throw refuseUnknownRun(workflowRunId);
}

/** How it goes on; what cannot be looked at now was started nevertheless, and the caller must hear of it. */
async function follow(
  begun: TriggerAnswer,
  { outputs }: TriggersEngine,
  wait: () => Promise<TriggeredRun>,
): Promise<TriggerAnswer> {
  try {
    return await present(await wait(), outputs);
  } catch (error) {
    if (!(error instanceof OrchestratorError) || error.kind !== "unavailable") throw error;
    const { workflow_run_id: run_id } = begun;
    logEvent("warn", "trigger.unfollowed", { run_id, error });
    return begun;
  }
}

/** With the outputs that lie in Storage in their places. */
async function present(
  { others, ...run }: TriggeredRun,
  outputs: Engine["outputs"],
): Promise<TriggerAnswer> {
  if (!others) return run;
  const fetched = await Promise.all(
    Object.entries(others).map(async ([stepId, { output_ref }]) =>
      [stepId, await outputs.get(output_ref)] as const
    ),
  );
  return { ...run, outputs: { ...run.outputs, ...Object.fromEntries(fetched) } };
}

/** One text for what is not there, not public and not for this key: which of them is nobody's business. */
function refuseWorkflow(): OrchestratorError {
  return new OrchestratorError(
    "not_found",
    "there is no workflow of this name that this key may start",
  );
}

function refuseConflict(): OrchestratorError {
  const message = "this key was used before with another request";
  return new OrchestratorError("conflict", `starting a run: ${message}`, {
    problems: [{ path: "Idempotency-Key", message }],
  });
}
