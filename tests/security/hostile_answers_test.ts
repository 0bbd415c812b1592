// What an agent may answer, and what any value may be that travels through a run: each ends with a class of
// its own or as what it is, in time, and the worker goes on.
import assert from "node:assert/strict";
import { readSettings } from "../../supabase/functions/_shared/contract/settings.ts";
import { compileWorkflow } from "../../supabase/functions/_shared/workflow/compile.ts";
import { openStack, waitForRun } from "../harness/stack.ts";
import { HOSTILE_VALUES } from "./hostile_texts.ts";

const s = await openStack({ settings: { worker_linger_ms: 200 }, loops: { cron: false } });
const ended = waitForRun(s);
Deno.test.afterAll(() => s.close());

const ANY = "/functions/v1/own/any";
const ECHO = "/functions/v1/agent-proxy/echo";
await s.publish("once", [{ id: "a", call: ANY }]);
await s.publish("passed_on", [{ id: "a", call: ANY }, { id: "b", call: ECHO, depends_on: ["a"] }]);

interface End {
  status: string;
  error_class: string | null;
  error_text: string | null;
  attempts: number;
  output: unknown;
}

/** Runs a workflow to its end; answers what became of its first step. */
async function run(key: string, payload: Record<string, unknown> = {}): Promise<End> {
  const [id] = await s.enqueue(key, [{ payload }]);
  await s.post("orchestrator/worker?wait=true");
  await ended(id);
  const [job] = await s.db.admin<End[]>`
    select status, error_class, error_text, attempts, output
    from job_queue where workflow_run_id = ${id} and step_id = 'a'`;
  return job;
}

const answer = (text: string, init: ResponseInit = {}) =>
  s.agents.answer(
    "own/any",
    () =>
      new Response(text, {
        ...init,
        headers: { "content-type": "application/json", ...init.headers },
      }),
  );

/** Why an output is refused; all others are kept. */
const REFUSALS = new Map<string, RegExp>([
  ["lists nested 100,000 deep", /deep/],
  ["maps nested 100,000 deep", /deep/],
  ["lists nested 600 deep", /nested deeper than 512/],
  ["the character NUL", /u0000/],
  ["NUL in a name", /u0000.*name/],
  ["half a surrogate pair", /surrogate/],
  ["half a surrogate pair in a name", /surrogate.*name/],
]);

for (const [what, json] of HOSTILE_VALUES) {
  Deno.test(`an output that is ${what} is kept as it is or refused at once, with the reason`, async () => {
    answer(`{"ok":true,"output":${json}}`);
    const { status, error_class, error_text, attempts, output } = await run("passed_on");
    const refusal = REFUSALS.get(what);
    assert.equal(attempts, 1);
    if (refusal === undefined) {
      assert.equal(status, "success", `${error_class}: ${error_text}`);
      // Texts of JSON: what JSON.parse makes of a number is what an agent has said.
      if (output !== null) {
        assert.equal(JSON.stringify(output), JSON.stringify(sortAsStored(JSON.parse(json))));
      }
    } else {
      assert.deepEqual([status, error_class], ["dead", "invalid_response"]);
      assert.match(error_text ?? "", refusal);
    }
  });
}

/** Postgres keeps the names of a map by their length, then by their letters. */
function sortAsStored(value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(
    Object.entries(value).sort(([a], [b]) => a.length - b.length || (a < b ? -1 : 1))
      .map(([name, member]) => [name, sortAsStored(member)]),
  );
}

Deno.test("an error in hostile words is kept as text, on one line of the log", async () => {
  const error = 'a\u0000b\r\n\u001b[31m{"level":"error"}\u2028\ud800 ü';
  answer(JSON.stringify({ ok: false, error }));
  const job = await run("once");
  assert.deepEqual([job.status, job.error_class], ["dead", "agent_error"]);
  assert.match(job.error_text ?? "", /^a.*b/);
  assert.match(job.error_text ?? "", /ü$/);
});

Deno.test("a wait that is no number, or has no end, is none or a day", async () => {
  const RETRY_AFTER_MAX_MS = 24 * 3_600_000;
  for (const [wait, isLong] of [["1e999", true], ["-1", false], ['"soon"', false]] as const) {
    answer(`{"ok":false,"retryable":true,"error":"busy","retry_after_ms":${wait}}`);
    const [id] = await s.enqueue("once");
    await s.post("orchestrator/worker?wait=true");
    const [{ waits_ms }] = await s.db.admin`
      select extract(epoch from next_run_at - orchestrator.now()) * 1000 as waits_ms
      from job_queue where workflow_run_id = ${id}`;
    assert.ok(waits_ms <= RETRY_AFTER_MAX_MS, `${wait}: ${waits_ms}`);
    assert.equal(waits_ms > RETRY_AFTER_MAX_MS / 2, isLong, `${wait}: ${waits_ms}`);
    await s.post(`orchestrator/runs/${id}/cancel`, {});
  }
});

Deno.test("a compressed answer that unpacks to 200 MiB is cut off", async () => {
  const spaces = new Blob(Array.from({ length: 200 }, () => new Uint8Array(1_048_576).fill(0x20)));
  const packed = await new Response(spaces.stream().pipeThrough(new CompressionStream("gzip")))
    .bytes();
  assert.ok(packed.length < 1_000_000);
  s.agents.answer(
    "own/any",
    () => new Response(packed, { headers: { "content-encoding": "gzip" } }),
  );
  const { status, error_class, attempts } = await run("once");
  assert.deepEqual([status, error_class, attempts], ["dead", "output_too_large", 1]);
});

