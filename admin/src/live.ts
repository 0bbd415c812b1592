// Data that keeps itself fresh: asked for again while the tab can be seen, slower while the server is
// away, and kept on the page when a request fails.
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { SignedOutError } from "./api.ts";
import { session } from "./session.ts";

/** Changes show within two seconds: this much, and the time of an answer. */
export const POLL_MS = 1_500;
const SLOW_POLL_MS = 5_000;

export interface Live<T> {
  data: T | null;
  /** Of the last request; data may be there from an earlier one. */
  error: Error | null;
  isLoading: boolean;
  /** Asks at once, as after an action. */
  reload(): Promise<void>;
}

/**
 * Calls `load` at once, after every change of `key`, and then every `everyMs`; never (but by reload) if
 * that is null. Answers that were overtaken are dropped.
 */
export function useLive<T>(
  key: string,
  load: () => Promise<T>,
  everyMs: number | null = POLL_MS,
): Live<T> {
  const [state, setState] = useState<
    { key: string; data: T | null; error: Error | null }
  >(
    { key, data: null, error: null },
  );
  const newest = useRef({ load, key, turn: 0 });
  newest.current.load = load;
  newest.current.key = key;

  const reload = useCallback(async () => {
    const turn = ++newest.current.turn;
    const askedFor = newest.current.key;
    const isOvertaken = () => turn !== newest.current.turn;
    try {
      const data = await newest.current.load();
      if (!isOvertaken()) setState({ key: askedFor, data, error: null });
    } catch (error) {
      if (isOvertaken() || error instanceof SignedOutError) return;
      setState((before) => ({
        key: askedFor,
        data: before.key === askedFor ? before.data : null,
        error: error as Error,
      }));
    }
  }, []);

  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let isOver = false;
    const look = async () => {
      clearTimeout(timer);
      if (isOver || document.hidden) return;
      const startedAt = performance.now();
      await reload();
      if (isOver || everyMs === null) return;
      // A slow server is not asked more often than it can answer.
      wait(Math.max(
        everyMs,
        Math.min(SLOW_POLL_MS, performance.now() - startedAt),
      ));
    };
    // What is behind a dialog stands still: a row that went would take with it what was opened from it.
    const wait = (ms: number) => {
      clearTimeout(timer);
      timer = setTimeout(() => {
        if (document.querySelector("dialog[open]") === null) void look();
        else wait(POLL_MS);
      }, ms);
    };
    const lookAgain = () => void look();
    void look();
    document.addEventListener("visibilitychange", lookAgain);
    const unsubscribe = session.subscribe(lookAgain);
    return () => {
      isOver = true;
      clearTimeout(timer);
      newest.current.turn++;
      document.removeEventListener("visibilitychange", lookAgain);
      unsubscribe();
    };
  }, [key, everyMs, reload]);

  const isCurrent = state.key === key;
  const data = isCurrent ? state.data : null;
  const error = isCurrent ? state.error : null;
  return { data, error, isLoading: data === null && error === null, reload };
}
