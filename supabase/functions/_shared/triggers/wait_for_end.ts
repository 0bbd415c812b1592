// `?wait=25s`: looks at a run until it has ended or the time is over. Looks come in quick succession first
// and twice a second later, each one row by its key: no connection of the database is held meanwhile.
import { formatDuration, parseDuration } from "../contract/duration.ts";
import { OrchestratorError } from "../contract/errors.ts";

/** Longest wait of a request: proxies cut off what is silent for 30 s. */
export const MAX_WAIT_MS = 25_000;

const FIRST_PAUSE_MS = 20;
const LONGEST_PAUSE_MS = 500;
const GROWTH = 1.5;

/** The wait that a query asks for, in milliseconds; throws `invalid`. */
export function readWait(wait: string | undefined): number {
  if (wait === undefined) return 0;
  const ms = parseDuration(wait);
  if (ms !== null && ms <= MAX_WAIT_MS) return ms;
  const message = `must be a duration up to ${formatDuration(MAX_WAIT_MS)}, such as 10s, got ` +
    JSON.stringify(wait.slice(0, 100));
  throw new OrchestratorError("invalid", `reading the query: wait ${message}`, {
    problems: [{ path: "wait", message }],
  });
}

/** The last look: a run that has ended, or one that has not when the time is over or nobody listens. */
export async function waitForEnd<Run extends { status: string }>(
  look: () => Promise<Run>,
  waitMs: number,
  signal: AbortSignal,
): Promise<Run> {
  const until = performance.now() + waitMs;
  let run = await look();
  for (let pauseMs = FIRST_PAUSE_MS; run.status === "running" && !signal.aborted;) {
    const leftMs = until - performance.now();
    if (leftMs <= 0) break;
    await pause(Math.min(pauseMs, leftMs));
    pauseMs = Math.min(pauseMs * GROWTH, LONGEST_PAUSE_MS);
    run = await look();
  }
  return run;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
