// POST /dispatch over HTTP: the founding document's curl, idempotency, lists, and every way in which
// a request can be wrong, none of which leaves a run behind.
import assert from "node:assert/strict";
import { expectProblem, type Json, openHttpStack, runCurl } from "./http_stack.ts";

const it = await openHttpStack();
Deno.test.afterAll(() => it.stop());

const PATH = "/orchestrator/dispatch";
const KEY = "daily_instructor_v1";
const dispatch = (body: unknown) => it.ask("POST", PATH, { body });
const drain = () => it.ask("POST", "/orchestrator/worker?wait=true");

const SEED_CURL =
  `curl -X POST https://your-project.supabase.co/functions/v1/orchestrator/dispatch \\
  -H "Content-Type: application/json" \\
  -H "Authorization: Bearer your-service-role-key" \\
  -d '{
    "user_id": "test-user-id",
    "workflow_key": "daily_instructor_v1",
    "payload": {"test": true}
  }'`;

Deno.test("the founding document's curl starts a run, with the legacy key and with a secret key", async () => {
  const { serviceRoleJwt, secret } = it.stack.keys;
  for (const key of [serviceRoleJwt, secret]) {
    const answer = await runCurl(SEED_CURL, it.stack, key);
    assert.equal(answer.status, 202, answer.text);
    assert.deepEqual([answer.body.workflow_key, answer.body.result], [
      KEY,
      "created",
    ]);
    const id = answer.body.workflow_run_id as string;
    await drain();
    const [run] = await it.sql`
      select user_id, intent_id, payload, trigger_type, status from workflow_runs
      where workflow_run_id = ${id}`;
    assert.deepEqual({ ...run }, {
      user_id: "test-user-id",
      intent_id: null,
      payload: { test: true },
      trigger_type: "api",
      status: "success",
    });
  }
});

Deno.test("every field of a request reaches the run and its jobs", async () => {
  const answer = await dispatch({
    user_id: "u-1",
    workflow_key: KEY,
    intent_id: "learn-sql",
    payload: { n: [1, { a: null }], t: "ünï" },
    idempotency_key: "every-field",
    run_at: "2099-01-01T08:00:00+01:00",
    priority: 7,
  });
  assert.equal(answer.status, 202, answer.text);
  const id = answer.body.workflow_run_id as string;
  const [run] = await it.sql`
    select r.user_id, r.intent_id, r.payload, q.priority, q.status, q.next_run_at
    from workflow_runs r join job_queue q using (workflow_run_id)
    where r.workflow_run_id = ${id} order by q.step_no limit 1`;
  assert.deepEqual({ ...run }, {
    user_id: "u-1",
    intent_id: "learn-sql",
    payload: { n: [1, { a: null }], t: "ünï" },
    priority: 7,
    status: "queued",
    next_run_at: new Date("2099-01-01T07:00:00Z"),
  });
});

Deno.test("a payload is kept to the letter, with every name that JSON allows", async () => {
  const payload = `{"__proto__": {"a": 1}, "constructor": 2, "": 3, "a.b": 4, "toString": null}`;
  const answer = await dispatch(
    `{"user_id": "u", "workflow_key": "${KEY}", "payload": ${payload}}`,
  );
  assert.equal(answer.status, 202, answer.text);
  const [run] = await it.sql`
    select payload = ${payload}::text::jsonb as is_same, payload::text as text from workflow_runs
    where workflow_run_id = ${answer.body.workflow_run_id as string}`;
  assert.ok(run.is_same, run.text);
});

Deno.test("the same key and body answer with the same run; the same key and another body is a 409", async () => {
  const request = {
    user_id: "u",
    workflow_key: KEY,
    idempotency_key: "once",
    payload: { a: 1 },
  };
  const first = await dispatch(request);
  const second = await dispatch({ ...request });
  assert.deepEqual([first.status, second.status], [202, 202]);
  assert.deepEqual([first.body.result, second.body.result], [
    "created",
    "existing",
  ]);
  assert.equal(first.body.workflow_run_id, second.body.workflow_run_id);
  const runs = await it.count("workflow_runs");
  const third = await dispatch({ ...request, payload: { a: 2 } });
  expectProblem(third, {
    status: 409,
    kind: "conflict",
    path: "idempotency_key",
  });
  assert.equal(await it.count("workflow_runs"), runs);
});

