// Step call: what an agent gets, and what each kind of answer means for the step.
import assert from "node:assert/strict";
import { openStack, waitFor, waitForRun } from "../harness/stack.ts";

const s = await openStack({
  settings: { heartbeat_ms: 200, worker_linger_ms: 200 },
  loops: { cron: false },
});
const ended = waitForRun(s);
const { db, stack, agents } = s;
Deno.test.afterAll(() => s.close());

type Members = Record<string, unknown>;

const ECHO = "/functions/v1/agent-proxy/echo";
const STEP_TIMEOUT_MS = 15_000;

/** Runs a workflow to its end; answers the run's id and status. */
async function run(key: string, payload: Members = {}, user = "u"): Promise<[string, string]> {
  const [id] = await s.enqueue(key, [{ user, payload }]);
  await s.post("orchestrator/worker");
  const [{ status }] = await ended(id);
  return [id, status];
}

const listAttempts = (runId: string) =>
  db.admin`
    select attempt, success, status_code, error_class, error_text, started_at, finished_at
    from job_attempts where workflow_run_id = ${runId} order by attempt_id`;

const readOutputs = async (runId: string): Promise<Members> =>
  Object.fromEntries(
    (await db.admin`select step_id, output from job_queue where workflow_run_id = ${runId}`)
      .map(({ step_id, output }) => [step_id, output]),
  );

Deno.test("a POST carries the ids, payload and inputs in its body, and the contract's headers", async () => {
  await s.publish("contract", [
    { id: "before", call: ECHO },
    { id: "asked", call: ECHO, depends_on: ["before"] },
  ]);
  const payload = { topic: "ä € 🚀", agents: { before: { output: [1, null] } } };
  const sentAt = Date.now();
  const [runId, status] = await run("contract", payload, "learner-7");
  assert.equal(status, "success");
  const [, call] = agents.of(runId);
  assert.deepEqual([call.method, call.path], ["POST", ECHO]);
  assert.deepEqual(call.body, {
    workflow_run_id: runId,
    workflow_key: "contract",
    step_id: "asked",
    attempt: 1,
    user_id: "learner-7",
    intent_id: null,
    payload,
    inputs: { before: [1, null] },
  });
  const headers = Object.fromEntries(call.headers);
  assert.equal(headers.authorization, `Bearer ${stack.keys.serviceRoleJwt}`);
  assert.equal(headers.apikey, stack.keys.secret);
  assert.equal(headers["content-type"], "application/json");
  assert.equal(headers["x-idempotency-key"], `${runId}:asked:0`);
  assert.equal(headers["idempotency-key"], headers["x-idempotency-key"]);
  assert.equal(headers["x-workflow-run-id"], runId);
  assert.equal(headers["x-step-id"], "asked");
  assert.equal(headers["x-attempt"], "1");
  const leftMs = Date.parse(headers["x-deadline"]) - sentAt;
  assert.ok(leftMs >= STEP_TIMEOUT_MS && leftMs < STEP_TIMEOUT_MS + 10_000, `${leftMs} ms`);
});

Deno.test("a GET carries the ids in its query, and neither payload nor inputs", async () => {
  await s.publish("asking", [{
    id: "look",
    call: "/functions/v1/agent-proxy/snapshot?lang=de",
    method: "GET",
  }]);
  const [runId, status] = await run("asking", { secret: "stays here" }, "a&b=c");
  assert.equal(status, "success");
  const [call] = agents.of(runId);
  assert.deepEqual([call.method, call.path, call.body], [
    "GET",
    "/functions/v1/agent-proxy/snapshot",
    undefined,
  ]);
  assert.deepEqual(call.query, {
    lang: "de",
    user_id: "a&b=c",
    workflow_run_id: runId,
    workflow_key: "asking",
    step_id: "look",
  });
  assert.equal(call.headers.get("authorization"), `Bearer ${stack.keys.serviceRoleJwt}`);
  assert.equal(call.headers.get("x-idempotency-key"), `${runId}:look:0`);
  assert.equal(((await readOutputs(runId)).look as Members).user_id, "a&b=c");
});

