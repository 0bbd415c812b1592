// Queue: leases are exclusive, in order, fenced by their token, and come back when a worker dies.
import assert from "node:assert/strict";
import { openDatabase, type TestDatabase } from "../harness/database.ts";
import { chain, publish, writeWorkflow } from "../harness/definition.ts";
import type { LeasedJob } from "../../supabase/functions/_shared/database/rows.ts";

const LEASE_MS = 30_000;

async function withQueue(run: (db: TestDatabase) => Promise<void>): Promise<void> {
  const db = await openDatabase();
  try {
    await db.admin`
      insert into rate_limit_policies (pattern, capacity, refill_rate)
      values ('user:*:agent:noop', null, 1)`;
    await publish(db.rpc, writeWorkflow("single", chain(1)));
    await publish(db.rpc, writeWorkflow("pair", chain(2)));
    await run(db);
  } finally {
    await db.close();
  }
}

function held(jobs: LeasedJob[]) {
  return jobs.map(({ job_id, lease_token }) => ({ job_id, lease_token }));
}

function succeed(jobs: LeasedJob[], output: unknown = {}) {
  return held(jobs).map((lease) => ({ ...lease, outcome: "success" as const, output }));
}

Deno.test("5,000 jobs leased by 8 connections at once: each exactly once, none lost", () =>
  withQueue(async (db) => {
    const requests = Array.from(
      { length: 1000 },
      (_, at) => ({ user_id: `u${at % 7}`, workflow_key: "single", payload: { at } }),
    );
    for (let round = 0; round < 5; round++) {
      await db.rpc.dispatchWorkflows({ requests, ring: false });
    }

    const leased: number[] = [];
    await Promise.all(Array.from({ length: 8 }, async (_, at) => {
      const worker = db.connect();
      for (let results: ReturnType<typeof succeed> = [];;) {
        const answer = await worker.rpc.completeJobs({
          workerId: `w${at}`,
          results,
          leaseLimit: 17,
          leaseMs: LEASE_MS,
        });
        if (answer.jobs.length === 0) break;
        leased.push(...answer.jobs.map((job) => job.job_id));
        results = succeed(answer.jobs);
      }
    }));

    assert.equal(leased.length, 5000);
    assert.equal(new Set(leased).size, 5000);
    const rows = await db.admin`select status, count(*)::int as runs from workflow_runs group by 1`;
    assert.deepEqual([...rows], [{ status: "success", runs: 5000 }]);
    const [attempts] = await db.admin`select count(*)::int as n from job_attempts where success`;
    assert.equal(attempts.n, 5000);
  }));

Deno.test("jobs are leased in order of priority, then age", () =>
  withQueue(async (db) => {
    const order = [100, 5, 100, 0, 1000, 5];
    for (const [at, priority] of order.entries()) {
      await db.rpc.dispatchWorkflow({
        userId: `u${at}`,
        workflowKey: "single",
        ...{ priority },
      });
    }
    const seen: string[] = [];
    for (;;) {
      const { jobs } = await db.rpc.leaseJobs({ workerId: "w", limit: 1, leaseMs: LEASE_MS });
      if (jobs.length === 0) break;
      seen.push(jobs[0].user_id);
    }
    assert.deepEqual(seen, ["u3", "u1", "u5", "u0", "u2", "u4"]);
  }));

Deno.test("a job due later is not leased before its time, and the answer tells when", () =>
  withQueue(async (db) => {
    const [{ now }] = await db.admin`select orchestrator.now() as now`;
    await db.rpc.dispatchWorkflow({
      userId: "u",
      workflowKey: "single",
      runAt: new Date(now.getTime() + 60_000).toISOString(),
    });
    const early = await db.rpc.leaseJobs({ workerId: "w", limit: 5, leaseMs: LEASE_MS });
    assert.equal(early.jobs.length, 0);
    assert.ok(early.next_due_ms! > 50_000 && early.next_due_ms! <= 60_000, `${early.next_due_ms}`);
    await db.setClock(new Date(now.getTime() + 61_000));
    const later = await db.rpc.leaseJobs({ workerId: "w", limit: 5, leaseMs: LEASE_MS });
    assert.equal(later.jobs.length, 1);
  }));

