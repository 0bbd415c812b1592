// One load: the plan is dispatched in bulk, the workers work it off, and the history is checked.
import { readCalls } from "../faults/history/agent_log.ts";
import { checkHistory } from "../faults/history/check_history.ts";
import type { Violation } from "../faults/history/history.ts";
import { readRows } from "../faults/history/read_rows.ts";
import { type HistorySummary, summarizeHistory } from "../faults/history/summary.ts";
import { pause } from "../faults/pause.ts";
import type { Sample } from "../faults/samples.ts";
import { Backlog } from "./backlog.ts";
import { readLargestTables, readServerFacts, type TableSize } from "./database_facts.ts";
import { planRuns, WORKFLOWS } from "./load_plan.ts";
import { type LoadStack, openLoadStack } from "./load_stack.ts";
import { type CpuUse, type Progress, readCpuUse, subtractUse, takeSample } from "./meter.ts";

export interface LoadOptions {
  jobs: number;
  workers: number;
  seed: number;
  say: (line: string) => void;
}

export interface LoadReport extends Omit<LoadOptions, "say"> {
  runs: number;
  /** From the first dispatch to the end of the last run. */
  seconds: number;
  /** False: nothing went on any more before all had ended. */
  isOver: boolean;
  summary: HistorySummary;
  violations: Violation[];
  samples: Sample[];
  cpuSeconds: CpuUse;
  /** Workers whose process ended on the way, which no process should. */
  lostWorkers: number[];
  largestTables: TableSize[];
  /** Settings of the server that figures depend on. */
  postgres: Record<string, string>;
  checkSeconds: number;
}

const SAMPLE_MS = 1_000;
/** As ticks do, but so often that every process of the fleet has its part. */
const RING_MS = 1_000;
const TELL_MS = 10_000;
/** No attempt ended for so long: there will be no more. Bounds a failure only. */
const STALL_MS = 120_000;

export async function runLoad({ jobs, workers, seed, say }: LoadOptions): Promise<LoadReport> {
  const system = await openLoadStack({ workers, say });
  try {
    const runs = planRuns({ seed, jobs });
    const backlog = new Backlog(runs, {
      gatewayUrl: system.gateway.url,
      secretKey: system.stack.keys.secret,
    });
    await ringAll(system);
    const pids = system.fleet.listPids();
    const cpuBefore = await readCpuUse(system);
    say(`${jobs} jobs in ${runs.length} runs for ${workers} workers`);
    const drained = await drain(system, backlog, say);
    const cpuAfter = await readCpuUse(system);
    const left = system.fleet.listPids();
    say("all is quiet: reading the history");
    const checkedAt = Date.now();
    await system.agent.stop();
    const history = {
      ...await readRows(system.sql),
      calls: await readCalls(system.agentLog),
      acknowledged: backlog.acknowledged,
      expectedEnds: Object.fromEntries(WORKFLOWS.map(({ key }) => [key, "success"])),
    };
    return {
      ...{ jobs, workers, seed, runs: runs.length, ...drained },
      summary: summarizeHistory(history),
      violations: checkHistory(history),
      cpuSeconds: subtractUse(cpuAfter, cpuBefore),
      lostWorkers: [...pids.keys()].filter((worker) => left.get(worker) !== pids.get(worker)),
      largestTables: await readLargestTables(system.sql),
      postgres: await readServerFacts(system.sql),
      checkSeconds: (Date.now() - checkedAt) / 1000,
    };
  } finally {
    await system.close();
  }
}

/** Starts the process of every worker, and wakes those that sleep. */
async function ringAll({ fleet, gateway, stack }: LoadStack): Promise<void> {
  const headers = { apikey: stack.keys.secret };
  const url = `${gateway.url}/functions/v1/orchestrator/worker`;
  await Promise.all(
    Array.from({ length: fleet.size }, async () => {
      const response = await fleet.forward(new Request(url, { method: "POST", headers }));
      await response.body?.cancel();
    }),
  );
}

async function drain(
  system: LoadStack,
  backlog: Backlog,
  say: (line: string) => void,
): Promise<Pick<LoadReport, "seconds" | "isOver" | "samples">> {
  const samples: Progress[] = [];
  const startedAt = Date.now();
  const ringer = setInterval(() => void ringAll(system).catch(() => {}), RING_MS);
  try {
    for (let told = { atMs: 0, attempts: 0 }, movedAt = 0;;) {
      const sample = await takeSample(system, startedAt);
      const moved = sample.attempts > (samples.at(-1)?.attempts ?? 0);
      samples.push(sample);
      if (moved) movedAt = sample.atMs;
      if (sample.atMs - told.atMs >= TELL_MS) {
        say(tellProgress(sample, told, backlog.runs.length));
        told = sample;
      }
      const isOver = backlog.isDispatched && sample.endedRuns >= backlog.runs.length;
      if (isOver || sample.atMs - movedAt > STALL_MS) {
        return { seconds: sample.atMs / 1000, isOver, samples };
      }
      await backlog.fill(sample.endedRuns);
      await pause(startedAt + sample.atMs + SAMPLE_MS - Date.now());
    }
  } finally {
    clearInterval(ringer);
  }
}

function tellProgress(
  { atMs, attempts, endedRuns }: Progress,
  before: { atMs: number; attempts: number },
  runs: number,
): string {
  // Fan-outs have attempts of their own, so there are more of them than calls.
  const rate = (attempts - before.attempts) / (atMs - before.atMs) * 1000;
  const seconds = (atMs / 1000).toFixed(0);
  return `${seconds} s: ${endedRuns} of ${runs} runs ended, ${rate.toFixed(0)} attempts/s`;
}
