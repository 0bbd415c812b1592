// The plans of the hot path, as they ran: with 5,000 jobs in the tables and with 500,000, no statement
// of dispatch, lease, completion, heartbeat or tick reads or sorts more than its own batch.
import assert from "node:assert/strict";
import { copyRun } from "../harness/copies.ts";
import { openDatabase, type TestDatabase } from "../harness/database.ts";
import { chain, publish, writeWorkflow } from "../harness/definition.ts";
import { loseLeases } from "../harness/leases.ts";
import { findGreed, openPlanReader, type PlanReader, type SeenPlan } from "../harness/plans.ts";
import { createDirectTransport } from "../../scripts/database_clone.ts";
import { createRpc, type Rpc } from "../../supabase/functions/_shared/database/rpc.ts";
import type { LeasedJob } from "../../supabase/functions/_shared/database/rows.ts";

const BATCH = 50;
const LEASE_MS = 30_000;
const GROWING = ["job_queue", "workflow_runs", "job_attempts", "leases"];
/** A batch touches a job, its run, its dependents and its attempts; the bound is well below 5,000. */
const MAX_ROWS = 10 * BATCH;

/** Statements that must have been seen, or the test looks at nothing. */
const HOT = [
  "insert into public.job_queue",
  "insert into public.workflow_runs",
  "for update skip locked",
  "update public.job_queue set status = 'leased'",
  "handed_on as materialized",
  "update public.job_queue set status = 'queued', open_dependencies = 0, succeeded_dependencies",
  "insert into public.job_attempts",
  "update public.workflow_runs",
  "update public.rate_limits",
  "insert into orchestrator.leases",
  "from orchestrator.leases where lease_until < p_now",
  "q.awaits_lease and q.priority > v_priority",
  "with recursive ring",
  "from public.workflow_schedules",
];

Deno.test("no statement of the hot path reads or sorts a backlog, at 5,000 jobs and at 500,000", async () => {
  const db = await openDatabase();
  const readers: PlanReader[] = [];
  try {
    await prepare(db);
    await grow(db, 5_000);
    await db.admin`vacuum analyze`;
    const early = await openPlanReader(db.url);
    readers.push(early);
    await useEverything(db, early, "5,000 jobs");

    await grow(db, 500_000);
    // A worker of many days has its plans from when the tables were small, until they are analysed.
    await useEverything(db, early, "500,000 jobs, planned at 5,000");
    await db.admin`analyze`;
    const late = await openPlanReader(db.url);
    readers.push(late);
    await useEverything(db, late, "500,000 jobs");
  } finally {
    for (const reader of readers) await reader.close();
    await db.close();
  }
});

Deno.test("a settle that was planned on empty tables reads no backlog either", async () => {
  const db = await openDatabase();
  const reader = await openPlanReader(db.url);
  try {
    await prepare(db);
    const rpc = createRpc(createDirectTransport(reader.sql));
    const settleOne = async () => {
      const { jobs } = await rpc.leaseJobs({ workerId: "w", limit: 1, leaseMs: LEASE_MS });
      await rpc.completeJobs({ workerId: "w", results: succeed(jobs) });
    };
    await dispatch(rpc, "first", 2);
    await settleOne();
    // By dispatch and not by copies: nothing but statistics, which nobody has made yet, ends a plan.
    for (let bulk = 0; bulk < 5; bulk++) await dispatch(db.rpc, "next", 500);
    reader.take();
    await settleOne();
    const plans = reader.take();
    assert.ok(isSeen(plans, "handed_on as materialized"));
    const bounds = { growing: GROWING, maxRows: MAX_ROWS };
    assert.deepEqual(plans.flatMap((plan) => findGreed(plan, bounds)), []);
  } finally {
    await reader.close();
    await db.close();
  }
});

async function prepare(db: TestDatabase): Promise<void> {
  await db.admin`
    insert into public.rate_limit_policies (pattern, capacity, refill_rate)
    values ('user:*:agent:noop', 1000000, 1000000)`;
  await publish(db.rpc, writeWorkflow("pair", chain(2)));
}

