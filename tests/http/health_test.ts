// GET /health, and what every route answers while the database or the bucket is away: 503 with
// Retry-After, and nothing half written.
import assert from "node:assert/strict";
import { SCHEMA_VERSION } from "../../supabase/functions/_shared/contract/version.ts";
import { expectProblem, openHttpStack } from "./http_stack.ts";

const it = await openHttpStack();
Deno.test.afterAll(() => it.stop());

const KEY = "daily_instructor_v1";
const request = { user_id: "u", workflow_key: KEY };
const NOBODY = "00000000-0000-4000-8000-000000000000";
const SOURCE =
  "key: late\ntrigger: {type: manual}\nsteps: [{id: a, call: /functions/v1/agent-proxy/noop}]\n";

async function away(part: "database" | "storage", run: () => Promise<void>): Promise<void> {
  it.stack.setAway(part, true);
  try {
    await run();
  } finally {
    it.stack.setAway(part, false);
  }
}

const TABLES = [
  "workflow_runs",
  "job_queue",
  "job_attempts",
  "intent_events",
  "workflow_definitions",
  "rate_limits",
];
const countAll = () => Promise.all(TABLES.map((table) => it.count(table)));

Deno.test("health tells the queue's depth, the workers and the last ticks", async () => {
  await it.sql`select orchestrator.tick_worker(), orchestrator.tick_cron()`;
  await it.ask("POST", "/orchestrator/dispatch", {
    body: { ...request, run_at: "2099-01-01T00:00:00Z" },
  });
  const { status, body } = await it.ask("GET", "/orchestrator/health");
  assert.equal(status, 200, JSON.stringify(body));
  assert.deepEqual([body.ok, body.warnings], [true, []]);
  assert.deepEqual(body.queue, { queued: 1, waiting: 2 });
  assert.equal(body.oldest_ready_seconds, 0);
  assert.ok(Date.parse(body.last_tick_at as string) > 0);
});

Deno.test("a silent tick, an old job and a bad setting each are a warning and a 503", async () => {
  await it.sql`update orchestrator.ticks set ticked_at = ticked_at - interval '4 minutes'`;
  await it.sql`
    insert into orchestrator_settings (name, value) values ('lease_ms', '"soon"'::jsonb)`;
  await it.stack.restartFunction("orchestrator");
  const { status, body } = await it.ask("GET", "/orchestrator/health");
  assert.deepEqual([status, body.ok], [503, false]);
  const warnings = (body.warnings as string[]).join("\n");
  assert.match(warnings, /worker tick has been silent.*orchestrator-worker/);
  assert.match(warnings, /cron tick has been silent.*orchestrator-cron/);
  assert.match(warnings, /setting lease_ms must be a whole number of ms from .* got "soon"/);
  await it.sql`delete from orchestrator_settings`;
  await it.sql`select orchestrator.tick_worker(), orchestrator.tick_cron()`;
  await it.stack.restartFunction("orchestrator");
  assert.equal((await it.ask("GET", "/orchestrator/health")).status, 200);
});

Deno.test("a database that is older than the functions is a warning that names the migrations; a newer one is none", async () => {
  const { body } = await it.ask("GET", "/orchestrator/health");
  assert.deepEqual(body.warnings, []);
  const replace = (version: number) =>
    it.sql.unsafe(`create or replace function public.get_schema_version() returns integer
      language sql immutable set search_path = '' as $$ select ${version} $$`);
  const [{ current }] = await it.sql`select get_schema_version() as current`;
  assert.equal(current, SCHEMA_VERSION);
  await replace(SCHEMA_VERSION - 1);
  const old = await it.ask("GET", "/orchestrator/health");
  assert.equal(old.status, 503);
  assert.match(
    String(old.body.warnings),
    new RegExp(
      `at schema ${
        SCHEMA_VERSION - 1
      } and these functions need ${SCHEMA_VERSION}: .*supabase db push`,
    ),
  );
  await replace(SCHEMA_VERSION + 1);
  assert.equal((await it.ask("GET", "/orchestrator/health")).status, 200);
  await replace(current);
});

