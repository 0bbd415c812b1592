// The routes of runs: list, inspect, cancel, restart.
import assert from "node:assert/strict";
import { expectProblem, type Json, openHttpStack } from "./http_stack.ts";

const it = await openHttpStack();
Deno.test.afterAll(() => it.stop());

const KEY = "daily_instructor_v1";
const FUTURE = "2099-01-01T00:00:00Z";
const NOBODY = "00000000-0000-4000-8000-000000000000";

async function start(more: Json = {}): Promise<string> {
  const { status, body, text } = await it.ask(
    "POST",
    "/orchestrator/dispatch",
    {
      body: { user_id: "u", workflow_key: KEY, ...more },
    },
  );
  assert.equal(status, 202, text);
  return body.workflow_run_id as string;
}

const drain = () => it.ask("POST", "/orchestrator/worker?wait=true");
const get = (path: string) => it.ask("GET", `/orchestrator${path}`);
const post = (path: string, body?: unknown) => it.ask("POST", `/orchestrator${path}`, { body });

Deno.test("a run is shown with its steps and their attempts", async () => {
  const id = await start({ intent_id: "i", payload: { a: 1 } });
  await drain();
  const { status, body } = await get(`/runs/${id}`);
  assert.equal(status, 200);
  assert.deepEqual(
    [
      body.workflow_run_id,
      body.workflow_key,
      body.user_id,
      body.intent_id,
      body.status,
    ],
    [id, KEY, "u", "i", "success"],
  );
  assert.deepEqual(body.payload, { a: 1 });
  const jobs = body.jobs as Json[];
  assert.deepEqual(jobs.map((job) => [job.step_id, job.status]), [
    ["gather_signals", "success"],
    ["create_plan", "success"],
    ["notify", "success"],
  ]);
  for (const job of jobs) {
    const [attempt] = job.attempt_history as Json[];
    assert.deepEqual([attempt.attempt, attempt.success, attempt.status_code], [
      1,
      true,
      200,
    ]);
    assert.equal("lease_token" in job, false);
  }
  assert.equal((await get(`/runs/${id.toUpperCase()}`)).status, 200);
});

Deno.test("a list is filtered, newest first, and read page by page", async () => {
  const ids: string[] = [];
  for (let at = 0; at < 5; at++) {
    ids.push(await start({ user_id: "lister", run_at: FUTURE }));
  }
  const seen: string[] = [];
  let query = "?user_id=lister&status=running&limit=2";
  for (let page = 0; page < 5; page++) {
    const { status, body } = await get(`/runs${query}`);
    assert.equal(status, 200);
    const runs = body.runs as Json[];
    seen.push(...runs.map((run) => run.workflow_run_id as string));
    if (body.next_before === null) break;
    query = `?user_id=lister&status=running&limit=2&before=${body.next_before}`;
  }
  assert.deepEqual(seen, ids.reverse());
  assert.deepEqual(
    (await get("/runs?workflow_key=weekly_seed_v1")).body.runs,
    [],
  );
});

Deno.test("a cancelled run ends at once, keeps its reason, and cannot be cancelled again", async () => {
  const id = await start({ run_at: FUTURE });
  const { status, body } = await post(`/runs/${id}/cancel`, {
    reason: "changed my mind",
  });
  assert.deepEqual([status, body], [200, {
    workflow_run_id: id,
    status: "cancelled",
  }]);
  const run = (await get(`/runs/${id}`)).body;
  assert.deepEqual([run.status, run.cancel_reason], [
    "cancelled",
    "changed my mind",
  ]);
  assert.ok((run.jobs as Json[]).every((job) => job.status === "cancelled"));
  expectProblem(await post(`/runs/${id}/cancel`), {
    status: 409,
    kind: "conflict",
    message: /has ended already \(cancelled\)/,
  });
});

Deno.test("a finished run cannot be cancelled, nor restarted from failed steps", async () => {
  const id = await start();
  await drain();
  expectProblem(await post(`/runs/${id}/cancel`), {
    status: 409,
    kind: "conflict",
    message: /has ended already \(success\)/,
  });
  expectProblem(await post(`/runs/${id}/restart`, { mode: "failed" }), {
    status: 409,
    kind: "conflict",
    message: /no failed steps/,
  });
  assert.equal((await get(`/runs/${id}`)).body.status, "success");
});

