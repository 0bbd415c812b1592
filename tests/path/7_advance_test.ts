// Advance: dependents become ready in the transaction that ends their last dependency; restart.
import assert from "node:assert/strict";
import fc from "fast-check";
import { untilSomebodyWaits } from "../harness/lock_waits.ts";
import { openDatabase, type TestDatabase } from "../harness/database.ts";
import { chain, publish, type StepShape, writeWorkflow } from "../harness/definition.ts";
import { dead, drain, failure, lease, settle, success } from "../harness/worker.ts";

async function withDatabase(run: (db: TestDatabase) => Promise<void>): Promise<void> {
  const db = await openDatabase();
  try {
    await db
      .admin`insert into rate_limit_policies (pattern, capacity, refill_rate) values ('user:*:agent:noop', null, 1)`;
    await run(db);
  } finally {
    await db.close();
  }
}

const WEEKLY: StepShape[] = [
  { id: "clo_begin_week" },
  { id: "ta_generate_week", depends_on: ["clo_begin_week"] },
  { id: "socratic_seed", depends_on: ["clo_begin_week"] },
  { id: "brand_ingest", depends_on: ["ta_generate_week", "socratic_seed"] },
];

async function readStates(db: TestDatabase, runId: string): Promise<Record<string, string>> {
  const rows = await db
    .admin`select step_id, status from job_queue where workflow_run_id = ${runId}`;
  return Object.fromEntries(rows.map((row) => [row.step_id, row.status]));
}

Deno.test("a fan-in starts once after both parents, in whichever order they end", () =>
  withDatabase(async (db) => {
    await publish(db.rpc, writeWorkflow("weekly", WEEKLY));
    for (const last of ["ta_generate_week", "socratic_seed"]) {
      await db.rpc.dispatchWorkflow({ userId: "u", workflowKey: "weekly" });
      await settle(db.rpc, await lease(db.rpc), () => success());
      const parents = await lease(db.rpc);
      assert.equal(parents.length, 2);
      await settle(db.rpc, parents.filter((job) => job.step_id !== last), () => success());
      assert.deepEqual(await lease(db.rpc), []);
      await settle(db.rpc, parents.filter((job) => job.step_id === last), () => success());
      const ready = await lease(db.rpc);
      assert.deepEqual(ready.map((job) => job.step_id), ["brand_ingest"]);
      await settle(db.rpc, ready, () => success());
    }
  }));

Deno.test("two parents that end at the same instant on two connections start the fan-in once, 100 times over", () =>
  withDatabase(async (db) => {
    await publish(db.rpc, writeWorkflow("weekly", WEEKLY));
    const [left, right] = [db.connect(), db.connect()];
    await db.rpc.dispatchWorkflows({
      requests: Array.from(
        { length: 100 },
        (_, at) => ({ user_id: `u${at}`, workflow_key: "weekly" }),
      ),
      ring: false,
    });
    await settle(db.rpc, await lease(db.rpc, 100), () => success());
    const parents = await lease(db.rpc, 200);
    assert.equal(parents.length, 200);
    const byRun = Map.groupBy(parents, (job) => job.workflow_run_id);
    for (const [one, other] of byRun.values()) {
      // Both transactions hold their parent before either may go on to the shared dependent.
      await Promise.all([
        settle(left.rpc, [one], () => success()),
        settle(right.rpc, [other], () => success()),
      ]);
    }
    const ready = await lease(db.rpc, 500);
    assert.equal(ready.length, 100);
    assert.ok(ready.every((job) => job.step_id === "brand_ingest" && job.attempt === 1));
  }));

Deno.test("a completion that waits for another one on the shared dependent still opens it", () =>
  withDatabase(async (db) => {
    await publish(db.rpc, writeWorkflow("weekly", WEEKLY));
    await db.rpc.dispatchWorkflow({ userId: "u", workflowKey: "weekly" });
    await settle(db.rpc, await lease(db.rpc), () => success());
    const [one, other] = await lease(db.rpc);
    const second = db.connect();
    let waiting: Promise<unknown>;
    await db.sql.begin(async (tx) => {
      const results = JSON.stringify({
        job_id: [one.job_id],
        lease_token: [one.lease_token],
        outcome: ["success"],
      });
      await tx`select public.complete_jobs('w', ${results}::text::jsonb)`;
      waiting = settle(second.rpc, [other], () => success());
      // Proceed only once the second completion is seen waiting for our row lock.
      await untilSomebodyWaits(db);
    });
    await waiting!;
    assert.deepEqual((await lease(db.rpc)).map((job) => job.step_id), ["brand_ingest"]);
  }));

