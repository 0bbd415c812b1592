// Several worker processes of the function `orchestrator`, as several isolates are on the hosted
// platform: requests go round, a process that was killed is started by the next request.
import { findFunction } from "../../scripts/stack/config.ts";
import { FunctionHost } from "../../scripts/stack/functions.ts";
import { fileURLToPath } from "node:url";

export interface FleetOptions {
  root: string;
  /** For logs and for the files that move the workers' clocks. */
  folder: string;
  workers: number;
  env: Record<string, string>;
}

const FUNCTION = "orchestrator";
const RUNTIME = fileURLToPath(new URL("./clock_runtime.ts", import.meta.url));

export class WorkerFleet {
  readonly #hosts: FunctionHost[];
  readonly #shifts: number[];
  readonly #frozen = new Set<number>();
  #turn = 0;

  constructor(readonly options: FleetOptions) {
    this.#shifts = Array.from({ length: options.workers }, () => 0);
    this.#hosts = this.#shifts.map((_, worker) => {
      const logFolder = `${options.folder}/worker-${worker}`;
      Deno.mkdirSync(logFolder, { recursive: true });
      return new FunctionHost({
        root: options.root,
        logFolder,
        env: { ...options.env, CLOCK_SHIFT_FILE: this.#nameClock(worker) },
        onEvent: () => {},
        runtime: RUNTIME,
      });
    });
  }

  get size(): number {
    return this.#hosts.length;
  }

  /** Passes a request to the next worker. */
  async forward(request: Request): Promise<Response> {
    const config = await findFunction(this.options.root, FUNCTION);
    if (config === undefined) throw new Error(`there is no function ${FUNCTION}`);
    const { pathname, search } = new URL(request.url);
    const path = pathname.slice("/functions/v1".length) + search;
    return await this.#hosts[this.#turn++ % this.size].forward(request, config, path, "127.0.0.1");
  }

  /** Pids of the processes that run, by worker. */
  listPids(): Map<number, number> {
    const pids = new Map<number, number>();
    for (const [worker, host] of this.#hosts.entries()) {
      const pid = host.pids()[FUNCTION];
      if (pid !== undefined) pids.set(worker, pid);
    }
    return pids;
  }

  /** Ends a process without a chance to do anything (SIGKILL). */
  async kill(worker: number): Promise<void> {
    await this.#hosts[worker].kill(FUNCTION);
  }

  /** Stops a process in the middle of whatever it does, if it runs. */
  freeze(worker: number): void {
    const pid = this.listPids().get(worker);
    if (pid === undefined) return;
    Deno.kill(pid, "SIGSTOP");
    this.#frozen.add(pid);
  }

  /** Frozen processes go on where they stopped. */
  thaw(): void {
    for (const pid of this.#frozen) {
      try {
        Deno.kill(pid, "SIGCONT");
      } catch {
        // It was killed meanwhile.
      }
    }
    this.#frozen.clear();
  }

  /** Sets a worker's clock forward or back, from where it is. */
  shiftClock(worker: number, byMs: number): void {
    this.#shifts[worker] += byMs;
    // Written beside and renamed: a worker must never read half a number.
    Deno.writeTextFileSync(`${this.#nameClock(worker)}.new`, String(this.#shifts[worker]));
    Deno.renameSync(`${this.#nameClock(worker)}.new`, this.#nameClock(worker));
  }

  logs(): string {
    return this.#hosts.map((host) => host.logs(FUNCTION)).join("");
  }

  async stop(): Promise<void> {
    this.thaw();
    await Promise.all(this.#hosts.map((host) => host.stop()));
  }

  #nameClock(worker: number): string {
    return `${this.options.folder}/clock-${worker}`;
  }
}