Deno.test("a failed run is restarted from its failed steps, and good outputs are kept", async () => {
  const agents = { create_plan: { fail_times: 1, fail_with: "http_400" } };
  const id = await start({ payload: { agents } });
  await drain();
  assert.equal((await get(`/runs/${id}`)).body.status, "failed");
  const { status, body, text } = await post(`/runs/${id}/restart`, {
    mode: "failed",
  });
  assert.equal(status, 202, text);
  assert.deepEqual(body, { workflow_run_id: id, jobs: 2 });
  await drain();
  const run = (await get(`/runs/${id}`)).body;
  assert.equal(run.status, "success");
  assert.deepEqual(
    (run.jobs as Json[]).map((job) => [job.step_id, job.attempts]),
    [["gather_signals", 1], ["create_plan", 2], ["notify", 1]],
  );
});

Deno.test("a restart of the whole run is a new run of the same request", async () => {
  const id = await start({ payload: { a: 1 } });
  await drain();
  const { status, body } = await post(`/runs/${id}/restart`, { mode: "whole" });
  assert.deepEqual([status, body.jobs], [202, 3]);
  assert.notEqual(body.workflow_run_id, id);
  await drain();
  const again = (await get(`/runs/${body.workflow_run_id}`)).body;
  assert.deepEqual([again.status, again.payload, again.restarted_from], [
    "success",
    { a: 1 },
    id,
  ]);
});

Deno.test("a run is restarted from a step: it and all behind it are done again, the rest is kept", async () => {
  const id = await start();
  await drain();
  const { status, body, text } = await post(`/runs/${id}/restart`, {
    mode: "step",
    step_id: "create_plan",
  });
  assert.equal(status, 202, text);
  assert.deepEqual(body, { workflow_run_id: id, jobs: 2 });
  await drain();
  const run = (await get(`/runs/${id}`)).body;
  assert.equal(run.status, "success");
  assert.deepEqual(
    (run.jobs as Json[]).map((job) => [job.step_id, job.attempts]),
    [["gather_signals", 1], ["create_plan", 2], ["notify", 2]],
  );
});

/** Publishes `mends`, whose second step calls the agent of this name. */
async function publishMends(agent: string): Promise<void> {
  const call = (name: string) => `/functions/v1/agent-proxy/${name}`;
  const { status, text } = await post("/workflows", {
    source: JSON.stringify({
      key: "mends",
      trigger: { type: "manual" },
      steps: [
        { id: "one", call: call("echo") },
        { id: "two", call: call(agent), depends_on: ["one"] },
      ],
    }),
  });
  assert.equal(status, 201, text);
}

Deno.test("a run is restarted with the version published now only when asked for, outputs copied", async () => {
  await publishMends("nowhere");
  const id = await start({ workflow_key: "mends" });
  await drain();
  assert.equal((await get(`/runs/${id}`)).body.status, "failed");
  await publishMends("echo");
  assert.equal((await post(`/runs/${id}/restart`, { mode: "failed" })).status, 202);
  await drain();
  const old = (await get(`/runs/${id}`)).body;
  assert.equal(old.status, "failed", "the same definition fails again");

  const answer = await post(`/runs/${id}/restart`, { mode: "failed", definition: "latest" });
  assert.equal(answer.status, 202, answer.text);
  assert.notEqual(answer.body.workflow_run_id, id);
  assert.equal(answer.body.jobs, 1);
  await drain();
  const run = (await get(`/runs/${answer.body.workflow_run_id}`)).body;
  assert.deepEqual([run.status, run.restarted_from], ["success", id]);
  const [one, two] = run.jobs as Json[];
  assert.deepEqual([one.attempts, one.output], [0, (old.jobs as Json[])[0].output]);
  assert.deepEqual([two.attempts, two.status], [1, "success"]);
});

Deno.test("a restart that cannot be says what would work", async () => {
  const live = await start({ run_at: FUTURE });
  const done = await start();
  await drain();
  const refusals: [id: string, body: Json, message: RegExp][] = [
    [live, { mode: "failed" }, /a run that is running has no failed steps.*; cancel it first/],
    [live, { mode: "step", step_id: "notify" }, /the run is live: cancel it first/],
    [done, { mode: "failed" }, /; mode step does one step .* again, mode whole starts a new run$/],
  ];
  for (const [id, body, message] of refusals) {
    const answer = await post(`/runs/${id}/restart`, body);
    expectProblem(answer, { status: 409, kind: "conflict", message });
  }
  expectProblem(
    await post(`/runs/${done}/restart`, { mode: "step", step_id: "notfy" }),
    {
      status: 404,
      kind: "not_found",
      path: "step_id",
      near: "notify",
      message: /has no step "notfy" to restart from; did you mean notify\?/,
    },
  );
  await publishMends("noop");
  const id = await start({ workflow_key: "mends" });
  await drain();
  await it.sql`select archive_workflow('mends')`;
  const gone = await post(`/runs/${id}/restart`, { mode: "whole", definition: "latest" });
  expectProblem(gone, {
    status: 409,
    kind: "conflict",
    message: /workflow mends is not published any more; publish it, or leave definition out/,
  });
  assert.equal((await post(`/runs/${id}/restart`, { mode: "whole" })).status, 202);
});

