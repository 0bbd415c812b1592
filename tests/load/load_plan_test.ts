import assert from "node:assert/strict";
import { planRuns, WORKFLOWS } from "./load_plan.ts";

Deno.test("a plan has exactly as many jobs as were asked for, in runs of every workflow", () => {
  const callsOf = new Map(WORKFLOWS.map(({ key, calls }) => [key, calls]));
  for (const jobs of [1, 7, 1_000, 20_001]) {
    const runs = planRuns({ seed: 5, jobs });
    const calls = runs.map(({ workflow_key }) => callsOf.get(workflow_key)!);
    assert.equal(calls.reduce((sum, it) => sum + it, 0), jobs);
    assert.equal(new Set(runs.map(({ idempotency_key }) => idempotency_key)).size, runs.length);
    if (jobs >= 1_000) {
      assert.equal(new Set(runs.map((run) => run.workflow_key)).size, WORKFLOWS.length);
    }
  }
});

Deno.test("a seed repeats its plan, another one makes another", () => {
  const plan = planRuns({ seed: 1, jobs: 500 });
  assert.deepEqual(planRuns({ seed: 1, jobs: 500 }), plan);
  assert.notDeepEqual(planRuns({ seed: 2, jobs: 500 }), plan);
});
