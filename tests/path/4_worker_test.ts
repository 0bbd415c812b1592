// Worker: drains, is killed, runs out of budget, loses the database, and nothing is lost or done twice.
import assert from "node:assert/strict";
import { untilSomebodyWaits } from "../harness/lock_waits.ts";
import { chain } from "../harness/definition.ts";
import { openStack, waitFor, waitForRun } from "../harness/stack.ts";

const s = await openStack({
  settings: { heartbeat_ms: 200, worker_linger_ms: 200 },
  loops: { cron: false },
});
const ended = waitForRun(s);
const { db, stack, agents } = s;
Deno.test.afterAll(() => s.close());

const WORKER = "orchestrator/worker";
const drain = () => s.post(`${WORKER}?wait=true`);
const step = (id: string, call: string) => ({
  id,
  call: `/functions/v1/${call}`,
});
const succeed = (ids: string[]) => ids.map(() => "success");
const statuses = async (ids: string[]) => (await ended(ids)).map((run) => run.status);

const listAttempts = (ids: string[]) =>
  db.admin`
    select attempt, success, is_late, error_class, status_code from job_attempts
    where workflow_run_id = any (${ids}::uuid[]) order by attempt, attempt_id`
    .then((rows) => rows.map((row) => ({ ...row })));

/** What pg_cron does every 30 s; true: it rang. */
const tick = async () => (await db.admin`select orchestrator.tick_worker() as rang`)[0].rang;

/** All workers have left, so that none of an earlier test sees what comes. */
const waitForRest = () =>
  waitFor("the workers to leave", async () => {
    const [{ alive }] = await db
      .admin`select orchestrator.workers_alive() as alive`;
    return alive === 0;
  });

Deno.test("POST /worker?wait=true drains everything that is due and counts what it did", async () => {
  await s.publish("pair", chain(2));
  await s.publish("bad", [step("only", "agent-proxy/echo")]);
  const runs = await s.enqueue("pair", Array.from({ length: 25 }, () => ({})));
  const script = { agents: { only: { fail_with: "http_400" } } };
  const [bad] = await s.enqueue("bad", [{ payload: script }]);
  const { status, body } = await drain();
  assert.equal(status, 200);
  const { worker_id, duration_ms, ...counts } = body;
  assert.deepEqual(counts, {
    accepted: true,
    end: "empty",
    jobs: 51,
    success: 50,
    retry: 0,
    dead: 1,
    lost: 0,
    handed_back: 0,
    skipped: 0,
    parked: 0,
  });
  assert.ok(typeof worker_id === "string" && typeof duration_ms === "number");
  assert.deepEqual(await statuses([...runs, bad]), [
    ...succeed(runs),
    "failed",
  ]);
});

Deno.test("POST /worker answers 202 while its calls are still under way", async () => {
  const gate = agents.hold("own/held");
  await s.publish("held", [step("only", "own/held")]);
  const [run] = await s.enqueue("held");
  const { status, body } = await s.post(WORKER);
  assert.deepEqual([status, body.accepted], [202, true]);
  await waitFor("the call", () => agents.of(run).length === 1);
  const [{ status: runStatus }] = await db.admin`
    select status from workflow_runs where workflow_run_id = ${run}`;
  assert.equal(runStatus, "running");
  gate.open();
  assert.deepEqual(await statuses([run]), ["success"]);
});