Deno.test("a dead step skips all that waits for it, other branches go on, and the run fails at the end", () =>
  withDatabase(async (db) => {
    await publish(
      db.rpc,
      writeWorkflow("weekly", [...WEEKLY, { id: "report", depends_on: ["brand_ingest"] }]),
    );
    const run = await db.rpc.dispatchWorkflow({ userId: "u", workflowKey: "weekly" });
    await settle(db.rpc, await lease(db.rpc), () => success());
    const parents = await lease(db.rpc);
    await settle(db.rpc, parents.filter((job) => job.step_id === "socratic_seed"), () => dead());
    assert.equal((await db.admin`select status from workflow_runs`)[0].status, "running");
    await settle(db.rpc, parents.filter((job) => job.step_id !== "socratic_seed"), () => success());
    assert.deepEqual(await readStates(db, run.workflow_run_id!), {
      clo_begin_week: "success",
      ta_generate_week: "success",
      socratic_seed: "dead",
      brand_ingest: "skipped",
      report: "skipped",
    });
    assert.equal((await db.admin`select status from workflow_runs`)[0].status, "failed");
    const reasons = await db
      .admin`select distinct skip_reason from job_queue where status = 'skipped'`;
    assert.deepEqual(reasons.map((row) => row.skip_reason), ["upstream_failed"]);
  }));

interface Plan {
  steps: StepShape[];
  dies: boolean[];
  failures: number[];
}

const plans: fc.Arbitrary<Plan> = fc.integer({ min: 1, max: 60 }).chain((size) =>
  fc.record({
    edges: fc.array(fc.array(fc.nat(), { maxLength: 4 }), { minLength: size, maxLength: size }),
    dies: fc.array(fc.integer({ min: 0, max: 19 }).map((n) => n === 0), {
      minLength: size,
      maxLength: size,
    }),
    failures: fc.array(fc.integer({ min: 0, max: 6 }).map((n) => Math.max(0, n - 4)), {
      minLength: size,
      maxLength: size,
    }),
  }).map(({ edges, dies, failures }) => ({
    steps: edges.map((wanted, at) => ({
      id: `s${at}`,
      depends_on: at === 0 ? [] : [...new Set(wanted.map((n) => `s${n % at}`))],
    })),
    dies,
    failures,
  }))
);

/** What must come of a plan: a step is skipped when one of its dependencies did not succeed. */
function predict(plan: Plan): Record<string, string> {
  const states: Record<string, string> = {};
  plan.steps.forEach((step, at) => {
    const isBlocked = step.depends_on!.some((id) => states[id] !== "success");
    states[step.id] = isBlocked ? "skipped" : plan.dies[at] ? "dead" : "success";
  });
  return states;
}

