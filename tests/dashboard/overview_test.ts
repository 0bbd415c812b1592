// The figures of the first page: they add up from what is known to be there.
import assert from "node:assert/strict";
import type { Overview } from "../../supabase/functions/_shared/contract/dashboard.ts";
import { dead, drain, lease, settle, success } from "../harness/worker.ts";
import { dispatch, publishChain, withDatabase } from "./dashboard_database.ts";

const add = (overview: Overview, name: "runs_started" | "runs_success" | "attempts") =>
  overview.series.reduce((sum, bucket) => sum + bucket[name], 0);

Deno.test("an empty database has a series of zeros and no rate", () =>
  withDatabase(async ({ rpc }) => {
    for (
      const [window, buckets, minutes] of [["1h", 60, 1], ["24h", 96, 15], ["7d", 84, 120]] as const
    ) {
      const overview = await rpc.getOverview({ window });
      assert.equal(overview.series.length, buckets);
      assert.equal(overview.bucket_ms, minutes * 60_000);
      assert.deepEqual(overview.totals, {
        running: 0,
        success: 0,
        failed: 0,
        cancelled: 0,
        skipped: 0,
        success_rate: null,
        attempts: 0,
        attempts_failed: 0,
      });
      const { at, ...zeros } = overview.series.at(-1)!;
      assert.ok(Date.parse(at) <= Date.parse(overview.database_time));
      assert.ok(Date.parse(at) + overview.bucket_ms > Date.parse(overview.database_time));
      assert.deepEqual(zeros, {
        runs_started: 0,
        runs_success: 0,
        runs_failed: 0,
        runs_cancelled: 0,
        runs_skipped: 0,
        attempts: 0,
        attempts_failed: 0,
        run_p50_ms: null,
        run_p95_ms: null,
        attempt_p50_ms: null,
        attempt_p95_ms: null,
      });
    }
    await assert.rejects(
      rpc.getOverview({ window: "1y" as "1h" }),
      /must be 1h, 24h or 7d, got 1y/,
    );
  }));

Deno.test("runs and attempts add up from a known set, in the spans in which they ended", () =>
  withDatabase(async ({ rpc, setClock }) => {
    await publishChain(rpc, "one", 1);
    await publishChain(rpc, "two", 2);
    await setClock("2026-11-22T10:00:10Z");
    const [bad, , , , cancelled] = await dispatch(rpc, "one", [{}, {}, {}, {}, {}]);
    await rpc.cancelRun({ workflowRunId: cancelled });
    const first = await lease(rpc);
    await setClock("2026-11-22T10:05:20Z");
    await settle(rpc, first, (job) => job.workflow_run_id === bad ? dead() : success());
    await dispatch(rpc, "two");
    await settle(rpc, await lease(rpc), () => success());
    await setClock("2026-11-22T10:06:30Z");
    const overview = await rpc.getOverview({ window: "1h" });
    const { running, success_rate, ...totals } = overview.totals;
    assert.deepEqual(totals, {
      success: 3,
      failed: 1,
      cancelled: 1,
      skipped: 0,
      attempts: 5,
      attempts_failed: 1,
    });
    assert.deepEqual([running, success_rate], [1, 0.75]);
    assert.deepEqual(overview.queue, { dead: 1, queued: 1 });
    const at = (minute: string) => {
      const { at: _, ...bucket } = overview.series.find((it) =>
        it.at.startsWith(`2026-11-22T${minute}`)
      )!;
      return bucket;
    };
    const { run_p50_ms, run_p95_ms, attempt_p95_ms, attempt_p50_ms, ...counts } = at("10:05");
    assert.deepEqual(counts, {
      runs_started: 1,
      runs_success: 3,
      runs_failed: 1,
      runs_cancelled: 0,
      runs_skipped: 0,
      attempts: 5,
      attempts_failed: 1,
    });
    for (const ms of [run_p50_ms, run_p95_ms, attempt_p50_ms, attempt_p95_ms]) {
      assert.ok(ms! > 300_000 && ms! < 320_000, `${ms}`);
    }
    const started = at("10:00");
    assert.deepEqual([started.runs_started, started.runs_cancelled, started.attempts], [5, 1, 0]);
    for (const window of ["1h", "24h", "7d"] as const) {
      const again = await rpc.getOverview({ window });
      assert.deepEqual(
        [add(again, "runs_started"), add(again, "runs_success"), add(again, "attempts")],
        [6, 3, 5],
        window,
      );
    }
  }));