Deno.test("the idempotency key stays the same over retries, and X-Attempt counts them", async () => {
  await s.publish("stubborn", [{ id: "only", call: ECHO }]);
  const [runId, status] = await run("stubborn", { agents: { only: { fail_times: 2 } } });
  assert.equal(status, "success");
  const calls = agents.of(runId);
  assert.deepEqual(calls.map((call) => call.attempt), [1, 2, 3]);
  assert.deepEqual(calls.map((call) => (call.body as Members).attempt), [1, 2, 3]);
  assert.equal(new Set(calls.map((call) => call.idempotencyKey)).size, 1);
});

interface Expected {
  sentence: string;
  script: Members;
  /** Status and error class of the first attempt. */
  first: [status: number | null, errorClass: string];
  text: RegExp;
  isRetried: boolean;
  /** No second attempt before that. */
  waitMs?: number;
}

const FAILURES: Expected[] = [
  {
    sentence: "a 500 is tried again",
    script: { fail_with: "http_500" },
    first: [500, "http_5xx"],
    text: /scripted failure/,
    isRetried: true,
  },
  {
    sentence: "a 429 is tried again when its Retry-After is over",
    script: { fail_with: "http_429", retry_after_ms: 2_000 },
    first: [429, "rate_limited"],
    text: /scripted rate limit/,
    isRetried: true,
    waitMs: 2_000,
  },
  {
    sentence: "a 503 is tried again when its Retry-After is over",
    script: { fail_with: "http_503", retry_after_ms: 2_000 },
    first: [503, "http_5xx"],
    text: /scripted overload/,
    isRetried: true,
    waitMs: 2_000,
  },
  {
    sentence: "ok: false with retryable is tried again, after the wait that it asks for",
    script: { fail_with: "not_ok_retryable", retry_after_ms: 1_500 },
    first: [200, "agent_error"],
    text: /scripted failure that passes/,
    isRetried: true,
    waitMs: 1_500,
  },
  {
    sentence: "a connection that breaks in the middle of the answer is tried again",
    script: { fail_with: "drop" },
    first: [null, "network"],
    text: /./,
    isRetried: true,
  },
  {
    sentence: "a 400 is dead at once",
    script: { fail_with: "http_400" },
    first: [400, "http_4xx"],
    text: /scripted refusal/,
    isRetried: false,
  },
  {
    sentence: "ok: false is dead at once",
    script: { fail_with: "not_ok" },
    first: [200, "agent_error"],
    text: /scripted failure for good/,
    isRetried: false,
  },
  {
    sentence: "garbage is dead at once",
    script: { fail_with: "garbage" },
    first: [200, "invalid_response"],
    text: /boolean ok, got \}\{"ok": tru/,
    isRetried: false,
  },
  {
    sentence: "an HTML page is dead at once",
    script: { fail_with: "html" },
    first: [200, "invalid_response"],
    text: /boolean ok, got <!doctype html>/,
    isRetried: false,
  },
  {
    sentence: "an empty answer is dead at once",
    script: { fail_with: "empty" },
    first: [200, "invalid_response"],
    text: /boolean ok, got nothing/,
    isRetried: false,
  },
  {
    sentence: "an endless answer is cut off and dead at once",
    script: { fail_with: "endless" },
    first: [200, "output_too_large"],
    text: /larger than may be kept/,
    isRetried: false,
  },
];

for (const { sentence, script, first, text, isRetried, waitMs = 0 } of FAILURES) {
  Deno.test(sentence, async () => {
    // Each is a user of its own: a Retry-After holds the agent for that user.
    const key = `fails_${script.fail_with}`;
    await s.publish(key, [
      { id: "only", call: ECHO },
      { id: "behind", call: ECHO, depends_on: ["only"] },
    ]);
    const payload = { agents: { only: { fail_times: 1, ...script } } };
    const [runId, status] = await run(key, payload, key);
    const attempts = await listAttempts(runId);
    assert.deepEqual([attempts[0].status_code, attempts[0].error_class], first);
    assert.match(attempts[0].error_text, text);
    const steps = await db.admin`
      select step_id, status, attempts from job_queue where workflow_run_id = ${runId} order by step_no`;
    assert.deepEqual(
      steps.map((step) => `${step.step_id} ${step.status} ${step.attempts}`),
      isRetried ? ["only success 2", "behind success 1"] : ["only dead 1", "behind skipped 0"],
    );
    assert.equal(status, isRetried ? "success" : "failed");
    if (isRetried) {
      const waitedMs = attempts[1].started_at.getTime() - attempts[0].finished_at.getTime();
      assert.ok(waitedMs >= waitMs, `waited ${waitedMs} ms`);
    }
  });
}

