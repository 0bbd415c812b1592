// Every RPC that changes state meets every other one on the same run, from two connections at the same
// moment: no deadlock, no error, and whatever comes of it leaves the rows as they must be.
import assert from "node:assert/strict";
import type { JobResult } from "../../supabase/functions/_shared/database/rows.ts";
import { readSettings } from "../../supabase/functions/_shared/contract/settings.ts";
import { compileAppendedSteps } from "../../supabase/functions/_shared/workflow/append.ts";
import { compileWorkflow } from "../../supabase/functions/_shared/workflow/compile.ts";
import { openDatabase, type TestConnection, type TestDatabase } from "../harness/database.ts";
import { assertInvariants } from "../harness/invariants.ts";
import { keepHistory } from "../harness/old_history.ts";
import { fails, Player } from "../harness/player.ts";

const CALL = "/functions/v1/agent-proxy/noop";
const WORKER = "player";

const CHILD = { key: "child", trigger: { type: "manual" }, steps: [{ id: "one", call: CALL }] };
const MIXED = {
  key: "mixed",
  trigger: { type: "event", event_types: ["start"] },
  concurrency: { key: "'one'", max: 2, on_conflict: "queue" },
  timeout: "1h",
  steps: [
    { id: "a", call: CALL },
    { id: "each", depends_on: ["a"], for_each: "[1, 2, 3, 4]", max_concurrency: 3, call: CALL },
    { id: "gate", depends_on: ["a"], wait: { event: "go" } },
    { id: "sub", depends_on: ["a"], workflow: "child" },
    { id: "later", depends_on: ["a"], mode: "async", call: CALL },
    { id: "bad", depends_on: ["a"], call: CALL, compensate: { call: CALL } },
    { id: "end", depends_on: ["each", "gate", "sub", "later", "bad"], call: CALL },
  ],
  on_failure: [{ id: "tell", call: CALL }],
};

/** A run in the middle of everything, and the leases that a worker holds of it. */
interface Scene {
  runId: string;
  jobs: Record<string, number>;
  items: JobResult[];
  child: JobResult[];
}

type Act = (on: TestConnection, scene: Scene) => Promise<unknown>;

const settle = (on: TestConnection, results: JobResult[], leaseLimit = 0) =>
  on.rpc.completeJobs({ workerId: WORKER, results, leaseLimit, leaseMs: 30_000 });
const hold = (results: JobResult[]) =>
  results.map(({ job_id, lease_token }) => ({ job_id, lease_token }));
const fail = (results: JobResult[]): JobResult[] =>
  results.map(({ job_id, lease_token }) => ({
    job_id,
    lease_token,
    outcome: "dead",
    error_class: "http_4xx",
    error_text: "no",
  }));
const settings = readSettings(() => undefined, {});
const more = compileAppendedSteps([{ id: "more", depends_on: ["each"], call: CALL }], {
  existing: MIXED.steps.map(({ id }) => id),
  settings,
  policy: { callPrefixes: settings.appendCallPrefixes },
});
assert.ok(more.ok);
const plan = { author: "test", reason: null, source: [], steps: more.steps };
const publish = (on: TestConnection, source: string) => {
  const compiled = compileWorkflow(source, { settings });
  assert.ok(compiled.ok);
  return on.rpc.publishWorkflow({ compiled: compiled.workflow, source });
};
const actor = { kind: "service", id: "test", name: null } as const;

