import assert from "node:assert/strict";
import type { RunJob } from "../../../../supabase/functions/_shared/contract/dashboard.ts";
import { shareUnchanged } from "./share_unchanged.ts";
import { listSpans, listTicks } from "./spans.ts";
import { listSteps } from "./steps.ts";

const START = Date.parse("2026-11-23T07:00:00Z");
const at = (ms: number) => new Date(START + ms).toISOString();

function createJob(given: Partial<RunJob>): RunJob {
  return {
    step_id: "a",
    status: "waiting",
    kind: "call",
    phase: "main",
    needs: [],
    payload: { timeout_ms: 1_000 },
    attempts: 0,
    parked: null,
    created_at: at(0),
    started_at: null,
    leased_at: null,
    finished_at: null,
    attempt_history: [],
    ...given,
  } as RunJob;
}

function createAttempt(from: number, to: number, success: boolean) {
  return {
    attempt: 1,
    started_at: at(from),
    finished_at: at(to),
    success,
    is_late: false,
    error_class: success ? null : "network",
  } as RunJob["attempt_history"][number];
}

Deno.test("hidden steps are shown only when they have something to say", () => {
  const list = (status: RunJob["status"]) =>
    listSteps({
      created_at: at(0),
      jobs: [
        createJob({ step_id: "$start", status }),
        createJob({ needs: ["$start"] }),
      ],
    });
  assert.deepEqual(
    list("success").map(({ job, needs }) => [job.step_id, needs]),
    [["a", []]],
  );
  assert.deepEqual(
    list("dead").map(({ job, needs }) => [job.step_id, needs]),
    [["$start", []], ["a", ["$start"]]],
  );
});

Deno.test("a step is ready when the last step before it has ended, a handler when it came", () => {
  const steps = listSteps({
    created_at: at(0),
    jobs: [
      createJob({ step_id: "one", finished_at: at(100), status: "success" }),
      createJob({ step_id: "two", finished_at: at(300), status: "success" }),
      createJob({ needs: ["one", "two"] }),
      createJob({ step_id: "open", needs: ["a"] }),
      createJob({
        step_id: "tell",
        phase: "on_failure",
        created_at: at(500),
      }),
    ],
  });
  assert.deepEqual(
    steps.map(({ readyAt }) => readyAt),
    [at(0), at(0), at(300), null, at(500)],
  );
});

Deno.test("a retried step waited, failed, waited and runs still", () => {
  const job = createJob({
    status: "running",
    attempts: 2,
    leased_at: at(400),
    started_at: at(50),
    attempt_history: [createAttempt(50, 150, false)],
  });
  const spans = listSpans(job, at(0), START + 900);
  assert.deepEqual(
    spans.map(({ kind, from, to, outcome }) => [
      kind,
      from - START,
      to - START,
      outcome,
    ]),
    [
      ["waiting", 0, 50, null],
      ["running", 50, 150, "failed"],
      ["waiting", 150, 400, null],
      ["running", 400, 900, "open"],
    ],
  );
});

Deno.test("a step that is done again was at rest between its rounds", () => {
  const job = createJob({
    status: "queued",
    attempt_history: [createAttempt(10, 50, true)],
  });
  const list = (readyAt: string | null) =>
    listSpans(job, readyAt, START + 900).map(({ kind, from, to }) => [
      kind,
      from - START,
      to - START,
    ]);
  assert.deepEqual(list(at(700)), [["running", 10, 50], ["waiting", 700, 900]]);
  assert.deepEqual(list(null), [["running", 10, 50]]);
});

Deno.test("a wait is parked, and not work of a worker", () => {
  const job = createJob({
    kind: "wait",
    status: "success",
    attempts: 1,
    started_at: at(10),
    finished_at: at(800),
    attempt_history: [createAttempt(10, 800, true)],
  });
  const kinds = listSpans(job, at(10), START + 900).map(({ kind }) => kind);
  assert.deepEqual(kinds, ["parked"]);
});

Deno.test("an axis has few lines at round times", () => {
  assert.deepEqual(listTicks(10_500), [0, 2_000, 4_000, 6_000, 8_000, 10_000]);
  assert.deepEqual(listTicks(0), [0]);
  assert.ok(listTicks(40 * 86_400_000).length <= 7);
});

Deno.test("what a poll did not change keeps its identity", () => {
  const before = { jobs: [{ id: 1, output: { a: [1] } }, { id: 2 }] };
  const after = { jobs: [{ id: 1, output: { a: [1] } }, { id: 3 }] };
  const shared = shareUnchanged(before, after);
  assert.equal(shared.jobs[0], before.jobs[0]);
  assert.notEqual(shared.jobs, before.jobs);
  assert.deepEqual(shared, after);
  assert.equal(shareUnchanged(before, structuredClone(before)), before);
});