Deno.test("a call that outlasts its timeout is aborted, counts as an attempt and is tried again", async () => {
  agents.answer("own/sleepy", async (call) => {
    if (call.attempt === 1) await waitFor("the caller to hang up", () => call.isHungUp);
    return Response.json({ ok: true });
  });
  await s.publish("sleepy", [{
    id: "only",
    call: "/functions/v1/own/sleepy",
    timeout_ms: 300,
  }]);
  const [runId, status] = await run("sleepy");
  assert.equal(status, "success");
  const attempts = await listAttempts(runId);
  assert.deepEqual(attempts.map((attempt) => attempt.error_class), ["timeout", null]);
  assert.match(attempts[0].error_text, /no answer within 300 ms/);
  assert.deepEqual(agents.of(runId).map((call) => call.isHungUp), [true, false]);
});

Deno.test("a step that never succeeds is dead with its last error when its attempts are used up", async () => {
  await s.publish("hopeless", [{ id: "only", call: ECHO }]);
  const script = { fail_with: "not_ok_retryable", retry_after_ms: 0 };
  const [runId, status] = await run("hopeless", { agents: { only: script } });
  assert.equal(status, "failed");
  const [job] = await db.admin`
    select status, attempts, error_text from job_queue where workflow_run_id = ${runId}`;
  assert.deepEqual({ ...job }, {
    status: "dead",
    attempts: 5,
    error_text: "scripted failure that passes",
  });
  assert.equal(agents.of(runId).length, 5);
});

Deno.test("the outputs 0, false, empty and null reach the next step as they are", async () => {
  const outputs = { zero: 0, no: false, text: "", nothing: null, list: [], object: {} };
  const ids = Object.keys(outputs);
  await s.publish("falsy", [
    ...ids.map((id) => ({ id, call: ECHO })),
    { id: "collect", call: ECHO, depends_on: ids },
  ]);
  const script = Object.entries(outputs).map(([id, output]) => [id, { output }]);
  const [runId, status] = await run("falsy", { agents: Object.fromEntries(script) });
  assert.equal(status, "success");
  const collect = agents.of(runId).find((call) => call.stepId === "collect");
  assert.deepEqual((collect!.body as Members).inputs, outputs);
  const { collect: _, ...stored } = await readOutputs(runId);
  assert.deepEqual(stored, outputs);
});

Deno.test("an answer without an output member is the output itself, without ok", async () => {
  agents.answer("own/plain", () => Response.json({ ok: true, plan: ["a"], score: 0 }));
  await s.publish("plain", [{ id: "only", call: "/functions/v1/own/plain" }]);
  const [runId] = await run("plain");
  assert.deepEqual(await readOutputs(runId), { only: { plan: ["a"], score: 0 } });
});

Deno.test("an agent that had finished when its worker died answers the second delivery with the kept reply", async () => {
  let deliveries = 0;
  agents.answer("agent-proxy/echo", async (_call, forward) => {
    const answer = await forward();
    // The first answer never arrives: the agent is done, the worker is about to die.
    if (deliveries++ === 0) await new Promise(() => {});
    return answer;
  });
  await s.publish("replayed", [{ id: "only", call: ECHO }]);
  const [runId] = await s.enqueue("replayed");
  await s.post("orchestrator/worker");
  await waitFor("the agent to finish", async () => {
    const kept = await db.admin`
      select from agent_replies where idempotency_key = ${`${runId}:only:0`} and status_code = 200`;
    return kept.length === 1 && deliveries === 1;
  });
  await stack.killFunction("orchestrator");
  await s.passTime(31_000);
  await waitFor("the tick to ring", async () => {
    return (await db.admin`select orchestrator.tick_worker() as rang`)[0].rang;
  });
  const [{ status }] = await ended(runId);
  agents.answer("agent-proxy/echo", (_call, forward) => forward());
  assert.equal(status, "success");
  assert.deepEqual((await listAttempts(runId)).map((attempt) => attempt.error_class), [
    "lease_expired",
    null,
  ]);
  const [, second] = agents.of(runId);
  assert.deepEqual([second.attempt, second.answered?.get("idempotency-replayed")], [2, "true"]);
  const { only } = await readOutputs(runId) as { only: { headers: Members } };
  assert.equal(only.headers["x-attempt"], "1", "the reply is the first delivery's");
});
