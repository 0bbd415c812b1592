import assert from "node:assert/strict";
import type { Sample } from "../faults/samples.ts";
import { flattenLoad, formatLoadReport, judgeLoad } from "./load_report.ts";
import type { LoadReport } from "./load_run.ts";

const MEGABYTE = 1024 * 1024;
const MACHINE = { cores: 2, cpu: "cpu", memory_gb: 1, os: "linux", deno: "2" };

function makeSamples(memory: (at: number) => number): Sample[] {
  return Array.from({ length: 100 }, (_, at) => ({
    atMs: at * 1000,
    memoryBytes: new Map([["worker 0", 100 * MEGABYTE], ["PostgreSQL", memory(at) * MEGABYTE]]),
    databaseBytes: at * 20_480,
    endedRuns: at * 10,
  }));
}

/** As a load that went well reports. */
function makeReport(more: Partial<LoadReport> = {}): LoadReport {
  return {
    jobs: 2_000,
    workers: 1,
    seed: 1,
    runs: 900,
    seconds: 100,
    isOver: true,
    summary: {
      calls: 2_000,
      jobs: 2_100,
      runsByEnd: { success: 900 },
      duplicatesByCause: {},
      attemptsWithoutCall: {},
      lateResults: 0,
      agentFaults: {},
    },
    violations: [],
    samples: makeSamples(() => 50),
    cpuSeconds: { workers: 2, PostgreSQL: 4, "gateway and Data API": 1, agent: 1 },
    lostWorkers: [],
    largestTables: [{ name: "job_queue", megabytes: 3 }],
    postgres: { fsync: "on" },
    checkSeconds: 1,
    ...more,
  };
}

const { summary } = makeReport();

Deno.test("a load with every job once and flat memory passes", () => {
  assert.deepEqual(judgeLoad(makeReport()), []);
});

const BROKEN: Record<string, [Partial<LoadReport>, RegExp]> = {
  "a run that did not end": [{ summary: { ...summary, runsByEnd: { success: 899 } } }, /lost: 899/],
  "a load that stalled": [{ isOver: false }, /lost: 900 of 900 runs/],
  "a job that never called": [{ summary: { ...summary, calls: 1_999 } }, /lost: 1999 of 2000 jobs/],
  "a job that called twice": [
    { summary: { ...summary, calls: 2_001, duplicatesByCause: { lease_expired: 1 } } },
    /twice: 1 calls repeated, lease_expired/,
  ],
  "a worker process that ended": [{ lostWorkers: [3] }, /the process of worker 3 ended/],
  "a violation of the history": [
    { violations: [{ rule: "no lease is held", detail: "job 5" }] },
    /no lease is held: job 5/,
  ],
  "memory that goes on growing": [
    { samples: makeSamples((at) => 50 + at) },
    /not flat: memory of PostgreSQL/,
  ],
};

for (const [name, [broken, expected]] of Object.entries(BROKEN)) {
  Deno.test(`a load fails by ${name}`, () => {
    const failures = judgeLoad(makeReport(broken));
    assert.equal(failures.length, 1, failures.join("\n"));
    assert.match(failures[0], expected);
  });
}

Deno.test("a load that was all warm-up is not judged by its memory", () => {
  const samples = makeSamples((at) => 50 + at);
  assert.deepEqual(judgeLoad(makeReport({ seconds: 59, samples })), []);
});

Deno.test("figures are flat and name what they are of", () => {
  const report = makeReport();
  const results = flattenLoad(report, MACHINE, []);
  assert.equal(results.jobs_per_s, 20);
  assert.equal(results.worker_rss_mb_most, 100);
  assert.equal(results.worker_rss_mb_growth_most, 0);
  assert.equal(results.postgres_private_mb_most, 50);
  assert.equal(results.database_kb_per_run_last_quarter, 2);
  assert.equal(results.cpu_ms_per_job_gateway_and_data_api, 0.5);
  for (const value of Object.values(results)) assert.match(typeof value, /^(string|number)$/);
  assert.match(formatLoadReport(report), /table job_queue +3\.0 MB/);
});
