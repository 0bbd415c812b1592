// The routes of approvals: somebody's word for a step that waits, by its job or by its name in the run.
import assert from "node:assert/strict";
import { expectProblem, type Json, openHttpStack } from "./http_stack.ts";

const it = await openHttpStack();
Deno.test.afterAll(() => it.stop());

const NOBODY = "00000000-0000-4000-8000-000000000000";
const get = (path: string) => it.ask("GET", `/orchestrator${path}`);
const post = (path: string, body?: unknown) => it.ask("POST", `/orchestrator${path}`, { body });
const drain = () => post("/worker?wait=true");

const published = await post("/workflows", {
  source: `
key: gated
trigger: {type: manual}
steps:
  - id: ask
    wait: {event: lead.approved, timeout: 24h}
  - id: tell
    depends_on: [ask]
    call: /functions/v1/agent-proxy/echo
    with: {said: "\${{ steps.ask.output }}"}
  - id: nap
    sleep: 1h
`,
});
assert.equal(published.status, 201, published.text);

interface Gated {
  id: string;
  /** The jobs by step. */
  jobs: Record<string, Json>;
}

async function look(id: string): Promise<Gated & { run: Json }> {
  const run = (await get(`/runs/${id}`)).body;
  const jobs = (run.jobs as Json[]).map((job) => [job.step_id, job]);
  return { id, run, jobs: Object.fromEntries(jobs) };
}

/** Starts a run and lets it come to its gate. */
async function start(): Promise<Gated> {
  const { body } = await post("/dispatch", { user_id: "u", workflow_key: "gated" });
  await drain();
  const gated = await look(body.workflow_run_id as string);
  assert.equal(gated.jobs.ask.status, "parked");
  return gated;
}

Deno.test("an approval by job lets the run go on, and later steps read who said what", async () => {
  const { id, jobs: { ask } } = await start();
  const answer = await post(`/jobs/${ask.job_id}/approve`, {
    actor: "grace",
    payload: { limit: 5 },
    reason: "a good one",
  });
  assert.deepEqual([answer.status, answer.body], [200, { job_id: ask.job_id, status: "success" }]);
  await drain();
  const { jobs } = await look(id);
  assert.equal(jobs.tell.status, "success");
  const [call] = it.agents.of(id);
  const { said } = (call.body as Json).inputs as { said: Json };
  assert.deepEqual([said.type, said.user_id, said.payload], [
    "approval",
    "grace",
    { limit: 5, reason: "a good one" },
  ]);
});

Deno.test("a step is approved by its name in the run, and nothing but the key is needed", async () => {
  const { id, jobs: { ask } } = await start();
  const answer = await post(`/runs/${id.toUpperCase()}/steps/ask/approve`);
  assert.deepEqual([answer.status, answer.body], [200, { job_id: ask.job_id, status: "success" }]);
});

Deno.test("a rejected step is dead with the reason, and what lay behind it is skipped", async () => {
  for (const by of ["job", "step"]) {
    const { id, jobs: { ask } } = await start();
    const path = by === "job" ? `/jobs/${ask.job_id}` : `/runs/${id}/steps/ask`;
    const answer = await post(`${path}/reject`, { actor: "grace", reason: "too large" });
    assert.deepEqual([answer.status, answer.body], [200, { job_id: ask.job_id, status: "dead" }]);
    await drain();
    const { jobs } = await look(id);
    assert.deepEqual([jobs.ask.error_class, jobs.ask.error_text], [
      "rejected",
      "rejected by grace: too large",
    ]);
    assert.deepEqual([jobs.tell.status, jobs.tell.skip_reason], ["skipped", "upstream_failed"]);
  }
});

Deno.test("of two decisions the first counts, and the second is answered 409", async () => {
  const { jobs: { ask } } = await start();
  const answers = await Promise.all([
    post(`/jobs/${ask.job_id}/approve`),
    post(`/jobs/${ask.job_id}/reject`),
  ]);
  assert.deepEqual(answers.map((answer) => answer.status).sort(), [200, 409]);
  expectProblem(answers.find((answer) => answer.status === 409)!, {
    status: 409,
    kind: "conflict",
    message: /job \d+ \(step ask\): it does not wait any more, it is (success|dead)/,
  });
});

