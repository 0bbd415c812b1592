// From a wake-up to rest: one drain, and another one if a wake-up came too late for the first.
import type { WorkerStart } from "../contract/answers/health.ts";
import { logEvent } from "../log.ts";
import { Drain } from "./drain.ts";
import { type DrainCounts, type DrainEnd, type DrainSeam, subtractCounts } from "./drain_seam.ts";
import { isUnavailable } from "./settle.ts";

export interface SessionEnd {
  start: WorkerStart;
  end: DrainEnd;
  error?: unknown;
}

export class Session {
  readonly #openSeam: () => Promise<DrainSeam>;
  readonly #totals: DrainCounts;
  readonly #started = Promise.withResolvers<WorkerStart>();
  readonly #over: Promise<SessionEnd>;
  #drain: Drain | null = null;
  #isOver = false;
  #isHurried = false;
  #wasPoked = false;

  constructor(openSeam: () => Promise<DrainSeam>, totals: DrainCounts) {
    this.#openSeam = openSeam;
    this.#totals = totals;
    // Whoever awaits it hears of a failure; the drain's own log line covers the case of nobody.
    this.#started.promise.catch(() => {});
    this.#over = this.#run();
  }

  /** False: it leases nothing more, a wake-up needs a session of its own. */
  get canBeWoken(): boolean {
    return !this.#isOver && !this.#drain?.isEnding;
  }

  /** Resolves once the worker is registered or refused; rejects if the database is away. */
  get started(): Promise<WorkerStart> {
    return this.#started.promise;
  }

  /** Never rejects, so that a session that nobody waits for cannot end the isolate. */
  get over(): Promise<SessionEnd> {
    return this.#over;
  }

  wake(): void {
    this.#wasPoked = true;
    this.#drain?.wake();
  }

  hurry(): void {
    this.#isHurried = true;
    this.#drain?.hurry();
  }

  retire(): void {
    this.#drain?.retire();
  }

  async #run(): Promise<SessionEnd> {
    let start: WorkerStart = { accepted: false, worker_id: null };
    let end: DrainEnd = "refused";
    try {
      do {
        const drain = new Drain(await this.#openSeam(), this.#totals);
        // A wake-up from before the start is answered by the start itself.
        this.#wasPoked = false;
        const accepted = await drain.start();
        start = { accepted, worker_id: accepted ? drain.workerId : null };
        this.#started.resolve(start);
        if (!accepted) return { start, end: "refused" };
        end = await this.#runDrain(drain);
      } while (end === "empty" && this.#wasPoked);
      return { start, end };
    } catch (error) {
      this.#started.reject(error);
      return { start, end: isUnavailable(error) ? "unavailable" : "failed", error };
    } finally {
      // In the same turn as the last look at #wasPoked: a later wake-up starts a new session.
      this.#isOver = true;
    }
  }

  async #runDrain(drain: Drain): Promise<DrainEnd> {
    const before = { ...this.#totals };
    const startedAt = performance.now();
    let end: DrainEnd = "failed";
    let error: unknown;
    this.#drain = drain;
    if (this.#isHurried) drain.hurry();
    try {
      end = await drain.run();
      return end;
    } catch (caught) {
      error = caught;
      if (isUnavailable(caught)) end = "unavailable";
      throw caught;
    } finally {
      this.#drain = null;
      // Wake-ups that the drain has looked at the queue after are answered.
      this.#wasPoked = drain.wasPoked;
      logEvent(error === undefined ? "info" : "warn", "worker.drained", {
        worker_id: drain.workerId,
        end,
        ...subtractCounts(this.#totals, before),
        duration_ms: Math.round(performance.now() - startedAt),
        ...(error === undefined ? {} : { error }),
      });
    }
  }
}
