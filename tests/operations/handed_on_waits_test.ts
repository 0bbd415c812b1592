// How long a job waited that a settle leased at once: it has no time of its own at which it became due.
import assert from "node:assert/strict";
import { openDatabase, type TestDatabase } from "../harness/database.ts";
import { publish } from "../harness/definition.ts";
import { Player } from "../harness/player.ts";
import { lease, LEASE_MS, result, settle, success } from "../harness/worker.ts";
import type { LeasedJob } from "../../supabase/functions/_shared/database/rows.ts";
import { readCounters } from "./counters.ts";

const CALL = "/functions/v1/agent-proxy/noop";

async function readWaits({ rpc }: TestDatabase) {
  const counters = await readCounters(rpc);
  return {
    count: counters["step_queue_seconds_count{flow}"],
    seconds: counters["step_queue_seconds_sum{flow}"],
  };
}

Deno.test("a job that was handed on waited for nothing; snoozed or handed back, it has waited since its lease", async () => {
  const db = await openDatabase();
  try {
    await publish(
      db.rpc,
      JSON.stringify({
        key: "flow",
        trigger: { type: "manual" },
        steps: ["s1", "s2"].map((id, at) => ({
          id,
          call: CALL,
          queue_timeout: "1h",
          depends_on: at === 0 ? [] : ["s1"],
        })),
      }),
    );
    await db.rpc.dispatchWorkflows({
      requests: [1, 2, 3].map((at) => ({ user_id: `u${at}`, workflow_key: "flow" })),
      ring: false,
    });
    const [{ now }] = await db.admin`select orchestrator.now() as now`;
    const at = (seconds: number) => db.setClock(new Date(now.getTime() + seconds * 1_000));
    const waited = (jobs: LeasedJob[]) =>
      jobs.map(({ queued_ms }) => Math.round(queued_ms! / 10_000));

    const first = await lease(db.rpc);
    await at(100);
    const { jobs } = await db.rpc.completeJobs({
      workerId: "w",
      results: first.map((job) => result(job, success())),
      leaseLimit: 10,
      leaseMs: LEASE_MS,
    });
    assert.deepEqual(jobs.map(({ step_id }) => step_id), ["s2", "s2", "s2"]);
    assert.deepEqual(waited(jobs), [0, 0, 0]);
    await settle(db.rpc, jobs.slice(0, 1), () => success());
    const [snoozed, back] = jobs.slice(1).map(({ job_id, lease_token }) => ({
      job_id,
      lease_token,
    }));
    await db.rpc.snoozeJobs({ workerId: "w", leases: [{ ...snoozed, delay_ms: 0 }] });
    await db.rpc.handBackJobs({ workerId: "w", leases: [back] });

    await at(120);
    const again = await lease(db.rpc);
    assert.deepEqual(waited(again), [2, 2]);
    await settle(db.rpc, again, () => success());
    const { count, seconds } = await readWaits(db);
    assert.equal(count, 6);
    assert.ok(seconds >= 40 && seconds < 50, `waited ${seconds} s`);
  } finally {
    await db.close();
  }
});

Deno.test("a job that was handed on and then parked has no wait of its own, as any other that was parked", async () => {
  const db = await openDatabase();
  try {
    const player = new Player(db);
    await player.publish({
      key: "flow",
      trigger: { type: "manual" },
      steps: [
        { id: "before", call: CALL },
        { id: "gate", depends_on: ["before"], wait: { event: "go" } },
      ],
    });
    const runId = await player.start("flow");
    await player.play();
    const [{ job_id }] = await db.admin`select job_id from job_queue where status = 'parked'`;
    await db.rpc.decideWait({ jobId: Number(job_id), isApproved: true });
    assert.equal((await player.run(runId)).status, "success");
    assert.equal((await readWaits(db)).count, 1);
  } finally {
    await db.close();
  }
});
