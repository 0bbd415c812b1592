// The rules of a run, row by row of the language's table, each played by the worker's own code on the
// real state machine. What one rule says about details stands in the files of its stage.
import assert from "node:assert/strict";
import { openDatabase, type TestDatabase } from "../harness/database.ts";
import { type Agents, fails, Player, stumbles } from "../harness/player.ts";

const CALL = "/functions/v1/agent-proxy/noop";

type Step = Record<string, unknown>;

function rule(
  sentence: string,
  run: (player: Player, db: TestDatabase) => Promise<void>,
  agents: Agents = {},
) {
  Deno.test(sentence, async () => {
    const db = await openDatabase();
    try {
      await run(new Player(db, agents), db);
    } finally {
      await db.close();
    }
  });
}

/** A workflow `w` of steps that call an agent unless they say what else they are. */
function workflow(steps: Step[], more: Record<string, unknown> = {}) {
  const isCall = (step: Step) =>
    !["call", "wait", "sleep", "workflow", "use"].some((key) => key in step);
  return {
    key: "w",
    trigger: { type: "manual" },
    ...more,
    steps: steps.map((step) => isCall(step) ? { call: CALL, ...step } : step),
  };
}

/** Publishes, starts and plays a workflow; answers its run's id. */
async function playThrough(
  player: Player,
  steps: Step[],
  payload: Record<string, unknown> = {},
  more: Record<string, unknown> = {},
): Promise<string> {
  await player.publish(workflow(steps, more));
  const runId = await player.start("w", payload);
  await player.play();
  return runId;
}

// --- Readiness

rule(
  "Readiness: a step runs when all dependencies are finished, none failed and at least one succeeded",
  async (player) => {
    const runId = await playThrough(player, [
      { id: "a" },
      { id: "b", if: "inputs.b" },
      { id: "join", depends_on: ["a", "b"] },
    ], { b: false });
    assert.deepEqual(await player.states(runId), {
      a: "success",
      b: "skipped: condition",
      join: "success",
    });
    assert.deepEqual(player.called(), ["a", "join"]);
  },
);

rule(
  "Readiness: all dependencies skipped means skipped (dependency), one failed means upstream_failed",
  async (player) => {
    const runId = await playThrough(player, [
      { id: "off", if: "inputs.on" },
      { id: "behind_off", depends_on: ["off"] },
      { id: "broken", retry: { max_attempts: 1 } },
      { id: "behind_broken", depends_on: ["broken"] },
      { id: "behind_both", depends_on: ["off", "behind_broken"] },
    ], { on: false });
    assert.deepEqual(await player.states(runId), {
      off: "skipped: condition",
      broken: "dead: http_4xx",
      behind_off: "skipped: dependency",
      behind_broken: "skipped: upstream_failed",
      behind_both: "skipped: upstream_failed",
    });
  },
  { broken: () => fails },
);

for (const big of [true, false]) {
  rule(
    `Readiness: an if/else join needs no annotation (${big ? "if" : "else"} branch)`,
    async (player) => {
      const runId = await playThrough(player, [
        { id: "score" },
        { id: "yes", depends_on: ["score"], if: "steps.score.output.big" },
        { id: "no", depends_on: ["score"], else_of: "yes" },
        { id: "tell", depends_on: ["yes", "no"] },
      ]);
      assert.deepEqual(player.called(), ["score", big ? "yes" : "no", "tell"]);
      assert.equal((await player.run(runId)).status, "success");
    },
    { score: () => ({ output: { big } }) },
  );
}

rule("Readiness: the evaluated condition is stored, so that people see why", async (player, db) => {
  const runId = await playThrough(player, [
    { id: "off", if: "inputs.n > 3" },
    { id: "on", if: "inputs.n > 1" },
  ], { n: 2 });
  const rows = await db.admin`
    select step_id, condition from public.job_queue where workflow_run_id = ${runId} order by step_no`;
  assert.deepEqual(rows.map(({ step_id, condition }) => [step_id, condition]), [
    ["off", { expression: "inputs.n > 3", result: false }],
    ["on", { expression: "inputs.n > 1", result: true }],
  ]);
});

rule(
  "Readiness: a run whose steps were all skipped is a success that called nobody",
  async (player) => {
    const runId = await playThrough(player, [
      { id: "a", if: "false" },
      { id: "b", depends_on: ["a"] },
    ]);
    assert.equal((await player.run(runId)).status, "success");
    assert.deepEqual(player.called(), []);
  },
);

const JOINS: [unknown, string, string[]][] = [
  // join, what the run gives a (success), b (skipped), c (dead) → state of the step that joins all three
  ["all_success", "skipped: upstream_failed", ["a", "b", "c"]],
  ["all_success", "skipped: dependency", ["a", "b"]],
  ["all_success", "success", ["a"]],
  ["none_failed", "success", ["b"]],
  ["none_failed", "skipped: upstream_failed", ["a", "c"]],
  ["any_success", "success", ["a", "b", "c"]],
  ["any_success", "skipped: upstream_failed", ["b", "c"]],
  ["any_success", "skipped: dependency", ["b"]],
  ["all_done", "success", ["b", "c"]],
  [{ at_least: 2 }, "skipped: upstream_failed", ["a", "b", "c"]],
  [{ at_least: 1 }, "success", ["a", "c"]],
];
for (const [join, expected, depends_on] of JOINS) {
  const name = typeof join === "string" ? join : JSON.stringify(join);
  rule(
    `Readiness: join ${name} over ${
      depends_on.join(", ")
    } of success, skipped, dead ends ${expected}`,
    async (player) => {
      const runId = await playThrough(player, [
        { id: "a" },
        { id: "b", if: "false" },
        { id: "c", retry: { max_attempts: 1 } },
        { id: "joined", depends_on, join },
      ]);
      assert.equal((await player.states(runId)).joined, expected);
      assert.equal((await player.run(runId)).status, "failed");
    },
    { c: () => fails },
  );
}

