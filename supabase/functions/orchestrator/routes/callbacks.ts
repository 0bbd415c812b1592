// POST /callbacks/:token and POST /callbacks/:token/heartbeat: the answer of an agent that took its
// work with a 202, and its signs of life. No service key: the token in the path is the credential, and
// good for one attempt of one job.
import type { CallbackClaims } from "../../_shared/callback/token.ts";
import { OrchestratorError } from "../../_shared/contract/errors.ts";
import type {
  ExtendedCallback,
  SettledCallbackAnswer,
} from "../../_shared/contract/answers/jobs.ts";
import type { JobDetail, OutputRef } from "../../_shared/database/rows.ts";
import { readText } from "../../_shared/http/body.ts";
import type { Router } from "../../_shared/http/router.ts";
import { logEvent } from "../../_shared/log.ts";
import { hideSecrets } from "../../_shared/redact.ts";
import { countBytes } from "../../_shared/outputs/json_text.ts";
import type { OutputStore } from "../../_shared/outputs/store.ts";
import { classifyCallback, refuseLargeOutput } from "../../_shared/worker/classify.ts";
import { type AnsweredJob, finishAnswer } from "../../_shared/worker/finish.ts";
import type { Engine } from "../engine.ts";

export type CallbackEngine = Pick<Engine, "tokens" | "loadFinishDeps"> & {
  rpc: Pick<Engine["rpc"], "completeCallback" | "heartbeatCallback"> & {
    getJob(a: { jobId: number }): Promise<CalledJob | null>;
  };
  host: Pick<Engine["host"], "wakeQuietly">;
};

/** As much of a job as a callback is checked against. */
export type CalledJob = Pick<
  JobDetail,
  "workflow_run_id" | "step_id" | "status" | "attempts" | "generation" | "payload"
>;

/** Statuses of a job whose attempt is still open: the callback may come before the 202 is settled. */
const OPEN_STATUSES: readonly string[] = ["leased", "running", "parked"];

export function addCallbackRoutes(
  router: Router,
  engine: CallbackEngine,
): void {
  const { rpc, host } = engine;

  router.post("/callbacks/:token", async (context) => {
    const { claims, job } = await openCallback(
      context.req.param("token"),
      engine,
    );
    const deps = await engine.loadFinishDeps();
    const body = await readBody(context.req.raw, deps.settings.outputMaxBytes);
    const classified = "tooLarge" in body
      ? refuseLargeOutput(body.tooLarge.message)
      : classifyCallback(hideSecrets(body.text), job.config);
    const bytes = "tooLarge" in body ? undefined : countBytes(body.text);
    const result = await finishAnswer(job, classified, deps, bytes);
    const logs = bytes === undefined ? {} : { logs: { response_bytes: bytes } };
    const applied = await rpc.completeCallback({
      ...claims,
      result: { ...result, ...logs },
    });
    if (applied.result !== "applied") {
      await discard(result.output_ref, deps.outputs);
      throw refuseAttempt(applied.result, claims);
    }
    host.wakeQuietly();
    if ("tooLarge" in body) throw body.tooLarge;
    const { outcome, error_class, error_text } = result;
    const answer: SettledCallbackAnswer = {
      job_id: claims.jobId,
      status: applied.status,
      outcome,
      error_class,
      error_text,
    };
    return context.json(answer);
  });

  router.post("/callbacks/:token/heartbeat", async (context) => {
    const { claims } = await openCallback(context.req.param("token"), engine);
    const { result } = await rpc.heartbeatCallback(claims);
    if (result !== "extended") throw refuseAttempt(result, claims);
    const answer: ExtendedCallback = { job_id: claims.jobId, result };
    return context.json(answer);
  });
}

/** One attempt of one job, as the database knows it. */
type Claims = Pick<CallbackClaims, "jobId" | "generation" | "attempt">;

/** Checks the token and finds its job; throws `unauthorized`, `not_found` or `conflict`. */
async function openCallback(
  token: string,
  { tokens, rpc }: CallbackEngine,
): Promise<{ claims: Claims; job: AnsweredJob }> {
  const read = await tokens.read(token, Date.now());
  if (!read.ok) {
    const fault = read.fault === "expired" ? "has expired" : "is not one of this project's";
    throw new OrchestratorError(
      "unauthorized",
      `calling back: the token of the URL ${fault}`,
    );
  }
  const { jobId, generation, attempt } = read.claims;
  const claims = { jobId, generation, attempt };
  const found = await rpc.getJob({ jobId });
  if (found === null) throw refuseAttempt("not_found", claims);
  const { workflow_run_id, step_id, status, payload } = found;
  const isOpen = found.generation === generation &&
    found.attempts === attempt &&
    OPEN_STATUSES.includes(status);
  if (!isOpen) throw refuseAttempt("conflict", claims);
  return { claims, job: { job_id: jobId, attempt, workflow_run_id, step_id, config: payload } };
}

function refuseAttempt(
  result: "not_found" | "conflict",
  { jobId, attempt }: Claims,
): OrchestratorError {
  return new OrchestratorError(
    result,
    result === "not_found"
      ? `calling back: there is no job ${jobId} any more`
      : `calling back: attempt ${attempt} of job ${jobId} has ended, nobody waits for its answer`,
  );
}

/** Removes the file of an output that nobody took; a file that stays costs nothing but its room. */
async function discard(
  ref: OutputRef | undefined,
  outputs: OutputStore,
): Promise<void> {
  if (ref === undefined) return;
  try {
    await outputs.remove([ref.path]);
  } catch (error) {
    logEvent("warn", "callback.output_left", { path: ref.path, error });
  }
}

/** A body that is too large is an answer too: it ends the step. Other faults are the caller's. */
async function readBody(
  request: Request,
  maxBytes: number,
): Promise<{ text: string } | { tooLarge: OrchestratorError }> {
  try {
    return { text: await readText(request, maxBytes) };
  } catch (error) {
    const isTooLarge = error instanceof OrchestratorError &&
      error.kind === "payload_too_large";
    if (!isTooLarge) throw error;
    return { tooLarge: error };
  }
}
