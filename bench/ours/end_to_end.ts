// The whole engine over HTTP on the local stack: throughput to the no-op agent behind the gateway, and
// latencies to an agent that notes the time. All processes share the machine with the benchmark.
import { setUp } from "../../scripts/setup-orchestrator.ts";
import { type Stack, startStack } from "../../scripts/stack/mod.ts";
import { chain, publish, writeWorkflow } from "../../tests/harness/definition.ts";
import { type BenchDatabase, ROOT } from "../database.ts";
import { readResidentMb } from "../machine.ts";
import { AgentRecorder } from "./agent_recorder.ts";
import { CpuClock, type CpuUse } from "./cpu_clock.ts";
import { allowUnlimited } from "./core.ts";

const AGENT = "agent-proxy/noop";
const STEPS = 3;
const KEY = `chain_${STEPS}`;
/** Bounds a failure only. */
const GIVE_UP_MS = 60_000;

/** Starts the stack on a database of the benchmark and publishes the chain that is measured. */
async function openStack(database: BenchDatabase, env: Record<string, string>): Promise<Stack> {
  const stack = await startStack({
    root: ROOT,
    databaseUrl: database.url,
    port: 0,
    // The tick would wake workers in the midst of a measurement; the ring is what is measured.
    loops: { cron: false, net: true },
    env,
  });
  try {
    await setUp({ url: stack.url, serviceKey: stack.keys.secret, root: ROOT });
    await allowUnlimited(database);
    await publish(
      database.connectRpc(),
      writeWorkflow(KEY, chain(STEPS).map((step) => ({ ...step, call: `/functions/v1/${AGENT}` }))),
    );
    return stack;
  } catch (error) {
    await stack.stop();
    throw error;
  }
}

export interface Throughput {
  stepsPerSecond: number;
  /** CPU time that each kind of process took a step, in ms. */
  cpuMsPerStep: CpuUse;
  /** Of the worker's process. */
  residentMb: number;
}

/** One worker for the whole drain: what a change of worker costs shows in the latencies. */
function settleOnOneWorker(concurrency: number): Record<string, string> {
  return {
    ORCHESTRATOR_WORKER_CONCURRENCY: String(concurrency),
    ORCHESTRATOR_BATCH_SIZE: String(concurrency),
    ORCHESTRATOR_WORKER_MAX_WORKERS: "1",
    ORCHESTRATOR_WORKER_MAX_CALLS: "100000",
  };
}

/** Drains queued chains with one worker; `bare` measures the fetch loop on the same warm stack. */
export async function measureThroughput(
  database: BenchDatabase,
  { steps, concurrency }: { steps: number; concurrency: number },
  bare: (stack: Stack, agentUrl: string) => Promise<void>,
): Promise<Throughput> {
  const stack = await openStack(database, settleOnOneWorker(concurrency));
  try {
    await drainOverHttp(database, stack, concurrency * STEPS * 3);
    await bare(stack, `${stack.url}/functions/v1/${AGENT}`);
    return await drainOverHttp(database, stack, steps);
  } finally {
    await stack.stop();
  }
}

/** Steps of one drain; a worker's budget ends before 100,000 steps do. */
const TRANCHE = 5_000;

/** Drains chains in one process of the worker, and tells its memory after as many steps as `marks` say. */
export async function measureMemory(
  database: BenchDatabase,
  { marks, concurrency }: { marks: number[]; concurrency: number },
  tell: (steps: number, residentMb: number) => void,
): Promise<void> {
  const stack = await openStack(database, settleOnOneWorker(concurrency));
  try {
    let steps = 0;
    let pid: number | undefined;
    for (const mark of marks) {
      let residentMb = 0;
      for (; steps < mark; steps += TRANCHE) {
        ({ residentMb } = await drainOverHttp(database, stack, TRANCHE));
      }
      const { orchestrator } = stack.functionPids();
      if (pid !== undefined && orchestrator !== pid) {
        throw new Error("the worker's process was replaced, so its memory says nothing");
      }
      pid = orchestrator;
      tell(mark, residentMb);
    }
  } finally {
    await stack.stop();
  }
}

