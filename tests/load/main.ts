// `deno task test:load`: many jobs through many worker processes, without faults.
import { parseArgs } from "node:util";
import { describeMachine } from "../../bench/machine.ts";
import { formatTrends } from "../faults/report.ts";
import {
  flattenLoad,
  formatLoadReport,
  formatVerdict,
  judgeLoad,
  readLoadTrends,
} from "./load_report.ts";
import { runLoad } from "./load_run.ts";

const WHOLE = { jobs: 200_000, workers: 8 };
const RESULTS = new URL("../../bench/results/", import.meta.url);

const HELP = `deno task test:load [--jobs N] [--workers N] [--seed N] [--out FILE]

Dispatches jobs of mixed workflows in bulk on a local stack of its own, has worker processes work them off,
and holds the agent's own log against the database. Fails if a job was lost or done twice, or if memory grew.

  --jobs N      jobs that call the agent (${WHOLE.jobs})
  --workers N   worker processes (${WHOLE.workers})
  --seed N      repeats the mix of that seed (drawn and printed if not given)
  --out FILE    where the figures go (bench/results/load.json, or load_part.json for fewer jobs or workers)`;

const { values } = parseArgs({
  args: Deno.args,
  options: {
    jobs: { type: "string", default: String(WHOLE.jobs) },
    workers: { type: "string", default: String(WHOLE.workers) },
    seed: { type: "string" },
    out: { type: "string" },
    help: { type: "boolean", default: false },
  },
});
if (values.help) {
  console.log(HELP);
  Deno.exit(0);
}

const jobs = readCount("jobs", values.jobs);
const workers = readCount("workers", values.workers);
const seed = values.seed === undefined
  ? crypto.getRandomValues(new Uint32Array(1))[0]
  : readCount("seed", values.seed);
console.log(
  `seed ${seed}; again with: deno task test:load --jobs ${jobs} --workers ${workers} --seed ${seed}`,
);
const say = (line: string) => console.error(`· ${line}`);
const report = await runLoad({ jobs, workers, seed, say });
const failures = judgeLoad(report);
console.log(
  `\n${formatLoadReport(report)}\n\n${formatTrends(readLoadTrends(report))}\n\n${
    formatVerdict(failures)
  }`,
);
const isWhole = jobs >= WHOLE.jobs && workers >= WHOLE.workers;
const file = values.out ?? new URL(isWhole ? "load.json" : "load_part.json", RESULTS);
const results = flattenLoad(report, await describeMachine(), failures);
await Deno.writeTextFile(file, `${JSON.stringify(results, null, 2)}\n`);
console.log(`\nwritten: ${file}`);
Deno.exit(failures.length === 0 ? 0 : 1);

function readCount(name: string, text: string): number {
  const count = Number(text);
  if (Number.isInteger(count) && count > 0) return count;
  throw new Error(`--${name} must be a whole number above 0, got ${text}`);
}
