// The part of the benchmark over HTTP: one repeat of throughput, bare and ours, and of the latencies.
import type { Stack } from "../scripts/stack/mod.ts";
import { measureFetchLoop } from "./bare/fetch_loop.ts";
import { type BenchServer, withDatabase } from "./database.ts";
import { type Figures, percentile } from "./figures.ts";
import { CPU_USERS } from "./ours/cpu_clock.ts";
import { measureLatencies, measureMemory, measureThroughput } from "./ours/end_to_end.ts";
import type { BenchSettings } from "./settings.ts";

/** Measures both once, each on a stack and a database of its own. */
export async function measureHttpOnce(
  server: BenchServer,
  settings: BenchSettings,
  figures: Figures,
  say: (line: string) => void,
): Promise<void> {
  const { httpSteps: steps, httpConcurrency: concurrency } = settings;
  say(`${steps} steps over HTTP, ${concurrency} at once`);
  const throughput = await withDatabase(
    server,
    (database) =>
      measureThroughput(database, { steps, concurrency }, async (stack, url) => {
        say(`bare fetch loop, ${steps} calls, ${concurrency} at once`);
        figures.add("bare_fetch_calls_per_s", await fetchBare(stack, url, steps, concurrency));
        say("the same through the engine");
      }),
  );
  figures.add("e2e_steps_per_s", throughput.stepsPerSecond);
  const cpuMs = throughput.cpuMsPerStep;
  figures.add("worker_cpu_ms_per_step", cpuMs.worker);
  const sumMs = CPU_USERS.reduce((sum, user) => sum + cpuMs[user], 0);
  figures.add("e2e_cpu_ms_per_step", sumMs);
  for (const user of CPU_USERS) figures.add(`e2e_cpu_share_${user}`, cpuMs[user] / sumMs);
  figures.add("worker_rss_mb", throughput.residentMb);

  say(
    `latencies: ${settings.warmProbes} runs with a worker waiting, ${settings.idleProbes} without`,
  );
  const latencies = await withDatabase(server, (database) => measureLatencies(database, settings));
  addPercentiles(figures, "dispatch_to_call", latencies.dispatchToCall);
  // Too few for more than a median: before each, the worker must have left.
  figures.add("idle_dispatch_to_call_ms_p50", percentile(latencies.idleDispatchToCall, 50));
  addPercentiles(figures, "step_to_step", latencies.stepToStep);
}

const MEMORY_STEPS = [20_000, 60_000, 100_000];

/** Tells how much memory the worker's process holds while it takes 100,000 steps. */
export async function measureMemoryOnce(
  server: BenchServer,
  settings: BenchSettings,
  figures: Figures,
  say: (line: string) => void,
): Promise<void> {
  const { httpConcurrency: concurrency } = settings;
  const held: number[] = [];
  await withDatabase(
    server,
    (database) =>
      measureMemory(database, { marks: MEMORY_STEPS, concurrency }, (steps, residentMb) => {
        say(`${steps} steps over HTTP: the worker holds ${residentMb.toFixed(0)} MB`);
        figures.add(`worker_rss_mb_${steps / 1000}k`, residentMb);
        held.push(residentMb);
      }),
  );
  figures.add("worker_rss_growth_mb_100k", held.at(-1)! - held[0]);
}

function fetchBare(stack: Stack, url: string, calls: number, concurrency: number): Promise<number> {
  return measureFetchLoop({
    url,
    headers: {
      apikey: stack.keys.secret,
      authorization: `Bearer ${stack.keys.serviceRoleJwt}`,
    },
    body: {
      workflow_key: "chain_3",
      step_id: "s1",
      attempt: 1,
      user_id: "u1",
      intent_id: null,
      payload: { n: 1 },
      inputs: {},
    },
    calls,
    concurrency,
  });
}

function addPercentiles(figures: Figures, name: string, spans: number[]): void {
  for (const p of [50, 95, 99]) figures.add(`${name}_ms_p${p}`, percentile(spans, p));
}
