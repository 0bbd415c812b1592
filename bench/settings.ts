// What a run of the benchmark does: sizes of the full and the quick one, and its command line.

export interface BenchSettings {
  mode: "full" | "quick";
  /** At most; a mode with a budget stops before a repeat that would not fit. */
  repeats: number;
  /** Parts that are measured a single time, before the repeats. */
  once: Part[];
  /** Seconds in which the whole run is to end, if it is to. */
  budgetS: number;
  /** Jobs of a bare drain, and steps of a drain of ours, by batch size. */
  jobs: Record<number, number>;
  /** Runs a call of dispatch_workflows, and rows an insert of the bare loop. */
  dispatchBatch: number;
  singleDispatches: number;
  /** Calls of a bare fetch loop and steps of a drain over HTTP. */
  httpSteps: number;
  httpConcurrency: number;
  /** Runs of a latency probe while a worker lingers, and after the last one has stopped. */
  warmProbes: number;
  idleProbes: number;
  /** Jobs of other engines' drains: with batches, job by job, and as runs of three steps. */
  peerJobs: Record<PeerSize, number>;
  /** Jobs that they drain before; their processes are new each time, and their code not yet compiled. */
  peerWarmUp: Record<PeerSize, number>;
  parts: Part[];
  /** Whether every part of the mode runs, so that the figures may stand for it. */
  isWhole: boolean;
}

export type PeerSize = "batched" | "single" | "chains";

/** In the order in which they run. */
export const PARTS = [
  "growth",
  "soak",
  "memory",
  "backlog",
  "batches",
  "scale",
  "core",
  "peers",
  "http",
] as const;
export type Part = typeof PARTS[number];

export const BATCHES = [1, 10, 100];
export const MANY_CONNECTIONS = 4;
/**
 * Calls under way on each connection of a drain, ours and the bare one: Postgres works on one while the
 * client reads the answer to the other, as a worker settles a batch while it calls for the next.
 */
export const CALLS_UNDER_WAY = 2;

const FULL: BenchSettings = {
  mode: "full",
  repeats: 5,
  once: ["growth", "soak", "memory"],
  budgetS: Infinity,
  jobs: { 1: 600, 10: 4_500, 100: 18_000 },
  dispatchBatch: 1_000,
  singleDispatches: 200,
  httpSteps: 3_000,
  httpConcurrency: 64,
  warmProbes: 60,
  idleProbes: 4,
  peerJobs: { batched: 18_000, single: 6_000, chains: 900 },
  peerWarmUp: { batched: 5_000, single: 500, chains: 100 },
  parts: [...PARTS],
  isWhole: true,
};

const QUICK: BenchSettings = {
  ...FULL,
  mode: "quick",
  repeats: 3,
  once: ["growth", "batches", "scale"],
  budgetS: 110,
  jobs: { 1: 200, 10: 1_200, 100: 6_000 },
  singleDispatches: 60,
  httpSteps: 1_200,
  warmProbes: 20,
  idleProbes: 1,
  peerJobs: { batched: 6_000, single: 1_000, chains: 150 },
  // What hundreds of thousands of jobs show cannot be had in two minutes.
  parts: PARTS.filter((part) => !["soak", "memory", "backlog"].includes(part)),
};

export const HELP = `deno task bench [--quick] [--only=PART[,PART]] [--help]

Measures the engine on this machine, side by side on one Postgres with a bare SQL loop, a bare fetch
loop, graphile-worker, pg-boss and DBOS (installed from npm when they are measured). Every figure is the
median of interleaved repeats; judge by the ratios, absolute figures move between machines. Prints a
table, writes bench/results/latest.json and latest.svg; with --only a part.json, which git ignores.

  --quick   under two minutes: up to ${QUICK.repeats} repeats of smaller drains instead of ${FULL.repeats}, and once what
            is set against nothing of another engine
  --only    some parts alone: ${PARTS.join(", ")}

DATABASE_URL runs it on a server of one's own (a superuser's URL; databases are made and dropped).`;

/** Reads the command line; undefined where help is asked for. */
export function readBenchSettings(args: string[]): BenchSettings | undefined {
  if (args.includes("--help") || args.includes("-h")) return undefined;
  const settings = { ...(args.includes("--quick") ? QUICK : FULL) };
  for (const arg of args) {
    if (arg === "--quick") continue;
    const names = arg.match(/^--only=(.+)$/)?.[1].split(",") ?? [];
    const parts = PARTS.filter((part) => names.includes(part));
    if (parts.length === 0 || parts.length < names.length) {
      throw new Error(`cannot read the arguments: unknown "${arg}"\n\n${HELP}`);
    }
    settings.parts = parts;
    settings.isWhole = false;
  }
  return settings;
}