Deno.test("the jobs of a killed worker run again after their lease, under the same keys", async () => {
  await waitForRest();
  const gate = agents.hold("own/orphaned");
  await s.publish("orphaned", [step("only", "own/orphaned")]);
  const runs = await s.enqueue("orphaned", [{}, {}, {}]);
  await s.post(WORKER);
  await waitFor("three calls", () => agents.of(...runs).length === 3);
  await stack.killFunction("orchestrator");
  gate.open();
  await tick();
  assert.deepEqual(await listAttempts(runs), [], "the leases hold");
  await s.passTime(31_000);
  await tick();
  assert.equal((await listAttempts(runs)).length, 3, "the leases are over");
  await s.passTime(1_000);
  assert.equal(await tick(), true, "the backoff is over, too");
  assert.deepEqual(await statuses(runs), succeed(runs));
  const lost = {
    attempt: 1,
    success: false,
    is_late: false,
    error_class: "lease_expired",
  };
  const done = { attempt: 2, success: true, is_late: false, error_class: null };
  assert.deepEqual(await listAttempts(runs), [
    ...runs.map(() => ({ ...lost, status_code: null })),
    ...runs.map(() => ({ ...done, status_code: 200 })),
  ]);
  for (const run of runs) {
    const calls = agents.of(run);
    assert.deepEqual(calls.map((call) => call.attempt), [1, 2]);
    assert.equal(calls[0].idempotencyKey, calls[1].idempotencyKey);
  }
});

Deno.test("a step whose agent is killed in the middle of the call is called again", async () => {
  await s.publish("bereft", [{
    ...step("only", "agent-proxy/echo"),
    timeout_ms: 10_000,
  }]);
  const [run] = await s.enqueue("bereft", [{
    payload: { agents: { only: { delay_ms: 600 } } },
  }]);
  await s.post(WORKER);
  const readClaims = () =>
    db.admin`select from agent_replies
      where idempotency_key like ${`${run}%`} and claimed_until > clock_timestamp()`;
  await waitFor(
    "the agent to begin",
    async () => (await readClaims()).length === 1,
  );
  await stack.killFunction("agent-proxy");
  // The dead agent's claim keeps a second delivery out until its deadline: it may be alive elsewhere.
  await waitFor(
    "both attempts",
    async () => (await listAttempts([run])).length === 2,
  );
  await s.passTime(31_000);
  await s.post(WORKER);
  assert.deepEqual(await statuses([run]), ["success"]);
  const attempts = await listAttempts([run]);
  assert.deepEqual(
    attempts.map((attempt) => [attempt.error_class, attempt.status_code]),
    [["http_5xx", 502], ["in_progress", 409], [null, 200]],
  );
});

Deno.test("a worker whose budget is spent calls its successor, until all is done", async () => {
  await waitForRest();
  await s.publish("many", chain(1));
  await s.configure({ worker_max_calls: 8 });
  const [{ before }] = await db
    .admin`select count(*)::int as before from orchestrator.workers`;
  const runs = await s.enqueue("many", Array.from({ length: 24 }, () => ({})));
  await s.post(WORKER);
  assert.deepEqual(await statuses(runs), succeed(runs));
  const [{ after }] = await db
    .admin`select count(*)::int as after from orchestrator.workers`;
  assert.ok(after - before >= 3, `${after - before} workers`);
  const perWorker = await db.admin`
    select worker_id, count(*)::int as jobs from job_attempts
    where workflow_run_id = any (${runs}::uuid[]) group by 1`;
  assert.ok(
    perWorker.every(({ jobs }) => jobs <= 8),
    JSON.stringify(perWorker),
  );
  await waitForRest();
  await s.configure({ worker_max_calls: null });
});

Deno.test("a slow job does not hold up the other slot", async () => {
  await s.configure({ worker_concurrency: 2 });
  const gate = agents.hold("own/slow");
  await s.publish("slow", [step("only", "own/slow")]);
  await s.publish("quick", chain(1));
  const [slow] = await s.enqueue("slow", [{ priority: 1 }]);
  const quick = await s.enqueue(
    "quick",
    Array.from({ length: 20 }, () => ({})),
  );
  await s.post(WORKER);
  assert.deepEqual(await statuses(quick), succeed(quick));
  const [{ status }] = await db
    .admin`select status from job_queue where workflow_run_id = ${slow}`;
  assert.ok(
    ["leased", "running"].includes(status),
    `the slow job is ${status}`,
  );
  gate.open();
  assert.deepEqual(await statuses([slow]), ["success"]);
  await waitForRest();
  await s.configure({ worker_concurrency: null });
});

