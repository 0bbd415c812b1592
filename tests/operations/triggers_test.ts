// POST /triggers/:key and GET /triggers/runs/:id: what the holder of a key starts, hears of it and sees.
import assert from "node:assert/strict";
import { waitFor } from "../harness/stack.ts";
import { expectProblem, type Json, listProblems, openHttpStack, send } from "../http/http_stack.ts";
import { createCaller } from "./trigger_caller.ts";

const it = await openHttpStack({ settings: { request_max_bytes: 2_048 } });
Deno.test.afterAll(() => it.stop());

const { publish, makeKey, start, look } = createCaller(it);
await publish("open_v1");
await publish("slow_v1", {}, "own/slow");
await publish("closed_v1", { public: false });
const key = await makeKey();

const countRuns = () => it.count("workflow_runs");
const readRow = async (runId: unknown) =>
  (await it.sql`select * from workflow_runs where workflow_run_id = ${String(runId)}`)[0];

Deno.test("a key starts a public workflow, and sees how the run ends", async () => {
  const answer = await start(key, "open_v1");
  assert.equal(answer.status, 202, answer.text);
  const { workflow_run_id: id, status_url } = answer.body;
  assert.deepEqual(answer.body, {
    workflow_run_id: id,
    workflow_key: "open_v1",
    status: "running",
    result: "created",
    status_url: `/functions/v1/orchestrator/triggers/runs/${id}`,
  });
  assert.equal(answer.headers.get("location"), status_url);
  const ended = await waitFor("the run to end", async () => {
    const seen = await send(it.stack.url + status_url, "GET", { headers: { apikey: key.key } });
    assert.equal(seen.status, 200, seen.text);
    return seen.body.status !== "running" && seen.body;
  });
  assert.deepEqual([ended.status, typeof ended.finished_at], ["success", "string"]);
  assert.deepEqual(Object.keys(ended.outputs as Json), ["say"]);
  assert.deepEqual(Object.keys(ended).sort(), [
    "created_at",
    "finished_at",
    "outputs",
    "status",
    "workflow_key",
    "workflow_run_id",
  ]);
});

Deno.test("the run tells operators which key started it, and for whom", async () => {
  const { body } = await start(key, "open_v1");
  const run = (await it.ask("GET", `/orchestrator/runs/${body.workflow_run_id}`)).body;
  assert.deepEqual(
    [run.trigger_type, run.trigger_key_id, run.user_id, run.payload],
    ["key", key.key_id, "crm", { lead_id: "l-1" }],
  );
});

Deno.test("a caller's trace is the trace of its run", async () => {
  const trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
  const headers = { traceparent: trace, tracestate: "vendor=value" };
  const traced = await readRow((await start(key, "open_v1", { headers })).body.workflow_run_id);
  assert.deepEqual([traced.trace_parent, traced.trace_state], [trace, "vendor=value"]);
  const wrong = { traceparent: "00-0-0-01", tracestate: "vendor=value" };
  for (const headers of [undefined, wrong]) {
    const run = await readRow((await start(key, "open_v1", { headers })).body.workflow_run_id);
    assert.deepEqual([run.trace_parent, run.trace_state], [null, null]);
  }
});

Deno.test("expressions see that a key started the run", async () => {
  await publish("gated_v1", { trigger: { type: "manual", if: 'event.type != "trigger.call"' } });
  const { body } = await start(key, "gated_v1", { query: "?wait=25s" });
  assert.equal(body.status, "skipped");
});

Deno.test("no request can pose as one of a key's", async () => {
  const { runs: [run] } = await it.sql`select dispatch_workflows(${
    it.sql.json([{ user_id: "u", workflow_key: "open_v1", trigger_key_id: key.key_id }])
  }) as answer`.then(([{ answer }]) => answer as { runs: Json[] });
  assert.equal((await readRow(run.workflow_run_id)).trigger_key_id, null);
});

Deno.test("with ?wait the answer has the outputs as soon as the run has ended", async () => {
  const began = performance.now();
  const answer = await start(key, "open_v1", { query: "?wait=25s" });
  assert.equal(answer.status, 200, answer.text);
  assert.equal(answer.body.status, "success");
  assert.ok("say" in (answer.body.outputs as Json), answer.text);
  assert.ok(performance.now() - began < 15_000, "it did not wait to the end of its time");
});

Deno.test("a run that outlives ?wait is a 202 that says so, and goes on", async () => {
  const gate = it.agents.hold("own/slow");
  const answer = await start(key, "slow_v1", { query: "?wait=200ms" });
  assert.deepEqual([answer.status, answer.body.status], [202, "running"], answer.text);
  assert.equal("outputs" in answer.body, false);
  gate.open();
  await waitFor("the run to end", async () => {
    return (await look(key, answer.body.workflow_run_id)).body.status === "success";
  });
});

