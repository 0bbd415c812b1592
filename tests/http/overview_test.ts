// GET /overview and the lists beside it: what the dashboard's first page asks.
import assert from "node:assert/strict";
import { expectProblem, type Json, openHttpStack } from "./http_stack.ts";
import { createPerson } from "./signed_in.ts";

const it = await openHttpStack();
Deno.test.afterAll(() => it.stop());

const { ask } = await createPerson(it, "viewer");
const post = (path: string, body?: unknown) => it.ask("POST", `/orchestrator${path}`, { body });

Deno.test("the overview tells what ran, what failed and what is waiting", async () => {
  const failing = { agents: { create_plan: { fail_times: 1, fail_with: "http_400" } } };
  const requests = [{}, {}, failing].map((payload) => ({
    ...{ user_id: "u", workflow_key: "daily_instructor_v1" },
    payload,
  }));
  await post("/dispatch", requests);
  await post("/worker?wait=true");
  await post("/dispatch", { ...requests[0], run_at: "2099-01-01T00:00:00Z" });
  for (const window of ["1h", "24h", "7d"]) {
    const { status, body } = await ask("GET", `/overview?window=${window}`);
    assert.equal(status, 200, window);
    const { success, failed, running, success_rate } = body.totals as Json;
    assert.deepEqual([body.window, success, failed, running], [window, 2, 1, 1]);
    assert.ok(Math.abs((success_rate as number) - 2 / 3) < 0.01, String(success_rate));
    const series = body.series as Json[];
    const sum = (name: string) => series.reduce((all, it) => all + (it[name] as number), 0);
    assert.deepEqual([sum("runs_success"), sum("runs_failed"), sum("runs_started")], [2, 1, 4]);
    assert.equal((body.queue as Json).dead, 1);
  }
  assert.equal((await ask("GET", "/overview")).body.window, "1h");
});

Deno.test("a window that there is none of is refused by name", async () => {
  const answer = await ask("GET", "/overview?window=1y");
  expectProblem(answer, { status: 400, kind: "invalid", path: "window" });
});

Deno.test("a workflow has its versions, newest first, and each is read with its source", async () => {
  const write = (step: string) =>
    `key: twice\ntrigger: {type: manual}\nsteps: [{id: ${step}, call: /functions/v1/agent-proxy/noop}]\n`;
  for (const step of ["one", "two"]) await post("/workflows", { source: write(step) });
  const { body } = await ask("GET", "/workflows/twice");
  const versions = body.versions as Json[];
  assert.deepEqual(versions.map(({ version, is_published }) => [version, is_published]), [
    [2, true],
    [1, false],
  ]);
  const old = await ask("GET", "/workflows/twice/versions/1");
  assert.deepEqual([old.status, old.body.source], [200, write("one")]);
  assert.equal(((old.body.compiled as Json).steps as Json[])[0].step_id, "one");
  const gone = await ask("GET", "/workflows/twice/versions/9");
  expectProblem(gone, { status: 404, kind: "not_found", message: /no version 9/ });
  const unknown = await ask("GET", "/workflows/twise/versions/1");
  expectProblem(unknown, { status: 404, kind: "not_found", near: "twice" });
  for (const version of ["first", "70578313857"]) {
    const refused = await ask("GET", `/workflows/twice/versions/${version}`);
    expectProblem(refused, { status: 400, kind: "invalid", path: "version" });
  }
});

Deno.test("jobs are found by class, user and a part of their error", async () => {
  const find = async (query: string) =>
    ((await ask("GET", `/jobs?${query}`)).body.jobs as Json[]).map(({ step_id }) => step_id);
  assert.deepEqual(await find("status=dead"), ["create_plan"]);
  assert.deepEqual(await find("error_class=http_4xx&user_id=u"), ["create_plan"]);
  assert.deepEqual(await find("status=dead&text=create_pl"), ["create_plan"]);
  assert.deepEqual(await find("status=dead&user_id=nobody"), []);
  const wrong = await ask("GET", "/jobs?error_class=http_5");
  expectProblem(wrong, { status: 400, kind: "invalid", path: "error_class" });
});