rule(
  "Readiness: any_success starts with the first success, and the run still waits for what it left behind",
  async (player, db) => {
    await player.publish(workflow([
      { id: "quick" },
      { id: "slow", sleep: "1h" },
      { id: "first", depends_on: ["quick", "slow"], join: "any_success" },
    ]));
    const runId = await player.start("w");
    await player.play();
    assert.deepEqual(await player.states(runId), {
      quick: "success",
      slow: "parked",
      first: "success",
    });
    assert.equal((await player.run(runId)).status, "running");
    await player.pass(3_600_000);
    await player.play();
    assert.equal((await player.run(runId)).status, "success");
    const [{ open_sinks }] = await db.admin`
    select open_sinks from public.workflow_runs where workflow_run_id = ${runId}`;
    assert.equal(open_sinks, 0);
  },
);

// --- One branch fails

rule(
  "One branch fails: other branches go on, and the run is failed when nothing is left",
  async (player) => {
    const runId = await playThrough(player, [
      { id: "bad" },
      { id: "after_bad", depends_on: ["bad"] },
      { id: "good" },
      { id: "after_good", depends_on: ["good"] },
    ]);
    assert.deepEqual(await player.states(runId), {
      bad: "dead: http_4xx",
      good: "success",
      after_bad: "skipped: upstream_failed",
      after_good: "success",
    });
    assert.equal((await player.run(runId)).status, "failed");
  },
  { bad: () => fails },
);

rule(
  "One branch fails: on_failure runs once, after the graph is quiet, and is told what failed",
  async (player) => {
    const runId = await playThrough(
      player,
      [
        { id: "bad" },
        { id: "slow", sleep: "10m" },
        { id: "after_slow", depends_on: ["slow"] },
      ],
      {},
      {
        on_failure: [{ id: "undo", call: CALL, with: { failed: "${{ run.failed_steps }}" } }],
      },
    );
    assert.deepEqual(player.called(), ["bad"]);
    await player.pass(600_000);
    await player.play();
    assert.deepEqual(player.called(), ["bad", "after_slow", "undo"]);
    assert.deepEqual(player.calls[2].inputs, { failed: ["bad"] });
    assert.equal((await player.run(runId)).status, "failed");
  },
  { bad: () => fails },
);

rule(
  "One branch fails: a run that succeeds never runs on_failure, a cancelled one neither",
  async (player, db) => {
    const more = { on_failure: [{ id: "undo", call: CALL }] };
    const good = await playThrough(player, [{ id: "a" }], {}, more);
    assert.equal((await player.run(good)).status, "success");
    await player.publish(workflow([{ id: "a", sleep: "1h" }], more));
    const cancelled = await player.start("w");
    await player.play();
    await db.rpc.cancelRun({ workflowRunId: cancelled });
    await player.pass(3_600_000);
    await player.play();
    assert.deepEqual(player.called(), ["a"]);
    assert.equal((await player.run(cancelled)).status, "cancelled");
  },
);

rule(
  "One branch fails: a failure that a tolerant join hides still runs on_failure",
  async (player) => {
    const runId = await playThrough(
      player,
      [
        { id: "bad" },
        { id: "anyway", depends_on: ["bad"], join: "all_done" },
      ],
      {},
      { on_failure: [{ id: "undo", call: CALL }] },
    );
    assert.deepEqual(player.called(), ["bad", "anyway", "undo"]);
    assert.equal((await player.run(runId)).status, "failed");
  },
  { bad: () => fails },
);

rule(
  "One branch fails: compensations run in reverse order of success, then on_failure, even if one of them fails",
  async (player) => {
    const compensate = { call: CALL, retry: { max_attempts: 1 } };
    const runId = await playThrough(
      player,
      [
        { id: "flight", compensate },
        { id: "hotel", depends_on: ["flight"], compensate },
        { id: "car", depends_on: ["hotel"], compensate },
        { id: "pay", depends_on: ["car"], compensate },
      ],
      {},
      { on_failure: [{ id: "tell", call: CALL }] },
    );
    assert.deepEqual(player.called().slice(0, 4), ["flight", "hotel", "car", "pay"]);
    const undone = player.called().slice(4);
    assert.equal(undone.length, 4);
    assert.deepEqual(undone.map((id) => id.match(/car|hotel|flight|tell|pay/)?.[0]), [
      "car",
      "hotel",
      "flight",
      "tell",
    ]);
    assert.equal((await player.run(runId)).status, "failed");
  },
  { pay: () => fails, "hotel.$compensate": () => fails },
);

rule(
  "One branch fails: continue_on_error counts as a success without output behind it",
  async (player) => {
    const runId = await playThrough(player, [
      { id: "bad", continue_on_error: true },
      {
        id: "next",
        depends_on: ["bad"],
        if: 'steps.bad.status == "dead" && steps.bad.output == null',
      },
    ]);
    assert.deepEqual(await player.states(runId), { bad: "dead: http_4xx", next: "success" });
    assert.equal((await player.run(runId)).status, "success");
  },
  { bad: () => fails },
);

// --- Fan-in

