// The short form of the fault suite: every kind of fault at least once, under a load of mixed workflows,
// and afterwards a history that breaks no rule. The long form is `deno task test:faults`.
import assert from "node:assert/strict";
import { runFaults } from "./fault_run.ts";
import { FAULT_KINDS } from "./plan.ts";
import { formatReport } from "./report.ts";

const LASTS_MS = 42_000;
const GAP_MS = 2_000;
const ROUND_MS = 2_000;
const DRAIN_MS = 90_000;
const DISK_MEGABYTES = 768;

Deno.test("no result is lost and nothing done twice under another key, whatever fails", async () => {
  const seed = crypto.getRandomValues(new Uint32Array(1))[0];
  console.log(`seed ${seed}`);
  const progress: string[] = [];
  const report = await runFaults({
    seed,
    lastsMs: LASTS_MS,
    kinds: FAULT_KINDS,
    gapMs: GAP_MS,
    roundMs: ROUND_MS,
    drainMs: DRAIN_MS,
    diskMegabytes: DISK_MEGABYTES,
    say: (line) => progress.push(line),
  });
  console.log(formatReport(report));
  const context = `${progress.join("\n")}\nend of the workers' logs:\n${
    report.workerLogs.slice(-4_000)
  }`;
  assert.deepEqual(report.violations, [], context);
  assert.ok(report.recoveryMs !== null, `not all runs have ended\n${context}`);
  const missing = FAULT_KINDS.filter((kind) => (report.faults[kind] ?? 0) === 0);
  assert.deepEqual(missing, [], `these faults did not come\n${context}`);
});