Deno.test("what ended before the window is not in it, and a late result is no attempt", () =>
  withDatabase(async ({ rpc, setClock }) => {
    await publishChain(rpc, "one", 1);
    await setClock("2026-11-22T10:00:00Z");
    await dispatch(rpc, "one");
    await drain(rpc);
    await dispatch(rpc, "one");
    const [held] = await lease(rpc);
    await setClock("2026-11-22T12:30:00Z");
    await drain(rpc, undefined, { workerId: "other" });
    await rpc.heartbeatJobs({ workerId: "other", leases: [], leaseMs: 1_000 });
    await setClock("2026-11-22T12:31:00Z");
    await drain(rpc, undefined, { workerId: "other" });
    await settle(rpc, [held], () => success());
    const hour = await rpc.getOverview({ window: "1h" });
    assert.deepEqual([add(hour, "runs_started"), hour.totals.success], [0, 1]);
    // The lease that ran out, and the one that did it.
    assert.deepEqual([hour.totals.attempts, hour.totals.attempts_failed], [2, 1]);
    const day = await rpc.getOverview({ window: "24h" });
    assert.deepEqual([add(day, "runs_started"), day.totals.success], [2, 2]);
  }));

Deno.test("workers are shown with the jobs that they hold", () =>
  withDatabase(async ({ rpc, admin }) => {
    await publishChain(rpc, "one", 1);
    await dispatch(rpc, "one", [{}, {}, {}]);
    for (const workerId of ["w1", "w2", "w3"]) await rpc.startWorker({ workerId, maxWorkers: 9 });
    await lease(rpc, 2, "w1");
    await rpc.stopWorker({ workerId: "w2", force: true });
    await admin`
      update orchestrator.workers set seen_at = seen_at - interval '1 minute' where worker_id = 'w3'`;
    const { workers } = await rpc.getOverview({ window: "1h" });
    assert.deepEqual(workers.map((it) => [it.worker_id, it.jobs]), [["w1", 2]]);
  }));

Deno.test("keys that hold jobs up are shown, others are not", () =>
  withDatabase(async ({ rpc, admin }) => {
    await publishChain(rpc, "one", 1);
    await admin`
      insert into rate_limit_policies (pattern, capacity, refill_rate)
      values ('user:slow:agent:*', 1, 0.01), ('user:held:agent:*', null, 1)`;
    await dispatch(rpc, "one", [{}, {}], "slow");
    await dispatch(rpc, "one", [{}], "quick");
    await dispatch(rpc, "one", [{}], "held");
    const jobs = await lease(rpc);
    await settle(
      rpc,
      jobs,
      (job) =>
        job.user_id === "held"
          ? {
            outcome: "retry",
            error_class: "rate_limited",
            error_text: "slow down",
            hold_key_ms: 60_000,
          }
          : success(),
    );
    const { limited_keys } = await rpc.getOverview({ window: "1h" });
    assert.deepEqual(limited_keys.map((it) => [it.rl_key.split(":")[1], it.capacity]).sort(), [
      ["held", null],
      ["slow", 1],
    ]);
    const slow = limited_keys.find((it) => it.rl_key.includes("slow"))!;
    assert.ok(slow.tokens < 1 && slow.deferred_until !== null, JSON.stringify(slow));
    const held = limited_keys.find((it) => it.rl_key.includes("held"))!;
    assert.ok(Date.parse(held.held_until!) > Date.now() + 30_000, JSON.stringify(held));
  }));
