// Advance: a settle that also leases goes on with what it made ready, and takes nobody's place by it.
import assert from "node:assert/strict";
import { openDatabase, type TestDatabase } from "../harness/database.ts";
import { chain, publish, type StepShape, writeWorkflow } from "../harness/definition.ts";
import { drain, lease, LEASE_MS, result, success, type Verdict } from "../harness/worker.ts";
import type { LeasedJob } from "../../supabase/functions/_shared/database/rows.ts";
import type { Rpc } from "../../supabase/functions/_shared/database/rpc.ts";

const START = "2026-03-01T12:00:00Z";

const JOIN: StepShape[] = [
  { id: "left" },
  { id: "right" },
  { id: "both", depends_on: ["left", "right"] },
];

/** Lends a database with the workflows `single`, `pair` and `join`, at a set time. */
async function withWorkflows(
  run: (db: TestDatabase) => Promise<void>,
  [capacity, refillRate]: [capacity: number | null, refillRate: number] = [null, 1],
): Promise<void> {
  const db = await openDatabase();
  try {
    await db.setClock(START);
    await db.admin`
      insert into rate_limit_policies (pattern, capacity, refill_rate)
      values ('user:*:agent:noop', ${capacity}, ${refillRate})`;
    await publish(db.rpc, writeWorkflow("single", chain(1)));
    await publish(db.rpc, writeWorkflow("pair", chain(2)));
    await publish(db.rpc, writeWorkflow("join", JOIN));
    await run(db);
  } finally {
    await db.close();
  }
}

async function dispatch(
  db: TestDatabase,
  key: string,
  { runs = 1, users = 1, priority = 100 } = {},
): Promise<void> {
  await db.rpc.dispatchWorkflows({
    requests: Array.from(
      { length: runs },
      (_, at) => ({ user_id: `u${at % users}`, workflow_key: key, priority }),
    ),
    ring: false,
  });
}

/** Settles jobs and leases in the same call. */
function settleAndLease(
  rpc: Rpc,
  jobs: LeasedJob[],
  leaseLimit: number,
  decide: (job: LeasedJob) => Verdict = () => success(),
) {
  const results = jobs.map((job) => result(job, decide(job)));
  return rpc.completeJobs({ workerId: "w", results, leaseLimit, leaseMs: LEASE_MS });
}

const count = (jobs: LeasedJob[], step: string) =>
  jobs.filter((job) => job.step_id === step).length;

interface StepState {
  status: string;
  attempts: number;
  open: number;
  succeeded: number;
  dueS: number;
  isLeased: boolean;
}

async function readStep(db: TestDatabase, step: string): Promise<StepState[]> {
  const rows = await db.admin<StepState[]>`
    select
      status, attempts, open_dependencies as open, succeeded_dependencies as succeeded,
      extract(epoch from next_run_at - ${START}::timestamptz)::float as "dueS",
      lease_token is not null as "isLeased"
    from job_queue where step_id = ${step} order by job_id`;
  // The clock goes on while a test runs.
  return rows.map((row) => ({ ...row, dueS: Math.round(row.dueS / 20) * 20 }));
}

const QUEUED = {
  status: "queued",
  attempts: 0,
  open: 0,
  succeeded: 1,
  dueS: 0,
  isLeased: false,
};

Deno.test("what a settle makes ready is leased in the same call, without a queued version in between", () =>
  withWorkflows(async (db) => {
    await db.admin.unsafe(`
      create table seen (step_id text, status text);
      grant insert on seen to service_role;
      create function note_status() returns trigger language plpgsql as
        $$ begin insert into public.seen values (new.step_id, new.status); return null; end $$;
      create trigger note after update on job_queue for each row execute function note_status();`);
    await dispatch(db, "pair");
    const first = await lease(db.rpc);
    await db.setClock("2026-03-01T12:00:20Z");
    const { jobs } = await settleAndLease(db.rpc, first, 10, () => success({ n: 1 }));
    assert.deepEqual(jobs.map((job) => [job.step_id, job.attempt]), [["s2", 1]]);
    assert.deepEqual(jobs[0].inputs, { s1: { n: 1 } });
    assert.deepEqual(
      (await db.admin`select status from seen where step_id = 's2'`).map((row) => row.status),
      ["leased"],
    );
    // The time for which it is due stays as it was, for it is in an index; that it never queued is told beside it.
    assert.deepEqual(await readStep(db, "s2"), [
      { status: "leased", attempts: 1, open: 0, succeeded: 1, dueS: 0, isLeased: true },
    ]);
    const [{ is_handed_on }] = await db
      .admin`select is_handed_on from job_queue where step_id = 's2'`;
    assert.equal(is_handed_on, true);
    await settleAndLease(db.rpc, jobs, 10);
    assert.equal((await db.admin`select status from workflow_runs`)[0].status, "success");
  }));

