// How an example agent misbehaves on request, so that a demo or a test can show every failure that
// a real agent has. A run's payload holds the scripts by step: {"agents": {"notify": {...}}}; items of
// a fan-out may have their own: {"agents": {"score": {"items": {"2": {...}}}}}. A GET carries no
// payload, so its script is JSON in the query: `?script={"fail_with":"http_500"}`.
import { z } from "zod";
import { type Agent, type AgentCall, ok } from "../_shared/agent_kit/mod.ts";
import { OrchestratorError } from "../_shared/contract/errors.ts";
import { checkInput } from "../_shared/http/body.ts";
import { failAsScripted, FAILURES, wait } from "./failures.ts";

const callbackSchema = z.strictObject({
  /** The callback comes this long after the 202. */
  after_ms: z.int().min(0).max(120_000).optional(),
  /** A heartbeat every so often until then. */
  beat_ms: z.int().min(1).max(120_000).optional(),
  fail_with: z.enum(["not_ok", "not_ok_retryable", "silence"]).optional(),
});

const behaviourSchema = z.strictObject({
  /** Wait before anything else. */
  delay_ms: z.int().min(0).max(120_000).optional(),
  /** Fail this many attempts, then behave. Every one, if only fail_with is set. */
  fail_times: z.int().min(0).max(1_000).optional(),
  /** What a failure looks like; http_500 unless told otherwise. */
  fail_with: z.enum(FAILURES).optional(),
  /** What http_429, http_503 and not_ok_retryable ask for. */
  retry_after_ms: z.int().min(0).max(3_600_000).optional(),
  /** Answer with this instead of the agent's own output. */
  output: z.unknown().optional(),
  /** What the report agent does once it has answered 202. */
  callback: callbackSchema.optional(),
});

const scriptSchema = behaviourSchema.extend({
  /** By the item's place in the list, from 0; what it says stands instead of the above. */
  items: z.record(z.string().regex(/^\d+$/), behaviourSchema).optional(),
});

export type CallbackScript = z.output<typeof callbackSchema>;
export type Behaviour = z.output<typeof behaviourSchema>;
export type Script = z.output<typeof scriptSchema>;

/** The agent, doing what the call's script says before (or instead of) its own work. */
export function followScript(agent: Agent): Agent {
  return {
    ...agent,
    run: async (call) => {
      const script = readScript(agent, call);
      if (script === null) return await agent.run(call);
      if (script.delay_ms !== undefined) {
        await wait(script.delay_ms, call.deadline.signal);
      }
      if (mustFail(script, call)) {
        return await failAsScripted(
          script.fail_with ?? "http_500",
          call,
          script.retry_after_ms,
        );
      }
      // An agent that answers later says it later.
      const isScripted = Object.hasOwn(script, "output") &&
        script.callback === undefined;
      return isScripted ? ok(script.output) : await agent.run(call);
    },
  };
}

/** Finds the script of this step or item, or of the agent's name where no step calls; null without one. */
export function readScript(
  agent: Pick<Agent, "method" | "path">,
  call: AgentCall,
): Behaviour | null {
  const { agents } = call.payload;
  const name = call.step_id ?? agent.path.slice(1);
  const script = agent.method === "GET" ? readQueryScript(call) : getMember(agents, name);
  if (script === undefined || script === null) return null;
  const { items, ...behaviour } = checkInput(
    script,
    scriptSchema,
    agent.method === "GET" ? "query" : "body",
  );
  const ofItem = call.item_index === null ? undefined : items?.[String(call.item_index)];
  return ofItem ?? behaviour;
}

function readQueryScript(call: AgentCall): unknown {
  const text = call.sent.script;
  if (typeof text !== "string") return undefined;
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new OrchestratorError(
      "invalid",
      "reading the query: script is not valid JSON",
      {
        cause,
      },
    );
  }
}

function getMember(value: unknown, name: string): unknown {
  if (
    typeof value !== "object" || value === null || !Object.hasOwn(value, name)
  ) return undefined;
  return (value as Record<string, unknown>)[name];
}

function mustFail(script: Behaviour, call: AgentCall): boolean {
  const { fail_times: times, fail_with: failure } = script;
  return times === undefined ? failure !== undefined : call.attempt <= times;
}