Deno.test("a run that was started is told, although the database went away while it was waited for", async () => {
  const gate = it.agents.hold("own/slow");
  const [{ now }] = await it.sql`select clock_timestamp()::text as now`;
  const waiting = start(key, "slow_v1", { query: "?wait=25s" });
  await waitFor("the first look at the run", async () => {
    const looks = await it.sql`
      select from pg_stat_activity
      where datname = current_database() and pid <> pg_backend_pid() and query_start > ${now}
        and query like '%get_triggered_run%'`;
    return looks.length > 0;
  });
  it.stack.setAway("database", true);
  const answer = await waiting.finally(() => it.stack.setAway("database", false));
  assert.deepEqual([answer.status, answer.body.status], [202, "running"], answer.text);
  assert.equal((await look(key, answer.body.workflow_run_id)).status, 200);
  gate.open();
});

Deno.test("a wait that is too long or none is refused, and nothing starts", async () => {
  const before = await countRuns();
  for (const query of ["?wait=26s", "?wait=5", "?wait=", "?wait=soon"]) {
    const answer = await start(key, "open_v1", { query });
    expectProblem(
      answer,
      { status: 400, kind: "invalid", path: "wait", message: /up to 25s/ },
      query,
    );
  }
  const misspelt = await start(key, "open_v1", { query: "?wiat=5s" });
  expectProblem(misspelt, { status: 400, kind: "invalid", path: "wiat", near: "wait" });
  assert.equal(await countRuns(), before);
});

Deno.test("what does not fit the inputs is a 422 with the path of each problem, and starts nothing", async () => {
  const before = await countRuns();
  const answer = await start(key, "open_v1", { body: { payload: { score: -1, tags: ["a", 5] } } });
  expectProblem(answer, { status: 422, kind: "unprocessable", message: /does not fit.*inputs/ });
  assert.deepEqual(
    listProblems(answer).map(({ path }) => path).sort(),
    ["payload.lead_id", "payload.score", "payload.tags[1]"],
  );
  expectProblem(await start(key, "open_v1", { body: undefined }), {
    status: 422,
    kind: "unprocessable",
    path: "payload.lead_id",
  });
  assert.equal(await countRuns(), before);
});

Deno.test("a body that is not what the route takes is refused with its field", async () => {
  const before = await countRuns();
  const wrong: [body: unknown, status: number, path?: string][] = [
    ["{", 400],
    [[], 400],
    [{ payload: [] }, 400, "payload"],
    [{ payload: { lead_id: "\u0000" } }, 400, "payload"],
    [{ payload: { lead_id: "l" }, workflow_key: "closed_v1" }, 400, "workflow_key"],
    [{ payload: { lead_id: "l" }, priority: 0 }, 400, "priority"],
    [{ payload: { lead_id: "x".repeat(3_000) } }, 413],
    [{ payload: { lead_id: "l" }, idempotency_key: "" }, 400, "idempotency_key"],
  ];
  for (const [body, status, path] of wrong) {
    const kind = status === 413 ? "payload_too_large" : "invalid";
    expectProblem(
      await start(key, "open_v1", { body }),
      { status, kind, path },
      JSON.stringify(body),
    );
  }
  const long = { "idempotency-key": "x".repeat(256) };
  expectProblem(await start(key, "open_v1", { headers: long }), {
    status: 400,
    kind: "invalid",
    path: "Idempotency-Key",
  });
  assert.equal(await countRuns(), before);
});

Deno.test("the same key and body start one run, also at the same moment; another body is a conflict", async () => {
  const before = await countRuns();
  const headers = { "idempotency-key": "order-1" };
  const answers = await Promise.all(
    Array.from({ length: 8 }, () => start(key, "open_v1", { headers })),
  );
  const ids = new Set(answers.map(({ body }) => body.workflow_run_id));
  assert.deepEqual([ids.size, await countRuns()], [1, before + 1]);
  assert.equal(answers.filter(({ body }) => body.result === "created").length, 1);
  const other = await start(key, "open_v1", { headers, body: { payload: { lead_id: "l-2" } } });
  expectProblem(other, { status: 409, kind: "conflict", path: "Idempotency-Key" });
  // The header wins over the body, and each key has idempotency keys of its own.
  const body = { payload: { lead_id: "l-1" }, idempotency_key: "order-2" };
  const again = await start(key, "open_v1", { headers, body });
  assert.deepEqual([...ids], [again.body.workflow_run_id]);
  const byBody = await start(key, "open_v1", { body });
  assert.equal(byBody.body.result, "created");
  assert.equal((await start(key, "open_v1", { body })).body.result, "existing");
  const stranger = await makeKey({ name: "other" });
  assert.equal((await start(stranger, "open_v1", { headers })).body.result, "created");
});