const fanOut = (more: Step = {}): Step => ({
  id: "each",
  for_each: "inputs.list",
  with: { n: "${{ item }}", at: "${{ index }}" },
  retry: { max_attempts: 1 },
  ...more,
});
const doubles: Agents = {
  each: ({ inputs }) => {
    const { n } = inputs as { n: unknown };
    return n === "bad" ? fails : { output: n };
  },
};

rule(
  "Fan-in: the output is in item order, failed items null; 0, false and the empty text are outputs",
  async (player) => {
    const runId = await playThrough(
      player,
      [fanOut({ success: { at_least: 1 } }), { id: "next", depends_on: ["each"] }],
      { list: [0, "bad", false, "", { a: 1 }, null, "bad"] },
    );
    assert.deepEqual(await player.output(runId, "each"), [
      0,
      null,
      false,
      "",
      { a: 1 },
      null,
      null,
    ]);
    assert.equal((await player.run(runId)).status, "success");
    const next = player.calls.find(({ stepId }) => stepId === "next");
    assert.deepEqual(next?.inputs, { each: [0, null, false, "", { a: 1 }, null, null] });
  },
  doubles,
);

rule("Fan-in: an empty list succeeds with []", async (player) => {
  const runId = await playThrough(player, [fanOut()], { list: [] });
  assert.deepEqual(await player.output(runId, "each"), []);
  assert.equal((await player.run(runId)).status, "success");
}, doubles);

rule(
  "Fan-in: a success that cannot be met any more is seen early, and the open items are cancelled",
  async (player, db) => {
    const runId = await playThrough(player, [fanOut({ max_concurrency: 1 })], {
      list: [1, "bad", 3, 4],
    });
    const [items] = await db.admin`
    select array_agg(status order by item_index) as statuses from public.job_queue
    where workflow_run_id = ${runId} and item_index >= 0`;
    assert.deepEqual(items.statuses, ["success", "dead", "cancelled", "cancelled"]);
    assert.deepEqual(await player.states(runId), { each: "dead: items_failed" });
    assert.equal(player.calls.length, 2);
  },
  doubles,
);

rule(
  "Fan-in: success: any is met with the first success, the others are cancelled",
  async (player) => {
    const runId = await playThrough(player, [fanOut({ max_concurrency: 1, success: "any" })], {
      list: ["bad", 2, 3],
    });
    assert.deepEqual(await player.output(runId, "each"), [null, 2, null]);
    assert.equal(player.calls.length, 2);
  },
  doubles,
);

rule("Fan-in: success: {percent} rounds up", async (player) => {
  const runId = await playThrough(player, [fanOut({ success: { percent: 50 } })], {
    list: [1, "bad", "bad"],
  });
  assert.deepEqual(await player.states(runId), { each: "dead: items_failed" });
}, doubles);

rule(
  "Fan-in: max_concurrency bounds the items that are called at the same time, retries included",
  async (player) => {
    await player.publish(workflow([fanOut({ max_concurrency: 2 })]));
    await player.start("w", { list: [1, 2, 3, 4, 5] });
    await player.settle(await player.hold());
    for (const expected of [2, 2, 1, 1]) {
      const held = await player.hold();
      assert.equal(held.length, expected);
      await player.settle(held);
    }
  },
  doubles,
);

rule("Fan-in: each item is called once with its own input and a key of its own", async (player) => {
  const runId = await playThrough(player, [fanOut()], { list: ["x", "y"] });
  assert.deepEqual(player.calls.map(({ inputs, key }) => [inputs, key]), [
    [{ n: "x", at: 0 }, `${runId}:each:0:0`],
    [{ n: "y", at: 1 }, `${runId}:each:1:0`],
  ]);
}, doubles);

// --- Retry classes

rule(
  "Retry classes: what is retried by default is tried again with backoff, what is not is dead at once",
  async (player) => {
    const steps = [
      "timeout",
      "s408",
      "s425",
      "s429",
      "s503",
      "s500",
      "s400",
      "not_ok",
      "retryable",
      "no_json",
    ];
    const runId = await playThrough(player, steps.map((id) => ({ id })));
    assert.deepEqual(await player.states(runId), {
      timeout: "failed: timeout",
      s408: "failed: timeout",
      s425: "failed: http_4xx",
      s429: "failed: rate_limited",
      s503: "failed: http_5xx",
      s500: "failed: http_5xx",
      s400: "dead: http_4xx",
      not_ok: "dead: agent_error",
      retryable: "failed: agent_error",
      no_json: "dead: invalid_response",
    });
  },
  {
    timeout: () => "timeout",
    s408: () => ({ status: 408 }),
    s425: () => ({ status: 425 }),
    s429: () => ({ status: 429, body: { retry_after_ms: 60_000 } }),
    s503: () => ({ status: 503, body: { retry_after_ms: 60_000 } }),
    s500: () => stumbles,
    s400: () => fails,
    not_ok: () => ({ status: 200, body: { ok: false, error: "no" } }),
    retryable: () => ({
      status: 200,
      body: { ok: false, retryable: true, retry_after_ms: 60_000 },
    }),
    no_json: () => ({ status: 200, body: "ok" }),
  },
);

rule("Retry classes: retry.on names exactly the classes that are tried again", async (player) => {
  const runId = await playThrough(player, [
    { id: "a", retry: { on: ["timeout"] } },
    { id: "b", retry: { on: ["http_4xx"], initial: "1h", jitter: "none" } },
  ]);
  assert.deepEqual(await player.states(runId), { a: "dead: http_5xx", b: "failed: http_4xx" });
}, { a: () => stumbles, b: () => fails });

