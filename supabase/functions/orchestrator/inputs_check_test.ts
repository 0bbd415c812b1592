import assert from "node:assert/strict";
import type { CompiledWorkflow } from "../_shared/contract/compiled_workflow.ts";
import type { WorkflowDetail } from "../_shared/database/rows.ts";
import { InputsCheck } from "./inputs_check.ts";

const SCHEMA = { type: "object", required: ["lead"], properties: { lead: { type: "string" } } };

/** As much of a workflow as the check looks at. */
function describe(inputs: CompiledWorkflow["inputs"], steps: unknown[] = []): WorkflowDetail {
  return { compiled: { inputs, steps } } as unknown as WorkflowDetail;
}

/** A registry of schemas by key; null: a workflow without one. */
class Registry {
  readonly schemas = new Map<string, CompiledWorkflow["inputs"]>();
  readonly reads: string[] = [];
  now = 0;
  isAway = false;
  readonly check = new InputsCheck({
    getWorkflow: ({ workflowKey }) => {
      this.reads.push(workflowKey);
      if (this.isAway) return Promise.reject(new Error("away"));
      const inputs = this.schemas.get(workflowKey);
      return Promise.resolve(inputs === undefined ? null : describe(inputs));
    },
  }, () => this.now);

  async misfits(...requests: [key: string, payload?: Record<string, unknown>][]) {
    const found = await this.check.findMisfits(
      requests.map(([workflow_key, payload]) => ({ workflow_key, payload })),
    );
    return [...found.keys()];
  }
}

Deno.test("a workflow is read once in a while, also one without a schema", async () => {
  const registry = new Registry();
  registry.schemas.set("typed", SCHEMA).set("free", null);
  for (let at = 0; at < 100; at++) {
    assert.deepEqual(await registry.misfits(["typed", { lead: "l" }], ["free"]), []);
  }
  assert.deepEqual(registry.reads, ["typed", "free"]);
  registry.now += 5_000;
  await registry.misfits(["free"]);
  assert.deepEqual(registry.reads, ["typed", "free", "free"]);
});

Deno.test("requests at the same time share one reading", async () => {
  const registry = new Registry();
  registry.schemas.set("free", null);
  await Promise.all([1, 2, 3].map(() => registry.misfits(["free"], ["free"])));
  assert.deepEqual(registry.reads, ["free"]);
});

Deno.test("the payloads that do not fit are told by their place, after another look", async () => {
  const registry = new Registry();
  registry.schemas.set("typed", SCHEMA).set("free", null);
  const misfits = await registry.misfits(
    ["typed"],
    ["free"],
    ["typed", { lead: "l" }],
    ["typed", { lead: 1 }],
  );
  assert.deepEqual(misfits, [0, 3]);
  assert.deepEqual(registry.reads, ["typed", "free", "typed"]);
});

Deno.test("a schema that was replaced or withdrawn refuses nothing", async () => {
  const registry = new Registry();
  registry.schemas.set("typed", SCHEMA).set("gone", SCHEMA);
  await registry.misfits(["typed", { lead: "l" }], ["gone", { lead: "l" }]);
  registry.schemas.set("typed", { type: "object" });
  registry.schemas.delete("gone");
  assert.deepEqual(await registry.misfits(["typed"], ["gone"]), []);
});

Deno.test("a workflow that nobody knows is looked for again each time", async () => {
  const registry = new Registry();
  assert.deepEqual(await registry.misfits(["late"]), []);
  registry.schemas.set("late", SCHEMA);
  assert.deepEqual(await registry.misfits(["late"]), [0]);
});

Deno.test("while the registry cannot be read everything passes, and it is asked again", async () => {
  const registry = new Registry();
  registry.schemas.set("typed", SCHEMA);
  registry.isAway = true;
  assert.deepEqual(await registry.misfits(["typed"]), []);
  registry.isAway = false;
  assert.deepEqual(await registry.misfits(["typed"]), [0]);
});

Deno.test("a request with very many workflows reads a bounded number of them", async () => {
  const registry = new Registry();
  const requests = Array.from({ length: 1_000 }, (_, at): [string] => [`w${at}`]);
  for (const [key] of requests) registry.schemas.set(key, null);
  await registry.misfits(...requests);
  assert.equal(registry.reads.length, 20);
});

Deno.test("with trigger.inputs the payload is not looked at", async () => {
  const start = { step_id: "$start", config: { start: { schema: SCHEMA, inputs: {} } } };
  const check = new InputsCheck({ getWorkflow: () => Promise.resolve(describe(SCHEMA, [start])) });
  assert.equal((await check.findMisfits([{ workflow_key: "mapped" }])).size, 0);
});
