// Answers that come later: the work goes on behind a 202, and its reply is posted to the URL that the
// call brought along. Posted again while the orchestrator is away; once it says that nobody waits any
// more, that is the end of it.
import { OrchestratorError } from "../contract/errors.ts";
import { logEvent } from "../log.ts";
import { waitUntil } from "../platform.ts";
import type { AgentCall } from "./agent_call.ts";
import { type AgentReply, fail, later } from "./reply.ts";

/** What became of a reply that was posted. */
export interface Delivery {
  /** False: the attempt has ended, or the orchestrator stayed away. */
  delivered: boolean;
  /** The last answer's status; null if there was none. */
  status: number | null;
}

/** Pauses between tries; 15 s in all, since the isolate may end with the work. */
const PAUSES_MS = [500, 1_000, 2_000, 4_000, 8_000];

const POST_TIMEOUT_MS = 20_000;

/**
 * Answers 202 at once and goes on with `work`, whose reply (or thrown error, as a failure that may be
 * retried) is posted to the callback URL. Needs a step with `mode: async`. The isolate's own time
 * limit holds for the work; what takes longer than that belongs to a system of its own, which posts
 * with `callBack`.
 */
export function answerLater(
  call: AgentCall,
  work: () => Promise<AgentReply> | AgentReply,
): AgentReply {
  if (call.callback !== null) waitUntil(finish(call, work));
  return later();
}

/** Posts the reply of a call that was answered with `later()`. Never throws. */
export async function callBack(
  call: Pick<AgentCall, "callback">,
  reply: AgentReply,
  pausesMs: readonly number[] = PAUSES_MS,
): Promise<Delivery> {
  if (call.callback === null) return { delivered: false, status: null };
  const body = JSON.stringify(reply.body);
  for (let tries = 0;; tries++) {
    const status = await post(call.callback.url, body);
    const isPassing = status === null || status === 429 || status >= 500;
    if (!isPassing || tries >= pausesMs.length) {
      return { delivered: status !== null && status < 300, status };
    }
    await new Promise((resolve) => setTimeout(resolve, pausesMs[tries]));
  }
}

/**
 * Tells that the work goes on, for a step with `heartbeat`. False: nobody waits for the reply any
 * more (the run was cancelled, the time is over), so the work may stop.
 */
export async function sendHeartbeat(
  call: Pick<AgentCall, "callback">,
): Promise<boolean> {
  if (call.callback === null) return false;
  const status = await post(call.callback.heartbeatUrl, "");
  // Away for now is no answer to the question.
  return status === null || status < 400 || status === 429 || status >= 500;
}

async function finish(
  call: AgentCall,
  work: () => Promise<AgentReply> | AgentReply,
): Promise<void> {
  const { status, delivered } = await callBack(call, await runWork(call, work));
  if (delivered) return;
  logEvent("warn", "agent.reply_not_delivered", {
    workflow_run_id: call.workflow_run_id,
    step_id: call.step_id,
    attempt: call.attempt,
    status,
  });
}

async function runWork(
  call: AgentCall,
  work: () => Promise<AgentReply> | AgentReply,
): Promise<AgentReply> {
  try {
    return await work();
  } catch (error) {
    logEvent("error", "agent.failed", {
      workflow_run_id: call.workflow_run_id,
      step_id: call.step_id,
      attempt: call.attempt,
      error,
    });
    const isTold = error instanceof OrchestratorError &&
      error.kind !== "internal";
    return fail(isTold ? error.message : "the agent failed", {
      retryable: true,
    });
  }
}

/** The status of the answer; null if there was none. */
async function post(url: string, body: string): Promise<number | null> {
  try {
    const response = await fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body,
      redirect: "manual",
      signal: AbortSignal.timeout(POST_TIMEOUT_MS),
    });
    await response.body?.cancel();
    return response.status;
  } catch {
    return null;
  }
}