rule(
  "Retry classes: backoff doubles from initial to max, without jitter to the millisecond",
  async (player, db) => {
    await player.publish(workflow([
      { id: "a", retry: { max_attempts: 5, initial: "10s", max: "30s", jitter: "none" } },
    ]));
    await player.start("w");
    const waits: number[] = [];
    for (let attempt = 1; attempt < 5; attempt++) {
      await player.play();
      const [{ ms }] = await db.admin`
      select extract(epoch from q.next_run_at - a.finished_at)::float * 1000 as ms
      from public.job_queue q join public.job_attempts a using (job_id)
      order by a.attempt desc limit 1`;
      waits.push(Math.round(ms));
      await player.pass(ms);
    }
    assert.deepEqual(waits, [10_000, 20_000, 30_000, 30_000]);
  },
  { a: () => stumbles },
);

rule(
  "Retry classes: waiting for a rate limit is no attempt, and a step may name its bucket",
  async (player, db) => {
    await db
      .admin`insert into public.rate_limit_policies (pattern, capacity, refill_rate) values ('agent:score', 2, 0.001)`;
    await player.publish(workflow([fanOut({ rate_limit: "agent:score" })]));
    const runId = await player.start("w", { list: [1, 2, 3, 4] });
    await player.play();
    const [{ done, attempts }] = await db.admin`
    select count(*) filter (where status = 'success')::int as done, sum(attempts)::int as attempts
    from public.job_queue where workflow_run_id = ${runId} and item_index >= 0`;
    assert.deepEqual([done, attempts], [2, 2]);
  },
  doubles,
);

// --- Idempotency

rule(
  "Idempotency: agents get one key over all retries, and another one for another item or generation",
  async (player, db) => {
    const runId = await playThrough(player, [{ id: "a", retry: { initial: "1ms", max: "1ms" } }]);
    for (let round = 0; round < 3; round++) {
      await player.pass(1_000);
      await player.play();
    }
    assert.deepEqual(player.calls.map(({ key }) => key), Array(3).fill(`${runId}:a:0`));
    const [{ job_id }] = await db.admin`select job_id from public.job_queue where step_id = 'a'`;
    await db.rpc.resetJob({ jobId: Number(job_id) });
    await player.play();
    assert.equal(player.calls.at(-1)?.key, `${runId}:a:1`);
  },
  { a: ({ attempt }) => attempt < 3 ? stumbles : { output: 1 } },
);

// --- Restart

rule(
  "Restart: from the failed steps, good outputs are kept and only failed and upstream_failed work is done again",
  async (player, db) => {
    let isBroken = true;
    const agents: Agents = { b: () => isBroken ? fails : { output: 2 } };
    const second = new Player(db, agents);
    await second.publish(workflow([
      { id: "a" },
      { id: "b", depends_on: ["a"] },
      { id: "c", depends_on: ["b"] },
      { id: "d", depends_on: ["a"] },
    ]));
    const runId = await second.start("w");
    await second.play();
    assert.equal((await second.run(runId)).status, "failed");
    isBroken = false;
    await db.rpc.restartRun({ workflowRunId: runId, mode: "failed" });
    await second.play();
    assert.deepEqual(second.called().toSorted(), ["a", "b", "b", "c", "d"]);
    assert.equal((await player.run(runId)).status, "success");
  },
);

rule("Restart: a fan-out keeps the outputs of its good items", async (_, db) => {
  let isBroken = true;
  const player = new Player(db, {
    each: ({ inputs }) => {
      const { n } = inputs as { n: number };
      return isBroken && n === 3 ? fails : { output: n };
    },
  });
  await player.publish(workflow([
    fanOut({ success: { percent: 100 }, max_concurrency: 2 }),
    { id: "next", depends_on: ["each"] },
  ]));
  const runId = await player.start("w", { list: [1, 2, 3, 4, 5] });
  await player.play();
  assert.equal((await player.run(runId)).status, "failed");
  isBroken = false;
  const before = player.calls.length;
  await db.rpc.restartRun({ workflowRunId: runId, mode: "failed" });
  await player.play();
  assert.deepEqual(await player.output(runId, "each"), [1, 2, 3, 4, 5]);
  assert.equal((await player.run(runId)).status, "success");
  const again = player.calls.slice(before).filter(({ stepId }) => stepId === "each");
  assert.ok(again.every(({ inputs }) => (inputs as { n: number }).n >= 3), JSON.stringify(again));
});

rule("Restart: a step that was compensated is done again", async (_, db) => {
  let isBroken = true;
  const player = new Player(db, { pay: () => isBroken ? fails : { output: {} } });
  await player.publish(workflow([
    { id: "book", compensate: { call: CALL } },
    { id: "pay", depends_on: ["book"] },
  ]));
  const runId = await player.start("w");
  await player.play();
  isBroken = false;
  await db.rpc.restartRun({ workflowRunId: runId, mode: "failed" });
  await player.play();
  assert.deepEqual(player.called(), ["book", "pay", "book.$compensate", "book", "pay"]);
  assert.equal((await player.run(runId)).status, "success");
});

rule("Restart: from a chosen step, also of a run that succeeded", async (player, db) => {
  const runId = await playThrough(player, [
    { id: "a" },
    { id: "b", depends_on: ["a"] },
    { id: "c", depends_on: ["b"] },
  ]);
  assert.equal(
    (await db.rpc.restartRun({ workflowRunId: runId, mode: "step", stepId: "b" })).jobs,
    2,
  );
  await player.play();
  assert.deepEqual(player.called(), ["a", "b", "c", "b", "c"]);
  const unknown = await db.rpc.restartRun({ workflowRunId: runId, mode: "step", stepId: "x" });
  assert.match(unknown.reason ?? "", /no step x/);
});