Deno.test("random graphs of up to 60 steps, drained by three workers, end as the model says", () =>
  withDatabase(async (db) => {
    const workers = [db, db.connect(), db.connect()];
    let key = 0;
    await fc.assert(
      fc.asyncProperty(plans, async (plan) => {
        // A plan that failed leaves jobs behind, which the shrunk ones must not find.
        await db.admin`truncate job_queue, workflow_runs, job_attempts`;
        const source = writeWorkflow(`random_${++key}`, plan.steps);
        await publish(db.rpc, source);
        const run = await db.rpc.dispatchWorkflow({ userId: "u", workflowKey: `random_${key}` });
        const ended = new Set<string>();
        const started = new Map<string, number>();
        const isOver = async () =>
          (await db.admin`select status from workflow_runs where workflow_run_id = ${run
            .workflow_run_id!}`)[0]
            .status !== "running";
        do {
          const drains = await Promise.allSettled(workers.map(({ rpc }, at) =>
            drain(rpc, (job) => {
              const index = Number(job.step_id.slice(1));
              const dependencies = plan.steps[index].depends_on!;
              assert.ok(
                dependencies.every((id) => ended.has(id)),
                `${job.step_id} began too early`,
              );
              assert.deepEqual(Object.keys(job.inputs).sort(), [...dependencies].sort());
              started.set(job.step_id, (started.get(job.step_id) ?? 0) + 1);
              if (job.attempt <= plan.failures[index]) return failure({ retry_after_ms: 0 });
              if (plan.dies[index]) return dead();
              ended.add(job.step_id);
              return success(job.step_id);
            }, { batch: at + 2, workerId: `w${at}` })
          ));
          for (const drained of drains) if (drained.status === "rejected") throw drained.reason;
        } while (!(await isOver()));

        const expected = predict(plan);
        assert.deepEqual(await readStates(db, run.workflow_run_id!), expected);
        for (const [step, state] of Object.entries(expected)) {
          const tries = state === "skipped" ? 0 : plan.failures[Number(step.slice(1))] + 1;
          assert.equal(started.get(step) ?? 0, tries, `attempts of ${step}`);
        }
        const [{ status }] = await db.admin`
          select status from workflow_runs where workflow_run_id = ${run.workflow_run_id!}`;
        assert.equal(status, Object.values(expected).includes("dead") ? "failed" : "success");
      }),
      { numRuns: 60, endOnFailure: false },
    );
  }));

Deno.test("restart from failed does only failed work again and keeps good outputs", () =>
  withDatabase(async (db) => {
    await publish(db.rpc, writeWorkflow("weekly", WEEKLY));
    const run = await db.rpc.dispatchWorkflow({ userId: "u", workflowKey: "weekly" });
    const first = await drain(
      db.rpc,
      (job) => job.step_id === "socratic_seed" ? dead() : success(job.step_id),
    );
    assert.equal(first.length, 3);
    const restarted = await db.rpc.restartRun({
      workflowRunId: run.workflow_run_id!,
      mode: "failed",
    });
    assert.deepEqual([restarted.result, restarted.workflow_run_id, restarted.jobs], [
      "restarted",
      run.workflow_run_id,
      2,
    ]);
    const again = await drain(db.rpc, (job) => success(`${job.step_id} again`));
    assert.deepEqual(again.map((job) => job.step_id), ["socratic_seed", "brand_ingest"]);
    assert.deepEqual(again[1].inputs, {
      ta_generate_week: "ta_generate_week",
      socratic_seed: "socratic_seed again",
    });
    assert.equal((await db.admin`select status from workflow_runs`)[0].status, "success");
    assert.equal(
      (await db.rpc.restartRun({ workflowRunId: run.workflow_run_id!, mode: "failed" })).result,
      "conflict",
    );
  }));

Deno.test("a redrive raises the idempotency key's generation after a definite failure and keeps it after an unknown outcome", () =>
  withDatabase(async (db) => {
    await publish(db.rpc, writeWorkflow("single", chain(1)));
    for (
      const [errorClass, generation] of [["http_4xx", 1], ["timeout", 0], ["network", 0], [
        "agent_error",
        1,
      ]] as const
    ) {
      const run = await db.rpc.dispatchWorkflow({ userId: "u", workflowKey: "single" });
      const [job] = await lease(db.rpc);
      assert.equal(job.idempotency_key, `${run.workflow_run_id}:s1:0`);
      await settle(db.rpc, [job], () => dead({ error_class: errorClass }));
      await db.rpc.restartRun({ workflowRunId: run.workflow_run_id!, mode: "failed" });
      const [redone] = await lease(db.rpc);
      assert.equal(redone.idempotency_key, `${run.workflow_run_id}:s1:${generation}`, errorClass);
      assert.equal(redone.attempt, 2, "attempt numbers go on");
      await settle(db.rpc, [redone], () => success());
    }
  }));

Deno.test("retries keep one idempotency key over all attempts", () =>
  withDatabase(async (db) => {
    await publish(db.rpc, writeWorkflow("single", chain(1)));
    await db.rpc.dispatchWorkflow({ userId: "u", workflowKey: "single" });
    const seen = await drain(db.rpc, (job) =>
      job.attempt < 4 ? failure({ retry_after_ms: 0 }) : success());
    assert.equal(seen.length, 4);
    assert.equal(
      new Set(seen.map((job) =>
        job.idempotency_key
      )).size,
      1,
    );
  }));