Deno.test("runs that their trigger skipped are listed by that status", async () => {
  const { status, text } = await post("/workflows", {
    source: `
key: choosy
trigger: {type: manual, if: event.payload.wanted}
steps: [{id: a, call: /functions/v1/agent-proxy/noop}]
`,
  });
  assert.equal(status, 201, text);
  const skipped = await start({ workflow_key: "choosy", payload: { wanted: false } });
  const wanted = await start({ workflow_key: "choosy", payload: { wanted: true } });
  await drain();
  const ids = async (query: string) =>
    ((await get(`/runs?workflow_key=choosy&${query}`)).body.runs as Json[])
      .map((run) => [run.workflow_run_id, run.skip_reason]);
  assert.deepEqual(await ids("status=skipped"), [[skipped, "condition"]]);
  assert.deepEqual(await ids("status=success"), [[wanted, null]]);
});

Deno.test("an unknown run is a 404", async () => {
  const said = {
    status: 404,
    kind: "not_found",
    message: new RegExp(`there is no run ${NOBODY}`),
  };
  expectProblem(await get(`/runs/${NOBODY}`), said);
  expectProblem(await post(`/runs/${NOBODY}/cancel`), said);
  expectProblem(await post(`/runs/${NOBODY}/restart`, { mode: "whole" }), said);
});

Deno.test("a run's id that is no UUID is a 400 that names it", async () => {
  const said = {
    status: 400,
    kind: "invalid",
    path: "id",
    message: /a run's id is a UUID, got/,
  };
  for (const id of ["1", "x", "%ZZ", "%00", `${NOBODY}0`]) {
    expectProblem(await get(`/runs/${id}`), said, id);
    expectProblem(await post(`/runs/${id}/cancel`), said, id);
    expectProblem(
      await post(`/runs/${id}/restart`, { mode: "whole" }),
      said,
      id,
    );
  }
});

Deno.test("a wrong query or body is a 400 that names the field", async () => {
  const queries: [
    query: string,
    path: string,
    message: RegExp,
    near?: string,
  ][] = [
    ["limit=0", "limit", /at least 1$/],
    ["limit=201", "limit", /at most 200$/],
    ["limit=many", "limit", /number/],
    ["status=done", "status", / or success or /],
    ["before=5", "before", /must be a run id/],
    ["workflow=x", "workflow", /unknown field/, "workflow_key"],
    ["user_id=", "user_id", /at least 1$/],
  ];
  for (const [query, path, message, near] of queries) {
    const answer = await get(`/runs?${query}`);
    expectProblem(
      answer,
      { status: 400, kind: "invalid", path, message, near },
      query,
    );
  }
  const id = await start({ run_at: FUTURE });
  const bodies: [
    action: string,
    body: unknown,
    path: string | undefined,
    message: RegExp,
  ][] = [
    ["cancel", "{", undefined, /not valid JSON/],
    ["cancel", { reason: 5 }, "reason", /a text/],
    ["cancel", { reson: "x" }, "reson", /did you mean reason/],
    ["cancel", [], undefined, /must be a map of keys/],
    ["restart", "", undefined, /empty/],
    ["restart", {}, "mode", /failed or step or whole/],
    ["restart", { mode: "partly" }, "mode", /failed or step or whole/],
    ["restart", { mode: "step" }, "step_id", /is missing: name the step/],
    ["restart", { mode: "failed", step_id: "notify" }, "step_id", /goes with mode step only/],
    ["restart", { mode: "step", step_id: "" }, "step_id", /at least 1$/],
    ["restart", { mode: "whole", definition: "old" }, "definition", /same or latest/],
    ["restart", { mode: "whole", steps: [] }, "steps", /unknown field/],
  ];
  for (const [action, body, path, message] of bodies) {
    const answer = await post(`/runs/${id}/${action}`, body);
    expectProblem(
      answer,
      { status: 400, kind: "invalid", path, message },
      JSON.stringify(body),
    );
  }
  assert.equal((await get(`/runs/${id}`)).body.status, "running");
});
