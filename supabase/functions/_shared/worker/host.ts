// One worker for each isolate: whoever wakes it while it drains only pokes it. Serves stage 4,
// worker.
import type { WorkerStart } from "../contract/answers/health.ts";
import { logEvent } from "../log.ts";
import {
  createCounts,
  type DrainCounts,
  type DrainEnd,
  type DrainSeam,
  subtractCounts,
} from "./drain_seam.ts";
import { Session } from "./session.ts";

export interface WorkerHostOptions {
  /** Called for each drain, so that changed settings take effect with the next one. */
  openSeam(): Promise<DrainSeam>;
  /** Keeps the isolate alive until the drain is over. */
  waitUntil(promise: Promise<unknown>): void;
  /** What is done behind each drain; whoever waits for the drain does not wait for it. */
  afterDrain?(): Promise<unknown>;
}

export interface DrainSummary extends WorkerStart, DrainCounts {
  end: DrainEnd;
  duration_ms: number;
}

export class WorkerHost {
  readonly #options: WorkerHostOptions;
  /** Over the life of the isolate; a caller's share is the difference of two readings. */
  readonly #totals = createCounts();
  #session: Session | null = null;
  #isRetired = false;

  constructor(options: WorkerHostOptions) {
    this.#options = options;
  }

  /**
   * Wakes the worker and answers as soon as it is registered; it drains in the background. Throws
   * `unavailable` if the database is away.
   */
  async wake(): Promise<WorkerStart> {
    if (this.#isRetired) return await this.#ringAnother();
    return await this.#join().started;
  }

  /** Wakes without waiting: a wake-up is a hint, and the tick covers a lost one. */
  wakeQuietly(): void {
    this.wake().catch((error: unknown) => logEvent("warn", "worker.unwoken", { error }));
  }

  /** Makes a drain that is under way look at the queue at once; starts none. */
  poke(): void {
    if (this.#session?.canBeWoken) this.#session.wake();
  }

  /** Drains until the queue is empty, without lingering, and counts what that took. */
  async drain(): Promise<DrainSummary> {
    const before = { ...this.#totals };
    const startedAt = performance.now();
    const session = this.#join();
    session.hurry();
    const { start, end, error } = await session.over;
    if (error !== undefined) throw error;
    const duration_ms = Math.round(performance.now() - startedAt);
    return { ...start, end, ...subtractCounts(this.#totals, before), duration_ms };
  }

  /** The platform is about to end this isolate: leases nothing more. */
  retire(): void {
    this.#isRetired = true;
    this.#session?.retire();
  }

  #join(): Session {
    if (this.#session?.canBeWoken) {
      this.#session.wake();
      return this.#session;
    }
    this.#session = new Session(() => this.#options.openSeam(), this.#totals);
    this.#options.waitUntil(this.#session.over.then(() => this.#options.afterDrain?.()));
    return this.#session;
  }

  async #ringAnother(): Promise<WorkerStart> {
    const { rpc } = await this.#options.openSeam();
    await rpc.ringWorker();
    return { accepted: false, worker_id: null };
  }
}
