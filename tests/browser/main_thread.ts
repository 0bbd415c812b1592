// What a page costs the thread that also answers the mouse: measured as processor time, so that a busy
// machine does not make a quick page look slow.
import type { Page } from "playwright-core";

interface TraceEvent {
  name: string;
  ph: string;
  pid: number;
  tid: number;
  /** Microseconds of processor time. */
  tdur?: number;
  args: { name?: string };
}

const TASK = "RunTask";
const CATEGORIES = ["toplevel", "disabled-by-default-devtools.timeline"];

export interface MainThreadCost {
  tasks: number;
  /** Milliseconds of processor time. */
  longestMs: number;
}

/** Measures the tasks of the page's main thread while `action` is under way. */
export async function measureMainThread(
  page: Page,
  action: () => Promise<void>,
): Promise<MainThreadCost> {
  const browser = page.context().browser()!;
  await browser.startTracing(page, { categories: CATEGORIES });
  let trace: Uint8Array;
  try {
    await action();
  } finally {
    trace = await browser.stopTracing();
  }
  const events: TraceEvent[] = JSON.parse(new TextDecoder().decode(trace)).traceEvents;
  const threads = new Set(
    events.filter(({ name, args }) => name === "thread_name" && args.name === "CrRendererMain")
      .map(({ pid, tid }) => `${pid} ${tid}`),
  );
  const tasks = events.filter(({ name, pid, tid }) =>
    name === TASK && threads.has(`${pid} ${tid}`)
  );
  // Without tasks the trace was of something else, and would find everything quick.
  if (tasks.length === 0) throw new Error("the trace shows no task of the page's main thread");
  const longest = Math.max(...tasks.map(({ tdur }) => tdur ?? 0));
  return { tasks: tasks.length, longestMs: longest / 1000 };
}
