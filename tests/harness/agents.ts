// A look into every call of an agent: the functions' base URL leads here. What a test has an answer for
// is answered here, everything else goes on to the stack's gateway, and so to the real agents.

/** A call as the agent got it. */
export interface AgentCallSeen {
  method: string;
  path: string;
  query: Record<string, string>;
  headers: Headers;
  /** Parsed JSON; undefined without a body. */
  body: unknown;
  runId: string;
  stepId: string;
  attempt: number;
  idempotencyKey: string;
  /** The caller gave up before it had an answer. */
  isHungUp: boolean;
  /** Headers of the answer, once there is one. */
  answered?: Headers;
}

/** Answers a call; `forward` asks the real agent. */
export type Answer = (
  call: AgentCallSeen,
  forward: () => Promise<Response>,
) => Response | Promise<Response>;

const PREFIX = "/functions/v1/";

export class AgentDouble {
  readonly calls: AgentCallSeen[] = [];
  readonly #answers = new Map<string, Answer>();
  readonly #closing = Promise.withResolvers<Response>();
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  #gateway = "";

  constructor() {
    this.#server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen: () => {} },
      (request) => this.#handle(request),
    );
  }

  get url(): string {
    return `http://127.0.0.1:${this.#server.addr.port}`;
  }

  /** Tells where calls go that no test answers. */
  connect(gatewayUrl: string): void {
    this.#gateway = gatewayUrl;
  }

  /** Answers the calls of a path such as `own/slow`, which follows /functions/v1/. */
  answer(path: string, answer: Answer): void {
    this.#answers.set(PREFIX + path, answer);
  }

  /** Calls of one path are held until `open`, then answered with ok. */
  hold(path: string): { open: () => void } {
    const gate = Promise.withResolvers<void>();
    this.answer(path, async () => {
      await gate.promise;
      return Response.json({ ok: true, output: null });
    });
    return { open: gate.resolve };
  }

  of(...runIds: string[]): AgentCallSeen[] {
    return this.calls.filter((call) => runIds.includes(call.runId));
  }

  async close(): Promise<void> {
    // A held call that nobody opened must not hold up the end.
    this.#closing.resolve(new Response(null, { status: 503 }));
    await this.#server.shutdown();
  }

  async #handle(request: Request): Promise<Response> {
    const url = new URL(request.url);
    const text = await request.text();
    const header = (name: string) => request.headers.get(name) ?? "";
    const call: AgentCallSeen = {
      method: request.method,
      path: url.pathname,
      query: Object.fromEntries(url.searchParams),
      headers: request.headers,
      body: text === "" ? undefined : JSON.parse(text),
      runId: header("x-workflow-run-id"),
      stepId: header("x-step-id"),
      attempt: Number(header("x-attempt")),
      idempotencyKey: header("x-idempotency-key"),
      isHungUp: false,
    };
    this.calls.push(call);
    let isAnswered = false;
    request.signal.addEventListener("abort", () => call.isHungUp ||= !isAnswered);
    const forward = () => this.#forward(request, url, text);
    try {
      const answer = this.#answers.get(url.pathname) ?? forward;
      const response = await Promise.race([answer(call, forward), this.#closing.promise]);
      call.answered = response.headers;
      return response;
    } catch (error) {
      return Response.json({ ok: false, error: String(error) }, { status: 502 });
    } finally {
      isAnswered = true;
    }
  }

  async #forward(request: Request, url: URL, text: string): Promise<Response> {
    const headers = new Headers(request.headers);
    for (const name of ["host", "content-length"]) headers.delete(name);
    const response = await fetch(this.#gateway + url.pathname + url.search, {
      method: request.method,
      headers,
      body: text === "" ? undefined : text,
      redirect: "manual",
      signal: request.signal,
    });
    return new Response(response.body, { status: response.status, headers: response.headers });
  }
}