rule(
  "Restart: another definition version only when asked for, and the outputs are copied",
  async (_, db) => {
    const player = new Player(db, {
      b: ({ inputs }) => inputs && "v" in (inputs as object) ? { output: 2 } : fails,
    });
    const runId = await playThrough(player, [{ id: "a" }, { id: "b", depends_on: ["a"] }]);
    await player.publish(workflow([{ id: "a" }, { id: "b", depends_on: ["a"], with: { v: 2 } }]));
    await db.rpc.restartRun({ workflowRunId: runId, mode: "failed" });
    await player.play();
    assert.equal((await player.run(runId)).status, "failed");
    const { workflow_run_id: newId } = await db.rpc.restartRun({
      workflowRunId: runId,
      mode: "failed",
      definition: "latest",
    });
    await player.play();
    assert.equal((await player.run(newId!)).status, "success");
    assert.equal((await player.run(newId!)).restarted_from, runId);
    assert.deepEqual(player.called(), ["a", "b", "b", "b"]);
  },
);

rule(
  "Restart: on a version without the failed step everything is done, and the new run ends at once",
  async (_, db) => {
    const player = new Player(db, { b: () => fails });
    const more = { on_failure: [{ id: "tell", call: CALL }] };
    const runId = await playThrough(
      player,
      [{ id: "a" }, { id: "b", depends_on: ["a"] }],
      {},
      more,
    );
    await player.publish(workflow([{ id: "a" }], more));
    const restarted = await db.rpc.restartRun({
      workflowRunId: runId,
      mode: "failed",
      definition: "latest",
    });
    await player.play();
    assert.equal((await player.run(restarted.workflow_run_id!)).status, "success");
    assert.deepEqual(player.called(), ["a", "b", "tell"]);
  },
);

// --- Cancel

rule(
  "Cancel: queued jobs end at once, every item and sub-run with them, and nothing is called any more",
  async (player, db) => {
    await player.publish({ ...workflow([{ id: "inner", sleep: "1h" }]), key: "child" });
    await player.publish(workflow([
      { id: "sub", workflow: "child" },
      fanOut({ max_concurrency: 1 }),
      { id: "later", depends_on: ["sub"] },
    ]));
    const runId = await player.start("w", { list: [1, 2, 3] });
    await player.settle(await player.hold(2));
    await db.rpc.cancelRun({ workflowRunId: runId, reason: "enough" });
    await player.pass(7_200_000);
    await player.play();
    const rows = await db.admin`select distinct status from public.job_queue`;
    assert.deepEqual(rows.map(({ status }) => status), ["cancelled"]);
    const runs = await db
      .admin`select workflow_key, status, cancel_reason from public.workflow_runs order by 1`;
    assert.deepEqual([...runs], [
      {
        workflow_key: "child",
        status: "cancelled",
        cancel_reason: "the run that started it was ended",
      },
      { workflow_key: "w", status: "cancelled", cancel_reason: "enough" },
    ]);
    assert.deepEqual(player.called(), []);
  },
  doubles,
);

rule("Cancel: late results are kept on the attempt as late", async (player, db) => {
  await player.publish(workflow([{ id: "a" }]));
  const runId = await player.start("w");
  const held = await player.hold();
  await db.rpc.cancelRun({ workflowRunId: runId });
  const { results } = await player.settle(held);
  assert.deepEqual(results.map(({ applied, status }) => [applied, status]), [[false, "cancelled"]]);
  const attempts = await db
    .admin`select success, is_late, error_class from public.job_attempts order by attempt_id`;
  assert.deepEqual([...attempts], [
    { success: false, is_late: false, error_class: "cancelled" },
    { success: true, is_late: true, error_class: null },
  ]);
});

// --- Wait and event

const gate = (more: Step = {}): Step => ({
  id: "gate",
  wait: {
    event: "lead.approved",
    match: "event.payload.lead == inputs.lead",
    timeout: "24h",
    ...more,
  },
});

rule(
  "Wait and event: a wait takes the event that matches, and its output is the event",
  async (player, db) => {
    await player.publish(workflow([gate(), { id: "next", depends_on: ["gate"] }]));
    const runId = await player.start("w", { lead: 7 });
    await player.play();
    assert.equal((await player.states(runId)).gate, "parked");
    await db.rpc.insertEvent({ userId: "boss", type: "lead.approved", payload: { lead: 8 } });
    await player.play();
    assert.equal((await player.states(runId)).gate, "parked");
    await db.rpc.insertEvent({ userId: "boss", type: "lead.approved", payload: { lead: 7 } });
    await player.play();
    assert.deepEqual(await player.states(runId), { gate: "success", next: "success" });
    const output = await player.output(runId, "gate") as Record<string, unknown>;
    assert.deepEqual([output.type, output.user_id, output.payload], ["lead.approved", "boss", {
      lead: 7,
    }]);
  },
);

rule(
  "Wait and event: a wait looks back over the events since the run started",
  async (player, db) => {
    await player.publish(workflow([{ id: "first" }, { ...gate(), depends_on: ["first"] }]));
    const runId = await player.start("w", { lead: 7 });
    await db.rpc.insertEvent({ userId: "boss", type: "lead.approved", payload: { lead: 7 } });
    await player.play();
    assert.equal((await player.run(runId)).status, "success");
  },
);