async function drainOverHttp(
  database: BenchDatabase,
  stack: Stack,
  steps: number,
): Promise<Throughput> {
  const runs = Math.ceil(steps / STEPS);
  const requests = Array.from({ length: runs }, (_, n) => ({
    user_id: `u${n % 50}`,
    workflow_key: KEY,
    payload: { n },
  }));
  await database.connectRpc().dispatchWorkflows({ requests, ring: false });
  await database.settleDown();
  const clock = await CpuClock.start(database, stack);
  const startedAt = Date.now();
  const response = await fetch(`${stack.url}/functions/v1/orchestrator/worker?wait=true`, {
    method: "POST",
    headers: { apikey: stack.keys.secret },
  });
  const answer = await response.text();
  const [{ open, ended_at }] = await database.admin<{ open: number; ended_at: Date }[]>`
    select
      (select count(*)::integer from public.workflow_runs where status <> 'success') as open,
      (select max(finished_at) from public.job_attempts) as ended_at`;
  if (response.status !== 200 || open > 0) {
    throw new Error(`${open} of ${runs} runs are not a success; the worker answered ${answer}`);
  }
  const { orchestrator: pid } = stack.functionPids();
  const used = Object.entries(await clock.read());
  return {
    stepsPerSecond: runs * STEPS / (ended_at.getTime() - startedAt) * 1000,
    cpuMsPerStep: Object.fromEntries(
      used.map(([who, seconds]) => [who, seconds * 1000 / (runs * STEPS)]),
    ) as CpuUse,
    residentMb: await readResidentMb(pid),
  };
}

export interface Latencies {
  /** From the commit of a dispatch to the agent's first call, while a worker lingers. */
  dispatchToCall: number[];
  /** The same with no worker at work: the ring wakes one. */
  idleDispatchToCall: number[];
  /** From the agent's answer to one step to its call of the next. */
  stepToStep: number[];
}

/** Dispatches single chains from SQL and times their calls, in ms; the worker's settings are the defaults. */
export async function measureLatencies(
  database: BenchDatabase,
  { warmProbes, idleProbes }: { warmProbes: number; idleProbes: number },
): Promise<Latencies> {
  const agent = new AgentRecorder();
  const stack = await openStack(database, { EDGE_BASE_URL: agent.url });
  const rpc = database.connectRpc();
  const latencies: Latencies = { dispatchToCall: [], idleDispatchToCall: [], stepToStep: [] };
  const probe = async (): Promise<number> => {
    const { workflow_run_id: runId } = await rpc.dispatchWorkflow({
      userId: "u1",
      workflowKey: KEY,
    });
    const committedAt = agent.now();
    const calls = [];
    for (let step = 1; step <= STEPS; step++) {
      calls.push(await within(GIVE_UP_MS, agent.waitFor(runId!, `s${step}`)));
    }
    for (let step = 1; step < STEPS; step++) {
      latencies.stepToStep.push(calls[step].receivedAt - calls[step - 1].answeredAt);
    }
    return calls[0].receivedAt - committedAt;
  };
  try {
    for (let n = 0; n < 5; n++) await probe();
    latencies.stepToStep.length = 0;
    for (let n = 0; n < warmProbes; n++) {
      // At random moments of the worker's poll interval, well within the time that it lingers.
      await pause(20 + Math.random() * 80);
      latencies.dispatchToCall.push(await probe());
    }
    for (let n = 0; n < idleProbes; n++) {
      await waitForIdleness(database);
      latencies.idleDispatchToCall.push(await probe());
    }
    return latencies;
  } finally {
    await stack.stop();
    await agent.close();
  }
}

async function waitForIdleness(database: BenchDatabase): Promise<void> {
  for (const until = Date.now() + GIVE_UP_MS; Date.now() < until; await pause(50)) {
    const [{ alive }] = await database.admin`select orchestrator.workers_alive() as alive`;
    if (alive === 0) return;
  }
  throw new Error("waited for the worker to stop in vain");
}

async function within<T>(ms: number, promise: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`waited ${ms / 1000} s for a call in vain`)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
