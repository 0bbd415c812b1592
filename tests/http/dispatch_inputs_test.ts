// POST /dispatch of workflows with inputs: what a payload lacks is said at once, and nothing starts.
import assert from "node:assert/strict";
import { expectProblem, type Json, listProblems, openHttpStack } from "./http_stack.ts";

const it = await openHttpStack();
Deno.test.afterAll(() => it.stop());

const get = (path: string) => it.ask("GET", `/orchestrator${path}`);
const post = (path: string, body?: unknown) => it.ask("POST", `/orchestrator${path}`, { body });
const drain = () => post("/worker?wait=true");
const dispatch = (workflow_key: string, payload?: Json, more: Json = {}) =>
  post("/dispatch", { user_id: "u", workflow_key, payload, ...more });

const SCHEMA: Json = {
  type: "object",
  required: ["lead_id"],
  additionalProperties: false,
  properties: {
    lead_id: { type: "string" },
    min_score: { type: "integer", minimum: 0, default: 50 },
    contact: { type: "object", required: ["mail"], properties: { mail: { type: "string" } } },
    tags: { type: "array", items: { type: "string" } },
  },
};

const write = (key: string, inputs?: Json, trigger: Json = { type: "manual" }) =>
  JSON.stringify({
    key,
    inputs,
    trigger,
    steps: [{ id: "a", call: "/functions/v1/agent-proxy/echo", with: { got: "${{ inputs }}" } }],
  });

async function publish(...args: Parameters<typeof write>): Promise<void> {
  const { status, text } = await post("/workflows", { source: write(...args) });
  assert.equal(status, 201, text);
}

await publish("typed", SCHEMA);
await publish("mapped", SCHEMA, {
  type: "manual",
  inputs: { lead_id: "${{ event.payload.?lead.orValue('none') }}" },
});
await publish("free");

Deno.test("a payload that fits starts a run, whose inputs have the defaults", async () => {
  const answer = await dispatch("typed", { lead_id: "l-1" });
  assert.equal(answer.status, 202, answer.text);
  await drain();
  const run = (await get(`/runs/${answer.body.workflow_run_id}`)).body;
  assert.deepEqual([run.status, run.inputs], ["success", { lead_id: "l-1", min_score: 50 }]);
});

Deno.test("a payload that does not fit is a 422 with the path of each problem, and starts nothing", async () => {
  const before = [await it.count("workflow_runs"), await it.count("job_queue")];
  const wrong: [payload: Json | undefined, ...paths: string[]][] = [
    [undefined, "payload.lead_id"],
    [{}, "payload.lead_id"],
    [{ lead_id: 7 }, "payload.lead_id"],
    [{ lead_id: "l", min_score: -1 }, "payload.min_score"],
    [{ lead_id: "l", min_scor: 1 }, "payload.min_scor"],
    [{ lead_id: "l", contact: {} }, "payload.contact.mail"],
    [{ lead_id: "l", tags: ["a", 5] }, "payload.tags[1]"],
    [{ min_score: "high", tags: {} }, "payload.lead_id", "payload.min_score", "payload.tags"],
  ];
  for (const [payload, ...paths] of wrong) {
    const answer = await dispatch("typed", payload);
    for (const path of paths) {
      expectProblem(answer, {
        status: 422,
        kind: "unprocessable",
        path,
        message: /dispatching typed: the payload does not fit the workflow's inputs: payload/,
      }, JSON.stringify(payload));
    }
    assert.deepEqual(listProblems(answer).map((it) => it.path).sort(), paths, answer.text);
  }
  assert.deepEqual([await it.count("workflow_runs"), await it.count("job_queue")], before);
});

Deno.test("with trigger.inputs the payload need not fit, because the inputs are made of it", async () => {
  const answer = await dispatch("mapped", { lead: "l-2", anything: true });
  assert.equal(answer.status, 202, answer.text);
  await drain();
  const run = (await get(`/runs/${answer.body.workflow_run_id}`)).body;
  assert.deepEqual(run.inputs, { lead_id: "l-2", min_score: 50 });
});

