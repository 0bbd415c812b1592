// The part of the benchmark without HTTP: one repeat of every drain, ours and the bare one in turn.
import { type BenchServer, withDatabase } from "./database.ts";
import { type Figures, percentile } from "./figures.ts";
import type { BenchSettings } from "./settings.ts";
import { type Cell, CELLS, nameFigure } from "./tables.ts";
import { measureBareLoop } from "./bare/sql_loop.ts";
import { measureCore, measureSingleDispatch } from "./ours/core.ts";

/** Measures batches of 100 once, on one connection and on many, and dispatches. */
export async function measureCoreOnce(
  server: BenchServer,
  settings: BenchSettings,
  figures: Figures,
  say: (line: string) => void,
): Promise<void> {
  await measureCells(server, CELLS.filter(({ batch }) => batch === 100), settings, figures, say);
  say("single dispatches");
  const spans = await withDatabase(
    server,
    (database) => measureSingleDispatch(database, settings.singleDispatches),
  );
  figures.add("dispatch_single_ms_p50", percentile(spans, 50));
  figures.add("dispatch_single_ms_p99", percentile(spans, 99));
}

/** Measures the smaller batches once. */
export async function measureBatchesOnce(
  server: BenchServer,
  settings: BenchSettings,
  figures: Figures,
  say: (line: string) => void,
): Promise<void> {
  await measureCells(server, CELLS.filter(({ batch }) => batch !== 100), settings, figures, say);
}

/** Each drain has a database of its own, the bare one and ours in turn. */
async function measureCells(
  server: BenchServer,
  cells: Cell[],
  settings: BenchSettings,
  figures: Figures,
  say: (line: string) => void,
): Promise<void> {
  for (const cell of cells) {
    const jobs = settings.jobs[cell.batch];
    const { dispatchBatch } = settings;
    const isPlain = nameFigure("", cell) === "";
    say(`batch ${cell.batch}, ${cell.connections} connection(s): bare loop`);
    const bare = await withDatabase(
      server,
      (database) => measureBareLoop(database, { ...cell, jobs, insertBatch: dispatchBatch }),
    );
    figures.add(nameFigure("bare_loop_jobs_per_s", cell), bare.drainedPerSecond);
    if (isPlain) figures.add("bare_insert_jobs_per_s", bare.insertedPerSecond);
    for (const steps of [1, 3]) {
      say(`batch ${cell.batch}, ${cell.connections} connection(s): runs of ${steps} step(s)`);
      const runs = Math.ceil(jobs / steps);
      const core = await withDatabase(
        server,
        (database) => measureCore(database, { ...cell, steps, runs, dispatchBatch }),
      );
      figures.add(nameFigure(`core_${steps}step_runs_per_s`, cell), core.drainedRunsPerSecond);
      figures.add(
        nameFigure(`core_${steps}step_jobs_per_s`, cell),
        core.drainedRunsPerSecond * steps,
      );
      if (isPlain) {
        const name = steps === 1 ? "dispatch_1step_jobs_per_s" : "dispatch_jobs_per_s";
        figures.add(name, core.dispatchedJobsPerSecond);
      }
    }
  }
}
