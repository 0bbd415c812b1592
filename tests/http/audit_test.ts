// What each action of a signed-in operator does, and the row that it leaves in the audit log.
import assert from "node:assert/strict";
import { expectProblem, type Json, listProblems, openHttpStack } from "./http_stack.ts";
import { createPerson } from "./signed_in.ts";

const it = await openHttpStack();
Deno.test.afterAll(() => it.stop());

const FUTURE = "2099-01-01T00:00:00Z";
const NOBODY = "00000000-0000-4000-8000-000000000000";
const post = (path: string, body?: unknown) => it.ask("POST", `/orchestrator${path}`, { body });

const SOURCE = `
key: onboard
inputs: {type: object, required: [name], properties: {name: {type: string}}}
trigger: {type: manual}
steps:
  - {id: greet, call: /functions/v1/agent-proxy/noop}
  - id: approve
    depends_on: [greet]
    wait: {event: onboard.approved}
`;

async function start(options: Json = {}): Promise<string> {
  const { body, text } = await post("/dispatch", {
    ...{ user_id: "ada", workflow_key: "daily_instructor_v1", run_at: FUTURE },
    ...options,
  });
  assert.ok(body.workflow_run_id, text);
  return body.workflow_run_id as string;
}

/** The newest audit row, without what differs from run to run. */
async function readNewest(): Promise<Json> {
  const { body } = await it.ask("GET", "/orchestrator/audit?limit=1");
  const [row] = body.rows as Json[];
  return row;
}

Deno.test("cancelling a run leaves who, what, before and after", async () => {
  const { ask, userId, email } = await createPerson(it, "operator");
  const run = await start();
  const { status, body } = await ask("POST", `/runs/${run}/cancel`, { reason: "a mistake" });
  assert.deepEqual([status, body], [200, { workflow_run_id: run, status: "cancelled" }]);
  const row = await readNewest();
  assert.deepEqual(
    [row.actor_kind, row.actor_id, row.actor_name, row.action, row.target, row.result],
    ["operator", userId, email, "run.cancel", run, "cancelled"],
  );
  assert.equal((row.args as Json).reason, "a mistake");
  assert.deepEqual([(row.before as Json).status, (row.after as Json).status], [
    "running",
    "cancelled",
  ]);
});

Deno.test("what was refused is kept too, and a service key by its name", async () => {
  const { ask, email } = await createPerson(it, "operator");
  const run = await start();
  await post(`/runs/${run}/cancel`);
  const byKey = await readNewest();
  assert.deepEqual([byKey.actor_kind, byKey.actor_id, byKey.actor_name], [
    "service",
    "default",
    null,
  ]);
  assert.equal((await ask("POST", `/runs/${run}/cancel`)).status, 409);
  const again = await readNewest();
  assert.deepEqual([again.actor_name, again.result], [email, "already_finished"]);
  assert.equal((await ask("POST", `/runs/${NOBODY}/cancel`)).status, 404);
  assert.equal((await readNewest()).result, "not_found");
});

Deno.test("an operator's dispatch is audited without its payload, an app's is not", async () => {
  const { ask, email } = await createPerson(it, "operator");
  const before = await it.count("orchestrator_audit");
  await start();
  assert.equal(await it.count("orchestrator_audit"), before);
  const request = { user_id: "ada", workflow_key: "daily_instructor_v1", run_at: FUTURE };
  const { status, body } = await ask("POST", "/dispatch", {
    ...request,
    payload: { secret: "of ada" },
  });
  assert.equal(status, 202);
  const row = await readNewest();
  assert.deepEqual([row.action, row.actor_name, row.target, row.result], [
    "run.dispatch",
    email,
    body.workflow_run_id,
    "created",
  ]);
  assert.doesNotMatch(JSON.stringify(row), /of ada/);
  const many = await ask("POST", "/dispatch", [request, { ...request, workflow_key: "daly" }]);
  assert.deepEqual((many.body.runs as Json[]).map(({ index, result }) => [index, result]), [
    [0, "created"],
    [1, "unknown_workflow"],
  ]);
});

