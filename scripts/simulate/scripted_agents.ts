// The agents of a simulation: in place of an HTTP request, what the script says, as the outcome that
// the request would have had and the virtual time that it would have taken.
import { parseDuration } from "../../supabase/functions/_shared/contract/duration.ts";
import type { LeasedJob } from "../../supabase/functions/_shared/database/rows.ts";
import type { AgentCall, CallOutcome } from "../../supabase/functions/_shared/worker/call.ts";
import type { AgentScript, Behaviour, SeenCall } from "./agent_script.ts";
import { checkBehaviour } from "./read_script.ts";

/** What the agent of a call that nobody scripted does. */
const DEFAULT: Behaviour = { output: {} };

/** A call that was made, and what its agent does about it. */
export interface ScriptedAnswer {
  seen: SeenCall;
  behaviour: Behaviour;
  outcome: CallOutcome;
}

type Received = Extract<CallOutcome, { kind: "received" }>;

export class ScriptedAgents {
  readonly #scripts: Record<string, AgentScript>;
  /** Calls of each job so far, so that every job goes through its list by itself. */
  readonly #calls = new Map<number, number>();

  constructor(scripts: Record<string, AgentScript>) {
    this.#scripts = scripts;
  }

  /** Answers the call of a job; `durationMs` of the outcome is the virtual time until it is there. */
  answer(job: LeasedJob, call: AgentCall): ScriptedAnswer {
    const seen = see(job, call);
    const count = this.#calls.get(job.job_id) ?? 0;
    this.#calls.set(job.job_id, count + 1);
    const found = findScript(this.#scripts, seen);
    const behaviour = found === null ? DEFAULT : choose(found.name, found.script, seen, count);
    return { seen, behaviour, outcome: behave(behaviour, call.timeoutMs) };
  }
}

/** The body that an agent posts to its callback URL. */
export function writeCallback(callback: NonNullable<Behaviour["callback"]>): string {
  const { output = {}, fail, error = "scripted failure" } = callback;
  if (fail === undefined) return JSON.stringify({ ok: true, output });
  return JSON.stringify({ ok: false, error, retryable: fail === "not_ok_retryable" });
}

/** The names by which a script can mean a step, the most special first. */
export function listNames(seen: Pick<SeenCall, "workflow_key" | "step_id" | "index">): string[] {
  const { workflow_key, step_id, index } = seen;
  const names = index === null ? [step_id] : [`${step_id}[${index}]`, step_id];
  return names.flatMap((name) => [`${workflow_key}/${name}`, name]);
}

function findScript(
  scripts: Record<string, AgentScript>,
  seen: SeenCall,
): { name: string; script: AgentScript } | null {
  const name = [...listNames(seen), seen.call].find((it) => Object.hasOwn(scripts, it));
  return name === undefined ? null : { name, script: scripts[name] };
}

function see(job: LeasedJob, call: AgentCall): SeenCall {
  return {
    workflow_key: job.workflow_key,
    step_id: job.step_id,
    index: job.item_index >= 0 ? job.item_index : null,
    attempt: job.attempt,
    call: call.call,
    method: call.method,
    body: call.body === undefined ? null : structuredClone(call.body) as Record<string, unknown>,
  };
}

function choose(name: string, script: AgentScript, seen: SeenCall, count: number): Behaviour {
  if (typeof script === "function") {
    const behaviour = script(seen);
    const [fault] = checkBehaviour(behaviour, ["agents", name]);
    if (fault === undefined) return behaviour;
    throw new Error(
      `the function agents[${JSON.stringify(name)}] answered wrongly: ${fault.message}`,
    );
  }
  const list = Array.isArray(script) ? script : [script];
  let end = 0;
  for (const [at, behaviour] of list.entries()) {
    const isLast = at === list.length - 1;
    end += behaviour.times ?? (isLast ? Infinity : 1);
    if (count < end) return behaviour;
  }
  return DEFAULT;
}

function behave(behaviour: Behaviour, timeoutMs: number): CallOutcome {
  const delayMs = parseDuration(behaviour.delay ?? "0s") ?? 0;
  if (behaviour.fail === "timeout" || delayMs >= timeoutMs) {
    return { kind: "timeout", timeoutMs, durationMs: timeoutMs };
  }
  if (behaviour.fail === "network") {
    return {
      kind: "network",
      message: behaviour.error ?? "connection refused",
      durationMs: delayMs,
    };
  }
  return { durationMs: delayMs, ...answer(behaviour) };
}

function answer(behaviour: Behaviour): Omit<Received, "durationMs"> {
  const { fail, error, steps, callback } = behaviour;
  const retry_after_ms = parseDuration(behaviour.retry_after ?? "") ?? undefined;
  const refusal = { ok: false, error: error ?? "scripted failure", retry_after_ms };
  if (callback !== undefined) return receive(202, { ok: true });
  if (fail === undefined) return receive(200, { ok: true, output: behaviour.output ?? {}, steps });
  if (fail === "garbage") return { ...receive(200, {}), text: '}{"ok": tru', bytes: 11 };
  if (fail === "too_large") return { ...receive(200, {}), isCut: true };
  if (fail === "in_progress") return receive(409, { ...refusal, code: "in_progress" });
  if (fail === "not_ok") return receive(200, refusal);
  if (fail === "not_ok_retryable") return receive(200, { ...refusal, retryable: true });
  return receive(Number(fail.slice("http_".length)), refusal);
}

function receive(status: number, body: Record<string, unknown>): Omit<Received, "durationMs"> {
  const text = JSON.stringify(body);
  const bytes = new TextEncoder().encode(text).length;
  return { kind: "received", status, retryAfter: null, location: null, text, bytes, isCut: false };
}
