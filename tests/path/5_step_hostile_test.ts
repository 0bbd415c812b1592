// What an agent or a list may do to a worker: each ends with a class of its own, within moments, and the
// worker goes on with the next run.
import assert from "node:assert/strict";
import { compileWorkflow } from "../../supabase/functions/_shared/workflow/compile.ts";
import { readSettings } from "../../supabase/functions/_shared/contract/settings.ts";
import { openStack, waitForRun } from "../harness/stack.ts";

const s = await openStack({ settings: { worker_linger_ms: 200 }, loops: { cron: false } });
const ended = waitForRun(s);
const CALL = "/functions/v1/own/any";
const settings = readSettings(() => undefined, {});
Deno.test.afterAll(() => s.close());

async function publish(key: string, steps: unknown[]): Promise<void> {
  const source = JSON.stringify({ key, trigger: { type: "manual" }, steps });
  const compiled = compileWorkflow(source, { settings });
  assert.ok(compiled.ok, JSON.stringify(compiled));
  await s.db.rpc.publishWorkflow({ compiled: compiled.workflow, source });
}

/** Runs a workflow of one step to its end; answers the step's class and text. */
async function fail(key: string, steps: unknown[], payload = {}): Promise<[string, string]> {
  await publish(key, steps);
  const [id] = await s.enqueue(key, [{ payload }]);
  await s.post("orchestrator/worker?wait=true");
  const [{ status }] = await ended(id);
  assert.equal(status, "failed");
  const [job] = await s.db.admin`
    select error_class, error_text from job_queue where workflow_run_id = ${id} and status = 'dead'`;
  return [job.error_class, job.error_text];
}

async function isUnharmed(): Promise<void> {
  s.agents.answer("own/fine", () => Response.json({ ok: true, output: 1 }));
  await publish("fine", [{ id: "a", call: "/functions/v1/own/fine" }]);
  const [id] = await s.enqueue("fine");
  await s.post("orchestrator/worker?wait=true");
  assert.equal((await ended(id))[0].status, "success");
}

Deno.test("an output of 6 MiB is cut off and fails its step with output_too_large", async () => {
  s.agents.answer("own/any", () => Response.json({ ok: true, output: "x".repeat(6 * 1_048_576) }));
  const [errorClass] = await fail("large", [{ id: "a", call: CALL }]);
  assert.equal(errorClass, "output_too_large");
  await isUnharmed();
});

Deno.test("a list of 10,001 items fails its step with validation, and nobody is called", async () => {
  const before = s.agents.calls.length;
  const list = Array.from({ length: 10_001 }, () => 0);
  const steps = [{ id: "a", for_each: "event.payload.list", call: CALL }];
  const [errorClass, text] = await fail("many", steps, { list });
  assert.equal(errorClass, "validation");
  assert.match(text, /10,?001/);
  assert.equal(s.agents.calls.length, before);
  await isUnharmed();
});

Deno.test("an expression that would run long fails its step with expression", async () => {
  const list = Array.from({ length: 1_000 }, (_, n) => n);
  const condition = "event.payload.list.exists(x, event.payload.list.exists(y, x + y == -1))";
  const [errorClass] = await fail("long", [{ id: "a", if: condition, call: CALL }], { list });
  assert.equal(errorClass, "expression");
  await isUnharmed();
});

Deno.test("a list of more than 1,000 items is not handed to an expression that walks it", async () => {
  const list = Array.from({ length: 1_001 }, (_, n) => n);
  const steps = [{ id: "a", if: "event.payload.list.exists(x, x == -1)", call: CALL }];
  const [errorClass, text] = await fail("walked", steps, { list });
  assert.equal(errorClass, "expression");
  assert.match(text, /1,?000/);
});

Deno.test("an answer nested 100,000 deep fails its step, and the worker lives", async () => {
  const deep = "[".repeat(100_000) + "]".repeat(100_000);
  s.agents.answer("own/any", () =>
    new Response(`{"ok": true, "output": ${deep}}`, {
      headers: { "content-type": "application/json" },
    }));
  const [errorClass] = await fail("deep", [{ id: "a", call: CALL }]);
  assert.equal(errorClass, "invalid_response");
  await isUnharmed();
});

Deno.test("a payload with __proto__ and constructor is only data to expressions", async () => {
  s.agents.answer("own/any", () => Response.json({ ok: true }));
  await publish("proto", [{
    id: "a",
    call: CALL,
    with: { has: "${{ has(event.payload.constructor) }}", all: "${{ event.payload }}" },
  }]);
  const payload = JSON.parse('{"__proto__": {"polluted": true}, "constructor": 1}');
  const [id] = await s.enqueue("proto", [{ payload }]);
  await s.post("orchestrator/worker?wait=true");
  assert.equal((await ended(id))[0].status, "success");
  const { inputs } = s.agents.of(id)[0].body as { inputs: { has: boolean; all: unknown } };
  assert.equal(inputs.has, true);
  assert.equal(JSON.stringify(inputs.all), JSON.stringify(payload));
  assert.equal(({} as Record<string, unknown>).polluted, undefined);
});