Deno.test("an empty queue answers no jobs and no due time", () =>
  withQueue(async (db) => {
    const lease = await db.rpc.leaseJobs({ workerId: "w", limit: 5, leaseMs: LEASE_MS });
    assert.deepEqual([lease.jobs, lease.next_due_ms, lease.deferred], [[], null, 0]);
  }));

Deno.test("a lease that ended is taken back once, recorded as lease_expired, and the late result changes nothing", () =>
  withQueue(async (db) => {
    await db.rpc.dispatchWorkflow({ userId: "u", workflowKey: "single" });
    const first = await db.rpc.leaseJobs({ workerId: "dead", limit: 1, leaseMs: LEASE_MS });
    const [{ now }] = await db.admin`select orchestrator.now() as now`;
    await db.setClock(new Date(now.getTime() + LEASE_MS + 1000));

    const sweeps = await Promise.all(
      [db, db.connect(), db.connect()].map(({ sql }) =>
        sql`select public.expire_leases(10) as freed`
      ),
    );
    assert.equal(sweeps.reduce((sum, [row]) => sum + row.freed, 0), 1);

    await db.setClock(new Date(now.getTime() + LEASE_MS + 120_000));
    const second = await db.rpc.leaseJobs({ workerId: "alive", limit: 1, leaseMs: LEASE_MS });
    assert.equal(second.jobs[0].attempt, 2);
    assert.equal(second.jobs[0].idempotency_key, first.jobs[0].idempotency_key);

    const late = await db.rpc.completeJobs({
      workerId: "dead",
      results: succeed(first.jobs, { from: "the dead worker" }),
    });
    assert.deepEqual(late.results.map((result) => result.applied), [false]);
    const done = await db.rpc.completeJobs({
      workerId: "alive",
      results: succeed(second.jobs, { from: "the living" }),
    });
    assert.deepEqual(done.results.map((result) => result.applied), [true]);

    const [job] = await db.admin`select status, output from job_queue`;
    assert.deepEqual({ ...job }, { status: "success", output: { from: "the living" } });
    const attempts = await db.admin`
      select attempt, success, is_late, error_class from job_attempts order by attempt_id`;
    assert.deepEqual(attempts.map((row) => ({ ...row })), [
      { attempt: 1, success: false, is_late: false, error_class: "lease_expired" },
      { attempt: 2, success: true, is_late: true, error_class: null },
      { attempt: 2, success: true, is_late: false, error_class: null },
    ]);
  }));

Deno.test("a heartbeat turns leased jobs into running ones, extends the lease and reports the lost", () =>
  withQueue(async (db) => {
    await db.rpc.dispatchWorkflows({
      requests: [1, 2].map((at) => ({ user_id: `u${at}`, workflow_key: "single" })),
      ring: false,
    });
    const { jobs } = await db.rpc.leaseJobs({ workerId: "w", limit: 2, leaseMs: LEASE_MS });
    const [{ now }] = await db.admin`select orchestrator.now() as now`;
    await db.rpc.cancelRun({ workflowRunId: jobs[1].workflow_run_id });
    await db.setClock(new Date(now.getTime() + 20_000));
    const beat = await db.rpc.heartbeatJobs({
      workerId: "w",
      leases: held(jobs),
      leaseMs: LEASE_MS,
    });
    assert.deepEqual(beat.lost, [jobs[1].job_id]);

    const [job] = await db.admin`
      select status, lease_until - orchestrator.now() > interval '29 s' as is_extended
      from job_queue where job_id = ${jobs[0].job_id}`;
    assert.deepEqual({ ...job }, { status: "running", is_extended: true });
  }));

