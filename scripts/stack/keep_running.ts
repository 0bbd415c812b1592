// Starts a server again that ended by itself, such as a database whose process was killed for memory,
// with pauses that grow while it does not stay up.

export interface RunningServer {
  /** Resolves when its process is gone, whoever ended it. */
  ended: Promise<unknown>;
  stop(): Promise<void>;
}

export interface KeepOptions {
  /** Begins the lines that are told. */
  name: string;
  /** Resolves when it serves again. */
  start(): Promise<RunningServer>;
  tell(line: string): void;
  /** The first pause, 100 ms if not given; each next one is twice as long. */
  pauseMs?: number;
}

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 10_000;
/** Who ran for so long has recovered: its next end is answered without a long pause. */
const RECOVERED_MS = 60_000;

/** Takes a running server over; `stop` ends it for good, also in the middle of a new start. */
export function keepRunning(first: RunningServer, options: KeepOptions): RunningServer {
  const { name, start, tell, pauseMs: firstPauseMs = FIRST_PAUSE_MS } = options;
  const stopping = Promise.withResolvers<void>();
  let isStopping = false;
  let current = first;

  const restart = async (pauseMs: number): Promise<number> => {
    for (;;) {
      await pause(pauseMs, stopping.promise);
      if (isStopping) return pauseMs;
      pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS);
      try {
        current = await start();
        tell(`${name} runs again`);
        return pauseMs;
      } catch (error) {
        const reason = error instanceof Error ? error.message : error;
        tell(`${reason}\nthe next attempt is in ${pauseMs / 1000} s`);
      }
    }
  };

  const watch = async () => {
    let pauseMs = firstPauseMs;
    while (!isStopping) {
      const startedAt = performance.now();
      await current.ended;
      if (isStopping) return;
      if (performance.now() - startedAt > RECOVERED_MS) pauseMs = firstPauseMs;
      tell(`${name} ended by itself and is started again`);
      pauseMs = await restart(pauseMs);
    }
    await current.stop();
  };

  const ended = watch();
  return {
    ended,
    stop: async () => {
      isStopping = true;
      stopping.resolve();
      await current.stop();
      await ended;
    },
  };
}

async function pause(ms: number, cut: Promise<void>): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  await Promise.race([promise, cut]);
  clearTimeout(timer);
}