/** Adds that many jobs, a quarter of each kind: finished, due of many users, due later, waiting. */
async function grow(db: TestDatabase, jobs: number): Promise<void> {
  // Two jobs a run; a run that waits has one that is due later and one that is waiting.
  const copies = jobs / 8;
  const finished = await dispatch(db.rpc, "done", 1);
  for (;;) {
    const { jobs } = await db.rpc.leaseJobs({ workerId: "w", limit: 1, leaseMs: LEASE_MS });
    if (jobs.length === 0) break;
    await db.rpc.completeJobs({ workerId: "w", results: succeed(jobs) });
    if (jobs[0].step_id === "s2") break;
  }
  await copyRun(db.admin, finished, { copies: copies - 1, users: 1_000 });
  const due = await dispatch(db.rpc, "due", 1);
  await copyRun(db.admin, due, { copies: copies - 1, users: 1_000, gapMs: -20 });
  const later = await dispatch(db.rpc, "later", 1);
  await db.admin`
    update public.job_queue set status = 'failed', attempts = 1, next_run_at = next_run_at + interval '1 hour'
    where workflow_run_id = ${later} and status = 'queued'`;
  await copyRun(db.admin, later, { copies: copies - 1, users: 1_000 });
  const parked = await dispatch(db.rpc, "parked", 1);
  await db.admin`
    update public.job_queue
    set status = 'parked', parked = '{"for": "timer"}', next_run_at = next_run_at + interval '1 hour'
    where workflow_run_id = ${parked} and status = 'queued'`;
  await copyRun(db.admin, parked, { copies: copies - 1, users: 1_000 });
  // Leases that are not over, of jobs that are done: what many calls a second leave to the next sweeps.
  await db.admin`
    insert into orchestrator.leases (lease_token, lease_until, job_ids)
    select gen_random_uuid(), orchestrator.now() + interval '1 hour', array[job_id]
    from (
      select job_id from public.job_queue where status = 'success' order by job_id desc limit ${
    jobs / 5
  }::integer
    ) as done`;
}

async function dispatch(rpc: Rpc, user: string, runs: number, priority?: number): Promise<string> {
  const answer = await rpc.dispatchWorkflows({
    requests: Array.from(
      { length: runs },
      () => ({
        user_id: user,
        workflow_key: "pair",
        ...(priority === undefined ? {} : { priority }),
      }),
    ),
    ring: false,
  });
  return answer.runs[0].workflow_run_id!;
}

function succeed(jobs: LeasedJob[]) {
  return jobs.map(({ job_id, lease_token }) => ({
    job_id,
    lease_token,
    outcome: "success" as const,
    output: {},
  }));
}

function fail(jobs: LeasedJob[], outcome: "retry" | "dead") {
  return jobs.map(({ job_id, lease_token }) => ({
    job_id,
    lease_token,
    outcome,
    error_class: "network" as const,
    error_text: "away",
  }));
}

/** Calls all of the hot path and holds every plan that was seen against the bounds. */
async function useEverything(db: TestDatabase, reader: PlanReader, when: string): Promise<void> {
  const rpc = createRpc(createDirectTransport(reader.sql));
  const lease = () => rpc.leaseJobs({ workerId: "w", limit: BATCH, leaseMs: LEASE_MS });

  await dispatch(rpc, "new", BATCH);
  await reader.sql`select public.dispatch_workflow('new', 'pair')`;
  await rpc.startWorker({ workerId: "w", maxWorkers: 10 });
  // By age, success by success, with the next lease in the same call.
  let { jobs } = await lease();
  ({ jobs } = await rpc.completeJobs({
    workerId: "w",
    results: succeed(jobs),
    leaseLimit: BATCH,
    leaseMs: LEASE_MS,
  }));
  // Failures of both kinds, and leases that ended unheard of.
  await rpc.completeJobs({ workerId: "w", results: fail(jobs.slice(0, 20), "retry") });
  await rpc.completeJobs({ workerId: "w", results: fail(jobs.slice(20, 40), "dead") });
  await rpc.heartbeatJobs({ workerId: "w", leases: held(jobs.slice(40)), leaseMs: LEASE_MS });
  await loseLeases(db, jobs.slice(40).map((job) => job.job_id));
  await reader.sql`select public.expire_leases(1000)`;
  // One user holds the front: users take turns, and what the settle makes ready finds no place.
  ({ jobs } = await lease());
  await dispatch(rpc, "big", 2 * BATCH, 1);
  ({ jobs } = await rpc.completeJobs({
    workerId: "w",
    results: succeed(jobs),
    leaseLimit: BATCH,
    leaseMs: LEASE_MS,
  }));
  await rpc.handBackJobs({ workerId: "w", leases: held(jobs) });
  await reader.sql`select orchestrator.tick_worker(), orchestrator.tick_cron()`;
  await reader.sql`select public.take_tokens('user:new:agent:noop')`;
  await rpc.stopWorker({ workerId: "w", force: false });
  await db.admin`
    update public.job_queue set priority = 100 where priority = 1 and status = 'queued'`;

  const plans = reader.take();
  const bounds = { growing: GROWING, maxRows: MAX_ROWS };
  assert.deepEqual(plans.flatMap((plan) => findGreed(plan, bounds)), [], when);
  assert.deepEqual(HOT.filter((text) => !isSeen(plans, text)), [], `${when}: not seen`);
}

function isSeen(plans: SeenPlan[], text: string): boolean {
  return plans.some(({ statement }) => statement.replace(/\s+/g, " ").includes(text));
}

function held(jobs: LeasedJob[]) {
  return jobs.map(({ job_id, lease_token }) => ({ job_id, lease_token }));
}
