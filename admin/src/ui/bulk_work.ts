// A bulk action page by page: it can be stopped between two pages and go on where it stopped, so that a
// server that is away for a moment costs nothing.
import { useRef, useState } from "preact/hooks";
import type { BulkAnswer } from "../../../supabase/functions/_shared/contract/dashboard.ts";

export interface BulkRefusal {
  id: string | number;
  reason: string;
}

export interface BulkWork {
  state: "not_begun" | "working" | "stopped" | "broken" | "done";
  changed: number;
  refused: BulkRefusal[];
  /** Why it broke off. */
  error: Error | null;
}

type Page = (
  cursor: string | number | null,
) => Promise<BulkAnswer<string | number>>;

const NOT_BEGUN: BulkWork = {
  state: "not_begun",
  changed: 0,
  refused: [],
  error: null,
};

export function useBulkWork(): {
  work: BulkWork;
  begin(page: Page): void;
  stop(): void;
} {
  const [work, setWork] = useState(NOT_BEGUN);
  const current = useRef({
    work,
    cursor: null as string | number | null,
    isStopped: false,
  });

  const show = (changes: Partial<BulkWork>) => {
    current.current.work = { ...current.current.work, ...changes };
    setWork(current.current.work);
  };
  const begin = async (page: Page) => {
    const run = current.current;
    run.isStopped = false;
    show({ state: "working", error: null });
    try {
      do {
        const { changed, refused, next_cursor } = await page(run.cursor);
        run.cursor = next_cursor;
        show({
          changed: run.work.changed + changed,
          refused: [...run.work.refused, ...refused],
        });
      } while (run.cursor !== null && !run.isStopped);
      show({ state: run.cursor === null ? "done" : "stopped" });
    } catch (error) {
      show({ state: "broken", error: error as Error });
    }
  };
  return {
    work,
    begin: (page) => void begin(page),
    stop: () => void (current.current.isStopped = true),
  };
}
