// Stands in for the hosted gateway: the one address that workers, pg_net and callers know. Requests for
// the function `orchestrator` go to the worker processes, everything else to the stack's gateway; and
// on the way there things happen.
import { pause } from "./pause.ts";
import { type RawRequest, type RawServer, serveRaw } from "./raw_server.ts";
import type { WorkerFleet } from "./worker_fleet.ts";

/** What may become of a request for the database. */
export type GatewayFault = "502" | "503" | "504" | "reset" | "silent" | "twice";

const FUNCTION_PATH = "/functions/v1/orchestrator";
const DATABASE_PATH = "/rest/v1/rpc/";
const RING_PATH = `${FUNCTION_PATH}/worker`;
const SILENCE_MS = 2_500;
/** They belong to one connection. */
const CONNECTION_HEADERS = [
  "connection",
  "keep-alive",
  "transfer-encoding",
  "host",
  "content-length",
];

export interface GatewayTargets {
  /** The stack's gateway. */
  stackUrl: string;
  fleet: WorkerFleet;
}

export class FaultyGateway {
  readonly #server: RawServer;
  readonly #pending: GatewayFault[] = [];
  readonly #targets = Promise.withResolvers<GatewayTargets>();
  readonly #client = Deno.createHttpClient({ poolMaxIdlePerHost: 64 });
  /** Requests that a fault befell. */
  readonly befallen: Partial<Record<GatewayFault, number>> = {};
  losesRings = false;
  lostRings = 0;

  private constructor(server: RawServer) {
    this.#server = server;
  }

  static async listen(): Promise<FaultyGateway> {
    const opened = Promise.withResolvers<FaultyGateway>();
    const server = await serveRaw(async (request) => (await opened.promise).#handle(request));
    const gateway = new FaultyGateway(server);
    opened.resolve(gateway);
    return gateway;
  }

  get url(): string {
    return this.#server.url;
  }

  /** Serves from now on; requests that came earlier have waited. */
  open(targets: GatewayTargets): void {
    this.#targets.resolve(targets);
  }

  /** The next so many requests for the database meet this. */
  expect(fault: GatewayFault, requests: number): void {
    for (let at = 0; at < requests; at++) this.#pending.push(fault);
  }

  /** Nothing happens any more. */
  calm(): void {
    this.#pending.length = 0;
    this.losesRings = false;
  }

  async close(): Promise<void> {
    await this.#server.close();
    this.#client.close();
  }

  async #handle(request: RawRequest): Promise<void> {
    if (this.losesRings && request.path.startsWith(RING_PATH)) {
      this.lostRings++;
      request.drop();
      return;
    }
    const isForDatabase = request.path.startsWith(DATABASE_PATH);
    const fault = isForDatabase ? this.#pending.shift() : undefined;
    if (fault === undefined) return await this.#pass(request);
    this.befallen[fault] = (this.befallen[fault] ?? 0) + 1;
    await this.#befall(request, fault);
  }

  async #befall(request: RawRequest, fault: GatewayFault): Promise<void> {
    switch (fault) {
      case "502":
        await request.answer(502, "<html>Bad Gateway</html>", { "content-type": "text/html" });
        return;
      case "503":
        await request.answer(503, '{"message":"no healthy upstream"}', { "retry-after": "1" });
        return;
      // It was done, and only the answer is lost.
      case "504":
        await this.#forward(request);
        await request.answer(504, '{"message":"The upstream server is timing out"}');
        return;
      case "reset":
        await this.#forward(request);
        request.drop();
        return;
      case "silent":
        await Promise.race([request.hungUp, pause(SILENCE_MS)]);
        request.drop();
        return;
      // Delivered again, as proxies do that try again: the first answer never arrives.
      case "twice":
        await this.#forward(request);
        await this.#pass(request);
        return;
    }
  }

  async #pass(request: RawRequest): Promise<void> {
    const { status, headers, body } = await this.#forward(request);
    await request.answer(status, body, headers);
  }

  async #forward(
    { method, path, headers, body }: RawRequest,
  ): Promise<{ status: number; headers: Record<string, string>; body: Uint8Array }> {
    const { stackUrl, fleet } = await this.#targets.promise;
    const passed = new Headers(headers);
    for (const name of CONNECTION_HEADERS) passed.delete(name);
    const init = {
      method,
      headers: passed,
      body: method === "GET" || method === "HEAD" ? undefined : body,
    };
    try {
      const response = path.startsWith(FUNCTION_PATH)
        ? await fleet.forward(new Request(`${this.url}${path}`, init))
        : await fetch(`${stackUrl}${path}`, { ...init, redirect: "manual", client: this.#client });
      const answered = new Headers(response.headers);
      for (const name of [...CONNECTION_HEADERS, "content-encoding"]) answered.delete(name);
      return {
        status: response.status,
        headers: Object.fromEntries(answered),
        body: new Uint8Array(await response.arrayBuffer()),
      };
    } catch (error) {
      return {
        status: 502,
        headers: {},
        body: new TextEncoder().encode(JSON.stringify({ message: String(error) })),
      };
    }
  }
}
