// What a run of the benchmark does: sizes of the full and the quick one, and its command line.

export interface BenchSettings {
  mode: "full" | "quick";
  repeats: number;
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
  parts: Part[];
}

export const PARTS = ["core", "scale", "http"] as const;
export type Part = typeof PARTS[number];

export const BATCHES = [1, 10, 100];
export const MANY_CONNECTIONS = 4;

const FULL: BenchSettings = {
  mode: "full",
  repeats: 5,
  jobs: { 1: 600, 10: 4_500, 100: 18_000 },
  dispatchBatch: 1_000,
  singleDispatches: 200,
  httpSteps: 3_000,
  httpConcurrency: 64,
  warmProbes: 60,
  idleProbes: 4,
  parts: [...PARTS],
};

const QUICK: BenchSettings = {
  ...FULL,
  mode: "quick",
  repeats: 3,
  jobs: { 1: 200, 10: 1_200, 100: 6_000 },
  singleDispatches: 60,
  httpSteps: 1_200,
  warmProbes: 20,
  idleProbes: 1,
};

export const HELP = `deno task bench [--quick] [--only=${PARTS.join("|")}] [--help]

Measures the engine on this machine: its SQL core against a bare SQL loop on the same server, large
fan-outs and graphs against small ones, and steps over HTTP against a bare fetch loop to the same agent. Every figure is the median of
interleaved repeats; judge by the ratios, absolute figures move between machines. Writes
bench/results/latest.json.

  --quick   ${QUICK.repeats} repeats of smaller drains instead of ${FULL.repeats}, under two minutes
  --only    one part alone

DATABASE_URL runs it on a server of one's own (a superuser's URL; databases are made and dropped).`;

/** Reads the command line; undefined where help is asked for. */
export function readBenchSettings(args: string[]): BenchSettings | undefined {
  if (args.includes("--help") || args.includes("-h")) return undefined;
  const settings = { ...(args.includes("--quick") ? QUICK : FULL) };
  for (const arg of args) {
    if (arg === "--quick") continue;
    const part = PARTS.find((name) => arg === `--only=${name}`);
    if (part === undefined) {
      throw new Error(`cannot read the arguments: unknown "${arg}"\n\n${HELP}`);
    }
    settings.parts = [part];
  }
  return settings;
}
