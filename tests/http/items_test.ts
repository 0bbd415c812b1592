// GET /runs/:id/steps/:step/items: what became of each item of a fan-out, page by page.
import assert from "node:assert/strict";
import { expectProblem, type Json, openHttpStack } from "./http_stack.ts";

const it = await openHttpStack();
Deno.test.afterAll(() => it.stop());

const NOBODY = "00000000-0000-4000-8000-000000000000";
const get = (path: string) => it.ask("GET", `/orchestrator${path}`);
const post = (path: string, body?: unknown) => it.ask("POST", `/orchestrator${path}`, { body });

const published = await post("/workflows", {
  source: `
key: fans_out
trigger: {type: manual}
steps:
  - {id: first, call: /functions/v1/agent-proxy/noop}
  - id: each
    depends_on: [first]
    for_each: inputs.names
    success: any
    call: /functions/v1/own/greet
    with: {name: "\${{ item }}", at: "\${{ index }}"}
`,
});
assert.equal(published.status, 201, published.text);
it.agents.answer("own/greet", ({ body }) => {
  const { name, at } = (body as Json).inputs as Json;
  return at === 1
    ? Response.json({ ok: false, error: `${name} is not here` })
    : Response.json({ ok: true, output: `Hello ${name}` });
});

async function run(names: string[]): Promise<string> {
  const { body } = await post("/dispatch", {
    user_id: "u",
    workflow_key: "fans_out",
    payload: { names },
  });
  await post("/worker?wait=true");
  return body.workflow_run_id as string;
}

Deno.test("the items of a fan-out are read page by page, each with its input, output and attempts", async () => {
  const id = await run(["a", "b"]);
  const { status, body } = await get(`/runs/${id}/steps/each/items`);
  assert.equal(status, 200);
  const [first, second] = body.items as Json[];
  assert.deepEqual([first.item_index, first.input], [0, { name: "a", at: 0 }]);
  assert.deepEqual([second.item_index, second.input], [1, { name: "b", at: 1 }]);
  for (const item of [first, second]) {
    assert.equal("lease_token" in item, false);
    assert.ok(Array.isArray(item.attempt_history));
  }
  assert.equal(body.next_after, null);
});

Deno.test("a page says where the next one begins", async () => {
  const names = Array.from({ length: 7 }, (_, at) => `n${at}`);
  const id = await run(names);
  for (const limit of [1, 3, 7, 200]) {
    const seen: unknown[] = [];
    let query = `?limit=${limit}`;
    for (let page = 0; page < 10; page++) {
      const { status, body, text } = await get(`/runs/${id}/steps/each/items${query}`);
      assert.equal(status, 200, text);
      seen.push(...(body.items as Json[]).map((item) => (item.input as Json).name));
      if (body.next_after === null) break;
      query = `?limit=${limit}&after=${body.next_after}`;
    }
    assert.deepEqual(seen, names, `limit ${limit}`);
  }
});

Deno.test("a run shows a fan-out as counts, and a step without items has none", async () => {
  const id = await run(["a", "b", "c"]);
  const jobs = (await get(`/runs/${id}`)).body.jobs as Json[];
  const each = jobs.find((job) => job.step_id === "each")!;
  assert.equal((each.items as Json).total, 3);
  assert.deepEqual((await get(`/runs/${id}/steps/first/items`)).body, {
    items: [],
    next_after: null,
  });
  const none = await run([]);
  assert.deepEqual((await get(`/runs/${none}/steps/each/items`)).body.items, []);
});

Deno.test("an unknown run or step is a 404, the step with near names", async () => {
  const id = await run(["a"]);
  expectProblem(await get(`/runs/${NOBODY}/steps/each/items`), {
    status: 404,
    kind: "not_found",
    message: new RegExp(`there is no run ${NOBODY}`),
  });
  expectProblem(await get(`/runs/${id}/steps/eahc/items`), {
    status: 404,
    kind: "not_found",
    path: "step",
    near: "each",
  });
});

Deno.test("a wrong query or path is a 400 that names the field", async () => {
  const id = await run(["a"]);
  const queries: [query: string, path: string, message: RegExp][] = [
    ["limit=0", "limit", /at least 1$/],
    ["limit=201", "limit", /at most 200$/],
    ["after=-1", "after", /item_index/],
    ["after=x", "after", /item_index/],
    ["before=5", "before", /unknown field/],
  ];
  for (const [query, path, message] of queries) {
    const answer = await get(`/runs/${id}/steps/each/items?${query}`);
    expectProblem(answer, { status: 400, kind: "invalid", path, message }, query);
  }
  expectProblem(await get("/runs/x/steps/each/items"), {
    status: 400,
    kind: "invalid",
    path: "id",
  });
  expectProblem(await get(`/runs/${id}/steps/%00/items`), {
    status: 400,
    kind: "invalid",
    path: "step",
  });
});
