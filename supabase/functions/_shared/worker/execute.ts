// Stage 5, step, whole: a leased job is planned, its agent is called where it has one, the answer is
// classified and becomes an attempt.
import type { CallbackTokens } from "../callback/token.ts";
import { type CallbackUrls, makeCallbackUrls } from "../callback/urls.ts";
import type { LeasedJob } from "../database/rows.ts";
import { callAgent, type CallerIdentity } from "./call.ts";
import { classifyOutcome } from "./classify.ts";
import type { Clock } from "./clock.ts";
import type { Attempt, DrainSeam } from "./drain_seam.ts";
import { finishAnswer, type FinishDeps } from "./finish.ts";
import { keepOutput } from "./keep_output.ts";
import { planJob } from "./plan.ts";
import { buildAgentCall } from "./request.ts";

export interface ExecuteDeps extends FinishDeps {
  identity: CallerIdentity;
  tokens: CallbackTokens;
  clock: Pick<Clock, "now">;
  /** Makes the request; over HTTP unless told otherwise. */
  callAgent?: typeof callAgent;
}

/** Makes the drain's executor. What it needs from outside is asked once for a drain. */
export function createExecutor(deps: ExecuteDeps): DrainSeam["execute"] {
  const { outputs, settings: { outputMaxBytes } } = deps;
  return async (job, timeoutMs, signal) => {
    const plan = await planJob(job, { outputs, outputMaxBytes });
    if (plan.do === "settle") return await keepOutput(job, plan.attempt, deps);
    const attempt = await callStep(job, plan.inputs, { timeoutMs, signal, deps });
    return plan.condition === undefined ? attempt : { ...attempt, condition: plan.condition };
  };
}

async function callStep(
  job: LeasedJob,
  inputs: unknown,
  { timeoutMs, signal, deps }: { timeoutMs: number; signal: AbortSignal; deps: ExecuteDeps },
): Promise<Attempt> {
  const { identity, clock } = deps;
  const callback = job.config.mode === "async" ? await makeUrls(job, timeoutMs, deps) : undefined;
  const call = buildAgentCall(job, { inputs, timeoutMs, nowMs: clock.now(), callback });
  const outcome = await (deps.callAgent ?? callAgent)(call, identity, signal);
  const classified = classifyOutcome(outcome, clock.now(), job.config);
  const bytes = outcome.kind === "received" ? { response_bytes: outcome.bytes } : {};
  return {
    ...await finishAnswer(job, classified, deps, bytes.response_bytes),
    logs: { duration_ms: outcome.durationMs, ...bytes },
  };
}

function makeUrls(
  job: LeasedJob,
  timeoutMs: number,
  { identity, tokens, clock }: ExecuteDeps,
): Promise<CallbackUrls> {
  const livesMs = timeoutMs + (job.config.callback_timeout_ms ?? 0);
  return makeCallbackUrls(job, livesMs, { baseUrl: identity.baseUrl, tokens, nowMs: clock.now() });
}