Deno.test("restart whole starts a new run of the same definition, also after a newer one is published", () =>
  withDatabase(async (db) => {
    await publish(db.rpc, writeWorkflow("flow", chain(1)));
    const run = await db.rpc.dispatchWorkflow({
      userId: "u",
      workflowKey: "flow",
      payload: { keep: 1 },
    });
    await drain(db.rpc);
    await publish(db.rpc, writeWorkflow("flow", chain(3)));
    const restarted = await db.rpc.restartRun({
      workflowRunId: run.workflow_run_id!,
      mode: "whole",
    });
    assert.notEqual(restarted.workflow_run_id, run.workflow_run_id);
    const jobs = await drain(db.rpc);
    assert.deepEqual(jobs.map((job) => [job.step_id, job.run_payload]), [["s1", { keep: 1 }]]);
  }));

Deno.test("a run keeps the definition it began with when the workflow is published anew", () =>
  withDatabase(async (db) => {
    await publish(db.rpc, writeWorkflow("flow", chain(2)));
    await db.rpc.dispatchWorkflow({ userId: "old", workflowKey: "flow" });
    await publish(db.rpc, writeWorkflow("flow", chain(1)));
    await db.rpc.dispatchWorkflow({ userId: "new", workflowKey: "flow" });
    const seen = await drain(db.rpc);
    assert.deepEqual(seen.map((job) => `${job.user_id} ${job.step_id}`).sort(), [
      "new s1",
      "old s1",
      "old s2",
    ]);
  }));

Deno.test("retry_job gives a dead job another full round; reset_job also redoes what lay behind a success", () =>
  withDatabase(async (db) => {
    await publish(db.rpc, writeWorkflow("flow", chain(3)));
    await db.rpc.dispatchWorkflow({ userId: "u", workflowKey: "flow" });
    await drain(
      db.rpc,
      (job) => job.step_id === "s2" ? failure({ retry_after_ms: 0 }) : success(1),
    );
    const [{ job_id: s1 }, { job_id: s2 }] = await db
      .admin`select job_id from job_queue order by step_no`;
    assert.equal((await db.rpc.retryJob({ jobId: s1 })).result, "conflict");
    assert.equal((await db.rpc.retryJob({ jobId: 1e9 })).result, "not_found");
    assert.equal((await db.rpc.retryJob({ jobId: s2 })).result, "queued");
    const round = await drain(
      db.rpc,
      (job) =>
        job.step_id === "s2" && job.attempt < 10 ? failure({ retry_after_ms: 0 }) : success(2),
    );
    assert.deepEqual(round.map((job) => [job.step_id, job.attempt]), [
      ...[6, 7, 8, 9, 10].map((attempt) => ["s2", attempt]),
      ["s3", 1],
    ]);
    assert.equal((await db.admin`select status from workflow_runs`)[0].status, "success");

    assert.equal((await db.rpc.resetJob({ jobId: s2 })).result, "queued");
    assert.equal((await db.admin`select status from workflow_runs`)[0].status, "running");
    const reset = await drain(db.rpc);
    assert.deepEqual(reset.map((job) => [job.step_id, job.attempt]), [["s2", 1], ["s3", 1]]);
    assert.equal((await db.admin`select status from workflow_runs`)[0].status, "success");
  }));

Deno.test("a cancelled run can be restarted and ends in success", () =>
  withDatabase(async (db) => {
    await publish(db.rpc, writeWorkflow("flow", chain(3)));
    const run = await db.rpc.dispatchWorkflow({ userId: "u", workflowKey: "flow" });
    await settle(db.rpc, await lease(db.rpc), () => success());
    await db.rpc.cancelRun({ workflowRunId: run.workflow_run_id! });
    await db.rpc.restartRun({ workflowRunId: run.workflow_run_id!, mode: "failed" });
    assert.deepEqual((await drain(db.rpc)).map((job) => job.step_id), ["s2", "s3"]);
    assert.equal((await db.admin`select status from workflow_runs`)[0].status, "success");
  }));
