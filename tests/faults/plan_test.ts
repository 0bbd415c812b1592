import assert from "node:assert/strict";
import { planFaults, PLANNED_KINDS } from "./plan.ts";

const OPTIONS = { lastsMs: 60_000, kinds: PLANNED_KINDS, gapMs: 1_500 };

Deno.test("the same seed gives the same plan, another seed another one", () => {
  const plan = planFaults({ ...OPTIONS, seed: 7 });
  assert.deepEqual(planFaults({ ...OPTIONS, seed: 7 }), plan);
  assert.notDeepEqual(planFaults({ ...OPTIONS, seed: 8 }), plan);
});

Deno.test("a plan has every kind once before it has one twice, in order of time", () => {
  const plan = planFaults({ ...OPTIONS, seed: 3 });
  const firstTurn = plan.slice(0, PLANNED_KINDS.length).map(({ kind }) => kind);
  assert.deepEqual(new Set(firstTurn), new Set(PLANNED_KINDS));
  const times = plan.map(({ atMs }) => atMs);
  assert.deepEqual(times, times.toSorted((a, b) => a - b));
});

Deno.test("a plan without kinds is empty", () => {
  assert.deepEqual(planFaults({ ...OPTIONS, seed: 1, kinds: [] }), []);
});