rule("Wait and event: each event is consumed once a run", async (player, db) => {
  await player.publish(workflow([{ ...gate(), id: "one" }, { ...gate(), id: "two" }]));
  const runId = await player.start("w", { lead: 7 });
  await player.play();
  for (const expected of [["parked", "success"], ["success", "success"]]) {
    await db.rpc.insertEvent({ userId: "boss", type: "lead.approved", payload: { lead: 7 } });
    await player.play();
    assert.deepEqual(Object.values(await player.states(runId)).toSorted(), expected);
  }
});

rule(
  "Wait and event: an event that is inserted while a wait begins is never lost",
  async (player, db) => {
    await player.publish(workflow([gate()]));
    const runIds: string[] = [];
    for (let n = 0; n < 20; n++) runIds.push(await player.start("w", { lead: n }));
    const other = db.connect();
    const insertAll = async () => {
      for (let n = 0; n < 20; n++) {
        await other.rpc.insertEvent({
          userId: "boss",
          type: "lead.approved",
          payload: { lead: n },
        });
      }
    };
    await Promise.all([
      insertAll(),
      (async () => {
        for (let round = 0; round < 10; round++) await player.play(2);
      })(),
    ]);
    await player.pass(1_000);
    await player.play();
    for (const runId of runIds) assert.equal((await player.run(runId)).status, "success");
  },
);

rule(
  "Wait and event: an event of an open transaction reaches the wait that began meanwhile",
  async (player, db) => {
    await player.publish(workflow([gate()]));
    const runId = await player.start("w", { lead: 7 });
    const other = db.connect();
    await other.sql.begin(async (sql) => {
      await sql`insert into public.intent_events (user_id, type, payload) values ('boss', 'lead.approved', '{"lead": 7}')`;
      await player.settle(await player.hold());
      assert.equal((await player.states(runId)).gate, "parked");
    });
    await player.pass(1_000);
    await player.play();
    assert.equal((await player.run(runId)).status, "success");
  },
);

rule(
  "Wait and event: without a match only an event of the run's own user counts",
  async (player, db) => {
    await player.publish(workflow([{ id: "gate", wait: { event: "go" } }]));
    const runId = await player.start("w", {}, "ann");
    await player.play();
    await db.rpc.insertEvent({ userId: "bob", type: "go" });
    await player.play();
    assert.equal((await player.states(runId)).gate, "parked");
    await db.rpc.insertEvent({ userId: "ann", type: "go" });
    await player.play();
    assert.equal((await player.states(runId)).gate, "success");
  },
);

for (const [on_timeout, expected] of [["fail", "dead: timeout"], ["continue", "success"]]) {
  rule(
    `Wait and event: after its timeout a wait with on_timeout ${on_timeout} ends ${expected}`,
    async (player) => {
      await player.publish(workflow([gate({ on_timeout })]));
      const runId = await player.start("w", { lead: 7 });
      await player.play();
      await player.pass(24 * 3_600_000 - 60_000);
      await player.play();
      assert.equal((await player.states(runId)).gate, "parked");
      await player.pass(60_000);
      await player.play();
      assert.equal((await player.states(runId)).gate, expected);
    },
  );
}

for (const isApproved of [true, false]) {
  rule(
    `Wait and event: a human ${
      isApproved ? "approves" : "rejects"
    } a waiting step, and only while it waits`,
    async (player, db) => {
      await player.publish(workflow([gate(), { id: "next", depends_on: ["gate"] }]));
      const runId = await player.start("w", { lead: 7 });
      await player.play();
      const [{ job_id }] = await db
        .admin`select job_id from public.job_queue where step_id = 'gate'`;
      const decide = () =>
        db.rpc.decideWait({
          jobId: Number(job_id),
          isApproved,
          actor: "boss",
          payload: { reason: "so" },
        });
      assert.equal((await decide()).result, isApproved ? "approved" : "rejected");
      await player.play();
      assert.equal((await player.run(runId)).status, isApproved ? "success" : "failed");
      assert.equal((await decide()).result, "conflict");
      if (!isApproved) assert.equal(await player.errorOf(runId, "gate"), "rejected by boss: so");
    },
  );
}

// --- Size

rule(
  "Size: an output of more than 256 KiB lies in Storage, and the next step still reads it",
  async (player, db) => {
    const runId = await playThrough(player, [
      { id: "big" },
      { id: "next", depends_on: ["big"], with: { size: "${{ size(steps.big.output.text) }}" } },
    ]);
    const [{ output, output_ref }] = await db.admin`
    select output, output_ref from public.job_queue where step_id = 'big'`;
    assert.equal(output, null);
    assert.ok(output_ref.bytes > 300_000);
    assert.deepEqual(player.calls[1].inputs, { size: 300_000 });
    assert.equal((await player.run(runId)).status, "success");
  },
  { big: () => ({ output: { text: "x".repeat(300_000) } }) },
);

rule(
  "Size: the outputs of a fan-out that are large together lie in Storage",
  async (player, db) => {
    await playThrough(player, [fanOut(), { id: "next", depends_on: ["each"] }], {
      list: Array.from({ length: 40 }, () => "y".repeat(10_000)),
    });
    const [{ output_ref }] = await db.admin`
    select output_ref from public.job_queue where step_id = 'each' and item_index = -1`;
    assert.ok(output_ref.bytes > 400_000);
    const { inputs } = player.calls.at(-1) as { inputs: { each: string[] } };
    assert.equal(inputs.each.length, 40);
  },
  doubles,
);

// --- Timeouts