/** What changes a run, by what it is. */
const ACTS: Record<string, Act> = {
  "an item succeeds": (on, { items }) => settle(on, items.slice(0, 1)),
  "two items succeed and more is leased": (on, { items }) => settle(on, items.slice(0, 2), 10),
  "an item is dead": (on, { items }) => settle(on, fail(items.slice(1, 2)), 10),
  "the sub-run's job succeeds": (on, { child }) => settle(on, child, 10),
  "the sub-run's job is dead": (on, { child }) => settle(on, fail(child)),
  "a lease": (on) => on.rpc.leaseJobs({ workerId: "other", limit: 10, leaseMs: 30_000 }),
  "a heartbeat": (on, { items, child }) =>
    on.rpc.heartbeatJobs({
      workerId: WORKER,
      leases: hold([...items, ...child]),
      leaseMs: 30_000,
    }),
  "jobs are handed back": (on, { items, child }) =>
    on.rpc.handBackJobs({ workerId: WORKER, leases: hold([...child, ...items]) }),
  "jobs are snoozed": (on, { items }) =>
    on.rpc.snoozeJobs({
      workerId: WORKER,
      leases: hold(items).map((lease) => ({ ...lease, delay_ms: 5 })),
    }),
  "the tick": (on) => on.sql`select orchestrator.tick_worker()`,
  "a worker starts": (on) => on.rpc.startWorker({ workerId: "other", maxWorkers: 9 }),
  "a worker stops": (on) => on.rpc.stopWorker({ workerId: "other" }),
  "cancel": (on, { runId }) => on.rpc.cancelRun({ workflowRunId: runId, reason: "enough" }),
  "cancel by an operator": (on, { runId }) =>
    on.rpc.act({ actor, action: "run.cancel", args: { workflow_run_id: runId } }),
  "cancel of all": (on, { runId }) =>
    on.rpc.act({
      actor,
      action: "runs.cancel",
      args: { filter: { workflow_key: "mixed" }, newest: runId },
    }),
  "restart of the failed steps": (on, { runId }) =>
    on.rpc.restartRun({ workflowRunId: runId, mode: "failed" }),
  "restart as a whole": (on, { runId }) =>
    on.rpc.restartRun({ workflowRunId: runId, mode: "whole" }),
  "restart from a step": (on, { runId }) =>
    on.rpc.restartRun({ workflowRunId: runId, mode: "step", stepId: "each" }),
  "retry of a dead job": (on, { jobs }) => on.rpc.retryJob({ jobId: jobs.bad }),
  "reset of a job": (on, { jobs }) => on.rpc.resetJob({ jobId: jobs.each }),
  "an approval": (on, { jobs }) => on.rpc.decideWait({ jobId: jobs.gate, isApproved: true }),
  "a rejection": (on, { jobs }) => on.rpc.decideWait({ jobId: jobs.gate, isApproved: false }),
  "a callback": (on, { jobs }) =>
    on.rpc.completeCallback({
      jobId: jobs.later,
      generation: 0,
      attempt: 1,
      result: { outcome: "success", output: 1 },
    }),
  "a heartbeat of a callback": (on, { jobs }) =>
    on.rpc.heartbeatCallback({ jobId: jobs.later, generation: 0, attempt: 1 }),
  "steps are appended": (on, { runId }) => on.rpc.appendSteps({ workflowRunId: runId, plan }),
  "the workflow is published again": (on) => publish(on, `${JSON.stringify(MIXED)} # again`),
  "the workflow is archived and comes back": async (on) => {
    await on.rpc.archiveWorkflow({ workflowKey: "child" });
    await publish(on, JSON.stringify(CHILD));
  },
  "an event that is waited for": (on) => on.rpc.insertEvent({ userId: "u", type: "go" }),
  "an event that starts a run": (on) => on.rpc.insertEvent({ userId: "u", type: "start" }),
  "signals": (on) => on.rpc.processSignals(),
  "a dispatch": (on) =>
    on.rpc.dispatchWorkflows({
      requests: [{ user_id: "u", workflow_key: "mixed", idempotency_key: "same" }],
      ring: false,
    }),
  "old runs are pruned": (on) => on.sql`select public.prune_history(10)`,
  "notifications are sent": (on) => on.sql`select orchestrator.dispatch_notifications()`,
  "tokens are taken": (on) => on.rpc.takeTokens({ key: "user:u:agent:noop" }),
};

/** Once it has ended. */
const ENDED = [
  "a lease",
  "signals",
  "the tick",
  "an item succeeds",
  "cancel",
  "restart of the failed steps",
  "restart as a whole",
  "restart from a step",
  "retry of a dead job",
  "reset of a job",
  "a callback",
  "an event that is waited for",
  "old runs are pruned",
];

async function openStage() {
  const db = await openDatabase();
  const player = new Player(db, {
    bad: () => fails,
    later: () => ({ status: 202 }),
  });
  await db.admin`
    insert into public.rate_limit_policies (pattern, capacity, refill_rate)
    values ('user:*:agent:noop', 1000000, 1000)`;
  await keepHistory(db, { history_days: 1, cancelled_history_days: 1 });
  await player.publish(CHILD);
  await player.publish(MIXED);
  return { db, player };
}

