// Completions of one run from many connections, with failures among them: no deadlock, no lost end.
import assert from "node:assert/strict";
import postgres from "postgres";
import { openDatabase } from "../harness/database.ts";
import { publish, type StepShape, writeWorkflow } from "../harness/definition.ts";
import { wasRolledBack } from "../../supabase/functions/_shared/database/errors.ts";
import type { LeasedJob } from "../../supabase/functions/_shared/database/rows.ts";
import type { Rpc } from "../../supabase/functions/_shared/database/rpc.ts";
import { dead, drain, lease, settle, success, type Verdict } from "../harness/worker.ts";

const LAYERS = 6;
const WIDTH = 8;

/** Every step depends on every other step of the layer before, so that all parents share children. */
function buildLayers(): StepShape[] {
  const name = (layer: number, at: number) => `l${layer}_${at}`;
  return Array.from({ length: LAYERS * WIDTH }, (_, index) => {
    const [layer, at] = [Math.floor(index / WIDTH), index % WIDTH];
    const parents = Array.from({ length: WIDTH }, (_, parent) => parent)
      .filter((parent) => (parent + at) % 2 === 0)
      .map((parent) => name(layer - 1, parent));
    return { id: name(layer, at), depends_on: layer === 0 ? [] : parents };
  });
}

type Decide = (job: LeasedJob) => Verdict;
type Drainer = { batch: number; workerId: string };

/** Settles and leases in calls of their own, until nothing is due. */
async function drainApart(rpc: Rpc, decide: Decide, { batch, workerId }: Drainer) {
  for (;;) {
    const jobs = await lease(rpc, batch, workerId);
    if (jobs.length === 0) return;
    await settle(rpc, jobs, decide, workerId);
  }
}

/** Makes calls again that Postgres rolled back, as the client of the Data API does. */
function repeatRolledBack(rpc: Rpc): Rpc {
  const completeJobs: Rpc["completeJobs"] = async (args) => {
    try {
      return await rpc.completeJobs(args);
    } catch (error) {
      if (!(error instanceof postgres.PostgresError)) throw error;
      if (!wasRolledBack({ status: 500, code: error.code, message: error.message })) throw error;
      return await completeJobs(args);
    }
  };
  return { ...rpc, completeJobs };
}

/** Eight connections settle runs that share dependents, round by round, and nothing may be left or wrong. */
async function settleTogether(
  drainOne: (rpc: Rpc, decide: Decide, drainer: Drainer) => Promise<unknown>,
) {
  const db = await openDatabase();
  try {
    await db.admin`
      insert into rate_limit_policies (pattern, capacity, refill_rate)
      values ('user:*:agent:noop', null, 1)`;
    await publish(db.rpc, writeWorkflow("layers", buildLayers()));
    const workers = Array.from({ length: 8 }, () => db.connect());
    for (let round = 0; round < 30; round++) {
      await db.rpc.dispatchWorkflows({
        requests: Array.from({ length: 4 }, () => ({ user_id: "u", workflow_key: "layers" })),
        ring: false,
      });
      const decide = (job: LeasedJob) => (job.job_id + round) % 17 === 0 ? dead() : success();
      const isOver = async () =>
        (await db.admin`select 1 from workflow_runs where status = 'running'`).length === 0;
      do {
        await Promise.all(
          workers.map(({ rpc }, at) =>
            drainOne(rpc, decide, { batch: 1 + at % 4, workerId: `w${at}` })
          ),
        );
      } while (!(await isOver()));
    }
    const [left] = await db.admin`
      select count(*)::int as n from job_queue
      where status not in ('success', 'dead', 'skipped') or lease_token is not null`;
    assert.equal(left.n, 0);
    const [wrong] = await db.admin`
      select count(*)::int as n from workflow_runs r
      where open_sinks <> 0 or (status = 'failed') <> exists (
        select from job_queue q where q.workflow_run_id = r.workflow_run_id and q.status = 'dead'
      )`;
    assert.equal(wrong.n, 0);
    const [skipped] = await db
      .admin`select count(*)::int as n from job_queue where status = 'skipped'`;
    assert.ok(skipped.n > 0, "the failures must have skipped something, or this proves nothing");
  } finally {
    await db.close();
  }
}

Deno.test("eight connections settle the same runs, failures and skips included, without a deadlock", () =>
  settleTogether(drainApart));

// A lease on top of a settle may, seldom, wait in a circle (decision 2), which Postgres ends.
Deno.test("eight connections settle and lease in one call, again where it was rolled back, and lose no end", () =>
  settleTogether((rpc, decide, drainer) => drain(repeatRolledBack(rpc), decide, drainer)));