Deno.test("an approval for a run that ended is answered 409", async () => {
  const { id, jobs: { ask } } = await start();
  assert.equal((await post(`/runs/${id}/cancel`)).status, 200);
  const said = {
    status: 409,
    kind: "conflict",
    message: /job \d+ \(step ask\): its run has ended \(cancelled\)$/,
  };
  for (const action of ["approve", "reject"]) {
    expectProblem(await post(`/jobs/${ask.job_id}/${action}`), said);
    expectProblem(await post(`/runs/${id}/steps/ask/${action}`), said);
  }
  assert.equal((await look(id)).run.status, "cancelled");
});

Deno.test("a step that does not wait for an event is answered 409, and says what it is", async () => {
  const { id, jobs: { nap, tell } } = await start();
  expectProblem(await post(`/jobs/${nap.job_id}/approve`), {
    status: 409,
    kind: "conflict",
    message: /\(step nap\): it is a sleep step, which waits for nobody's approval/,
  });
  expectProblem(await post(`/jobs/${tell.job_id}/reject`), {
    status: 409,
    kind: "conflict",
    message: /rejecting job \d+ \(step tell\): it is a call step/,
  });
  const { body } = await post("/dispatch", {
    user_id: "u",
    workflow_key: "gated",
    run_at: "2099-01-01T00:00:00Z",
  });
  expectProblem(await post(`/runs/${body.workflow_run_id}/steps/ask/approve`), {
    status: 409,
    kind: "conflict",
    message: /it does not wait for an event at this moment, it is queued; try again shortly/,
  });
  const { jobs } = await look(id);
  assert.deepEqual([jobs.nap.status, jobs.ask.status], ["parked", "parked"]);
});

Deno.test("an unknown job, run or step is a 404, the step with near names", async () => {
  const { id } = await start();
  for (const action of ["approve", "reject"]) {
    expectProblem(await post(`/jobs/987654/${action}`), {
      status: 404,
      kind: "not_found",
      message: /there is no job 987654/,
    });
    expectProblem(await post(`/runs/${NOBODY}/steps/ask/${action}`), {
      status: 404,
      kind: "not_found",
      message: new RegExp(`there is no run ${NOBODY}`),
    });
    expectProblem(await post(`/runs/${id}/steps/aks/${action}`), {
      status: 404,
      kind: "not_found",
      path: "step",
      near: "ask",
      message: /has no step "aks"; did you mean ask\?/,
    });
  }
});

Deno.test("a wrong body or path is a 400 that names the field, and decides nothing", async () => {
  const { id, jobs: { ask } } = await start();
  const bodies: [body: unknown, path: string | undefined, message: RegExp][] = [
    ["{", undefined, /not valid JSON/],
    [[], undefined, /must be a map of keys/],
    [{ actor: 5 }, "actor", /a text/],
    [{ actor: "x".repeat(201) }, "actor", /at most 200$/],
    [{ payload: "yes" }, "payload", /JSON object/],
    [{ payload: { a: "\u0000" } }, "payload", /cannot be stored/],
    [{ reason: "" }, "reason", /at least 1$/],
    [{ reson: "x" }, "reson", /did you mean reason/],
  ];
  for (const path of [`/jobs/${ask.job_id}/approve`, `/runs/${id}/steps/ask/reject`]) {
    for (const [body, field, message] of bodies) {
      const answer = await post(path, body);
      expectProblem(answer, { status: 400, kind: "invalid", path: field, message });
    }
  }
  expectProblem(await post("/jobs/abc/approve"), { status: 400, kind: "invalid", path: "id" });
  expectProblem(await post("/runs/1/steps/ask/approve"), {
    status: 400,
    kind: "invalid",
    path: "id",
  });
  for (const step of ["%00", "x".repeat(201)]) {
    expectProblem(await post(`/runs/${id}/steps/${step}/approve`), {
      status: 400,
      kind: "invalid",
      path: "step",
      message: /a step's id has 1 to 200 characters/,
    });
  }
  assert.equal((await look(id)).jobs.ask.status, "parked");
});
