// One running function: its process, its log file, and the port that it reports when it serves.
import type { FunctionConfig } from "./config.ts";

export interface FunctionProcessOptions {
  config: FunctionConfig;
  /** Path of edge_runtime.ts. */
  runtime: string;
  env: Record<string, string>;
  logFile: string;
}

/**
 * The hosted runtime makes each isolate with heap limits of 0 and 256 MB, from which V8 derives the sizes of its
 * generations. This flag goes through the same computation; without it a function would live in as much memory
 * as the developer's machine has to give, and show nothing of what it takes when it is deployed.
 * https://supabase.com/docs/guides/functions/limits
 */
const HEAP_LIMIT_MB = 256;

// What Deno needs to find its cache and to reach the package registry; nothing else of our environment may
// reach a function, or it would work here and fail when it is deployed.
const PASSED_ON =
  /^(PATH|HOME|DENO_DIR|XDG_CACHE_HOME|DENO_CERT|DENO_TLS_CA_STORE|SSL_CERT_FILE|SSL_CERT_DIR|NODE_EXTRA_CA_CERTS|https?_proxy|no_proxy|npm_config_.*)$/i;

export class FunctionProcess {
  readonly #child: Deno.ChildProcess;
  readonly #lifeline: WritableStreamDefaultWriter<Uint8Array>;
  isAlive = true;
  /** Resolves with the port when the function serves; rejects if it ends before. */
  readonly ready: Promise<number>;
  /** Resolves with the exit code. */
  readonly ended: Promise<number>;

  constructor(options: FunctionProcessOptions) {
    const { config, runtime, logFile } = options;
    const mark = `serving-${crypto.randomUUID()}`;
    const log = Deno.openSync(logFile, { create: true, append: true });
    this.#child = new Deno.Command(Deno.execPath(), {
      args: [
        ...["run", "--allow-all", "--no-check", "--no-lock", "--node-modules-dir=none"],
        `--v8-flags=--max-heap-size=${HEAP_LIMIT_MB}`,
        ...(config.importMap === undefined ? ["--no-config"] : ["--config", config.importMap]),
        runtime,
        config.entrypoint,
      ],
      clearEnv: true,
      env: { ...pickEnvironment(), ...options.env, STACK_READY_MARK: mark, NO_COLOR: "1" },
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
      // Ctrl-C in a terminal must reach the stack alone, which then stops its functions in order.
      detached: true,
    }).spawn();
    this.#lifeline = this.#child.stdin.getWriter();
    const serving = Promise.withResolvers<number>();
    const outputs = Promise.all([
      this.#record(this.#child.stdout, log, mark, serving.resolve),
      this.#record(this.#child.stderr, log),
    ]);
    this.ready = serving.promise;
    this.ready.catch(() => {});
    this.ended = this.#child.status.then(async ({ code }) => {
      this.isAlive = false;
      serving.reject(new Error(`it ended with code ${code} before it served`));
      await this.#lifeline.close().catch(() => {});
      await outputs;
      log.close();
      return code;
    });
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** Asks the function to end (it sees `beforeunload`) and kills it if it does not. */
  async stop(): Promise<void> {
    this.#signal("SIGTERM");
    const force = setTimeout(() => this.#signal("SIGKILL"), 2500);
    await this.ended;
    clearTimeout(force);
  }

  async kill(): Promise<void> {
    this.#signal("SIGKILL");
    await this.ended;
  }

  #signal(signal: Deno.Signal): void {
    if (!this.isAlive) return;
    try {
      this.#child.kill(signal);
    } catch (error) {
      // It may have ended between the question and the signal.
      if (!(error instanceof TypeError || error instanceof Deno.errors.NotFound)) throw error;
    }
  }

  async #record(
    output: ReadableStream<Uint8Array>,
    log: Deno.FsFile,
    mark?: string,
    onReady?: (port: number) => void,
  ): Promise<void> {
    const decoder = new TextDecoder();
    let isWaiting = mark !== undefined;
    let seen = "";
    for await (const chunk of output) {
      let text = decoder.decode(chunk, { stream: true });
      if (isWaiting) {
        seen += text;
        const found = seen.match(new RegExp(`\\n?${mark} (\\d+)\\n`));
        const cut = seen.lastIndexOf("\n") + 1;
        text = found ? seen.replace(found[0], "") : seen.slice(0, cut);
        seen = seen.slice(cut);
        if (found) {
          isWaiting = false;
          onReady?.(Number(found[1]));
        }
      }
      log.writeSync(new TextEncoder().encode(text));
    }
    if (isWaiting) log.writeSync(new TextEncoder().encode(seen));
  }
}

function pickEnvironment(): Record<string, string> {
  const entries = Object.entries(Deno.env.toObject());
  return Object.fromEntries(entries.filter(([name]) => PASSED_ON.test(name)));
}
