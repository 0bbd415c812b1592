// The time that a caller gives a call, as a signal to hand to fetch and as what is left of it.

export interface Deadline {
  /** When the caller stops waiting; null if it did not say. */
  at: Date | null;
  /** Milliseconds left, never below 0; null without a deadline. */
  remainingMs(): number | null;
  /** Aborts when the deadline passes or the caller hangs up. Pass it to every fetch. */
  signal: AbortSignal;
  /** Ends the timer once the call is answered. */
  close(): void;
}

/** Timers take no more; longer ones would fire at once. */
const MAX_TIMER_MS = 2_147_483_647;

/** Reads X-Deadline, an ISO time; one that cannot be read counts as none. */
export function createDeadline(
  request: Request,
  now: () => number = Date.now,
): Deadline {
  const time = Date.parse(request.headers.get("x-deadline") ?? "");
  const remainingMs = () => Number.isNaN(time) ? null : Math.max(0, time - now());
  const controller = new AbortController();
  const remaining = remainingMs();
  const timer = remaining === null ? undefined : setTimeout(
    () =>
      controller.abort(
        new DOMException("the call's deadline has passed", "TimeoutError"),
      ),
    Math.min(remaining, MAX_TIMER_MS),
  );
  const hangUp = () => controller.abort(new DOMException("the caller hung up", "AbortError"));
  request.signal.addEventListener("abort", hangUp);
  return {
    at: Number.isNaN(time) ? null : new Date(time),
    remainingMs,
    signal: controller.signal,
    close() {
      clearTimeout(timer);
      request.signal.removeEventListener("abort", hangUp);
    },
  };
}
