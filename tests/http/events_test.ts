// POST /events: an event and the runs that it starts, once per key.
import assert from "node:assert/strict";
import { expectProblem, type Json, openHttpStack } from "./http_stack.ts";

const it = await openHttpStack();
Deno.test.afterAll(() => it.stop());

const insert = (body: unknown) => it.ask("POST", "/orchestrator/events", { body });
const event = { user_id: "u", type: "streak_ping" };

Deno.test("an event is inserted and answers with the runs that it started", async () => {
  const answer = await insert({ ...event, intent_id: "i", payload: { days: 3 } });
  assert.equal(answer.status, 201, answer.text);
  const { event_id, result, workflow_run_ids } = answer.body;
  assert.equal(result, "created");
  const [run] = await it.sql`
    select workflow_key, user_id, intent_id, payload, trigger_type, trigger_event_id
    from workflow_runs where workflow_run_id = ${(workflow_run_ids as string[])[0]}`;
  assert.deepEqual({ ...run }, {
    workflow_key: "daily_instructor_v1",
    user_id: "u",
    intent_id: "i",
    payload: { days: 3 },
    trigger_type: "event",
    trigger_event_id: event_id,
  });
  await it.ask("POST", "/orchestrator/worker?wait=true");
  const [{ status }] = await it.sql`select status from workflow_runs`;
  assert.equal(status, "success");
});

Deno.test("an event that no workflow waits for is kept and starts nothing", async () => {
  const { status, body } = await insert({ user_id: "u", type: "nobody_listens" });
  assert.deepEqual([status, body.result, body.workflow_run_ids], [201, "created", []]);
});

Deno.test("the same key and event answer with the same event; another event is a 409", async () => {
  const first = await insert({ ...event, idempotency_key: "hook-1" });
  const second = await insert({ ...event, idempotency_key: "hook-1" });
  assert.deepEqual([first.status, second.status], [201, 200]);
  assert.deepEqual(second.body, { ...first.body, result: "existing" });
  const before = [await it.count("intent_events"), await it.count("workflow_runs")];
  const third = await insert({ ...event, payload: { a: 1 }, idempotency_key: "hook-1" });
  expectProblem(third, { status: 409, kind: "conflict", path: "idempotency_key" });
  assert.deepEqual([await it.count("intent_events"), await it.count("workflow_runs")], before);
});

Deno.test("a wrong body is a 400 that names the field, and nothing is inserted", async () => {
  const before = [await it.count("intent_events"), await it.count("workflow_runs")];
  const bodies: [body: unknown, path: string | undefined, message: RegExp, near?: string][] = [
    ["", undefined, /empty, expected JSON/],
    ["{", undefined, /not valid JSON at line 1/],
    [[event], undefined, /must be a map of keys/],
    [{ type: "streak_ping" }, "user_id", /a text/],
    [{ user_id: "u" }, "type", /a text/],
    [{ ...event, type: "" }, "type", /at least 1$/],
    [{ ...event, type: ["streak_ping"] }, "type", /a text/],
    [{ ...event, payload: "x" }, "payload", /JSON object/],
    [{ ...event, payload: { a: "\u0000" } }, "payload", /cannot be stored/],
    [{ ...event, idempotency_key: 5 }, "idempotency_key", /a text/],
    [{ ...event, intent: "i" }, "intent", /unknown field/, "intent_id"],
  ];
  for (const [body, path, message, near] of bodies) {
    const answer = await insert(body);
    expectProblem(answer, { status: 400, kind: "invalid", path, message, near }, String(path));
  }
  const large: Json = { ...event, payload: { text: "x".repeat(1_048_576) } };
  expectProblem(await insert(large), { status: 413, kind: "payload_too_large" });
  assert.deepEqual([await it.count("intent_events"), await it.count("workflow_runs")], before);
});
