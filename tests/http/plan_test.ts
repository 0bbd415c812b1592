// The routes of a run's plan: what it has, and steps that are appended to it while it is live.
import assert from "node:assert/strict";
import { expectProblem, type Json, listProblems, openHttpStack } from "./http_stack.ts";

const it = await openHttpStack();
Deno.test.afterAll(() => it.stop());

const NOBODY = "00000000-0000-4000-8000-000000000000";
const CALL = "/functions/v1/agent-proxy/echo";
const get = (path: string) => it.ask("GET", `/orchestrator${path}`);
const post = (path: string, body?: unknown) => it.ask("POST", `/orchestrator${path}`, { body });
const drain = () => post("/worker?wait=true");

const published = await post("/workflows", {
  source: `
key: grows
inputs: {type: object, properties: {name: {type: string, default: ada}}}
trigger: {type: manual}
steps:
  - {id: gather, call: ${CALL}}
  - {id: hold, wait: {event: go}, depends_on: [gather]}
`,
});
assert.equal(published.status, 201, published.text);

/** Starts a run that stays open until its step hold is approved. */
async function start(): Promise<string> {
  const { body, text } = await post("/dispatch", { user_id: "u", workflow_key: "grows" });
  await drain();
  assert.ok(body.workflow_run_id, text);
  return body.workflow_run_id as string;
}

const append = (id: string, steps: unknown, more: Json = {}) =>
  post(`/runs/${id}/steps`, { steps, author: "planner", ...more });

async function listSteps(id: string): Promise<string[]> {
  const { body } = await get(`/runs/${id}/plan`);
  return (body.steps as Json[]).map(({ step_id, status }) => `${step_id} ${status}`);
}

Deno.test("the plan of a run has its steps with their states, and none that the engine added", async () => {
  const id = await start();
  const { status, body } = await get(`/runs/${id}/plan`);
  assert.equal(status, 200);
  assert.deepEqual(body, {
    workflow_run_id: id,
    status: "running",
    revision: 0,
    steps: [{ step_id: "gather", status: "success" }, { step_id: "hold", status: "parked" }],
  });
});

Deno.test("appended steps run in the same run, with its inputs and outputs, and leave a revision", async () => {
  const id = await start();
  const answer = await append(id, [
    {
      id: "more",
      call: CALL,
      depends_on: ["gather"],
      if: "steps.gather.status == 'success'",
      with: { name: "${{ inputs.name }}" },
    },
    { id: "most", call: CALL, depends_on: ["more", "hold"] },
  ], { reason: "the list was longer" });
  assert.equal(answer.status, 202, answer.text);
  assert.deepEqual(answer.body, { workflow_run_id: id, revision: 1, steps: 2 });
  await drain();
  assert.deepEqual(await listSteps(id), [
    "gather success",
    "hold parked",
    "more success",
    "most waiting",
  ]);
  const [more] = it.agents.of(id).filter((call) => call.stepId === "more");
  assert.deepEqual((more.body as Json).inputs, { name: "ada" });
  assert.equal((await post(`/runs/${id}/steps/hold/approve`)).status, 200);
  await drain();
  const run = (await get(`/runs/${id}`)).body;
  assert.equal(run.status, "success");
  const [revision] = run.plan_revisions as Json[];
  assert.deepEqual([revision.revision, revision.author, revision.reason], [
    1,
    "planner",
    "the list was longer",
  ]);
});

Deno.test("an appended plan is refused whole, with every reason and its path", async () => {
  const id = await start();
  const before = await listSteps(id);
  const answer = await append(id, [
    { id: "fine", call: CALL },
    { id: "gather", call: CALL },
    { id: "lost", call: CALL, depends_on: ["gathr"] },
    { id: "outside", call: "https://example.com/steal" },
    { id: "curious", call: CALL, with: { x: "${{ steps.hold.output }}" } },
    { id: "odd", call: CALL, retries: 5 },
    { id: "hidden", call: CALL, depends_on: ["$start"] },
  ]);
  const reasons: [path: string, message: RegExp][] = [
    ["steps[1].id", /gather/],
    ["steps[2].depends_on[0]", /gathr/],
    ["steps[3].call", /./],
    ["steps[4].with.x", /hold/],
    ["steps[5].retries", /unknown key "retries"/],
    ["steps[6].depends_on[0]", /\$start/],
  ];
  for (const [path, message] of reasons) {
    expectProblem(answer, { status: 422, kind: "unprocessable", path }, path);
    const problem = listProblems(answer).find((it) => it.path === path)!;
    assert.match(problem.message, message, answer.text);
  }
  assert.equal(listProblems(answer).some(({ path }) => path?.startsWith("steps[0]")), false);
  expectProblem(answer, { status: 422, kind: "unprocessable", near: "gather" });
  assert.deepEqual(await listSteps(id), before);
  assert.equal((await get(`/runs/${id}/plan`)).body.revision, 0);
});

