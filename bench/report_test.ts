import assert from "node:assert/strict";
import { Figures } from "./figures.ts";
import { flattenResults } from "./report.ts";
import { readBenchSettings } from "./settings.ts";
import { SECTIONS } from "./tables.ts";

function flatten(measured: Record<string, number[]>) {
  const figures = new Figures();
  for (const [name, values] of Object.entries(measured)) {
    for (const value of values) figures.add(name, value);
  }
  return flattenResults(figures, {
    settings: readBenchSettings([])!,
    repeats: 3,
    machine: { cores: 2, cpu: "cpu", memory_gb: 1, os: "linux", deno: "2" },
    postgres: { fsync: "on" },
    peers: { "@dbos-inc/dbos-sdk": "5.3.0" },
  });
}

Deno.test("results are flat: medians, shares, ours over a peer, and the circumstances", () => {
  const results = flatten({
    bare_loop_jobs_per_s: [100, 200, 400],
    core_1step_runs_per_s: [50, 80, 400],
    peer_pg_boss_jobs_per_s: [100, 40, 100],
  });
  assert.equal(results.core_1step_runs_per_s, 80);
  assert.equal(results.core_1step_runs_per_s_ratio, 0.5);
  assert.equal(results.ours_over_peer_pg_boss_jobs_per_s, 2);
  assert.equal(results.postgres_fsync, "on");
  assert.equal(results.version_dbos_inc_dbos_sdk, "5.3.0");
  assert.equal(results.repeats, 3);
  for (const value of Object.values(results)) assert.match(typeof value, /^(string|number)$/);
});

Deno.test("a part that was measured alone is set against nothing", () => {
  const results = flatten({ peer_pg_boss_jobs_per_s: [100] });
  assert.equal("ours_over_peer_pg_boss_jobs_per_s" in results, false);
  assert.equal("peer_pg_boss_jobs_per_s_ratio" in results, false);
});

Deno.test("every figure that is promised by name is in the results and in a table", async () => {
  const results = JSON.parse(
    await Deno.readTextFile(new URL("./results/latest.json", import.meta.url)),
  );
  const told = SECTIONS.flatMap(({ rows }) => rows.map(({ figure }) => figure));
  const promised = [
    ...["bare_loop_jobs_per_s", "core_1step_runs_per_s", "core_3step_runs_per_s"],
    ...["core_3step_runs_per_s_4conn", "dispatch_jobs_per_s", "bare_fetch_calls_per_s"],
    ...["e2e_steps_per_s", "worker_cpu_ms_per_step", "worker_rss_mb", "dispatch_to_call_ms_p50"],
    ...["dispatch_to_call_ms_p99", "step_to_step_ms_p50", "fanout_1000_over_100"],
    ...["grown_over_empty", "peer_graphile_worker_jobs_per_s", "peer_pg_boss_jobs_per_s"],
    "peer_dbos_3step_runs_per_s",
  ];
  for (const figure of promised) {
    assert.ok(told.includes(figure), figure);
    assert.equal(typeof results[figure], "number", figure);
  }
});