Deno.test("a job handed back keeps its place and its attempts; a snoozed one waits without using one", () =>
  withQueue(async (db) => {
    await db.rpc.dispatchWorkflows({
      requests: [1, 2].map((at) => ({ user_id: `u${at}`, workflow_key: "single" })),
      ring: false,
    });
    const { jobs } = await db.rpc.leaseJobs({ workerId: "w", limit: 1, leaseMs: LEASE_MS });
    assert.deepEqual(
      await db.rpc.handBackJobs({ workerId: "w", leases: held(jobs) }),
      { released: 1 },
    );
    assert.deepEqual(
      await db.rpc.handBackJobs({ workerId: "w", leases: held(jobs) }),
      { released: 0 },
      "a second delivery finds no lease",
    );
    const again = await db.rpc.leaseJobs({ workerId: "w", limit: 1, leaseMs: LEASE_MS });
    assert.deepEqual([again.jobs[0].job_id, again.jobs[0].attempt], [jobs[0].job_id, 1]);

    await db.rpc.snoozeJobs({
      workerId: "w",
      leases: held(again.jobs).map((lease) => ({ ...lease, delay_ms: 60_000 })),
    });
    const next = await db.rpc.leaseJobs({ workerId: "w", limit: 5, leaseMs: LEASE_MS });
    assert.deepEqual(next.jobs.map((job) => job.user_id), ["u2"]);
    const [snoozed] = await db.admin`
      select status, attempts from job_queue where job_id = ${jobs[0].job_id}`;
    assert.deepEqual({ ...snoozed }, { status: "queued", attempts: 0 });
  }));

Deno.test("a heartbeat calls another worker once jobs have been due for two seconds, and not before", () =>
  withQueue(async (db) => {
    await db.rpc.configureOrchestrator({
      baseUrl: "http://127.0.0.1:1",
      serviceKey: "k",
      settings: {},
    });
    await db.rpc.startWorker({ workerId: "w", maxWorkers: 4 });
    await db.rpc.dispatchWorkflow({ userId: "u", workflowKey: "single" });
    const beat = async () => {
      await db.rpc.heartbeatJobs({ workerId: "w", leases: [], leaseMs: LEASE_MS });
      return (await db.admin`select count(*)::int as n from net.http_request_queue`)[0].n;
    };
    assert.equal(
      await beat(),
      0,
      "with a worker draining, neither the dispatch nor a young job rings",
    );
    const [{ now }] = await db.admin`select orchestrator.now() as now`;
    await db.setClock(new Date(now.getTime() + 3_000));
    assert.equal(await beat(), 1);
    assert.equal(await beat(), 1, "a ring on its way is enough");
  }));

Deno.test("no plan of the lease or the completion scans the queue once its plans are cached", () =>
  withQueue(async (db) => {
    // Planned while the tables are nearly empty, as on the first day of a project, then kept.
    await db.sql`set plan_cache_mode = force_generic_plan`;
    await db.rpc.dispatchWorkflows({
      requests: Array.from({ length: 50 }, () => ({ user_id: "u", workflow_key: "pair" })),
      ring: false,
    });
    await db.admin`select pg_stat_reset()`;
    for (let results: ReturnType<typeof succeed> = [];;) {
      const answer = await db.rpc.completeJobs({
        workerId: "w",
        results,
        leaseLimit: 10,
        leaseMs: LEASE_MS,
      });
      if (answer.jobs.length === 0) break;
      results = succeed(answer.jobs);
    }
    await db.sql`select pg_stat_force_next_flush()`;
    const [scans] = await db.admin`
      select coalesce(string_agg(relname || ' ' || seq_scan, ', '), '') as n from pg_stat_user_tables
      where seq_scan > 0 and relname in ('job_queue', 'workflow_runs', 'job_attempts')`;
    assert.equal(scans.n, "");
  }));