rule(
  "Timeouts: the queue's clock fails a job that waited too long, the run's clock fails the run",
  async (player, db) => {
    await player.publish(workflow([{ id: "a", queue_timeout: "5m" }]));
    const late = await player.start("w");
    await player.pass(301_000);
    await player.play();
    assert.deepEqual(await player.states(late), { a: "dead: timeout" });

    await player.publish(workflow([{ id: "a", sleep: "1d" }, { id: "b", depends_on: ["a"] }], {
      timeout: "2h",
      on_failure: [{ id: "tell", call: CALL }],
    }));
    const long = await player.start("w");
    await player.play();
    await player.pass(7_199_000);
    await db.admin`select public.expire_runs(10)`;
    assert.equal((await player.run(long)).status, "running");
    await player.pass(2_000);
    await db.admin`select public.expire_runs(10)`;
    await player.play();
    const run = await player.run(long);
    assert.equal(run.status, "failed");
    assert.match(String(run.cancel_reason), /longer than its timeout of 7200/);
    assert.deepEqual(player.called(), ["tell"]);
  },
);

// --- Versions

rule(
  "Versions: a run keeps its definition, whatever is published or archived meanwhile",
  async (player, db) => {
    await player.publish(workflow([{ id: "a", sleep: "1h" }, { id: "old", depends_on: ["a"] }]));
    const runId = await player.start("w");
    await player.play();
    await player.publish(workflow([{ id: "a" }, { id: "new", depends_on: ["a"] }]));
    await db.rpc.archiveWorkflow({ workflowKey: "w" });
    await player.pass(3_600_000);
    await player.play();
    assert.deepEqual(player.called(), ["old"]);
    assert.equal((await player.run(runId)).status, "success");
  },
);

// --- Dynamic

rule(
  "Dynamic: an agent's answer appends steps in the same language, and the run waits for them",
  async (player, db) => {
    const runId = await playThrough(player, [
      { id: "plan", may_append: true },
      { id: "end", depends_on: ["plan"] },
    ]);
    assert.deepEqual(await player.states(runId), {
      plan: "success",
      end: "success",
      one: "success",
      two: "success",
    });
    assert.deepEqual(player.calls.find(({ stepId }) => stepId === "two")?.inputs, { from: "one" });
    const revisions = await db.admin`select revision, author from public.plan_revisions`;
    assert.equal(revisions.length, 1);
    assert.match(revisions[0].author, /plan/);
  },
  {
    plan: () => ({
      status: 200,
      body: {
        ok: true,
        output: {},
        steps: [
          { id: "one", call: CALL, depends_on: ["plan"] },
          { id: "two", call: CALL, depends_on: ["one"], with: { from: "${{ steps.one.output }}" } },
        ],
      },
    }),
    one: () => ({ output: "one" }),
  },
);

rule("Dynamic: a plan that breaks a rule is refused whole with every reason", async (player) => {
  const runId = await playThrough(player, [{ id: "plan", may_append: true }]);
  assert.deepEqual(await player.states(runId), { plan: "dead: validation" });
  const text = await player.errorOf(runId, "plan") ?? "";
  for (const reason of [/nowhere/, /example\.com/, /plan/]) assert.match(text, reason);
}, {
  plan: () => ({
    status: 200,
    body: {
      ok: true,
      steps: [
        { id: "one", call: CALL, depends_on: ["nowhere"] },
        { id: "two", call: "https://example.com/x" },
        { id: "plan", call: CALL },
      ],
    },
  }),
});

rule(
  "Dynamic: appended steps may append no more than three deep",
  async (player) => {
    const runId = await playThrough(player, [{ id: "p0", may_append: true }]);
    const states = await player.states(runId);
    assert.deepEqual(Object.keys(states), ["p0", "p1", "p2", "p3"]);
    assert.equal(states.p3, "dead: validation");
  },
  Object.fromEntries([0, 1, 2, 3].map((n) => [`p${n}`, () => ({
    status: 200,
    body: {
      ok: true,
      steps: [{ id: `p${n + 1}`, call: CALL, depends_on: [`p${n}`], may_append: true }],
    },
  })])),
);

// --- Sub-workflows, async agents, concurrency: kinds of waiting of their own

rule(
  "a sub-workflow gets with as its payload, and its last outputs become the step's",
  async (player) => {
    await player.publish({
      ...workflow([{ id: "in" }, { id: "out", depends_on: ["in"] }]),
      key: "child",
    });
    const runId = await playThrough(player, [
      { id: "sub", workflow: "child", with: { n: "${{ inputs.n }}" } },
      { id: "next", depends_on: ["sub"], with: { got: "${{ steps.sub.output.out }}" } },
    ], { n: 5 });
    assert.deepEqual(player.calls[0].body.payload, { n: 5 });
    assert.deepEqual(player.calls.at(-1)?.inputs, { got: "done" });
    const run = await player.run(runId);
    assert.equal(run.status, "success");
    assert.equal(run.sub_runs.length, 1);
  },
  { out: () => ({ output: "done" }) },
);

rule("a sub-workflow that fails, or that is not there, fails its step", async (player) => {
  await player.publish({ ...workflow([{ id: "in" }]), key: "child" });
  const runId = await playThrough(player, [
    { id: "sub", workflow: "child" },
    { id: "none", workflow: "missing" },
  ]);
  assert.deepEqual(await player.states(runId), {
    sub: "dead: sub_workflow",
    none: "dead: sub_workflow",
  });
  assert.match(await player.errorOf(runId, "none") ?? "", /no workflow missing/);
}, { in: () => fails });

rule("a workflow that calls itself is stopped ten runs deep", async (player, db) => {
  await playThrough(player, [{ id: "again", if: "true", workflow: "w" }]);
  const [{ runs, deepest }] = await db.admin`
    select count(*)::int as runs, max(depth) as deepest from public.workflow_runs`;
  assert.deepEqual([runs, deepest], [11, 10]);
});

