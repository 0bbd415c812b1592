// Agents with every bad habit, and one good one: they keep their replies, so that a repeated call of
// one key is answered with what was decided the first time. All they see goes into their own log.
import type { AgentLog, Verdict } from "./history/agent_log.ts";
import { type Behaviour, chooseBehaviour } from "./behaviour.ts";
import { pause } from "./pause.ts";
import type { AgentKind } from "./plan.ts";
import { type RawRequest, type RawServer, serveRaw } from "./raw_server.ts";

export interface AgentOptions {
  seed: number;
  log: AgentLog;
  kinds: readonly AgentKind[];
  /** Where callbacks are posted. */
  gatewayUrl: string;
}

/** What an agent does, by the last part of its path. */
type Role = "work" | "list" | "refuse" | "later";

interface Call {
  number: number;
  key: string;
  role: Role;
  callbackPath: string | null;
}

/** Longer than the steps' timeout_ms. */
const LATE_MS = 1_800;
const HANG_MAX_MS = 10_000;
/** Until an agent gives up on posting its answer; the step's callback_timeout takes over. */
const CALLBACK_TRIES = 40;
const CALLBACK_PAUSE_MS = 150;
const LISTED_ITEMS = 6;
const HOLD_MS = 200;

export class FaultyAgents {
  readonly #options: AgentOptions;
  readonly #server: RawServer;
  readonly #decided = new Map<string, string>();
  readonly #posting = new Set<Promise<void>>();
  /** False: they answer as they should. */
  isFaulty = true;
  #isClosed = false;

  private constructor(options: AgentOptions, server: RawServer) {
    this.#options = options;
    this.#server = server;
  }

  static async listen(options: AgentOptions): Promise<FaultyAgents> {
    const opened = Promise.withResolvers<FaultyAgents>();
    const server = await serveRaw(async (request) => (await opened.promise).#handle(request));
    const agents = new FaultyAgents(options, server);
    opened.resolve(agents);
    return agents;
  }

  get url(): string {
    return this.#server.url;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#server.close();
    await Promise.allSettled(this.#posting);
  }

  async #handle(request: RawRequest): Promise<void> {
    const header = (name: string) => request.headers.get(name) ?? "";
    const place = {
      run: header("x-workflow-run-id"),
      step: header("x-step-id"),
      item: Number(header("x-item-index") || -1),
      attempt: Number(header("x-attempt")),
      key: header("x-idempotency-key"),
    };
    const callback = request.headers.get("x-callback-url");
    const call: Call = {
      number: this.#options.log.noteCall(place),
      key: place.key,
      role: new URL(request.path, this.url).pathname.split("/").at(-1) as Role,
      callbackPath: callback === null ? null : new URL(callback).pathname,
    };
    const { payload } = JSON.parse(new TextDecoder().decode(request.body));
    // By the run's number and not by its id, which differs from time to time.
    const name = `${payload.n} ${place.step} ${place.item} ${place.attempt}`;
    const behaviour = chooseBehaviour({
      seed: this.#options.seed,
      name,
      kinds: this.isFaulty ? this.#options.kinds : [],
      isAsync: call.role === "later",
    });
    await this.#behave(request, call, behaviour);
  }

  async #behave(request: RawRequest, call: Call, { fault, workMs }: Behaviour): Promise<void> {
    await pause(workMs);
    switch (fault) {
      case "agent_hangs":
        await Promise.race([request.hungUp, pause(HANG_MAX_MS)]);
        request.drop();
        return this.#note(call, { fault });
      case "agent_500":
        return await this.#fail(request, call, 500, fault);
      case "agent_503":
        return await this.#fail(request, call, 503, fault);
      case "agent_429":
        return await this.#fail(request, call, 429, fault);
    }
    if (call.role === "refuse") return await this.#fail(request, call, 400, null);
    const body = JSON.stringify({ ok: true, output: this.#decide(call) });
    if (call.role === "later") return await this.#answerLater(request, call, body, fault);
    const value = this.#decided.get(call.key)!;
    const decision = { verdict: "success", value, fault, status: 200 } as const;
    if (fault === "agent_drops_before") {
      request.drop();
      return this.#note(call, { ...decision, status: null });
    }
    if (fault === "agent_drops_middle") {
      await request.dropInMiddle(200, body);
      return this.#note(call, decision);
    }
    if (fault === "agent_late") await pause(LATE_MS);
    this.#note(call, { ...decision, delivered: await request.answer(200, body) });
  }

  /** 202 at once, the answer by its own way; with agent_twice that comes two times. */
  async #answerLater(
    request: RawRequest,
    call: Call,
    body: string,
    fault: AgentKind | null,
  ): Promise<void> {
    const times = fault === "agent_twice" ? 2 : 1;
    const posting = this.#postBack(call, body, times).finally(() => this.#posting.delete(posting));
    this.#posting.add(posting);
    const delivered = await request.answer(202, JSON.stringify({ ok: true }));
    this.#note(call, { status: 202, verdict: "accepted", fault, delivered });
  }

  async #postBack(call: Call, body: string, times: number): Promise<void> {
    for (let time = 0; time < times; time++) {
      for (let left = CALLBACK_TRIES; left > 0 && !this.#isClosed; left--) {
        const status = await post(`${this.#options.gatewayUrl}${call.callbackPath}`, body);
        const value = this.#decided.get(call.key) ?? null;
        const { log } = this.#options;
        log.noteCallback({ call: call.number, status, verdict: "success", value });
        if (status !== 0 && status < 500) break;
        await pause(CALLBACK_PAUSE_MS);
      }
    }
  }

  async #fail(
    request: RawRequest,
    call: Call,
    status: number,
    fault: AgentKind | null,
  ): Promise<void> {
    const hold = status === 400 ? {} : { retry_after_ms: HOLD_MS };
    const body = JSON.stringify({ ok: false, error: `status ${status} was wished for`, ...hold });
    const delivered = await request.answer(status, body);
    this.#note(call, { status, verdict: "failure", fault, delivered });
  }

  /** The first call of a key decides what all of them are told. */
  #decide({ key, number, role }: Call): Record<string, unknown> {
    const value = this.#decided.get(key) ?? `decided by call ${number}`;
    this.#decided.set(key, value);
    const items = Array.from({ length: LISTED_ITEMS }, (_, place) => place);
    return { value, ...(role === "list" ? { items } : {}) };
  }

  #note(call: Call, answer: {
    status?: number | null;
    verdict?: Verdict;
    value?: string;
    fault: string | null;
    delivered?: boolean;
  }): void {
    this.#options.log.noteAnswer({
      call: call.number,
      status: answer.status ?? null,
      verdict: answer.verdict ?? "none",
      value: answer.value ?? null,
      fault: answer.fault,
      delivered: answer.delivered ?? false,
    });
  }
}

async function post(url: string, body: string): Promise<number> {
  try {
    const headers = { "content-type": "application/json" };
    const signal = AbortSignal.timeout(HANG_MAX_MS);
    const response = await fetch(url, { method: "POST", headers, body, signal });
    await response.body?.cancel();
    return response.status;
  } catch {
    return 0;
  }
}
