// GET /jobs/:id/request: the call of a step as its agent has got it, without secrets.
import assert from "node:assert/strict";
import { expectProblem, type Json, openHttpStack } from "./http_stack.ts";
import { createPerson } from "./signed_in.ts";

const it = await openHttpStack();
Deno.test.afterAll(() => it.stop());

const { ask } = await createPerson(it, "viewer");
const post = (path: string, body?: unknown) => it.ask("POST", `/orchestrator${path}`, { body });

const published = await post("/workflows", {
  source: `
key: previewed
trigger: {type: manual}
steps:
  - {id: look_up, call: /functions/v1/own/look_up}
  - id: greet
    depends_on: [look_up]
    call: /functions/v1/own/greet
    with: {name: "\${{ steps.look_up.output.name }}", key: "\${{ inputs.key }}"}
  - {id: never, depends_on: [look_up], if: "1 > 2", call: /functions/v1/own/greet}
  - {id: approve, depends_on: [greet], wait: {event: go}}
  - {id: last, depends_on: [approve], call: /functions/v1/own/greet}
`,
});
assert.equal(published.status, 201, published.text);
it.agents.answer("own/look_up", () => Response.json({ ok: true, output: { name: "Ada" } }));
it.agents.answer("own/greet", () => Response.json({ ok: true, output: null }));

async function run(payload: Json): Promise<Map<string, number>> {
  const { body } = await post("/dispatch", { user_id: "u", workflow_key: "previewed", payload });
  await post("/worker?wait=true");
  const jobs = (await ask("GET", `/runs/${body.workflow_run_id}`)).body.jobs as Json[];
  return new Map(jobs.map(({ step_id, job_id }) => [step_id as string, job_id as number]));
}

Deno.test("the call is what the agent has got, but for credentials and the clock", async () => {
  const jobs = await run({ key: "harmless" });
  const { status, body } = await ask("GET", `/jobs/${jobs.get("greet")}/request`);
  assert.equal(status, 200);
  const seen = it.agents.calls.find(({ path }) => path.endsWith("own/greet"))!;
  assert.deepEqual(body.body, seen.body);
  const headers = body.headers as Record<string, string>;
  assert.deepEqual([headers.apikey, headers.authorization], ["[redacted]", "Bearer [redacted]"]);
  for (const name of ["idempotency-key", "x-workflow-run-id", "x-step-id", "x-attempt"]) {
    assert.equal(headers[name], seen.headers.get(name), name);
  }
  assert.equal(body.unavailable, null);
});

Deno.test("no key of the project comes out, wherever a run carries it", async () => {
  const { secret, serviceRoleJwt } = it.stack.keys;
  const jobs = await run({ key: `${secret} and ${serviceRoleJwt}` });
  const { text, body } = await ask("GET", `/jobs/${jobs.get("greet")}/request`);
  assert.equal(text.includes(secret) || text.includes(serviceRoleJwt), false);
  const inputs = (body.body as Json).inputs as Json;
  assert.deepEqual(inputs, { name: "Ada", key: "[redacted] and [redacted]" });
});

Deno.test("a step that calls nobody, or not yet, says why", async () => {
  const jobs = await run({ key: "k" });
  for (
    const [step, why] of [
      ["never", /condition 1 > 2 is false/],
      ["approve", /waits for the event go/],
      ["last", /waits for a step to end/],
    ] as const
  ) {
    const { status, body } = await ask("GET", `/jobs/${jobs.get(step)}/request`);
    assert.equal(status, 200);
    assert.match(body.unavailable as string, why, step);
    assert.deepEqual([body.url, body.curl, body.body], ["", "", null]);
  }
  const gone = await ask("GET", "/jobs/987654/request");
  expectProblem(gone, { status: 404, kind: "not_found", message: /no job 987654/ });
});