async function openScene(db: TestDatabase, player: Player): Promise<Scene> {
  const runId = await player.start("mixed");
  let held: JobResult[] = [];
  // Until the items and the sub-run's job are leased, and nothing else is due.
  for (let round = 0; round < 12; round++) {
    await db.rpc.processSignals();
    const more = await player.hold();
    const rows = await db.admin`
      select job_id, step_id, item_index from public.job_queue
      where job_id = any (${more.map(({ job_id }) => job_id)}::bigint[])`;
    const kept = new Set(
      rows.filter(({ step_id, item_index }) => step_id === "one" || item_index >= 0)
        .map(({ job_id }) => Number(job_id)),
    );
    held = [...held, ...more.filter(({ job_id }) => kept.has(job_id))];
    await player.settle(more.filter(({ job_id }) => !kept.has(job_id)));
    if (held.length === 4) break;
  }
  const rows = await db.admin`
    select job_id, step_id, item_index, workflow_run_id from public.job_queue
    where workflow_run_id = ${runId} and item_index = -1`;
  const jobs = Object.fromEntries(rows.map(({ step_id, job_id }) => [step_id, Number(job_id)]));
  const own = new Set(
    (await db.admin`
      select job_id from public.job_queue where workflow_run_id = ${runId} and item_index >= 0`)
      .map(({ job_id }) => Number(job_id)),
  );
  const items = held.filter(({ job_id }) => own.has(job_id));
  const child = held.filter(({ job_id }) => !own.has(job_id));
  assert.deepEqual([items.length, child.length], [3, 1], "the scene must be set");
  return { runId, jobs, items, child };
}

/** Ends every run, so that the next scene is alone. */
async function clear({ admin, rpc }: TestDatabase): Promise<void> {
  const runs = await admin`
    select workflow_run_id from public.workflow_runs where status = 'running' and parent_run_id is null`;
  for (const { workflow_run_id } of runs) {
    await rpc.cancelRun({ workflowRunId: workflow_run_id });
  }
  while ((await rpc.processSignals()).processed > 0);
}

async function meet(
  [first, second]: [string, string],
  scene: Scene,
  one: TestConnection,
  other: TestConnection,
): Promise<void> {
  const outcomes = await Promise.allSettled([
    ACTS[first](one, scene),
    ACTS[second](other, scene),
  ]);
  for (const outcome of outcomes) {
    if (outcome.status === "rejected") {
      throw new Error(`${first} meets ${second}: ${outcome.reason}`, { cause: outcome.reason });
    }
  }
}

function listPairs(names: readonly string[]): [string, string][] {
  return names.flatMap((first, at) =>
    names.slice(at).map((second): [string, string] => [first, second])
  );
}

for (const [when, names] of [["live", Object.keys(ACTS)], ["ended", ENDED]] as const) {
  Deno.test(`all that changes a run meets all that does, on a run that is ${when}`, async () => {
    const { db, player } = await openStage();
    try {
      const [one, other] = [db.connect(), db.connect()];
      for (const [at, pair] of listPairs(names).entries()) {
        const scene = await openScene(db, player);
        if (when === "ended") {
          await db.rpc.cancelRun({ workflowRunId: scene.runId });
          await player.pass(2 * 86_400_000);
        }
        await meet(pair, scene, one, other);
        await clear(db);
        if (at % 25 === 0) await assertInvariants(db);
      }
      await assertInvariants(db);
    } finally {
      await db.close();
    }
  });
}

Deno.test("everything at once on the same runs, in orders of chance, leaves the rows as they must be", async () => {
  const { db, player } = await openStage();
  let seed = 1 + Math.floor(Math.random() * 1_000_000);
  console.log(`seed ${seed}`);
  const random = () => (seed = (seed * 48_271) % 2_147_483_647) / 2_147_483_647;
  try {
    const connections = Array.from({ length: 6 }, () => db.connect());
    for (let round = 0; round < 12; round++) {
      const scene = await openScene(db, player);
      const acts = Object.entries(ACTS)
        .filter(([name]) => round % 2 === 0 || !name.startsWith("cancel"))
        .map(([name, act]) => ({ name, act, place: random() }))
        .toSorted((a, b) => a.place - b.place);
      await Promise.all(connections.map(async (on, at) => {
        for (const { name, act } of acts.filter((_, place) => place % connections.length === at)) {
          await act(on, scene).catch((cause: unknown) => {
            throw new Error(`${name}: ${cause}`, { cause });
          });
        }
      }));
      await assertInvariants(db);
      await clear(db);
    }
    await assertInvariants(db);
  } finally {
    await db.close();
  }
});