Deno.test("a list is answered item by item: created, existing, conflict, unknown with near names", async () => {
  const answer = await dispatch([
    { user_id: "u", workflow_key: KEY, idempotency_key: "in-list" },
    { user_id: "u", workflow_key: KEY, idempotency_key: "in-list" },
    { user_id: "v", workflow_key: KEY, idempotency_key: "in-list" },
    { user_id: "u", workflow_key: "daily_instructor_v2" },
  ]);
  assert.equal(answer.status, 202, answer.text);
  const runs = answer.body.runs as Json[];
  assert.deepEqual(runs.map((run) => [run.index, run.result]), [
    [0, "created"],
    [1, "existing"],
    [2, "conflict"],
    [3, "unknown_workflow"],
  ]);
  assert.match(String(runs[3].detail), /did you mean daily_instructor_v1\?/);
});

Deno.test("1,000 items are one request", async () => {
  const before = await it.count("workflow_runs");
  const items = Array.from({ length: 1_000 }, (_, at) => ({
    user_id: `many-${at}`,
    workflow_key: KEY,
    run_at: "2099-01-01T00:00:00Z",
  }));
  const answer = await dispatch(items);
  assert.equal(answer.status, 202, answer.text.slice(0, 500));
  assert.equal((answer.body.runs as Json[]).length, 1_000);
  assert.equal(await it.count("workflow_runs"), before + 1_000);
});

Deno.test("an unknown workflow is a 404 with near names", async () => {
  const near = await dispatch({
    user_id: "u",
    workflow_key: "daily_instructer_v1",
  });
  expectProblem(near, {
    status: 404,
    kind: "not_found",
    path: "workflow_key",
    near: KEY,
  });
  for (
    const key of [
      "nothing_like_it",
      "../../etc/passwd",
      "a/b",
      "Daily Instructor",
      "%00",
    ]
  ) {
    const answer = await dispatch({ user_id: "u", workflow_key: key });
    expectProblem(answer, {
      status: 404,
      kind: "not_found",
      path: "workflow_key",
    }, key);
  }
});

const good = { user_id: "u", workflow_key: KEY };
const WRONG_BODIES: [
  body: unknown,
  path: string | undefined,
  message: RegExp,
  near?: string,
][] = [
  ["", undefined, /empty, expected JSON/],
  ["   \n", undefined, /empty, expected JSON/],
  ['{"user_id": "u",', undefined, /not valid JSON at line 1, column 17/],
  ['{"user_id": "u",\n "workflow_key": daily}', undefined, /line 2, column 18/],
  ["user_id=u&workflow_key=x", undefined, /not valid JSON at line 1, column 1/],
  ["null", undefined, /must be a map of keys/],
  ['"text"', undefined, /must be a map of keys/],
  ["42", undefined, /must be a map of keys/],
  [[], undefined, /at least 1$/],
  [Array(1_001).fill(good), undefined, /at most 1000$/],
  [[good, 1], "[1]", /must be a map of keys/],
  [[good, { ...good, user_id: 3 }], "[1].user_id", /a text/],
  [[good, { ...good, priorty: 3 }], "[1].priorty", /unknown field/, "priority"],
  [{ workflow_key: KEY }, "user_id", /a text/],
  [{ user_id: "u" }, "workflow_key", /a text/],
  [{ ...good, user_id: 7 }, "user_id", /a text/],
  [{ ...good, user_id: null }, "user_id", /a text/],
  [{ ...good, user_id: "" }, "user_id", /at least 1$/],
  [{ ...good, user_id: "x".repeat(201) }, "user_id", /at most 200$/],
  [{ ...good, user_id: "a\u0000" }, "user_id", /u0000/],
  [{ ...good, workflow_key: ["a"] }, "workflow_key", /a text/],
  [{ ...good, intent_id: 5 }, "intent_id", /a text/],
  [{ ...good, payload: [] }, "payload", /JSON object/],
  [{ ...good, payload: "x" }, "payload", /JSON object/],
  [{ ...good, payload: null }, "payload", /JSON object/],
  [
    { ...good, payload: { a: ["\u0000"] } },
    "payload",
    /u0000, which cannot be stored/,
  ],
  [{ ...good, payload: { a: "\ud800" } }, "payload", /surrogate/],
  [
    `{"user_id":"u","workflow_key":"${KEY}","payload":{"a":${"[".repeat(9e4)}${"]".repeat(9e4)}}}`,
    "payload",
    /nested deeper/,
  ],
  [{ ...good, idempotency_key: "" }, "idempotency_key", /at least 1$/],
  [
    { ...good, idempotency_key: "k".repeat(256) },
    "idempotency_key",
    /at most 255$/,
  ],
  [{ ...good, run_at: "tomorrow" }, "run_at", /must be a time such as/],
  [{ ...good, run_at: "2026-12-01" }, "run_at", /must be a time such as/],
  [
    { ...good, run_at: "2026-12-01T07:00:00" },
    "run_at",
    /must be a time such as/,
  ],
  [
    { ...good, run_at: "2026-02-30T07:00:00Z" },
    "run_at",
    /must be a time such as/,
  ],
  [
    { ...good, run_at: "2026-12-01T07:00:00+25:00" },
    "run_at",
    /must be a time such as/,
  ],
  [{ ...good, run_at: 1_796_000_000 }, "run_at", /must be a time such as/],
  [{ ...good, priority: -1 }, "priority", /at least 0$/],
  [{ ...good, priority: 1_001 }, "priority", /at most 1000$/],
  [{ ...good, priority: 1.5 }, "priority", /must be a whole number/],
  [{ ...good, priority: "high" }, "priority", /a (whole )?number/],
  [{ ...good, workflow: KEY }, "workflow", /unknown field/, "workflow_key"],
  [
    { ...good, idempotencyKey: "k" },
    "idempotencyKey",
    /unknown field/,
    "idempotency_key",
  ],
  [
    `{"user_id":"u","workflow_key":"${KEY}","__proto__":{}}`,
    "__proto__",
    /unknown field/,
  ],
];