Deno.test("while others as urgent wait, what became ready has two thirds of a lease, older runs first", () =>
  withWorkflows(async (db) => {
    await dispatch(db, "pair", { runs: 10, users: 10 });
    const first = await lease(db.rpc, 10);
    await dispatch(db, "single", { runs: 30, users: 10 });
    const { jobs } = await settleAndLease(db.rpc, first, 10);
    assert.deepEqual([count(jobs, "s1"), count(jobs, "s2")], [4, 6]);
    const states = await readStep(db, "s2");
    assert.deepEqual(states.map((job) => job.isLeased), states.map((_, at) => at < 6));
    assert.deepEqual(states.slice(6), Array(4).fill(QUEUED));
    // Those without a place wait as others do: behind those who were there before.
    assert.equal(count(await lease(db.rpc, 26), "s1"), 26);
    assert.equal(count(await lease(db.rpc, 10), "s2"), 4);
  }));

Deno.test("where nobody waits, all that became ready is leased", () =>
  withWorkflows(async (db) => {
    await dispatch(db, "pair", { runs: 10 });
    const { jobs } = await settleAndLease(db.rpc, await lease(db.rpc, 10), 10);
    assert.equal(count(jobs, "s2"), 10);
  }));

Deno.test("a lease of one place goes to who waits", () =>
  withWorkflows(async (db) => {
    await dispatch(db, "pair");
    const first = await lease(db.rpc, 1);
    await dispatch(db, "single");
    const { jobs } = await settleAndLease(db.rpc, first, 1);
    assert.deepEqual(jobs.map((job) => job.step_id), ["s1"]);
    assert.deepEqual(await readStep(db, "s2"), [QUEUED]);
  }));

Deno.test("what became ready passes nobody who waits and is more urgent", () =>
  withWorkflows(async (db) => {
    await dispatch(db, "pair", { runs: 6 });
    const first = await lease(db.rpc, 6);
    await dispatch(db, "single", { runs: 8, priority: 5 });
    const { jobs } = await settleAndLease(db.rpc, first, 10);
    assert.deepEqual([count(jobs, "s1"), count(jobs, "s2")], [8, 2]);
    const next = await settleAndLease(db.rpc, [], 10);
    assert.equal(count(next.jobs, "s2"), 4);
  }));

Deno.test("what became ready goes before all that waits and is less urgent", () =>
  withWorkflows(async (db) => {
    await dispatch(db, "pair", { runs: 4, priority: 50 });
    await dispatch(db, "pair", { runs: 4, priority: 200 });
    const first = await lease(db.rpc, 8);
    await dispatch(db, "single", { runs: 3, priority: 50 });
    await dispatch(db, "single", { runs: 20, priority: 100 });
    const { jobs } = await settleAndLease(db.rpc, first, 12);
    const priorities = await db.admin`
      select priority, step_id, count(*)::int as n from job_queue where lease_token is not null
      group by 1, 2 order by 1, 2`;
    assert.equal(jobs.length, 12);
    assert.deepEqual(priorities.map((row) => [row.priority, row.step_id, row.n]), [
      [50, "s1", 3],
      [50, "s2", 4],
      [100, "s1", 5],
    ]);
    assert.deepEqual(
      (await readStep(db, "s2")).filter((job) => !job.isLeased),
      Array(4).fill(QUEUED),
    );
  }));

Deno.test("what became ready takes a token, the more urgent first; without one it stands in line and uses no attempt", () =>
  withWorkflows(async (db) => {
    await dispatch(db, "pair", { priority: 50 });
    const first = await lease(db.rpc, 1);
    await dispatch(db, "pair", { priority: 10 });
    first.push(...await lease(db.rpc, 1));
    await dispatch(db, "single", { priority: 20 });
    // One token is left: for the most urgent of the three, which became ready just now.
    const { jobs, deferred } = await settleAndLease(db.rpc, first, 10);
    assert.deepEqual([jobs.map((job) => job.step_id), deferred], [["s2"], 2]);
    assert.deepEqual(await readStep(db, "s2"), [
      { ...QUEUED, dueS: 200 },
      { status: "leased", attempts: 1, open: 0, succeeded: 1, dueS: 0, isLeased: true },
    ]);
    await db.setClock("2026-03-01T12:03:40Z");
    assert.deepEqual(
      (await lease(db.rpc)).map((job) => [job.step_id, job.attempt]).sort(),
      [["s1", 1], ["s2", 1]],
    );
  }, [3, 0.01]));

