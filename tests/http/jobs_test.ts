// The routes of jobs: list, inspect, retry, reset.
import assert from "node:assert/strict";
import { expectProblem, type Json, openHttpStack } from "./http_stack.ts";

const it = await openHttpStack();
Deno.test.afterAll(() => it.stop());

const get = (path: string) => it.ask("GET", `/orchestrator${path}`);
const post = (path: string, body?: unknown) => it.ask("POST", `/orchestrator${path}`, { body });
const drain = () => post("/worker?wait=true");

/** Runs daily_instructor_v1 and answers its jobs in the order of its steps. */
async function run(payload: Json = {}): Promise<Json[]> {
  const { body } = await post("/dispatch", {
    user_id: "u",
    workflow_key: "daily_instructor_v1",
    payload,
  });
  await drain();
  return (await get(`/runs/${body.workflow_run_id}`)).body.jobs as Json[];
}

const deadPlan = {
  agents: { create_plan: { fail_times: 1, fail_with: "http_400" } },
};

Deno.test("a job is shown with its output and every attempt", async () => {
  const [job] = await run();
  const { status, body } = await get(`/jobs/${job.job_id}`);
  assert.equal(status, 200);
  assert.deepEqual([body.step_id, body.status, body.attempts], [
    "gather_signals",
    "success",
    1,
  ]);
  assert.equal((body.output as Json).user_id, "u");
  const [attempt] = body.attempt_history as Json[];
  assert.deepEqual([attempt.attempt, attempt.success], [1, true]);
  assert.equal("lease_token" in body, false);
});

Deno.test("a list is filtered, newest first, and read page by page", async () => {
  await run(deadPlan);
  const dead = (await get("/jobs?status=dead")).body.jobs as Json[];
  assert.deepEqual(dead.map((job) => [job.step_id, job.error_class]), [[
    "create_plan",
    "http_4xx",
  ]]);
  const all: number[] = [];
  let query = "?limit=2&workflow_key=daily_instructor_v1";
  for (let page = 0; page < 10; page++) {
    const { body } = await get(`/jobs${query}`);
    all.push(...(body.jobs as Json[]).map((job) => job.job_id as number));
    if (body.next_before === null) break;
    query = `?limit=2&workflow_key=daily_instructor_v1&before=${body.next_before}`;
  }
  assert.equal(all.length, await it.count("job_queue"));
  assert.deepEqual(all, [...all].sort((a, b) => b - a));
});

Deno.test("a retry gives a dead job another round, and the run goes on to its end", async () => {
  const [, plan] = await run(deadPlan);
  assert.equal(plan.status, "dead");
  const { status, body, text } = await post(`/jobs/${plan.job_id}/retry`);
  assert.equal(status, 202, text);
  assert.deepEqual(body, {
    job_id: plan.job_id,
    workflow_run_id: plan.workflow_run_id,
    status: "queued",
  });
  await drain();
  const after = (await get(`/runs/${plan.workflow_run_id}`)).body;
  assert.equal(after.status, "success");
  assert.deepEqual((after.jobs as Json[]).map((job) => job.attempts), [
    1,
    2,
    1,
  ]);
});

Deno.test("a reset does a job and everything behind it again from its first attempt", async () => {
  const [first, plan] = await run();
  assert.equal((await post(`/jobs/${plan.job_id}/reset`)).status, 202);
  await drain();
  const after = (await get(`/runs/${first.workflow_run_id}`)).body;
  assert.equal(after.status, "success");
  const histories = (after.jobs as Json[]).map((job) => (job.attempt_history as Json[]).length);
  assert.deepEqual(histories, [1, 2, 2]);
  assert.deepEqual((after.jobs as Json[]).map((job) => job.attempts), [
    1,
    1,
    1,
  ]);
});

Deno.test("a successful job cannot be retried, and says so", async () => {
  const [job] = await run();
  expectProblem(await post(`/jobs/${job.job_id}/retry`), {
    status: 409,
    kind: "conflict",
    message: /a job that is success cannot be put back to work/,
  });
});

Deno.test("an unknown job is a 404, and what is no number a 400 that names it", async () => {
  for (
    const [method, action] of [["GET", ""], ["POST", "/retry"], [
      "POST",
      "/reset",
    ]]
  ) {
    expectProblem(await it.ask(method, `/orchestrator/jobs/987654${action}`), {
      status: 404,
      kind: "not_found",
      message: /there is no job 987654/,
    });
    for (const id of ["abc", "-1", "1.5", "99999999999999999999", "%00"]) {
      expectProblem(await it.ask(method, `/orchestrator/jobs/${id}${action}`), {
        status: 400,
        kind: "invalid",
        path: "id",
        message: /a job's id is a whole number, got/,
      }, id);
    }
  }
});

Deno.test("a wrong query is a 400 that names the field", async () => {
  const queries: [
    query: string,
    path: string,
    message: RegExp,
    near?: string,
  ][] = [
    ["limit=0", "limit", /at least 1$/],
    ["limit=1e9", "limit", /at most 200$/],
    ["status=done", "status", / or dead or /],
    ["before=abc", "before", /whole number/],
    ["statuss=dead", "statuss", /unknown field/, "status"],
  ];
  for (const [query, path, message, near] of queries) {
    const answer = await get(`/jobs?${query}`);
    expectProblem(
      answer,
      { status: 400, kind: "invalid", path, message, near },
      query,
    );
  }
});