Deno.test("a wrong body is a 400 that names the field, and starts nothing", async () => {
  const before = [await it.count("workflow_runs"), await it.count("job_queue")];
  for (const [body, path, message, near] of WRONG_BODIES) {
    const what = (typeof body === "string" ? body : JSON.stringify(body)).slice(
      0,
      120,
    );
    const answer = await dispatch(body);
    expectProblem(
      answer,
      { status: 400, kind: "invalid", path, message, near },
      what,
    );
  }
  assert.deepEqual([
    await it.count("workflow_runs"),
    await it.count("job_queue"),
  ], before);
});

Deno.test("every wrong field is named in one answer", async () => {
  const answer = await dispatch({
    user_id: 1,
    workflow_key: "",
    priority: "x",
    nonsense: 1,
  });
  for (const path of ["user_id", "workflow_key", "priority", "nonsense"]) {
    expectProblem(answer, {
      status: 400,
      kind: "invalid",
      path,
      message: /\(and 3 more\)/,
    });
  }
});

Deno.test("a time that the database cannot hold is a 400", async () => {
  const answer = await dispatch({ ...good, run_at: "0000-01-01T00:00:00Z" });
  expectProblem(answer, { status: 400, kind: "invalid" });
});

Deno.test("a body over 1 MiB is a 413, announced or streamed", async () => {
  const before = await it.count("workflow_runs");
  const text = JSON.stringify({
    ...good,
    payload: { text: "x".repeat(1_048_576) },
  });
  expectProblem(await dispatch(text), {
    status: 413,
    kind: "payload_too_large",
    message: /larger than 1048576 bytes/,
  });
  const streamed = await fetch(`${it.stack.url}/functions/v1${PATH}`, {
    method: "POST",
    headers: { apikey: it.stack.keys.secret },
    body: new Blob([text]).stream(),
  });
  assert.equal(streamed.status, 413);
  await streamed.body?.cancel();
  assert.equal(await it.count("workflow_runs"), before);
});

Deno.test("a body of just under 1 MiB is taken", async () => {
  const answer = await dispatch({
    ...good,
    run_at: "2099-01-01T00:00:00Z",
    payload: { text: "x".repeat(1_048_000) },
  });
  assert.equal(answer.status, 202, answer.text);
});

Deno.test("a wrong method is a 405 that says which one is right, a wrong path a 404 with near names", async () => {
  const method = await it.ask("GET", PATH);
  assert.equal(method.headers.get("allow"), "POST");
  expectProblem(method, {
    status: 405,
    kind: "method_not_allowed",
    message: /takes POST, not GET/,
  });
  const path = await it.ask("POST", "/orchestrator/dispach", { body: good });
  expectProblem(path, { status: 404, kind: "not_found", near: "/dispatch" });
});

Deno.test("an answer carries the caller's request id", async () => {
  for (const [body, status] of [[good, 202], [{}, 400]] as const) {
    const answer = await it.ask("POST", PATH, {
      body,
      headers: { "x-request-id": "mine-1" },
    });
    assert.deepEqual([answer.status, answer.headers.get("x-request-id")], [
      status,
      "mine-1",
    ]);
  }
});
