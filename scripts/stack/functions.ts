// Hosts Edge Functions: one process a function, started by its first request, and the way of a
// request to it and back.
import { fileURLToPath } from "node:url";
import { findFunction, type FunctionConfig } from "./config.ts";
import { FunctionProcess } from "./function_process.ts";

export interface FunctionHostOptions {
  root: string;
  logFolder: string;
  /** The whole environment of the functions, besides what Deno itself needs. */
  env: Record<string, string>;
  onEvent: (line: string) => void;
  /** Module that runs a function's module; the stack's own if not given. */
  runtime?: string;
}

/** Up to this size a request's body is passed on in one piece, which is faster than a stream. */
const SMALL_BODY_BYTES = 256 * 1024;
/** How long the end of a process that broke its connections is waited for. */
const DYING_MS = 500;
/** Belong to one connection, or are set anew. A compressed answer would be unpacked only to be packed again. */
const REPLACED_HEADERS = new Set([
  ...["connection", "keep-alive", "transfer-encoding", "upgrade", "host", "content-length"],
  ...["accept-encoding", "x-forwarded-host", "x-forwarded-proto", "cf-connecting-ip"],
]);
const RUNTIME = fileURLToPath(new URL("./edge_runtime.ts", import.meta.url));

export class FunctionHost {
  readonly #configs = new Map<string, Promise<FunctionConfig | undefined>>();
  readonly #processes = new Map<string, FunctionProcess>();
  readonly #client = Deno.createHttpClient({ poolMaxIdlePerHost: 128 });
  #isStopped = false;

  constructor(readonly options: FunctionHostOptions) {}

  /** Finds a function's settings; they are read once and again after a restart. */
  async find(name: string): Promise<FunctionConfig | undefined> {
    const known = this.#configs.get(name) ?? findFunction(this.options.root, name);
    const config = await known;
    // Names that nobody has are not remembered: they may come later, and callers invent them.
    if (config !== undefined) this.#configs.set(name, known);
    return config;
  }

  /** Passes a request on; the function sees `/<name>/…` as its path, as on the hosted platform. */
  async forward(
    request: Request,
    config: FunctionConfig,
    path: string,
    clientAddress: string,
  ): Promise<Response> {
    let started: FunctionProcess | undefined;
    let port: number;
    try {
      started = this.#ensureStarted(config);
      port = await started.ready;
    } catch (error) {
      this.options.onEvent(`function ${config.name} failed to start: ${error}`);
      return fail(503, "BOOT_ERROR", "Function failed to start (please check logs)");
    }
    try {
      // A caller that hangs up does not end the function's work, neither here nor on the platform.
      const response = await fetch(`http://127.0.0.1:${port}${path}`, {
        method: request.method,
        headers: makeHeaders(request, clientAddress),
        body: await readBody(request),
        redirect: "manual",
        client: this.#client,
      });
      return new Response(response.body, {
        status: response.status,
        statusText: response.statusText,
        headers: [...response.headers],
      });
    } catch (error) {
      this.options.onEvent(`function ${config.name} did not answer: ${error}`);
      // A process that broke its connections is about to end: the next request must not meet it.
      const patience = AbortSignal.timeout(DYING_MS);
      await Promise.race([
        started.ended,
        new Promise((resolve) => patience.addEventListener("abort", resolve)),
      ]);
      return fail(502, "WORKER_ERROR", "Function exited due to an error (please check logs)");
    }
  }

  pids(): Record<string, number> {
    const running = [...this.#processes].filter(([, process]) => process.isAlive);
    return Object.fromEntries(running.map(([name, process]) => [name, process.pid]));
  }

  /** Stops a function in order and starts it again. */
  async restart(name: string): Promise<void> {
    const before = this.#processes.get(name);
    this.#processes.delete(name);
    this.#configs.delete(name);
    await before?.stop();
    const config = await this.find(name);
    if (config === undefined) throw new Error(`cannot restart the function ${name}: not found`);
    await this.#ensureStarted(config).ready;
  }

  /** Forgets running functions' processes, so that the next request runs the changed code. */
  async reload(names: string[]): Promise<void> {
    const stopped = names.map((name) => {
      const process = this.#processes.get(name);
      this.#processes.delete(name);
      this.#configs.delete(name);
      return process?.stop();
    });
    await Promise.all(stopped);
  }

  async kill(name: string): Promise<void> {
    const process = this.#processes.get(name);
    this.#processes.delete(name);
    await process?.kill();
  }

  logs(name: string): string {
    try {
      return Deno.readTextFileSync(this.#logFile(name));
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return "";
      throw error;
    }
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await Promise.all([...this.#processes.values()].map((process) => process.stop()));
    this.#client.close();
  }

  #ensureStarted(config: FunctionConfig): FunctionProcess {
    const running = this.#processes.get(config.name);
    if (running?.isAlive) return running;
    if (this.#isStopped) throw new Error("the stack is stopping");
    const started = new FunctionProcess({
      config,
      runtime: this.options.runtime ?? RUNTIME,
      env: this.options.env,
      logFile: this.#logFile(config.name),
    });
    this.options.onEvent(`function ${config.name} started (process ${started.pid})`);
    started.ended.then((code) => {
      this.options.onEvent(`function ${config.name} ended (process ${started.pid}, code ${code})`);
    });
    this.#processes.set(config.name, started);
    return started;
  }

  #logFile(name: string): string {
    return `${this.options.logFolder}/${name}.log`;
  }
}

// Pairs, because fetch takes a Headers object apart again, which costs as much as all the rest of the way.
function makeHeaders(request: Request, clientAddress: string): [string, string][] {
  const headers = [...request.headers].filter(([name]) => !REPLACED_HEADERS.has(name));
  headers.push(["accept-encoding", "identity"]);
  headers.push(["x-forwarded-host", new URL(request.url).host]);
  headers.push(["x-forwarded-proto", "http"]);
  // As Cloudflare does in front of hosted projects: whatever the caller has sent by this name is gone.
  headers.push(["cf-connecting-ip", clientAddress]);
  return headers;
}

async function readBody(request: Request): Promise<BodyInit | null> {
  if (request.body === null) return null;
  const length = request.headers.get("content-length");
  if (length === null || Number(length) > SMALL_BODY_BYTES) return request.body;
  return await request.arrayBuffer();
}

function fail(status: number, code: string, message: string): Response {
  return Response.json({ code, message }, { status, headers: { "sb-error-code": code } });
}