Deno.test("a cancelled run's call is aborted at the next heartbeat, and its answer changes nothing", async () => {
  const gate = agents.hold("own/unwanted");
  // Its own timeout comes long after this test has given up.
  const first = { ...step("first", "own/unwanted"), timeout_ms: 120_000 };
  await s.publish("unwanted", [first, {
    ...step("second", "agent-proxy/noop"),
    depends_on: ["first"],
  }]);
  const [run] = await s.enqueue("unwanted");
  await s.post(WORKER);
  const [call] = await waitFor(
    "the call",
    () => agents.of(run).length === 1 && agents.of(run),
  );
  const { status } = await s.post(`orchestrator/runs/${run}/cancel`, {
    reason: "a mistake",
  });
  assert.equal(status, 200);
  await waitFor("the worker to hang up", () => call.isHungUp);
  gate.open();
  await waitForRest();
  const jobs = await db.admin`
    select status from job_queue where workflow_run_id = ${run} order by step_no`;
  assert.deepEqual(jobs.map((job) => job.status), ["cancelled", "cancelled"]);
  assert.deepEqual(
    (await listAttempts([run])).map((attempt) => attempt.error_class),
    [
      "cancelled",
    ],
  );
});

Deno.test("results that cannot be settled are kept until the database is back, and no step is called twice", async () => {
  const gate = agents.hold("own/unsettled");
  await s.publish("unsettled", [step("first", "own/unsettled"), {
    ...step("second", "agent-proxy/noop"),
    depends_on: ["first"],
  }]);
  const runs = await s.enqueue(
    "unsettled",
    Array.from({ length: 6 }, () => ({})),
  );
  await s.post(WORKER);
  await waitFor("six calls", () => agents.of(...runs).length === 6);
  const countWaits = () => stack.logs("orchestrator").split('"worker.waited"').length;
  const waits = countWaits();
  stack.setAway("database", true);
  gate.open();
  await waitFor("the settlement to fail", () => countWaits() > waits);
  stack.setAway("database", false);
  assert.deepEqual(await statuses(runs), succeed(runs));
  const calls = agents.of(...runs);
  assert.equal(calls.length, 12);
  assert.equal(new Set(calls.map((call) => call.idempotencyKey)).size, 12);
  assert.ok((await listAttempts(runs)).every((attempt) => attempt.success));
});

Deno.test("results that outlive their leases while the database is away are done again under the same key", async () => {
  await waitForRest();
  await s.configure({ lease_ms: 1_000 });
  const gate = agents.hold("own/outlived");
  await s.publish("outlived", [step("only", "own/outlived")]);
  const runs = await s.enqueue("outlived", [{}, {}]);
  await s.post(WORKER);
  await waitFor("two calls", () => agents.of(...runs).length === 2);
  const countEnds = () => stack.logs("orchestrator").split('"end":"unavailable"').length;
  const ends = countEnds();
  stack.setAway("database", true);
  gate.open();
  await waitFor("the worker to give up", () => countEnds() > ends);
  stack.setAway("database", false);
  // Its entry among the workers still stands; a ring comes to nothing until it is found to be silent.
  await s.passTime(31_000);
  await waitFor("the tick to ring", tick);
  assert.deepEqual(await statuses(runs), succeed(runs));
  for (const run of runs) {
    const calls = agents.of(run);
    assert.deepEqual(calls.map((call) => call.attempt), [1, 2]);
    assert.equal(calls[0].idempotencyKey, calls[1].idempotencyKey);
  }
  await waitForRest();
  await s.configure({ lease_ms: null });
});

const countRows = async () => {
  const [row] = await db.admin`
    select (select count(*)::int from workflow_runs) as runs,
      (select count(*)::int from job_queue) as jobs,
      (select count(*)::int from workflow_definitions) as definitions`;
  return { ...row };
};

