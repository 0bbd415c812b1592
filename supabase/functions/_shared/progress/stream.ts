// The progress of one run as server-sent events. Each event tells of a state that was looked up whole, so
// that nothing can be missed: who comes back gets the state of then, or nothing while it is the one it knows.
// https://html.spec.whatwg.org/multipage/server-sent-events.html
import type { EndEvent, Progress, ProgressEvent } from "../contract/answers/progress.ts";
import { logEvent } from "../log.ts";

/** A state and the id that it has as an event. */
export interface Seen {
  version: string;
  progress: Progress;
}

/** `gone`: the run was deleted. */
export type Look = Seen | "unchanged" | "gone";

export interface StreamOptions {
  /** The state as the stream begins. */
  first: Seen;
  /** The id that the client has seen last. */
  lastEventId: string | null;
  /** Looks whether the state is still of this version. */
  look(version: string): Promise<Look>;
  /** How long the stream lives; the client then comes back by itself. */
  lifeMs: number;
  /** Called once, however it ends. */
  onEnd(): void;
}

/** How soon a client comes back. */
const RECONNECT_MS = 2_000;
/** Less than proxies wait for a sign of life. */
const KEEP_ALIVE_MS = 15_000;
/** Between two looks while something changes, and at most; each idle look comes later than the one before. */
const LOOK_LEAST_MS = 500;
const LOOK_MOST_MS = 2_000;
const LOOK_GROWTH = 1.5;

/** A stream that ends with the run, with its time, or with the client. */
export function openProgressStream(options: StreamOptions): ReadableStream<Uint8Array> {
  const leaving = new AbortController();
  const encoder = new TextEncoder();
  const events = tellProgress(options, leaving.signal);
  let isEnded = false;
  const end = () => {
    if (!isEnded) options.onEnd();
    isEnded = true;
  };
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const { done, value } = await events.next();
        if (!done) return controller.enqueue(encoder.encode(value));
        end();
        if (!leaving.signal.aborted) controller.close();
      } catch (error) {
        end();
        throw error;
      }
    },
    cancel() {
      leaving.abort();
      end();
    },
  });
}

async function* tellProgress(
  { first, lastEventId, look, lifeMs }: StreamOptions,
  signal: AbortSignal,
): AsyncGenerator<string> {
  const endsAt = performance.now() + lifeMs;
  let seen = first;
  let pauseMs = LOOK_LEAST_MS;
  let saidAt = performance.now();
  yield `retry: ${RECONNECT_MS}\n\n`;
  if (seen.version !== lastEventId) yield formatProgress(seen, null);
  while (seen.progress.status === "running") {
    const now = performance.now();
    if (now >= endsAt) {
      yield ": time is up, come back\n\n";
      return;
    }
    if (now - saidAt >= KEEP_ALIVE_MS) {
      saidAt = now;
      yield ": still here\n\n";
    }
    await sleep(Math.min(pauseMs, endsAt - now), signal);
    if (signal.aborted) return;
    const next = await lookQuietly(look, seen);
    if (next === "gone") return;
    if (next === "unchanged") {
      pauseMs = Math.min(LOOK_MOST_MS, pauseMs * LOOK_GROWTH);
      continue;
    }
    saidAt = performance.now();
    yield formatProgress(next, seen.progress);
    seen = next;
    pauseMs = LOOK_LEAST_MS;
  }
  const { workflow_run_id, status } = seen.progress;
  const end: EndEvent = { workflow_run_id, status };
  yield formatEvent("end", seen.version, end);
}

/** A database that is away is asked again by the next look: the stream has nothing to tell meanwhile. */
async function lookQuietly(look: StreamOptions["look"], seen: Seen): Promise<Look> {
  try {
    return await look(seen.version);
  } catch (error) {
    const { workflow_run_id } = seen.progress;
    logEvent("warn", "progress.missed", { run_id: workflow_run_id, error });
    return "unchanged";
  }
}

function formatProgress({ version, progress }: Seen, before: Progress | null): string {
  const event: ProgressEvent = {
    ...progress,
    steps: before === null ? progress.steps : listChanged(progress, before),
    is_whole: before === null,
  };
  return formatEvent("progress", version, event);
}

function listChanged(progress: Progress, before: Progress): Progress["steps"] {
  const known = new Map(before.steps.map((step) => [step.step_id, JSON.stringify(step)]));
  return progress.steps.filter((step) => known.get(step.step_id) !== JSON.stringify(step));
}

/** JSON has no line breaks of its own, so the data is one line. */
function formatEvent(name: "progress" | "end", id: string, data: unknown): string {
  return `event: ${name}\nid: ${id}\ndata: ${JSON.stringify(data)}\n\n`;
}

function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const finish = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", finish);
      resolve();
    };
    const timer = setTimeout(finish, ms);
    signal.addEventListener("abort", finish);
    if (signal.aborted) finish();
  });
}