const ROUTES: [method: string, path: string, body?: unknown][] = [
  ["POST", "/orchestrator/dispatch", request],
  ["POST", "/orchestrator/dispatch", [request, { ...request, user_id: "v" }]],
  ["POST", "/orchestrator/worker"],
  ["POST", "/orchestrator/worker?wait=true"],
  ["POST", "/orchestrator/events", { user_id: "u", type: "streak_ping" }],
  ["POST", "/orchestrator/rate_limit", { key: "k" }],
  ["POST", "/orchestrator/http", { call: "/functions/v1/agent-proxy/echo" }],
  ["GET", "/orchestrator/runs"],
  ["GET", `/orchestrator/runs/${NOBODY}`],
  ["POST", `/orchestrator/runs/${NOBODY}/cancel`],
  ["POST", `/orchestrator/runs/${NOBODY}/restart`, { mode: "whole" }],
  ["GET", "/orchestrator/jobs"],
  ["GET", "/orchestrator/jobs/1"],
  ["POST", "/orchestrator/jobs/1/retry"],
  ["POST", "/orchestrator/jobs/1/reset"],
  ["GET", "/orchestrator/workflows"],
  ["GET", `/orchestrator/workflows/${KEY}`],
  ["POST", "/orchestrator/workflows", { source: SOURCE }],
  ["POST", "/orchestrator/workflows/validate", { source: SOURCE }],
  ["POST", "/orchestrator/workflows/sync"],
  ["GET", "/orchestrator/health"],
  ["POST", "/cron-orchestrator"],
];

for (const memory of ["just started", "with its settings in memory"]) {
  Deno.test(`while the database is away, a function ${memory} answers 503 with Retry-After and writes nothing`, async () => {
    await it.stack.restartFunction("orchestrator");
    await it.stack.restartFunction("cron-orchestrator");
    // These three need no more than the settings.
    const isSpared = (path: string) => memory !== "just started" && /\/(http|validate)$/.test(path);
    if (memory !== "just started") {
      await it.ask("POST", "/orchestrator/workflows/validate", { body: { source: SOURCE } });
    }
    const before = await countAll();
    await away("database", async () => {
      for (const [method, path, body] of ROUTES.filter(([, path]) => !isSpared(path))) {
        const answer = await it.ask(method, path, { body });
        expectProblem(answer, {
          status: 503,
          kind: "unavailable",
          message: /the database is away/,
        }, `${method} ${path}`);
        assert.ok(Number(answer.headers.get("retry-after")) >= 1, `${method} ${path}`);
        assert.ok((answer.body.retry_after_ms as number) > 0, `${method} ${path}`);
      }
    });
    assert.deepEqual(await countAll(), before);
    const back = await it.ask("POST", "/orchestrator/worker?wait=true");
    assert.equal(back.status, 200, "the database is back");
  });
}

Deno.test("a dispatch repeated after a 503 makes one run", async () => {
  const body = { ...request, idempotency_key: "again" };
  const before = await it.count("workflow_runs");
  await away("database", async () => {
    assert.equal((await it.ask("POST", "/orchestrator/dispatch", { body })).status, 503);
  });
  assert.equal((await it.ask("POST", "/orchestrator/dispatch", { body })).body.result, "created");
  assert.equal((await it.ask("POST", "/orchestrator/dispatch", { body })).body.result, "existing");
  assert.equal(await it.count("workflow_runs"), before + 1);
});

Deno.test("while the bucket is away, what is published runs, and the rest answers 503 with Retry-After", async () => {
  // Of the runs of the tests before, nothing must be left that a lingering worker could still do.
  await it.ask("POST", "/orchestrator/worker?wait=true");
  const before = await countAll();
  await away("storage", async () => {
    const needy: [path: string, body: unknown][] = [
      ["/orchestrator/dispatch", { user_id: "u", workflow_key: "not_yet_published" }],
      ["/orchestrator/dispatch", [{ user_id: "u", workflow_key: "not_yet_published" }]],
      ["/orchestrator/workflows", { source: SOURCE }],
    ];
    for (const [path, body] of needy) {
      const answer = await it.ask("POST", path, { body });
      expectProblem(answer, {
        status: 503,
        kind: "unavailable",
        message: /Storage is away/,
      }, `${path} ${JSON.stringify(body)}`);
      assert.ok(Number(answer.headers.get("retry-after")) >= 1);
    }
    assert.deepEqual(await countAll(), before);
    const known = await it.ask("POST", "/orchestrator/dispatch", { body: request });
    assert.equal(known.status, 202, known.text);
    const drained = await it.ask("POST", "/orchestrator/worker?wait=true");
    assert.equal(drained.body.success, 3, drained.text);
  });
  const later = await it.ask("POST", "/orchestrator/workflows", { body: { source: SOURCE } });
  assert.equal(later.status, 201, later.text);
});
