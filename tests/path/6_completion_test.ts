// Completion: retries with backoff, Retry-After, the dead letter, mixed batches, late results.
import assert from "node:assert/strict";
import { openDatabase, type TestDatabase } from "../harness/database.ts";
import { chain, publish, writeWorkflow } from "../harness/definition.ts";
import {
  dead,
  drain,
  failure,
  lease,
  LEASE_MS,
  result,
  settle,
  success,
} from "../harness/worker.ts";

async function withRun(run: (db: TestDatabase) => Promise<void>, steps = 1): Promise<void> {
  const db = await openDatabase();
  try {
    await publish(db.rpc, writeWorkflow("flow", chain(steps)));
    await db.rpc.dispatchWorkflow({ userId: "u", workflowKey: "flow" });
    await run(db);
  } finally {
    await db.close();
  }
}

async function readDelays(db: TestDatabase, attempt: number, samples: number): Promise<number[]> {
  const delays: number[] = [];
  for (let sample = 0; sample < samples; sample++) {
    await db.admin`
      update job_queue set status = 'queued', attempts = ${attempt - 1}, max_attempts = 99,
        next_run_at = '-infinity', finished_at = null`;
    await settle(db.rpc, await lease(db.rpc), () => failure());
    const [{ ms }] = await db.admin`
      select extract(epoch from q.next_run_at - a.finished_at)::float8 * 1000 as ms
      from job_queue q join job_attempts a using (job_id) order by attempt_id desc limit 1`;
    delays.push(ms);
  }
  return delays;
}

for (const [attempt, cap] of [[1, 1000], [2, 2000], [4, 8000], [7, 60_000], [40, 60_000]]) {
  Deno.test(`backoff after attempt ${attempt} lies anywhere between 0 and ${cap} ms`, () =>
    withRun(async (db) => {
      const delays = await readDelays(db, attempt, 40);
      assert.ok(Math.min(...delays) >= 0 && Math.max(...delays) <= cap, delays.join(" "));
      // Full jitter: 40 draws all in one half of the range happen once in 10^11 runs.
      assert.ok(Math.min(...delays) < cap / 2 && Math.max(...delays) > cap / 2, delays.join(" "));
    }));
}

Deno.test("Retry-After wins over backoff", () =>
  withRun(async (db) => {
    await settle(db.rpc, await lease(db.rpc), () => failure({ retry_after_ms: 123_000 }));
    const [row] = await db.admin`
      select q.status, q.next_run_at - a.finished_at = interval '123 s' as is_exact
      from job_queue q join job_attempts a using (job_id)`;
    assert.deepEqual({ ...row }, { status: "failed", is_exact: true });
  }));

Deno.test("attempts that are used up end in dead with the last error, and the run fails", () =>
  withRun(async (db) => {
    for (let attempt = 1; attempt <= 5; attempt++) {
      const [job] = await lease(db.rpc);
      assert.equal(job.attempt, attempt);
      await settle(
        db.rpc,
        [job],
        () => failure({ retry_after_ms: 0, error_text: `error ${attempt}` }),
      );
    }
    assert.deepEqual(await lease(db.rpc), []);
    const [job] = await db.admin`select status, attempts, error_class, error_text from job_queue`;
    assert.deepEqual({ ...job }, {
      status: "dead",
      attempts: 5,
      error_class: "http_5xx",
      error_text: "error 5",
    });
    const [run] = await db.admin`select status, failed_jobs, open_sinks from workflow_runs`;
    assert.deepEqual({ ...run }, { status: "failed", failed_jobs: 1, open_sinks: 0 });
    const attempts = await db.admin`select error_text from job_attempts order by attempt`;
    assert.deepEqual(
      attempts.map((row) => row.error_text),
      [1, 2, 3, 4, 5].map((n) => `error ${n}`),
    );
  }));

Deno.test("a permanent error is dead at once", () =>
  withRun(async (db) => {
    await settle(db.rpc, await lease(db.rpc), () => dead());
    const [job] = await db.admin`select status, attempts from job_queue`;
    assert.deepEqual({ ...job }, { status: "dead", attempts: 1 });
  }));

