// An agent that does nothing but note when each call reached it and when it was answered. The functions'
// base URL leads here, so that both ends of a latency are read from one clock.

export interface CallTimes {
  /** Milliseconds on the clock of `now()`. */
  receivedAt: number;
  answeredAt: number;
}

export class AgentRecorder {
  readonly #calls = new Map<string, CallTimes>();
  readonly #waiting = new Map<string, (times: CallTimes) => void>();
  readonly #server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    (request) => this.#answer(request),
  );

  get url(): string {
    return `http://127.0.0.1:${this.#server.addr.port}`;
  }

  now(): number {
    return performance.now();
  }

  /** Resolves with the times of a step's call, now or when it comes. */
  waitFor(runId: string, stepId: string): Promise<CallTimes> {
    const key = `${runId}:${stepId}`;
    const times = this.#calls.get(key);
    if (times !== undefined) return Promise.resolve(times);
    return new Promise((resolve) => this.#waiting.set(key, resolve));
  }

  async close(): Promise<void> {
    await this.#server.shutdown();
  }

  async #answer(request: Request): Promise<Response> {
    const receivedAt = this.now();
    await request.arrayBuffer();
    const { headers } = request;
    const key = `${headers.get("x-workflow-run-id")}:${headers.get("x-step-id")}`;
    const times = { receivedAt, answeredAt: this.now() };
    this.#calls.set(key, times);
    this.#waiting.get(key)?.(times);
    this.#waiting.delete(key);
    return Response.json({ ok: true, output: null });
  }
}
