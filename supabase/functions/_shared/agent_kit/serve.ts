// Serves agents: auth by service key or agent token, replay of replies by idempotency key, the deadline
// of the call and the `ok` envelope around functions that take a call and give a reply. Start reading
// here.
import { checkRequestDigest, createTokenAuth } from "../agent_token/verify.ts";
import { OrchestratorError } from "../contract/errors.ts";
import { readBaseUrl } from "../database/project.ts";
import { type Authenticate, authenticateService } from "../http/auth.ts";
import { describeError, formatRetryAfter } from "../http/problem.ts";
import { createRouter } from "../http/router.ts";
import { logEvent } from "../log.ts";
import { type AgentCall, readAgentCall } from "./agent_call.ts";
import { openDatabase } from "./connection.ts";
import { type ReplyStore, runOnce } from "./replay.ts";
import { type AgentReply, fail, LATER_STATUS } from "./reply.ts";

export interface Agent {
  method: "GET" | "POST";
  /** Below the function's name: `/notify` is called as `/functions/v1/<function>/notify`. */
  path: string;
  /**
   * Answers a call. A thrown error becomes a failure that may be retried; a Response is passed on
   * as it is and not kept for repetitions.
   */
  run: (
    call: AgentCall,
  ) => Promise<AgentReply | Response> | AgentReply | Response;
  /**
   * Keep the reply and answer repetitions of the key with it. On for POST unless told otherwise;
   * a GET changes nothing that a repetition could change twice.
   */
  replay?: boolean;
}

export interface AgentServerOptions {
  functionName: string;
  agents: readonly Agent[];
  /** Largest body; a step gets the outputs of all its parents. */
  maxBytes?: number;
  /** Service keys and agent tokens unless told otherwise. */
  authenticate?: Authenticate;
  replies?: ReplyStore;
}

const DEFAULT_MAX_BYTES = 8_388_608;

/** Makes a function's default export. */
export function serveAgents(
  options: AgentServerOptions,
): { fetch(request: Request): Response | Promise<Response> } {
  const { functionName, maxBytes = DEFAULT_MAX_BYTES } = options;
  const authenticate = options.authenticate ?? authenticateWithToken(functionName);
  // Opened by the first call that needs it, so that agents without replay need no database.
  const openReplies = () => options.replies ?? openDatabase();

  const router = createRouter({ functionName, authenticate, respondToError });
  for (const agent of options.agents) {
    router.on(agent.method, agent.path, async (context) => {
      const caller = context.get("caller");
      const call = await readAgentCall(context.req.raw, maxBytes, async (url, body) => {
        if (caller.kind === "service") await checkRequestDigest(caller, url, body);
      });
      try {
        return await answer(agent, call, openReplies);
      } finally {
        call.deadline.close();
      }
    });
  }
  return { fetch: (request) => router.fetch(request) };
}

/** Reads the environment with the first call, as the check of service keys does. */
function authenticateWithToken(functionName: string): Authenticate {
  let check: Authenticate | null = null;
  return (request) => {
    check ??= createTokenAuth({
      functionName,
      baseUrl: readBaseUrl(),
      authenticateOther: authenticateService,
    });
    return check(request);
  };
}

async function answer(
  agent: Agent,
  call: AgentCall,
  openReplies: () => ReplyStore,
): Promise<Response> {
  const run = async () => await runAgent(agent, call);
  const hasReplay = agent.replay ?? agent.method === "POST";
  if (!hasReplay || call.idempotency_key === null) return respond(await run());
  const outcome = await runOnce(openReplies(), call.idempotency_key, call, run);
  switch (outcome.kind) {
    case "fresh":
      return respond(outcome.reply);
    case "replayed":
      return respond(outcome.reply, { "Idempotency-Replayed": "true" });
    case "in_progress": {
      const { retryAfterMs } = outcome;
      const reply = fail("a call with this idempotency key is in progress", {
        status: 409,
        retryable: true,
        retryAfterMs,
      });
      return respond({
        ...reply,
        body: { ...reply.body, code: "in_progress" },
      });
    }
    case "conflict": {
      const reply = fail("this idempotency key was used for another request", {
        status: 422,
      });
      return respond({
        ...reply,
        body: { ...reply.body, code: "idempotency_conflict" },
      });
    }
  }
}

/** An agent that was stopped by its deadline has failed in a way that may pass. */
async function runAgent(
  agent: Agent,
  call: AgentCall,
): Promise<AgentReply | Response> {
  try {
    const reply = await agent.run(call);
    const isLater = !(reply instanceof Response) &&
      reply.status === LATER_STATUS;
    // A caller that knows no later would take the 202 for the result.
    if (isLater && call.callback === null) {
      return fail("this agent answers later: the step needs mode: async");
    }
    return reply;
  } catch (error) {
    if (!call.deadline.signal.aborted || error instanceof OrchestratorError) {
      throw error;
    }
    logEvent("warn", "agent.stopped", {
      agent: agent.path,
      workflow_run_id: call.workflow_run_id,
      step_id: call.step_id,
      attempt: call.attempt,
      reason: call.deadline.signal.reason,
    });
    return fail("the call's deadline has passed", { status: 504 });
  }
}

function respond(
  reply: AgentReply | Response,
  headers: Record<string, string> = {},
): Response {
  if (reply instanceof Response) return reply;
  const { retry_after_ms: retryAfterMs } = reply.body;
  return Response.json(reply.body, {
    status: reply.status,
    headers: {
      ...headers,
      ...(typeof retryAfterMs === "number"
        ? { "Retry-After": formatRetryAfter(retryAfterMs) }
        : {}),
    },
  });
}

/** Errors in the envelope: callers of agents read `ok`, whatever happened. */
function respondToError(error: unknown, requestId: string): Response {
  const { details, headers } = describeError(error, requestId);
  const reply = fail(details.detail, {
    status: details.status,
    retryAfterMs: details.retry_after_ms,
  });
  const { problems } = details;
  return Response.json({
    ...reply.body,
    code: details.kind,
    ...(problems === undefined ? {} : { problems }),
    request_id: requestId,
  }, { status: details.status, headers });
}