Deno.test("a batch of mixed outcomes settles each job by its own, in one call", async () => {
  const db = await openDatabase();
  try {
    await publish(db.rpc, writeWorkflow("flow", chain(2)));
    await db.rpc.dispatchWorkflows({
      requests: ["good", "bad", "slow", "lost"].map((user_id) => ({
        user_id,
        workflow_key: "flow",
      })),
      ring: false,
    });
    const jobs = await lease(db.rpc);
    const verdicts: Record<string, ReturnType<typeof success>> = {
      good: success({ n: 0 }),
      bad: dead(),
      slow: failure({ retry_after_ms: 60_000 }),
      lost: success(),
    };
    const results = jobs.map((job) => result(job, verdicts[job.user_id]));
    results.find((_, at) => jobs[at].user_id === "lost")!.lease_token = crypto.randomUUID();
    const answer = await db.rpc.completeJobs({
      workerId: "w",
      results,
      leaseLimit: 10,
      leaseMs: LEASE_MS,
    });
    assert.deepEqual(
      Object.fromEntries(answer.results.map((it) => [
        jobs.find((job) => job.job_id === it.job_id)!.user_id,
        [it.applied, it.status],
      ])),
      {
        good: [true, "success"],
        bad: [true, "dead"],
        slow: [true, "failed"],
        lost: [false, "leased"],
      },
    );
    assert.deepEqual(answer.jobs.map((job) => [job.user_id, job.step_id, job.inputs]), [[
      "good",
      "s2",
      { s1: { n: 0 } },
    ]]);
  } finally {
    await db.close();
  }
});

for (const output of [0, false, "", null, [], {}, "null", '{"a":1}', { deep: [{ x: null }] }]) {
  Deno.test(`the output ${JSON.stringify(output)} reaches the next step as it is`, () =>
    withRun(async (db) => {
      const seen = await drain(db.rpc, () => success(output));
      assert.deepEqual(seen[1].inputs, { s1: output });
    }, 2));
}

Deno.test("a success delivered twice is applied once", () =>
  withRun(async (db) => {
    const jobs = await lease(db.rpc);
    const [first] = await settle(db.rpc, jobs, () => success());
    const [second] = await settle(db.rpc, jobs, () => success());
    assert.deepEqual([first.applied, second.applied], [true, false]);
    const [run] = await db.admin`select status, open_sinks from workflow_runs`;
    assert.deepEqual({ ...run }, { status: "success", open_sinks: 0 });
  }));

Deno.test("a cancelled run ends its jobs at once and keeps a late result on the attempt", () =>
  withRun(async (db) => {
    const jobs = await lease(db.rpc);
    const workflowRunId = jobs[0].workflow_run_id;
    assert.equal(
      (await db.rpc.cancelRun({ workflowRunId, reason: "changed my mind" })).result,
      "cancelled",
    );
    assert.equal((await db.rpc.cancelRun({ workflowRunId })).result, "already_finished");
    const [late] = await settle(db.rpc, jobs, () => success({ too: "late" }));
    assert.equal(late.applied, false);
    const rows = await db.admin`select step_id, status, output from job_queue order by step_no`;
    assert.deepEqual(rows.map((row) => [row.status, row.output]), [["cancelled", null], [
      "cancelled",
      null,
    ]]);
    const attempts = await db
      .admin`select success, is_late, error_class from job_attempts order by attempt_id`;
    assert.deepEqual(attempts.map((row) => ({ ...row })), [
      { success: false, is_late: false, error_class: "cancelled" },
      { success: true, is_late: true, error_class: null },
    ]);
    assert.deepEqual(await lease(db.rpc), []);
  }, 2));

Deno.test("cancelling an unknown run answers not_found", () =>
  withRun(async (db) => {
    assert.equal(
      (await db.rpc.cancelRun({ workflowRunId: crypto.randomUUID() })).result,
      "not_found",
    );
  }));