Deno.test("a redirect with a hostile place is told as text", async () => {
  answer("", {
    status: 302,
    headers: { location: "https://evil.example/?a='\"<script>" },
  });
  const { status, error_class, error_text } = await run("once");
  assert.deepEqual([status, error_class], ["dead", "invalid_response"]);
  assert.match(error_text ?? "", /redirects are not followed, got 302/);
});

Deno.test("a payload and outputs of very many names and texts pass through a run of items in time", async () => {
  const names = Object.fromEntries(Array.from({ length: 50_000 }, (_, n) => [`k${n}`, `${n}`]));
  const texts = JSON.stringify(Array.from({ length: 60_000 }, (_, n) => `t${n}`));
  await s.publish("wide", [
    { id: "a", call: ANY, for_each: "[1, 2]" } as never,
    { id: "b", call: ECHO, depends_on: ["a"] },
  ]);
  answer(`{"ok":true,"output":${texts}}`);
  const startedAt = performance.now();
  const job = await run("wide", names);
  assert.equal(job.status, "success", `${job.error_class}: ${job.error_text}`);
  const started = await s.post("orchestrator/events", {
    user_id: "u",
    type: "streak_ping",
    payload: names,
  });
  assert.equal(started.status, 201);
  const [{ workflow_run_id }] = await s.db.admin`
    select workflow_run_id from workflow_runs where workflow_key = 'wide'`;
  const shown = await s.get(`orchestrator/runs/${workflow_run_id}`);
  assert.equal(shown.status, 200);
  const tookMs = performance.now() - startedAt;
  assert.ok(tookMs < 40_000, `took ${tookMs} ms`);
});

Deno.test("a callback is held to the same as an answer, and tells its sender what is wrong", async () => {
  await s.publish("later", [{ id: "a", call: ANY, mode: "async" } as never]);
  answer('{"ok":true}', { status: 202 });
  for (const [what, json] of HOSTILE_VALUES) {
    const [id] = await s.enqueue("later");
    await s.post("orchestrator/worker?wait=true");
    const { callback_url } = s.agents.of(id)[0].body as { callback_url: string };
    const response = await fetch(s.stack.url + new URL(callback_url).pathname, {
      method: "POST",
      body: `{"ok":true,"output":${json}}`,
    });
    const said = await response.text();
    assert.ok(response.status < 500, `${what}: ${response.status} ${said}`);
    const [{ status }] = await s.db.admin`
      select status from workflow_runs where workflow_run_id = ${id}`;
    if (REFUSALS.has(what)) assert.notEqual(status, "success", what);
    await s.post(`orchestrator/runs/${id}/cancel`, {});
  }
});

Deno.test("what a caller or an author writes adds no header to a call", async () => {
  const evil = "u\r\nx-evil: 1\r\n\r\nGET /stolen HTTP/1.1\u001b ü";
  await s.publish("asked", [{ id: "a", call: ANY }, { id: "b", call: ANY, method: "GET" }]);
  answer('{"ok":true,"output":null}');
  const started = await s.post("orchestrator/dispatch", {
    user_id: evil,
    intent_id: evil,
    workflow_key: "asked",
    idempotency_key: evil,
    payload: { [evil]: evil },
  }, { tracestate: "a=b,apikey=x", traceparent: "00-not-one" });
  assert.equal(started.status, 202);
  await s.post("orchestrator/worker?wait=true");
  const calls = s.agents.of(started.body.workflow_run_id as string);
  assert.equal(calls.length, 2);
  for (const { method, headers, body, query } of calls) {
    const told = method === "GET" ? query : body as Record<string, unknown>;
    assert.equal(told.user_id, evil);
    for (const [name, value] of headers) {
      assert.notEqual(name, "x-evil");
      assert.ok(!value.includes("evil"), `${name}: ${value}`);
    }
    assert.equal(headers.get("apikey"), s.stack.keys.secret);
    assert.equal(headers.get("authorization"), `Bearer ${s.stack.keys.serviceRoleJwt}`);
  }
});

Deno.test("a workflow file sets no header of a call", () => {
  const settings = readSettings(() => undefined, {});
  for (const name of ["authorization", "host", "content-length", "x-a\r\nx-b"]) {
    const source = JSON.stringify({
      key: "w",
      trigger: { type: "manual" },
      steps: [{ id: "a", call: ANY, headers: { [name]: "x" } }],
    });
    assert.equal(compileWorkflow(source, { settings }).ok, false, name);
  }
});

Deno.test("every line that was logged is one record of JSON", () => {
  const lines = s.stack.logs("orchestrator").trimEnd().split("\n").filter((it) =>
    it.startsWith("{")
  );
  assert.ok(lines.length > 10);
  for (const line of lines) {
    assert.equal(typeof JSON.parse(line).event, "string", line);
    // deno-lint-ignore no-control-regex
    assert.doesNotMatch(line, /[\x00-\x1f\x7f-\x9f\u2028\u2029]/);
  }
});