Deno.test("an operator decides by their own name, and by no other", async () => {
  const { ask, email } = await createPerson(it, "operator");
  assert.equal((await ask("POST", "/workflows", { source: SOURCE })).status, 201);
  const published = await readNewest();
  assert.deepEqual([published.action, published.target], ["workflow.publish", "onboard"]);
  assert.doesNotMatch(JSON.stringify(published), /agent-proxy/, "sources are kept elsewhere");
  const run = await start({ workflow_key: "onboard", run_at: null, payload: { name: "Ada" } });
  await post("/worker?wait=true");
  const path = `/runs/${run}/steps/approve/approve`;
  const other = await ask("POST", path, { actor: "somebody@else.com" });
  expectProblem(other, {
    status: 403,
    kind: "forbidden",
    path: "actor",
    message: /cannot decide as/,
  });
  assert.equal((await ask("POST", path, { reason: "looks good" })).status, 200);
  const row = await readNewest();
  assert.deepEqual([row.action, row.actor_name, row.result], ["job.approve", email, "approved"]);
  await post("/worker?wait=true");
  const { body } = await ask("GET", `/runs/${run}`);
  const decided = (body.jobs as Json[]).find((job) => job.step_id === "approve")!.output as Json;
  assert.deepEqual([decided.user_id, decided.type], [email, "approval"]);
});

Deno.test("a run is done again with another payload, which must fit the inputs", async () => {
  const { ask } = await createPerson(it, "operator");
  await post("/workflows", { source: SOURCE });
  const run = await start({ workflow_key: "onboard", payload: { name: "Ada" } });
  const restart = (body: Json) => ask("POST", `/runs/${run}/restart`, body);
  const misfit = await restart({ mode: "whole", payload: { name: 7 } });
  expectProblem(misfit, { status: 422, kind: "unprocessable", path: "payload.name" });
  const wrongMode = await restart({ mode: "failed", payload: { name: "Eve" } });
  expectProblem(wrongMode, { status: 400, kind: "invalid", path: "payload" });
  const { status, body } = await restart({ mode: "whole", payload: { name: "Eve" } });
  assert.equal(status, 202);
  const again = (await ask("GET", `/runs/${body.workflow_run_id}`)).body;
  assert.deepEqual([again.payload, again.restarted_from], [{ name: "Eve" }, run]);
  const row = await readNewest();
  assert.deepEqual([row.action, row.result], ["run.restart", "restarted"]);
  assert.doesNotMatch(JSON.stringify(row), /Eve/);
});

Deno.test("a file with problems is not published, and they name line and column", async () => {
  const { ask } = await createPerson(it, "operator");
  const source = "key: broken\ntrigger: {type: manual}\nsteps:\n  - {id: a, cal: /x}\n";
  const before = await it.count("orchestrator_audit");
  const answer = await ask("POST", "/workflows", { source });
  expectProblem(answer, { status: 422, kind: "unprocessable" });
  const found = listProblems(answer).find(({ near }) => near?.includes("call"));
  assert.deepEqual([found?.line, typeof found?.column], [4, "number"]);
  assert.equal(await it.count("orchestrator_audit"), before);
});

Deno.test("the log is filtered by action, person and target, and read page by page", async () => {
  const { ask, userId, email } = await createPerson(it, "operator");
  const runs = [await start(), await start(), await start()];
  for (const run of runs) await ask("POST", `/runs/${run}/cancel`);
  const read = async (query: string) => (await ask("GET", `/audit?${query}`)).body;
  const targets = (body: Json) => (body.rows as Json[]).map(({ target }) => target);
  assert.deepEqual(targets(await read(`actor=${email}`)), [...runs].reverse());
  assert.deepEqual(targets(await read(`actor=${userId}&action=run.cancel`)), [...runs].reverse());
  assert.deepEqual(targets(await read(`actor=${email}&action=run.restart`)), []);
  assert.deepEqual(targets(await read(`target=${runs[1]}`)), [runs[1]]);
  const first = await read(`actor=${email}&limit=2`);
  const second = await read(`actor=${email}&limit=2&before=${first.next_before}`);
  assert.deepEqual([...targets(first), ...targets(second)], [...runs].reverse());
  assert.equal(second.next_before, null);
});
