// `deno task test:faults`: the long form of the fault suite, which is the soak.
import { parseArgs } from "node:util";
import { type FaultReport, runFaults } from "./fault_run.ts";
import { FAULT_KINDS, type FaultKind } from "./plan.ts";
import { formatReport, formatTrends } from "./report.ts";
import { readTrends } from "./samples.ts";

const HELP = `deno task test:faults [--minutes N] [--seed N] [--only KIND,…]

Runs a load of mixed workflows on a local stack of its own while faults are injected, lets it end in
peace, and holds the agents' own log against the database. Fails if a promise was broken.

  --minutes N   how long the load lasts (5)
  --seed N      repeats the plan of faults of that seed (drawn and printed if not given)
  --only KIND   only these kinds of faults, separated by commas; none: no faults at all

Kinds: ${FAULT_KINDS.join(", ")}`;

const DRAIN_MS = 120_000;
const GAP_MS = 4_000;
const ROUND_MS = 1_500;
const DISK_MEGABYTES_PER_MINUTE = 64;
const DISK_MEGABYTES = 1_024;

const { values } = parseArgs({
  args: Deno.args,
  options: {
    minutes: { type: "string", default: "5" },
    seed: { type: "string" },
    only: { type: "string" },
    help: { type: "boolean", default: false },
  },
});
if (values.help) {
  console.log(HELP);
  Deno.exit(0);
}

const minutes = readNumber("minutes", values.minutes);
const seed = values.seed === undefined
  ? crypto.getRandomValues(new Uint32Array(1))[0]
  : readNumber("seed", values.seed);
console.log(`seed ${seed}; again with: deno task test:faults --minutes ${minutes} --seed ${seed}`);
const report = await runFaults({
  seed,
  lastsMs: minutes * 60_000,
  kinds: readKinds(values.only),
  gapMs: GAP_MS,
  roundMs: ROUND_MS,
  drainMs: DRAIN_MS,
  diskMegabytes: DISK_MEGABYTES + Math.ceil(minutes * DISK_MEGABYTES_PER_MINUTE),
  say: (line) => console.error(`· ${line}`),
});
const trends = readTrends(report.samples);
console.log(`\n${formatReport(report)}\n\n${formatTrends(trends)}`);
if (report.violations.length > 0) await keepLogs(report);
const isFlat = trends?.every((trend) => trend.isFlat) ?? true;
Deno.exit(report.violations.length === 0 && report.recoveryMs !== null && isFlat ? 0 : 1);

function readNumber(name: string, text: string): number {
  const number = Number(text);
  if (Number.isFinite(number) && number > 0) return number;
  throw new Error(`--${name} must be a number above 0, got ${text}`);
}

function readKinds(text: string | undefined): readonly FaultKind[] {
  if (text === undefined) return FAULT_KINDS;
  if (text === "none") return [];
  return text.split(",").map((name) => {
    const kind = FAULT_KINDS.find((it) => it === name);
    if (kind === undefined) throw new Error(`--only: there is no kind ${name}; see --help`);
    return kind;
  });
}

async function keepLogs({ workerLogs }: FaultReport): Promise<void> {
  const path = await Deno.makeTempFile({ prefix: "faults-", suffix: ".log" });
  await Deno.writeTextFile(path, workerLogs);
  console.log(`\nthe workers' logs: ${path}`);
}
