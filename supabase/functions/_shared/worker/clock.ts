// The worker's view of time, so that tests set it instead of waiting for it.

export interface Clock {
  /** Milliseconds since 1970. */
  now(): number;
  /** Calls `run` once after `ms`; the result cancels it. */
  setTimer(ms: number, run: () => void): () => void;
}

/** What `performance.now()` counts from, in the wall clock's terms. */
const STARTED_AT = Date.now() - performance.now();

/**
 * Time that only goes forward, at its own pace: for pauses, leases and budgets. A machine's clock is set now and
 * then; set back by an hour, it would have a worker leave the database alone for that hour, and hold its results.
 */
export const steadyClock: Clock = {
  now: () => Math.floor(STARTED_AT + performance.now()),
  setTimer(ms, run) {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  },
};

/** The machine's clock: for times that others read, such as deadlines of calls. */
export const wallClock: Pick<Clock, "now"> = { now: () => Date.now() };