Deno.test("calls outside of append_call_prefixes are refused, whatever a file may call", async () => {
  const id = await start();
  await it.sql`
    insert into orchestrator_settings (name, value)
    values ('append_call_prefixes', '["/functions/v1/own/"]')`;
  await it.stack.restartFunction("orchestrator");
  const answer = await append(id, [{ id: "more", call: CALL }]);
  await it
    .sql`delete from orchestrator_settings where name = 'append_call_prefixes'`;
  await it.stack.restartFunction("orchestrator");
  expectProblem(answer, {
    status: 422,
    kind: "unprocessable",
    path: "steps[0].call",
    message: /\/functions\/v1\/own\//,
  });
});

Deno.test("more than 50 steps at once are refused", async () => {
  const id = await start();
  const steps = Array.from({ length: 51 }, (_, at) => ({ id: `s${at}`, call: CALL }));
  expectProblem(await append(id, steps), { status: 422, kind: "unprocessable", message: /50/ });
  assert.equal((await append(id, steps.slice(1))).status, 202);
});

Deno.test("a run that ended takes no more steps, however good they are", async () => {
  const id = await start();
  await post(`/runs/${id}/cancel`);
  expectProblem(await append(id, [{ id: "more", call: CALL }]), {
    status: 409,
    kind: "conflict",
    message: /appending steps to run .*: the run has ended \(cancelled\)/,
  });
  assert.equal((await get(`/runs/${id}/plan`)).body.status, "cancelled");
});

Deno.test("of two plans with the same step id one is applied, and the other hears why not", async () => {
  const id = await start();
  const steps = [{ id: "more", call: CALL, depends_on: ["hold"] }];
  const answers = await Promise.all([1, 2, 3, 4].map(() => append(id, steps)));
  const refused = answers.filter((answer) => answer.status !== 202);
  assert.equal(refused.length, 3);
  for (const answer of refused) {
    // 409: its id was taken between its check and its turn.
    const kind = answer.status === 409 ? "conflict" : "unprocessable";
    expectProblem(answer, { status: answer.status === 409 ? 409 : 422, kind, message: /more/ });
  }
  assert.deepEqual(
    (await listSteps(id)).filter((step) => step.startsWith("more")),
    ["more waiting"],
  );
});

Deno.test("steps 4 deep are refused, because each could append the next", async () => {
  const id = await start();
  let last = "hold";
  for (const step of ["one", "two", "three"]) {
    assert.equal((await append(id, [{ id: step, call: CALL, depends_on: [last] }])).status, 202);
    last = step;
  }
  expectProblem(
    await append(id, [{ id: "four", call: CALL, depends_on: [last] }]),
    { status: 409, kind: "conflict", message: /no more than 3 deep/ },
  );
});

Deno.test("an unknown run is a 404", async () => {
  const said = { status: 404, kind: "not_found", message: new RegExp(`there is no run ${NOBODY}`) };
  expectProblem(await get(`/runs/${NOBODY}/plan`), said);
  expectProblem(await append(NOBODY, [{ id: "more", call: CALL }]), said);
});

Deno.test("a wrong body is a 400 that names the field, and appends nothing", async () => {
  const id = await start();
  const good = { author: "planner", steps: [{ id: "more", call: CALL }] };
  const bodies: [body: unknown, path: string | undefined, message: RegExp][] = [
    ["", undefined, /empty/],
    [[], undefined, /must be a map of keys/],
    [{ author: "planner" }, "steps", /a list/],
    [{ ...good, steps: [] }, "steps", /at least 1$/],
    [{ ...good, steps: { id: "more" } }, "steps", /a list/],
    [{ ...good, steps: [{ id: "more", call: CALL, with: "\u0000" }] }, "steps", /cannot be stored/],
    [{ steps: good.steps }, "author", /a text/],
    [{ ...good, author: "" }, "author", /at least 1$/],
    [{ ...good, reason: 5 }, "reason", /a text/],
    [{ ...good, reasons: "x" }, "reasons", /did you mean reason/],
    [`{"author":"x","steps":[${"[".repeat(9e4)}${"]".repeat(9e4)}]}`, "steps", /nested deeper/],
  ];
  for (const [body, path, message] of bodies) {
    const answer = await post(`/runs/${id}/steps`, body);
    expectProblem(answer, { status: 400, kind: "invalid", path, message }, String(path));
  }
  expectProblem(await post("/runs/1/steps", good), { status: 400, kind: "invalid", path: "id" });
  expectProblem(await get("/runs/1/plan"), { status: 400, kind: "invalid", path: "id" });
  assert.deepEqual(await listSteps(id), ["gather success", "hold parked"]);
});
