// What is counted: the same as the tables tell, whatever becomes of runs, and never less than before.
import assert from "node:assert/strict";
import fc from "fast-check";
import { openDatabase, type TestDatabase } from "../harness/database.ts";
import { chain, publish, writeWorkflow } from "../harness/definition.ts";
import { pruneEnded } from "../harness/old_history.ts";
import { fails, Player } from "../harness/player.ts";
import { drain, failure, lease, settle, success } from "../harness/worker.ts";
import { DatabaseEngine } from "../property/database_engine.ts";
import { play } from "../property/play.ts";
import { cases } from "../property/workflows.ts";
import { deriveCounters, readCounters, readGauges, type Series } from "./counters.ts";

const CALL = "/functions/v1/agent-proxy/noop";

function test(
  sentence: string,
  run: (db: TestDatabase) => Promise<void>,
  options?: { isArranged: boolean },
): void {
  Deno.test(sentence, async () => {
    const db = await openDatabase(options);
    try {
      await run(db);
    } finally {
      await db.close();
    }
  });
}

async function dispatch(db: TestDatabase, workflowKey: string, runs = 1): Promise<string[]> {
  const { runs: created } = await db.rpc.dispatchWorkflows({
    requests: Array.from({ length: runs }, () => ({ user_id: "u", workflow_key: workflowKey })),
    ring: false,
  });
  return created.map(({ workflow_run_id }) => workflow_run_id!);
}

const fold = async (db: Pick<TestDatabase, "sql">, limit: number | null = null) => {
  const [{ folded }] = await db.sql`select orchestrator.fold_metrics(${limit}::int) as folded`;
  return folded as number;
};

/** The series of `more` that are lower than in `less`, or gone. */
function listFallen(less: Series, more: Series): string[] {
  return Object.keys(less).filter((key) => !((more[key] ?? 0) >= less[key]));
}

/** Waits in the queue are in no table; they are as many as the attempts of jobs that waited for nothing else. */
function withoutWaits(counters: Series): Series {
  return Object.fromEntries(
    Object.entries(counters).filter(([key]) => !key.startsWith("step_queue_seconds")),
  );
}

test("after random runs with failures, lost leases, fan-outs and cancels, the counters are what the tables tell", async (db) => {
  const seed = Date.now() % 2 ** 31;
  const drawn = fc.sample(cases, { seed, numRuns: 40 });
  let before: Series = {};
  for (const [at, it] of drawn.entries()) {
    await play(it, await DatabaseEngine.open(db, it));
    // Folded at some times, and not at others.
    if (at % 7 === 3) await fold(db);
    const counters = await readCounters(db.rpc);
    assert.deepEqual(listFallen(before, counters), [], `seed ${seed}, case ${at}`);
    before = counters;
  }
  const expected = await deriveCounters(db.admin);
  assert.ok(Object.keys(expected).length > 50, "the cases made too few series");
  assert.ok(Object.keys(expected).some((key) => key.startsWith("lease_expired_total")));
  assert.deepEqual(withoutWaits(before), expected, `seed ${seed}`);
  await fold(db);
  assert.deepEqual(await readCounters(db.rpc), before, "folding changes nothing");
  const [{ left }] = await db.admin`select count(*)::int as left from orchestrator.metric_deltas`;
  assert.equal(left, 0);
});

test("sub-runs and steps that were appended count under their workflow, also once they are pruned", async (db) => {
  const player = new Player(db, {
    plan: () => ({
      status: 200,
      body: { ok: true, steps: [{ id: "more", call: CALL, depends_on: ["plan"] }] },
    }),
    bad: () => fails,
  });
  await player.publish({
    key: "child",
    trigger: { type: "manual" },
    steps: [{ id: "bad", call: CALL }],
  });
  await player.publish({
    key: "parent",
    trigger: { type: "manual" },
    steps: [
      { id: "plan", call: CALL, may_append: true },
      { id: "sub", workflow: "child", continue_on_error: true },
    ],
  });
  const runId = await player.start("parent");
  await player.play();
  const counters = await readCounters(db.rpc);
  assert.equal(counters["runs_started_total{child,workflow}"], 1);
  assert.equal(counters["runs_finished_total{child,failed}"], 1);
  assert.equal(counters["jobs_dead_total{child,bad,http_4xx}"], 1);
  assert.equal(counters["step_attempts_total{parent,more,success,}"], 1);
  assert.deepEqual(withoutWaits(counters), await deriveCounters(db.admin));

  // Nothing was folded yet, and nothing of it is left in the tables.
  await pruneEnded(db);
  const [{ runs }] = await db.admin`select count(*)::int as runs from workflow_runs`;
  assert.equal(runs, 0, `the run ${runId} is pruned`);
  assert.deepEqual(await readCounters(db.rpc), counters);
  await fold(db);
  assert.deepEqual(await readCounters(db.rpc), counters);
});

