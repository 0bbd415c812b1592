// What a worker does with a leased job: its own code, with the scripted agents in place of HTTP and
// outputs in memory in place of Storage.
import type { Settings } from "../../supabase/functions/_shared/contract/settings.ts";
import { createCallbackTokens } from "../../supabase/functions/_shared/callback/token.ts";
import type { LeasedJob } from "../../supabase/functions/_shared/database/rows.ts";
import type { Rpc } from "../../supabase/functions/_shared/database/rpc.ts";
import { countBytes } from "../../supabase/functions/_shared/outputs/json_text.ts";
import type { OutputStore } from "../../supabase/functions/_shared/outputs/store.ts";
import type {
  AgentCall,
  CallerIdentity,
  CallOutcome,
} from "../../supabase/functions/_shared/worker/call.ts";
import {
  type Classification,
  classifyCallback,
} from "../../supabase/functions/_shared/worker/classify.ts";
import type { Attempt } from "../../supabase/functions/_shared/worker/drain_seam.ts";
import {
  createExecutor,
  type ExecuteDeps,
} from "../../supabase/functions/_shared/worker/execute.ts";
import { finishAnswer } from "../../supabase/functions/_shared/worker/finish.ts";
import { resolveAgentUrl } from "../../supabase/functions/_shared/worker/resolve_url.ts";
import type { Behaviour } from "./agent_script.ts";
import { type ScriptedAgents, type ScriptedAnswer, writeCallback } from "./scripted_agents.ts";
import type { VirtualClock } from "./virtual_clock.ts";

/** What a worker's executor did with a job. */
export interface Execution {
  attempt: Attempt;
  /** The call, if the job came so far. */
  answer: ScriptedAnswer | null;
}

export interface ExecutorParts {
  agents: ScriptedAgents;
  clock: VirtualClock;
  rpc: Rpc;
  outputs: OutputStore;
  settings: Settings;
}

const NEVER_ABORTED = new AbortController().signal;

export class Executor {
  readonly #parts: ExecutorParts;
  readonly #identity: CallerIdentity;
  readonly #deps: ExecuteDeps;

  constructor(parts: ExecutorParts) {
    const { clock, rpc, outputs, settings } = parts;
    const secret = "simulated";
    this.#parts = parts;
    this.#identity = {
      baseUrl: "http://simulated.invalid",
      allowedAgentHosts: settings.allowedAgentHosts,
      serviceJwt: secret,
      secretKey: secret,
      outputMaxBytes: settings.outputMaxBytes,
    };
    const tokens = createCallbackTokens(secret);
    const now = { now: () => clock.now };
    this.#deps = { identity: this.#identity, tokens, clock: now, outputs, settings, rpc };
  }

  /** Plans a job and lets its agent answer, if it calls one; takes no virtual time by itself. */
  async execute(job: LeasedJob): Promise<Execution> {
    let answer: ScriptedAnswer | null = null;
    const callAgent = (call: AgentCall): Promise<CallOutcome> => {
      const resolved = resolveAgentUrl(call.call, this.#identity);
      if ("refusal" in resolved) {
        return Promise.resolve({ kind: "refused", message: resolved.refusal, durationMs: 0 });
      }
      answer = this.#parts.agents.answer(job, call);
      return Promise.resolve(this.#cut(answer.outcome));
    };
    const execute = createExecutor({ ...this.#deps, callAgent });
    const attempt = await execute(job, job.config.timeout_ms, NEVER_ABORTED);
    return { attempt, answer };
  }

  /** What an agent's late word means for the attempt that it took with a 202. */
  async finishCallback(
    job: LeasedJob,
    callback: NonNullable<Behaviour["callback"]>,
  ): Promise<Classification> {
    const text = writeCallback(callback);
    return await finishAnswer(
      job,
      classifyCallback(text, job.config),
      this.#deps,
      countBytes(text),
    );
  }

  /** No more of an answer is read than may be kept. */
  #cut(outcome: CallOutcome): CallOutcome {
    if (outcome.kind !== "received" || outcome.bytes <= this.#identity.outputMaxBytes) {
      return outcome;
    }
    return { ...outcome, isCut: true };
  }
}