Deno.test("with the database away worker and dispatch answer 503 with Retry-After, and nothing is written", async () => {
  await waitForRest();
  const before = await countRows();
  stack.setAway("database", true);
  try {
    const body = { user_id: "u", workflow_key: "many" };
    for (
      const answer of [
        await s.post(WORKER),
        await drain(),
        await s.post("orchestrator/dispatch", body),
        await s.post("orchestrator/dispatch", [body, body]),
      ]
    ) {
      assert.equal(answer.status, 503);
      assert.ok(Number(answer.headers.get("retry-after")) >= 1, "Retry-After");
      assert.match(
        answer.headers.get("content-type")!,
        /^application\/problem\+json/,
      );
    }
  } finally {
    stack.setAway("database", false);
  }
  assert.deepEqual(await countRows(), before);
});

Deno.test("with the bucket away an unknown workflow is a 503, and known ones run as ever", async () => {
  const before = await countRows();
  stack.setAway("storage", true);
  try {
    const unknown = { user_id: "u", workflow_key: "not_here" };
    for (const body of [unknown, [unknown, unknown]]) {
      const answer = await s.post("orchestrator/dispatch", body);
      assert.equal(answer.status, 503);
      assert.ok(Number(answer.headers.get("retry-after")) >= 1, "Retry-After");
    }
    assert.deepEqual(await countRows(), before);
    const known = { user_id: "u", workflow_key: "many" };
    const { status, body } = await s.post("orchestrator/dispatch", known);
    assert.equal(status, 202);
    assert.deepEqual(await statuses([body.workflow_run_id as string]), [
      "success",
    ]);
  } finally {
    stack.setAway("storage", false);
  }
});

Deno.test("of a list, the items that could be dispatched are told although the bucket is away for another", async () => {
  stack.setAway("storage", true);
  try {
    const { status, body } = await s.post("orchestrator/dispatch", [
      { user_id: "u", workflow_key: "many" },
      { user_id: "u", workflow_key: "not_here" },
    ]);
    assert.equal(status, 202);
    const [known, unknown] = body.runs as Record<string, unknown>[];
    assert.deepEqual([known.result, unknown.result], [
      "created",
      "unavailable",
    ]);
    assert.match(String(unknown.detail), /Storage is away/);
    assert.deepEqual(await statuses([known.workflow_run_id as string]), [
      "success",
    ]);
  } finally {
    stack.setAway("storage", false);
  }
});

Deno.test("a worker that the platform ends hands back what it had not begun, with no attempt used", async () => {
  await waitForRest();
  await s.publish("unbegun", [step("only", "agent-proxy/limited")]);
  await db.sql`
    insert into rate_limit_policies (pattern, capacity, refill_rate)
    values ('user:*:agent:limited', 5, 1)`;
  await db.rpc.takeTokens({ key: "user:leaver:agent:limited" });
  const runs = await s.enqueue("unbegun", [{ user: "leaver" }, {
    user: "leaver",
  }]);
  // The lease waits for the bucket's row, which this transaction holds: the jobs come after the end began.
  await s.get("orchestrator/health");
  const worker = stack.functionPids().orchestrator;
  let waking: Promise<unknown> = Promise.resolve();
  await db.sql.begin(async (tx) => {
    await tx`select from rate_limits where rl_key = 'user:leaver:agent:limited' for update`;
    waking = s.post(WORKER);
    await untilSomebodyWaits(db);
    Deno.kill(worker, "SIGTERM");
    // It takes no more requests: its end has begun.
    await waitFor(
      "the end to begin",
      async () => (await s.get("orchestrator/health", { apikey: "" })).status === 502,
    );
  });
  await waking;
  await waitFor("the end", () => stack.functionPids().orchestrator !== worker);
  const jobs = await db.admin`
    select status, attempts from job_queue where workflow_run_id = any (${runs}::uuid[])`;
  assert.deepEqual(
    jobs.map((job) => ({ ...job })),
    runs.map(() => ({ status: "queued", attempts: 0 })),
  );
  assert.deepEqual(agents.of(...runs), []);
});