Deno.test("what is due later is not leased when it becomes ready", () =>
  withWorkflows(async (db) => {
    await dispatch(db, "pair");
    const first = await lease(db.rpc);
    await db.admin`
      update job_queue set next_run_at = next_run_at + interval '1 hour' where step_id = 's2'`;
    const { jobs } = await settleAndLease(db.rpc, first, 10);
    assert.deepEqual(jobs, []);
    assert.deepEqual(await readStep(db, "s2"), [{ ...QUEUED, dueS: 3600 }]);
  }));

Deno.test("a settle that leases nothing queues what it made ready", () =>
  withWorkflows(async (db) => {
    for (const [leaseLimit, more] of [[0, {}], [10, { hold_key_ms: 20_000 }]] as const) {
      await dispatch(db, "pair");
      const first = await lease(db.rpc);
      const { jobs } = await settleAndLease(db.rpc, first, leaseLimit, () => ({
        ...success(),
        ...more,
      }));
      assert.deepEqual(jobs, []);
      assert.deepEqual((await readStep(db, "s2")).at(-1), QUEUED);
      await drain(db.rpc);
    }
  }));

Deno.test("a run that one result of a batch ends goes on with nothing that another one made ready", () =>
  withWorkflows(async (db) => {
    await publish(
      db.rpc,
      writeWorkflow("fork", [{ id: "a" }, { id: "b" }, { id: "c", depends_on: ["a"] }]),
    );
    await dispatch(db, "fork");
    const first = await lease(db.rpc);
    const { jobs } = await settleAndLease(
      db.rpc,
      first,
      10,
      (job) => job.step_id === "a" ? success() : { outcome: "skip_run" },
    );
    assert.deepEqual(jobs, []);
    const [{ status, isLeased }] = await readStep(db, "c");
    assert.deepEqual([status, isLeased], ["skipped", false]);
  }));

Deno.test("a join is leased by the settle of its last parent, and by none before", () =>
  withWorkflows(async (db) => {
    await dispatch(db, "join");
    const [left, right] = await lease(db.rpc);
    assert.deepEqual((await settleAndLease(db.rpc, [left], 10)).jobs, []);
    const [{ status, open, succeeded }] = await readStep(db, "both");
    assert.deepEqual([status, open, succeeded], ["waiting", 1, 1]);
    assert.equal(count((await settleAndLease(db.rpc, [right], 10)).jobs, "both"), 1);
  }));

Deno.test("two workers that settle both parents at the same instant lease the join once, 100 times over", () =>
  withWorkflows(async (db) => {
    const [one, other] = [db.connect(), db.connect()];
    await dispatch(db, "join", { runs: 100 });
    const parents = await lease(db.rpc, 200);
    const leased: LeasedJob[] = [];
    for (const [left, right] of Map.groupBy(parents, (job) => job.workflow_run_id).values()) {
      const answers = await Promise.all([
        settleAndLease(one.rpc, [left], 5),
        settleAndLease(other.rpc, [right], 5),
      ]);
      leased.push(...answers.flatMap(({ jobs }) => jobs));
    }
    assert.equal(leased.length, 100);
    assert.equal(new Set(leased.map((job) => job.job_id)).size, 100);
    assert.ok(leased.every((job) => job.step_id === "both" && job.attempt === 1));
    assert.ok((await readStep(db, "both")).every((job) => job.open === 0 && job.succeeded === 2));
  }));

Deno.test("a run that is cancelled after its next step was leased keeps the late result off", () =>
  withWorkflows(async (db) => {
    await dispatch(db, "pair");
    const { jobs } = await settleAndLease(db.rpc, await lease(db.rpc), 10);
    await db.rpc.cancelRun({ workflowRunId: jobs[0].workflow_run_id, reason: "no more" });
    const { results } = await settleAndLease(db.rpc, jobs, 10);
    assert.deepEqual(results.map((it) => [it.applied, it.status]), [[false, "cancelled"]]);
  }));
