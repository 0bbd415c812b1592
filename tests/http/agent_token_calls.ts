// What the tests of agent tokens share: a call as a worker made it, kept back from its agent, and the same
// call sent again with something changed.
import assert from "node:assert/strict";
import { decode } from "hono/jwt";
import type { AgentCallSeen } from "../harness/agents.ts";
import { type Answer, type HttpStack, type Json, send } from "./http_stack.ts";

/** The stack with agents that take tokens: the real ones, and `own/token` of the tests. */
export const TOKEN_AGENTS = {
  ORCHESTRATOR_TOKEN_AGENTS: "/functions/v1/agent-proxy/, /functions/v1/own/token",
};

export interface Change {
  method?: string;
  /** Behind /functions/v1/. */
  path?: string;
  query?: string;
  body?: unknown;
  token?: string;
  headers?: Record<string, string | null>;
}

export interface TokenCalls {
  publish(key: string, steps: Json[]): Promise<void>;
  /** Runs a workflow to its end; answers the run's id. */
  run(key: string): Promise<string>;
  /** The call of a step whose agent never saw it. */
  capture(path: string, method?: string): Promise<AgentCallSeen>;
  /** Sends a call to the real agents, by the gateway. */
  replay(call: AgentCallSeen, change?: Change): Promise<Answer>;
  readJob(runId: string): Promise<Json>;
}

export function createTokenCalls(it: HttpStack): TokenCalls {
  const post = async (path: string, body?: unknown) => {
    const answer = await it.ask("POST", `/orchestrator${path}`, { body });
    assert.ok(answer.status < 300, answer.text);
    return answer.body;
  };
  const publish = async (key: string, steps: Json[]) => {
    await post("/workflows", {
      source: JSON.stringify({ key, trigger: { type: "manual" }, steps }),
    });
  };
  const run = async (key: string) => {
    const { workflow_run_id } = await post("/dispatch", { user_id: "ada", workflow_key: key });
    await post("/worker?wait=true");
    return String(workflow_run_id);
  };
  let captured = 0;
  return {
    publish,
    run,
    capture: async (path, method = "POST") => {
      const key = `captured_${++captured}`;
      await publish(key, [{ id: "a", call: `/functions/v1/${path}`, method }]);
      it.agents.answer(path, () => Response.json({ ok: true, output: null }));
      const [call] = it.agents.of(await run(key));
      it.agents.answer(path, (_call, forward) => forward());
      return call;
    },
    replay: async (call, change = {}) => {
      const query = change.query ?? new URLSearchParams(call.query).toString();
      const path = change.path === undefined ? call.path : `/functions/v1/${change.path}`;
      const token = change.token ?? readToken(call);
      return await send(
        `${it.stack.url}${path}${query === "" ? "" : `?${query}`}`,
        change.method ?? call.method,
        {
          body: change.body ?? call.body,
          headers: {
            authorization: `Bearer ${token}`,
            "x-idempotency-key": call.idempotencyKey,
            "idempotency-key": call.idempotencyKey,
            ...change.headers,
          },
        },
      );
    },
    readJob: async (runId) =>
      (await it.sql<Json[]>`select * from job_queue where workflow_run_id = ${runId}`)[0],
  };
}

export function readToken(call: AgentCallSeen): string {
  return call.headers.get("authorization")?.replace(/^Bearer /, "") ?? "";
}

export function readClaims(token: string): Json {
  return decode(token).payload as Json;
}