rule(
  "an async agent answers 202 and the run goes on with its callback, once",
  async (player, db) => {
    await player.publish(workflow([
      { id: "report", mode: "async", callback_timeout: "1h" },
      { id: "next", depends_on: ["report"] },
    ]));
    const runId = await player.start("w");
    await player.play();
    assert.equal((await player.states(runId)).report, "parked");
    const url = String(player.calls[0].body.callback_url);
    const read = await player.tokens.read(url.split("/callbacks/")[1], Date.now());
    assert.ok(read.ok);
    const { jobId, generation, attempt } = read.claims;
    const callBack = () =>
      db.rpc.completeCallback({
        jobId,
        generation,
        attempt,
        result: { outcome: "success", output: 9 },
      });
    assert.equal((await callBack()).result, "applied");
    await player.play();
    assert.equal((await player.run(runId)).status, "success");
    assert.equal((await callBack()).result, "conflict");
    assert.equal(await player.output(runId, "report"), 9);
  },
  { report: () => ({ status: 202, body: {} }) },
);

rule(
  "an async agent that is silent for longer than its heartbeat is called again",
  async (player, db) => {
    await player.publish(workflow([
      {
        id: "report",
        mode: "async",
        callback_timeout: "1h",
        heartbeat: "5m",
        retry: { initial: "1ms", max: "1ms" },
      },
    ]));
    const runId = await player.start("w");
    await player.play();
    const [{ job_id }] = await db.admin`select job_id from public.job_queue`;
    const claim = { jobId: Number(job_id), generation: 0, attempt: 1 };
    for (let minute = 0; minute < 3; minute++) {
      await player.pass(240_000);
      assert.equal((await db.rpc.heartbeatCallback(claim)).result, "extended");
      await player.play();
    }
    assert.equal(player.calls.length, 1);
    await player.pass(301_000);
    await player.play();
    await player.pass(1_000);
    await player.play();
    assert.equal(player.calls.length, 2);
    assert.equal((await db.rpc.heartbeatCallback(claim)).result, "conflict");
    assert.equal((await player.states(runId)).report, "parked");
  },
  { report: () => ({ status: 202, body: {} }) },
);

const sleeper = (on_conflict: string) =>
  workflow([{ id: "a", sleep: "1h" }], {
    concurrency: { key: "inputs.lead", max: 1, on_conflict },
  });
const CONFLICTS: [string, string[], string[]][] = [
  ["queue", ["running", "running"], ["success", "success"]],
  ["skip", ["running", "skipped"], ["success", "skipped"]],
  ["cancel_new", ["running", "cancelled"], ["success", "cancelled"]],
  ["replace", ["cancelled", "running"], ["cancelled", "success"]],
];
for (const [policy, during, after] of CONFLICTS) {
  rule(
    `concurrency ${policy}: a second run of the same key is ${
      during[1]
    }, one of another key is not touched`,
    async (player, db) => {
      await player.publish(sleeper(policy));
      const runIds = [await player.start("w", { lead: 1 })];
      await player.play();
      runIds.push(await player.start("w", { lead: 1 }));
      const other = await player.start("w", { lead: 2 });
      await player.play();
      const statuses = () => Promise.all(runIds.map(async (id) => (await player.run(id)).status));
      assert.deepEqual(await statuses(), during);
      assert.equal((await player.states(other)).a, "parked");
      for (let hour = 0; hour < 2; hour++) {
        await player.pass(3_600_000);
        await player.play();
      }
      assert.deepEqual(await statuses(), after);
      const slots = await db.admin`select * from orchestrator.concurrency_slots`;
      assert.deepEqual([...slots], []);
    },
  );
}

rule(
  "trigger.if decides over the whole run, trigger.inputs and the schema's defaults make its inputs",
  async (player) => {
    const source = (more: Record<string, unknown>) =>
      workflow([{ id: "a", with: { all: "${{ inputs }}" } }], {
        inputs: {
          type: "object",
          required: ["lead"],
          properties: { lead: { type: "string" }, min: { type: "integer", default: 50 } },
        },
        trigger: {
          type: "manual",
          if: 'event.payload.source != "import"',
          inputs: { lead: "${{ event.payload.lead }}" },
          ...more,
        },
      });
    await player.publish(source({}));
    const skipped = await player.start("w", { source: "import", lead: "x" });
    const good = await player.start("w", { source: "web", lead: "x" });
    const bad = await player.start("w", { source: "web", lead: 3 });
    await player.play();
    assert.equal((await player.run(skipped)).status, "skipped");
    assert.equal((await player.run(good)).status, "success");
    assert.deepEqual(player.calls.map(({ inputs }) => inputs), [{ all: { lead: "x", min: 50 } }]);
    assert.deepEqual(await player.states(bad), {
      $start: "dead: validation",
      a: "skipped: upstream_failed",
    });
    assert.match(await player.errorOf(bad, "$start") ?? "", /lead/);
  },
);

rule(
  "an expression error fails its step with class expression, and names the expression, the name and the step",
  async (player) => {
    const runId = await playThrough(player, [
      { id: "a", with: { x: "${{ inputs.nowhere.deep }}" } },
    ], {});
    assert.deepEqual(await player.states(runId), { a: "dead: expression" });
    const text = await player.errorOf(runId, "a") ?? "";
    for (const part of ["inputs.nowhere.deep", "nowhere", "step a"]) {
      assert.ok(text.includes(part), text);
    }
  },
);