test("counters go on from where they were when history is pruned", async (db) => {
  await publish(db.rpc, writeWorkflow("flow", chain(2)));
  const counts: number[] = [];
  for (let round = 0; round < 3; round++) {
    await dispatch(db, "flow", 10);
    await drain(db.rpc);
    await pruneEnded(db);
    counts.push((await readCounters(db.rpc))["runs_finished_total{flow,success}"]);
  }
  assert.deepEqual(counts, [10, 20, 30]);
});

test("two folds at once, and scrapes between, count everything once", async (db) => {
  await db.admin`
    insert into orchestrator.metric_deltas (metric, labels, value)
    select 'rate_limited_total', array['agent_' || n % 10], 1 from generate_series(1, 5000) as n`;
  const total = (counters: Series) => Object.values(counters).reduce((sum, it) => sum + it, 0);
  const folders = Array.from({ length: 3 }, () => db.connect());
  const seen: number[] = [];
  let folded = 0;
  let isFolding = true;
  const scrape = (async () => {
    while (isFolding) seen.push(total(await readCounters(db.rpc)));
  })();
  await Promise.all(folders.map(async (connection) => {
    for (let n = 1; n > 0 || folded < 5_000;) {
      n = await fold(connection, 97);
      folded += n;
    }
  }));
  isFolding = false;
  await scrape;
  assert.ok(seen.length > 3, `only ${seen.length} scrapes`);
  assert.deepEqual([...new Set(seen)], [5_000]);
  assert.equal(total(await readCounters(db.rpc)), 5_000);
});

test("a fold that does not come to its end has done nothing, and while one is on its way another waits for nobody", async (db) => {
  await db.sql`select orchestrator.count('rate_limited_total', '{"agent": "a"}', 3)`;
  const before = await readCounters(db.rpc);
  const { sql } = db.connect();
  const killed = sql.begin(async (transaction) => {
    const [{ folded }] = await transaction`select orchestrator.fold_metrics() as folded`;
    assert.equal(folded, 1);
    assert.equal(await fold(db), 0, "somebody else is at it");
    assert.deepEqual(await readCounters(db.rpc), before);
    throw new Error("killed");
  });
  await assert.rejects(killed, /killed/);
  assert.deepEqual(await readCounters(db.rpc), before);
  assert.equal(await fold(db), 1);
  assert.deepEqual(await readCounters(db.rpc), before);
});

test("a value at a bound is in the bucket of the bound", async (db) => {
  await publish(db.rpc, writeWorkflow("flow", chain(1)));
  const spans = ["0 ms", "5 ms", "5.001 ms", "10 ms", "1 s", "1800 s", "1801 s"];
  for (const span of spans) {
    const [runId] = await dispatch(db, "flow");
    await db.admin`
      update workflow_runs
      set status = 'success', open_sinks = 0, deadline_at = null, finished_at = created_at + ${span}::interval
      where workflow_run_id = ${runId}`;
    await db.admin`select orchestrator.note_ended_runs(${[runId]}::uuid[])`;
  }
  const { bounds, families } = await db.rpc.getMetrics({ version: "test" });
  const { samples } = families.find(({ name }) => name === "orchestrator_run_duration_seconds")!;
  const filled = Object.entries(samples[0].buckets!).map(([at, n]) => [bounds[Number(at)], n]);
  assert.deepEqual(filled, [[0.005, 2], [0.01, 2], [1, 1], [1800, 1], [undefined, 1]]);
  assert.equal(samples[0].value, spans.length);
}, { isArranged: true });

