// When a drain looks at the queue again, and when it has been idle for long enough to leave. Pure:
// times are handed in, in milliseconds since 1970.
import type { Settings } from "../contract/settings.ts";
import type { Lease } from "../database/rows.ts";
import { DRAIN_TIMES } from "./drain_seam.ts";

type Times = Pick<Settings, "workerLingerMs" | "workerPollMs">;

export class Pace {
  readonly #times: Times;
  #isHurried = false;
  #stirredAt = 0;
  #nextLookAt = 0;
  #lingerUntil = 0;
  #nextDueAt: number | null = null;
  #awayUntil = 0;
  #awayPauseMs = 0;

  constructor(times: Times) {
    this.#times = times;
  }

  get nextLookAt(): number {
    return this.#nextLookAt;
  }

  /** Until then the database is left alone, because the last call failed. */
  get awayUntil(): number {
    return this.#awayUntil;
  }

  /** From now on an empty queue is left without lingering. */
  hurry(): void {
    this.#isHurried = true;
    this.#lingerUntil = 0;
  }

  /** Something happened: the queue is worth watching for the linger time, or at least `leastMs`. */
  linger(now: number, leastMs = 0): void {
    this.#stirredAt = now;
    const lingerMs = this.#isHurried ? 0 : this.#times.workerLingerMs;
    this.#lingerUntil = now + Math.max(leastMs, lingerMs);
  }

  lookAtOnce(): void {
    this.#nextLookAt = 0;
  }

  /** Plans the next look from what a lease of up to `limit` jobs brought. */
  noteLease(lease: Lease, limit: number, now: number): void {
    const dueMs = lease.next_due_ms;
    this.#nextDueAt = dueMs === null ? null : now + dueMs;
    if (lease.jobs.length >= limit || lease.deferred > 0) {
      this.#nextLookAt = now;
      return;
    }
    const isWatching = now < this.#lingerUntil || this.#isHurried;
    const pauseMs = isWatching ? this.#measurePause(now) : DRAIN_TIMES.slowPollMs;
    // A job that is due but held by another transaction must not make this a busy loop.
    this.#nextLookAt = now + Math.max(1, Math.min(pauseMs, dueMs ?? pauseMs));
  }

  /**
   * The pause is a small part of the time that nothing has happened for: what follows soon is met soon, and
   * the looks of a whole linger hardly become more.
   */
  #measurePause(now: number): number {
    const { watchLeastMs, watchShare } = DRAIN_TIMES;
    const pauseMs = Math.max(watchLeastMs, Math.round((now - this.#stirredAt) * watchShare));
    const lingersMs = this.#isHurried ? Infinity : this.#lingerUntil - now;
    return Math.min(pauseMs, this.#times.workerPollMs, lingersMs);
  }

  /** With nothing in flight: is there nothing left to wait for? */
  isIdleOver(now: number): boolean {
    if (now < this.#lingerUntil) return false;
    return this.#isHurried || !this.isJobDueSoon(now);
  }

  /** A job will be due within the time that a worker waits for it. */
  isJobDueSoon(now: number): boolean {
    return this.#nextDueAt !== null && this.#nextDueAt - now <= DRAIN_TIMES.waitMaxMs;
  }

  /** Doubles the pause with every failure in a row; true for the first of them. */
  noteFailure(now: number): boolean {
    const isFirst = this.#awayPauseMs === 0;
    this.#awayPauseMs = isFirst
      ? DRAIN_TIMES.awayInitialMs
      : Math.min(DRAIN_TIMES.awayMaxMs, this.#awayPauseMs * 2);
    this.#awayUntil = now + this.#awayPauseMs;
    return isFirst;
  }

  noteAnswer(): void {
    this.#awayPauseMs = 0;
  }
}