Deno.test("in a list the items that fit are started, and the others say what is wrong with them", async () => {
  const before = await it.count("workflow_runs");
  const item = (workflow_key: string, payload: Json, more: Json = {}) => ({
    user_id: "u",
    workflow_key,
    payload,
    ...more,
  });
  const { status, body, text } = await post("/dispatch", [
    item("typed", { lead_id: 1 }),
    item("typed", { lead_id: "l" }, { idempotency_key: "mixed" }),
    item("free", { lead_id: 1 }),
    item("nothing_like_it", {}),
    item("typed", { min_score: -1 }),
    item("typed", { lead_id: "l" }, { idempotency_key: "mixed" }),
  ]);
  assert.equal(status, 202, text);
  const runs = body.runs as Json[];
  assert.deepEqual(
    runs.map(({ index, workflow_key, result }) => [index, workflow_key, result]),
    [
      [0, "typed", "invalid"],
      [1, "typed", "created"],
      [2, "free", "created"],
      [3, "nothing_like_it", "unknown_workflow"],
      [4, "typed", "invalid"],
      [5, "typed", "existing"],
    ],
  );
  assert.equal(runs[0].workflow_run_id, null);
  assert.deepEqual((runs[0].problems as Json[]).map(({ path }) => path), ["payload.lead_id"]);
  assert.deepEqual(
    (runs[4].problems as Json[]).map(({ path }) => path).sort(),
    ["payload.lead_id", "payload.min_score"],
  );
  assert.match(String(runs[4].detail), /the payload does not fit.* \(and 1 more\)/);
  assert.match(String(runs[3].detail), /there is no workflow/);
  assert.equal(await it.count("workflow_runs"), before + 2);
});

Deno.test("a list of which nothing fits starts nothing", async () => {
  const before = await it.count("workflow_runs");
  const { status, body } = await post("/dispatch", [
    { user_id: "u", workflow_key: "typed" },
    { user_id: "v", workflow_key: "typed" },
  ]);
  assert.equal(status, 202);
  assert.deepEqual((body.runs as Json[]).map(({ result }) => result), ["invalid", "invalid"]);
  assert.equal(await it.count("workflow_runs"), before);
});

Deno.test("a file that nobody has published yet is checked as soon as dispatch has read it", async () => {
  const upload = await fetch(
    `${it.stack.url}/storage/v1/object/workflows/late.yml`,
    {
      method: "POST",
      headers: { apikey: it.stack.keys.secret, "content-type": "application/yaml" },
      body: write("late", SCHEMA),
    },
  );
  assert.equal(upload.status, 200, await upload.text());
  expectProblem(await dispatch("late", {}), {
    status: 422,
    kind: "unprocessable",
    path: "payload.lead_id",
  });
  assert.equal((await dispatch("late", { lead_id: "l" })).status, 202);
});

Deno.test("a payload is not refused on the word of an old version", async () => {
  await publish("loosens", SCHEMA);
  assert.equal((await dispatch("loosens", {})).status, 422);
  await publish("loosens", { type: "object" });
  assert.equal((await dispatch("loosens", {})).status, 202);
});

Deno.test("what dispatch lets through the run's first step refuses, so no agent sees it", async () => {
  await publish("tightens");
  assert.equal((await dispatch("tightens", {})).status, 202);
  await publish("tightens", SCHEMA);
  // Dispatch still remembers that any payload was taken.
  const answer = await dispatch("tightens", {});
  assert.equal(answer.status, 202, answer.text);
  await drain();
  const id = answer.body.workflow_run_id as string;
  const run = (await get(`/runs/${id}`)).body;
  assert.equal(run.status, "failed");
  const [start] = run.jobs as Json[];
  assert.deepEqual([start.step_id, start.status, start.error_class], [
    "$start",
    "dead",
    "validation",
  ]);
  assert.match(String(start.error_text), /lead_id/);
  assert.equal(it.agents.of(id).length, 0);
});