test("a job that somebody has put before all time is counted, and its wait is not", async (db) => {
  await publish(db.rpc, writeWorkflow("flow", chain(1)));
  for (const verdict of [failure(), success()]) {
    await dispatch(db, "flow");
    await db.admin`update job_queue set next_run_at = '-infinity' where status = 'queued'`;
    await settle(db.rpc, await lease(db.rpc), () => verdict);
  }
  const { families } = await db.rpc.getMetrics({ version: "test" });
  const find = (name: string) => families.find((it) => it.name === `orchestrator_${name}`)!.samples;
  assert.deepEqual(find("step_attempts_total").map(({ value }) => value), [1, 1]);
  assert.deepEqual(find("step_queue_seconds"), []);
});

test("what a family has no room for counts under other, the same before and after a fold", async (db) => {
  await db.admin`
    update orchestrator.metric_families set max_label_sets = 2
    where name in ('runs_started_total', 'step_attempts_total')`;
  for (const key of ["a", "b"]) await publish(db.rpc, writeWorkflow(key, chain(1)));
  for (const key of ["c", "d"]) await publish(db.rpc, writeWorkflow(key, chain(1)));
  for (const key of ["a", "b"]) await dispatch(db, key);
  await fold(db);
  for (const key of ["b", "c", "d", "d"]) await dispatch(db, key);
  await drain(db.rpc);
  const counters = await readCounters(db.rpc);
  const started = Object.entries(counters).filter(([key]) => key.startsWith("runs_started_total"));
  assert.deepEqual(started, [
    ["runs_started_total{a,api}", 1],
    ["runs_started_total{b,api}", 2],
    ["runs_started_total{other,api}", 3],
  ]);
  // What tells good from bad stays, so that ratios hold.
  assert.equal(counters["step_attempts_total{other,other,success,}"], 3);
  await fold(db);
  assert.deepEqual(await readCounters(db.rpc), counters);
});

test("an attempt's wait is measured from when it was due, however it ends", async (db) => {
  await publish(db.rpc, writeWorkflow("flow", chain(1)));
  await dispatch(db, "flow", 3);
  await db.admin`update job_queue set next_run_at = next_run_at - interval '20 seconds'`;
  const [good, bad, lost] = await lease(db.rpc);
  await settle(db.rpc, [good], () => success());
  await settle(
    db.rpc,
    [bad],
    () => ({ outcome: "retry", error_class: "timeout", error_text: "x" }),
  );
  await db.setClock(new Date(Date.now() + 60_000));
  await db.sql`select public.expire_leases(10)`;
  const counters = await readCounters(db.rpc);
  assert.equal(counters["step_queue_seconds_count{flow}"], 3, String(lost.job_id));
  const sum = counters["step_queue_seconds_sum{flow}"];
  assert.ok(sum >= 60 && sum < 75, `waited ${sum} s`);
  assert.equal(counters["step_duration_seconds_count{flow,s1}"], 2);
  assert.equal(counters["step_attempts_total{flow,s1,retry,lease_expired}"], 1);
});

