// How long one worker may work: until when and how often it leases, and what still fits before the
// platform ends its invocation. Pure.
import type { Settings } from "../contract/settings.ts";

/** Kept free at the end of an invocation for settling: 2.5 s of the 150 s. */
const SETTLE_SHARE = 1 / 60;

type Limits = Pick<Settings, "workerBudgetMs" | "workerWallClockMs" | "workerMaxCalls">;

export class Budget {
  readonly #limits: Limits;
  readonly #startedAt: number;
  readonly #marginMs: number;
  #calls = 0;

  constructor(limits: Limits, startedAt: number) {
    this.#limits = limits;
    this.#startedAt = startedAt;
    this.#marginMs = limits.workerWallClockMs * SETTLE_SHARE;
  }

  /** When leasing ends, in milliseconds since 1970. */
  get endsAt(): number {
    return this.#startedAt + this.#limits.workerBudgetMs;
  }

  get callsLeft(): number {
    return this.#limits.workerMaxCalls - this.#calls;
  }

  isSpent(now: number): boolean {
    return now >= this.endsAt || this.callsLeft <= 0;
  }

  countCall(): void {
    this.#calls++;
  }

  /**
   * The timeout of a call that begins now, or null if the call may outlive the invocation. A call
   * that would not fit into a fresh worker either is made all the same, with the time that is left:
   * handing it back would only move it from worker to worker.
   */
  fitTimeout(timeoutMs: number, now: number): number | null {
    const { workerWallClockMs } = this.#limits;
    const left = this.#startedAt + workerWallClockMs - this.#marginMs - now;
    const needed = Math.min(timeoutMs, workerWallClockMs - 2 * this.#marginMs);
    return needed > left ? null : Math.min(timeoutMs, Math.floor(left));
  }
}
