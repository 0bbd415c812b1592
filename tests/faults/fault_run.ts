// One run of the suite: the load, the faults of the plan, the calm after them, and the verdict.
import { openFaultyStack } from "./faulty_stack.ts";
import { checkHistory } from "./history/check_history.ts";
import { readCalls } from "./history/agent_log.ts";
import type { Violation } from "./history/history.ts";
import { readRows } from "./history/read_rows.ts";
import { type HistorySummary, summarizeHistory } from "./history/summary.ts";
import { Injector } from "./injector.ts";
import { Load } from "./load.ts";
import { pause } from "./pause.ts";
import { AGENT_KINDS, type FaultKind, planFaults, PLANNED_KINDS } from "./plan.ts";
import { measureWorkers, type Sample } from "./samples.ts";
import { WORKFLOWS } from "./workflows.ts";

export interface FaultRunOptions {
  seed: number;
  lastsMs: number;
  kinds: readonly FaultKind[];
  /** Between two faults of the plan. */
  gapMs: number;
  /** Between two rounds of the load. */
  roundMs: number;
  /** How long the runs may take to end after the last fault. */
  drainMs: number;
  diskMegabytes: number;
  say: (line: string) => void;
}

export interface FaultReport {
  seed: number;
  disk: string;
  /** How often the server found no room. */
  diskErrors: number;
  /** Faults by kind, those of agents included. */
  faults: Partial<Record<FaultKind, number>>;
  summary: HistorySummary;
  repeatedRequests: number;
  /** From the calm to the end of the last run; null: not all have ended. */
  recoveryMs: number | null;
  samples: Sample[];
  violations: Violation[];
  /** The end of the workers' logs, for whoever looks for a cause. */
  workerLogs: string;
}

const WORKERS = 3;
const SAMPLE_MS = 2_000;
/** One worker would do; it is rung so often that all of them have a part in the load. */
const RING_MS = 1_000;

export async function runFaults(options: FaultRunOptions): Promise<FaultReport> {
  const { seed, lastsMs, kinds, say } = options;
  const system = await openFaultyStack({
    seed,
    workers: WORKERS,
    agentKinds: AGENT_KINDS.filter((kind) => kinds.includes(kind)),
    diskMegabytes: options.diskMegabytes,
    say,
  });
  try {
    const { stack, database, gateway, fleet, agents, log } = system;
    const injector = new Injector(system);
    const load = new Load({
      gatewayUrl: gateway.url,
      secretKey: stack.keys.secret,
      roundMs: options.roundMs,
    });
    const samples: Sample[] = [];
    const plan = planFaults({
      ...options,
      kinds: PLANNED_KINDS.filter((kind) => kinds.includes(kind)),
    });
    const startedAt = Date.now();
    const sampler = setInterval(() => {
      takeSample(system, startedAt, samples).catch(() => {});
    }, SAMPLE_MS);
    const ringer = setInterval(() => void load.ring(), RING_MS);
    say(`load of ${lastsMs / 1000} s with ${plan.length} planned faults`);
    load.start();
    const injected = plan.map(async (fault) => {
      await pause(startedAt + fault.atMs - Date.now());
      say(`${((Date.now() - startedAt) / 1000).toFixed(1)} s: ${fault.kind}`);
      await injector.inject(fault);
    });
    await Promise.all([pause(lastsMs), ...injected]);
    load.stop();
    clearInterval(ringer);
    agents.isFaulty = false;
    await injector.calm();
    const calmAt = Date.now();
    say("calm: the rest has to end by itself");
    await load.finish();
    const isOver = await waitForEnd(system, calmAt + options.drainMs);
    const recoveryMs = isOver ? Date.now() - calmAt : null;
    clearInterval(sampler);
    await takeSample(system, startedAt, samples);
    log.flush();
    const history = {
      ...await database.ask(readRows),
      calls: await readCalls(log.path),
      acknowledged: load.acknowledged,
      expectedEnds: Object.fromEntries(WORKFLOWS.map(({ key, end }) => [key, end])),
    };
    const summary = summarizeHistory(history);
    return {
      seed,
      disk: database.disk.how,
      diskErrors: database.countDiskErrors(),
      faults: { ...injector.count(), ...summary.agentFaults },
      summary,
      repeatedRequests: load.repeated,
      recoveryMs,
      samples,
      violations: checkHistory(history),
      workerLogs: fleet.logs(),
    };
  } finally {
    await system.close();
  }
}

type System = Awaited<ReturnType<typeof openFaultyStack>>;

/** False: something still goes on at the deadline. */
async function waitForEnd({ database }: System, deadline: number): Promise<boolean> {
  while (Date.now() < deadline) {
    // The server may still be at its recovery.
    const [row] = await database.ask((sql) =>
      sql<{ open: number }[]>`
        select count(*)::integer as open from workflow_runs where status = 'running'`
    ).catch(() => []);
    if (row?.open === 0) return true;
    await pause(250);
  }
  return false;
}

async function takeSample(
  { database, fleet }: System,
  startedAt: number,
  samples: Sample[],
): Promise<void> {
  const memoryBytes = measureWorkers(fleet.listPids());
  const [row] = await database.ask((sql) =>
    sql<{ bytes: string; ended: number }[]>`
      select pg_database_size(current_database()) as bytes,
        (select count(*)::integer from workflow_runs where status <> 'running') as ended`
  );
  samples.push({
    atMs: Date.now() - startedAt,
    memoryBytes,
    databaseBytes: Number(row.bytes),
    endedRuns: row.ended,
  });
}