test("refused tokens, missed slots and concurrency conflicts are counted", async (db) => {
  await db.admin`
    insert into rate_limit_policies (pattern, capacity, refill_rate) values ('user:*:agent:noop', 1, 0.001)`;
  await publish(db.rpc, writeWorkflow("flow", chain(1)));
  await dispatch(db, "flow", 3);
  await lease(db.rpc);
  assert.equal((await readCounters(db.rpc))["rate_limited_total{noop}"], 2);
  await db.admin`delete from rate_limit_policies where pattern = 'user:*:agent:noop'`;
  await db.admin`delete from job_queue`;

  const trigger = { type: "cron", cron: "0 8 * * *", timezone: "UTC" };
  await publish(db.rpc, writeWorkflow("daily", chain(1), trigger));
  const { schedules: [{ schedule_id, claim_token }] } = await db.rpc.claimDueSchedules({
    limit: 10,
  });
  await db.rpc.fireSchedules({
    schedules: [{
      schedule_id,
      claim_token,
      slots: [],
      next_run_at: "2099-01-01T00:00:00Z",
      missed: 4,
      last_missed_at: "2026-01-01T00:00:00Z",
    }],
    ring: false,
  });
  assert.equal((await readCounters(db.rpc))["schedule_missed_total{daily}"], 4);

  const player = new Player(db);
  for (const policy of ["queue", "skip", "replace", "cancel_new"]) {
    await player.publish({
      key: policy,
      trigger: { type: "manual" },
      concurrency: { key: "'one'", max: 1, on_conflict: policy },
      steps: [{ id: "long", sleep: "1h" }],
    });
    for (let run = 0; run < 3; run++) {
      await player.start(policy);
      await player.play();
    }
  }
  // Looked at again and again while they wait, and counted once.
  await player.pass(2 * 60 * 60 * 1_000);
  await player.play();
  const counters = await readCounters(db.rpc);
  const conflicts = Object.entries(counters).filter(([key]) => key.startsWith("concurrency"));
  assert.deepEqual(conflicts, [
    ["concurrency_conflicts_total{cancel_new,cancel_new}", 2],
    ["concurrency_conflicts_total{queue,queue}", 2],
    ["concurrency_conflicts_total{replace,replace}", 2],
    ["concurrency_conflicts_total{skip,skip}", 2],
  ]);
}, { isArranged: true });

test("a counter of another part is raised by name, and neither an unknown one nor by less than nothing", async (db) => {
  const count = (metric: string, labels: Record<string, string>, value: number) =>
    db.sql`select orchestrator.count(${metric}, ${db.sql.json(labels)}, ${value}::float8)`;
  await count("webhook_deliveries_total", { outcome: "ok", destination: "slack" }, 2);
  await count("webhook_deliveries_total", { destination: "slack" }, 1);
  assert.deepEqual(await readCounters(db.rpc), {
    "webhook_deliveries_total{slack,}": 1,
    "webhook_deliveries_total{slack,ok}": 2,
  });
  await assert.rejects(count("webhooks", {}, 1), /there is no counter webhooks/);
  await assert.rejects(count("queue_depth", {}, 1), /there is no counter queue_depth/);
  await assert.rejects(count("rate_limited_total", {}, -1), /cannot fall/);
});

test("gauges tell the queue, its oldest job, dead letters, buckets, schedules and ticks as they are", async (db) => {
  const trigger = { type: "cron", cron: "0 8 * * *", timezone: "UTC" };
  await publish(db.rpc, writeWorkflow("daily", chain(1), trigger));
  await publish(db.rpc, writeWorkflow("flow", chain(2)));
  assert.equal((await readGauges(db.rpc))["schedule_lag_seconds{daily}"], 0);
  await db.admin`update workflow_schedules set next_run_at = now() - interval '90 seconds'`;
  await dispatch(db, "flow", 5);
  await db
    .admin`update job_queue set next_run_at = next_run_at - interval '30 seconds' where status = 'queued'`;
  const [first] = await lease(db.rpc, 1);
  await settle(
    db.rpc,
    [first],
    () => ({ outcome: "dead", error_class: "http_4xx", error_text: "no" }),
  );
  await lease(db.rpc, 1);
  await db.rpc.startWorker({ workerId: "w", maxWorkers: 4 });
  await db.admin`select orchestrator.tick_worker()`;
  const gauges = await readGauges(db.rpc);
  assert.deepEqual(
    ["queued", "failed", "parked", "leased", "running"].map((it) => gauges[`queue_depth{${it}}`]),
    [3, 0, 0, 1, 0],
  );
  assert.equal(gauges["dead_letters{flow}"], 1);
  assert.equal(gauges["workers_alive{}"], 1);
  assert.equal(gauges["build_info{test}"], 1);
  const isNear = (name: string, expected: number, by: number) =>
    assert.ok(Math.abs(gauges[name] - expected) < by, `${name} is ${gauges[name]}`);
  isNear("queue_oldest_ready_seconds{}", 30, 20);
  isNear("schedule_lag_seconds{daily}", 90, 20);
  isNear("rate_limit_tokens{user:u:agent:noop}", 100, 3);
  isNear("tick_last_success_timestamp_seconds{worker}", Date.now() / 1_000, 60);
});