Deno.test("a repeated request for a run that has ended has its outputs at once", async () => {
  const headers = { "idempotency-key": "twice" };
  const first = await start(key, "open_v1", { headers, query: "?wait=25s" });
  assert.equal(first.status, 200, first.text);
  const second = await start(key, "open_v1", { headers });
  assert.deepEqual([second.status, second.body.result], [200, "existing"], second.text);
  assert.deepEqual(second.body.outputs, first.body.outputs);
});

Deno.test("not there, not public and not for this key are one answer", async () => {
  const before = await countRuns();
  const narrow = await makeKey({ workflow_keys: ["slow_v1", "closed_v1"] });
  const answers = [
    await start(key, "nothing_like_it"),
    await start(key, "closed_v1"),
    await start(narrow, "closed_v1"),
    await start(narrow, "open_v1"),
    await start(key, "daily_instructor_v1"),
    await start(key, "%00"),
  ];
  for (const answer of answers) {
    expectProblem(answer, { status: 404, kind: "not_found", message: /this key may start/ });
    assert.equal(answer.body.detail, answers[0].body.detail);
    assert.deepEqual(listProblems(answer), []);
  }
  assert.equal(await countRuns(), before);
});

Deno.test("a workflow that is no longer public, or archived, starts no more", async () => {
  await publish("changes_v1");
  assert.equal((await start(key, "changes_v1")).status, 202);
  await publish("changes_v1", { public: false });
  assert.equal((await start(key, "changes_v1")).status, 404);
  await publish("changes_v1");
  assert.equal((await start(key, "changes_v1")).status, 202);
  await it.sql`select archive_workflow('changes_v1')`;
  assert.equal((await start(key, "changes_v1")).status, 404);
});

Deno.test("a key sees the runs that it has started and no other", async () => {
  const mine = (await start(key, "open_v1")).body.workflow_run_id;
  const stranger = await makeKey({ name: "stranger" });
  const dispatched = await it.ask("POST", "/orchestrator/dispatch", {
    body: { user_id: "crm", workflow_key: "open_v1", payload: { lead_id: "l" } },
  });
  assert.equal((await look(key, mine)).status, 200);
  for (
    const [who, id] of [
      [stranger, mine],
      [key, dispatched.body.workflow_run_id],
      [key, crypto.randomUUID()],
    ] as const
  ) {
    expectProblem(await look(who, id), { status: 404, kind: "not_found" });
  }
  expectProblem(await look(key, "x"), { status: 400, kind: "invalid", path: "id" });
});

Deno.test("of a failed run the caller hears the step and the class, not what the agent said", async () => {
  it.agents.answer("own/broken", () => new Response("secret inner workings", { status: 400 }));
  await publish("broken_v1", {}, "own/broken");
  const { status, body, text } = await start(key, "broken_v1", { query: "?wait=25s" });
  assert.deepEqual([status, body.status], [200, "failed"], text);
  assert.deepEqual(body.error, { step_id: "say", error_class: "http_4xx" });
  assert.equal("outputs" in body, false);
  assert.doesNotMatch(text, /inner workings/);
});

Deno.test("a run that took longer than its timeout failed by it", async () => {
  it.agents.hold("own/slow");
  await publish("late_v1", { timeout: "1h" }, "own/slow");
  const { body } = await start(key, "late_v1");
  await it.sql`update workflow_runs set deadline_at = now() - interval '1 s'
    where workflow_run_id = ${String(body.workflow_run_id)}`;
  // It passes over a run that a worker holds at this moment.
  const seen = await waitFor("the run to end", async () => {
    await it.sql`select expire_runs(10)`;
    const { body: run } = await look(key, body.workflow_run_id);
    return run.status !== "running" && run;
  });
  assert.deepEqual([seen.status, seen.error], [
    "failed",
    { step_id: null, error_class: "timeout" },
  ]);
});

Deno.test("an output that lies in Storage is in its place", async () => {
  const text = "x".repeat(300_000);
  it.agents.answer("own/large", () => Response.json({ ok: true, output: { text } }));
  await publish("large_v1", {}, "own/large");
  const { status, body } = await start(key, "large_v1", { query: "?wait=25s" });
  assert.equal(status, 200);
  assert.deepEqual(body.outputs, { say: { text } });
});

Deno.test("a key's runs are for its user, and for another one only where it may name them", async () => {
  const naming = await makeKey({ name: "portal", may_name_user: true });
  const body = { payload: { lead_id: "l" }, user_id: "ada" };
  const run = await start(naming, "open_v1", { body });
  assert.equal((await readRow(run.body.workflow_run_id)).user_id, "ada");
  const refused = await start(key, "open_v1", { body });
  expectProblem(refused, { status: 403, kind: "forbidden", path: "user_id" });
  const own = await start(key, "open_v1", { body: { ...body, user_id: "crm" } });
  assert.equal(own.status, 202, own.text);
});
