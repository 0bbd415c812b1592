// The routes of workflows: list, inspect, publish, validate, sync; and that a bad file never costs the
// version that is published.
import assert from "node:assert/strict";
import { expectProblem, type Json, listProblems, openHttpStack, send } from "./http_stack.ts";

const it = await openHttpStack();
Deno.test.afterAll(() => it.stop());

const get = (path: string) => it.ask("GET", `/orchestrator${path}`);
const post = (path: string, body?: unknown) => it.ask("POST", `/orchestrator${path}`, { body });
const dispatch = (key: string) => post("/dispatch", { user_id: "u", workflow_key: key });

/** Puts a file into the bucket as any client would. */
async function upload(name: string, source: string): Promise<void> {
  const answer = await send(`${it.stack.url}/storage/v1/object/workflows/${name}`, "POST", {
    body: source,
    headers: {
      apikey: it.stack.keys.secret,
      "content-type": "application/yaml",
      "x-upsert": "true",
    },
  });
  assert.equal(answer.status, 200, answer.text);
}

const write = (key: string, steps = ["one"]) =>
  [
    `key: ${key}`,
    "trigger:",
    "  type: manual",
    "steps:",
    ...steps.flatMap((id) => [`  - id: ${id}`, "    call: /functions/v1/agent-proxy/noop"]),
    "",
  ].join("\n");

Deno.test("the workflows are listed, and one is shown with its source", async () => {
  const { status, body } = await get("/workflows");
  assert.equal(status, 200);
  const list = body.workflows as Json[];
  assert.deepEqual(
    list.map((it) => [it.workflow_key, it.version, it.steps]),
    [["daily_instructor_v1", 1, 3], ["weekly_seed_v1", 1, 4]],
  );
  const one = (await get("/workflows/weekly_seed_v1")).body;
  const file = new URL("../../workflows/weekly_seed_v1.yml", import.meta.url);
  assert.equal(one.source, await Deno.readTextFile(file));
  assert.equal(((one.compiled as Json).steps as Json[]).length, 4);
});

Deno.test("a published workflow is in the bucket and in the registry, and runs", async () => {
  const source = write("fresh", ["one", "two"]);
  const answer = await post("/workflows", { source });
  assert.equal(answer.status, 201, answer.text);
  assert.deepEqual([answer.body.workflow_key, answer.body.version, answer.body.result], [
    "fresh",
    1,
    "published",
  ]);
  const file = await send(`${it.stack.url}/storage/v1/object/workflows/fresh.yml`, "GET", {
    headers: { apikey: it.stack.keys.secret },
  });
  assert.equal(file.text, source);
  assert.equal((await post("/workflows", { source })).body.result, "unchanged");
  assert.equal((await dispatch("fresh")).status, 202);
});

Deno.test("a validation tells what would be published, and publishes nothing", async () => {
  const before = await it.count("workflow_definitions");
  const { status, body } = await post("/workflows/validate", { source: write("only_checked") });
  assert.deepEqual([status, body.ok, body.workflow_key], [200, true, "only_checked"]);
  const wrong = await post("/workflows/validate", { source: "key: only_checked\n" });
  expectProblem(wrong, { status: 422, kind: "unprocessable", path: "steps" });
  assert.equal(await it.count("workflow_definitions"), before);
  assert.equal((await get("/workflows/only_checked")).status, 404);
});

Deno.test("an uploaded file can be dispatched at once, and without waiting is synced by the tick", async () => {
  await upload("uploaded.yml", write("uploaded"));
  assert.equal((await dispatch("uploaded")).status, 202);
  await upload("synced.yml", write("synced"));
  const { status, body } = await post("/workflows/sync");
  assert.equal(status, 200);
  assert.deepEqual([body.published, body.rejected, body.failed], [1, 0, 0]);
  assert.equal((await get("/workflows/synced")).status, 200);
});

const step = (id: string, more = "") =>
  `  - id: ${id}\n    call: /functions/v1/agent-proxy/noop\n${more}`;
const file = (trigger: string, steps: string) => `key: stays\ntrigger:\n${trigger}steps:\n${steps}`;
const manual = "  type: manual\n";

interface WrongSource {
  what: string;
  source: string;
  message: RegExp;
  line: number;
  column?: number;
  near?: string;
}

const WRONG_SOURCES: WrongSource[] = [
  {
    what: "no YAML",
    source: "key: stays\ntrigger: {type: manual\nsteps: [",
    message: /./,
    line: 3,
  },
  {
    what: "an unknown key",
    source: file(manual, step("a", "    timeout: 5\n")),
    message: /unknown key "timeout"/,
    line: 7,
    column: 5,
    near: "timeout_ms",
  },
  {
    what: "an unknown dependency",
    source: file(manual, step("gather") + step("b", "    depends_on: [ gathr ]\n")),
    message: /gathr/,
    line: 9,
    column: 19,
    near: "gather",
  },
  {
    what: "a cycle",
    source: file(
      manual,
      step("a", "    depends_on: [ b ]\n") + step("b", "    depends_on: [ a ]\n"),
    ),
    message: /a → b → a|b → a → b/,
    line: 7,
  },
  {
    what: "a duplicate step id",
    source: file(manual, step("a") + step("a")),
    message: /step id "a" is taken by steps\[0\]/,
    line: 7,
    column: 9,
  },
  {
    what: "a bad cron",
    source: file('  type: cron\n  cron: "61 7 * * *"\n', step("a")),
    message: /cron/,
    line: 4,
    column: 9,
  },
  {
    what: "a bad time zone",
    source: file('  type: cron\n  cron: "0 7 * * *"\n  timezone: Europe/Berlinn\n', step("a")),
    message: /Europe\/Berlinn/,
    line: 5,
    column: 13,
    near: "Europe/Berlin",
  },
  {
    what: "a wrong type",
    source: file(manual, step("a", "    timeout_ms: soon\n")),
    message: /timeout_ms/,
    line: 7,
    column: 17,
  },
];

Deno.test("an invalid workflow is a 422 with line and column, and the published version stays", async () => {
  await post("/workflows", { source: write("stays") });
  for (const { what, source, message, line, column, near } of WRONG_SOURCES) {
    const answer = await post("/workflows", { source });
    expectProblem(answer, { status: 422, kind: "unprocessable", message, near }, what);
    const [problem] = listProblems(answer);
    assert.equal(problem.line, line, `${what}: ${answer.text}`);
    if (column !== undefined) assert.equal(problem.column, column, `${what}: ${answer.text}`);
    assert.ok(Number.isInteger(problem.column), what);
    assert.equal((await dispatch("stays")).status, 202, what);
  }
  const kept = (await get("/workflows/stays")).body;
  assert.deepEqual([kept.version, kept.source], [1, write("stays")]);
});

Deno.test("an invalid file in the bucket is a 422 that names it, when its workflow was never published", async () => {
  for (const { what, source, message, line } of WRONG_SOURCES) {
    await upload("never.yml", source.replace("key: stays", "key: never"));
    const answer = await dispatch("never");
    expectProblem(answer, { status: 422, kind: "unprocessable", message }, what);
    const [problem] = listProblems(answer);
    assert.deepEqual([problem.file, problem.line], ["never.yml", line], `${what}: ${answer.text}`);
  }
  assert.equal((await get("/workflows/never")).status, 404);
});

Deno.test("an invalid upload over a published workflow shows as a warning, and the version stays", async () => {
  await post("/workflows", { source: write("warned") });
  await upload("warned.yml", write("warned").replace("noop", "noop\n    depends_on: [nobody]"));
  assert.equal((await it.ask("POST", "/cron-orchestrator")).body.rejected, 2, "never and warned");
  const health = await get("/health");
  assert.equal(health.status, 503);
  assert.match((health.body.warnings as string[]).join("\n"), /warned\.yml was refused.*nobody/);
  const shown = (await get("/workflows/warned")).body;
  assert.equal(shown.version, 1);
  const [problem] = shown.problems as Json[];
  assert.deepEqual([problem.file, problem.line], ["warned.yml", 7]);
  assert.equal((await dispatch("warned")).status, 202);
  await upload("warned.yml", write("warned", ["one", "two"]));
  await it.ask("POST", "/cron-orchestrator");
  const mended = (await get("/workflows/warned")).body;
  assert.deepEqual([mended.version, mended.problems], [2, null]);
});

Deno.test("a file whose name is not its key is refused by its name", async () => {
  await upload("misnamed.yml", write("another"));
  const answer = await dispatch("misnamed");
  expectProblem(answer, {
    status: 422,
    kind: "unprocessable",
    path: "key",
    message: /must be named after its key: another\.yml, got misnamed\.yml/,
  });
});

Deno.test("a wrong body is a 400, a text that is too large a 413 or 422", async () => {
  const bodies: [body: unknown, path: string | undefined, message: RegExp, near?: string][] = [
    ["", undefined, /empty, expected JSON/],
    [write("raw"), undefined, /not valid JSON at line 1, column 1/],
    [{}, "source", /a text/],
    [{ source: 5 }, "source", /a text/],
    [{ source: "" }, "source", /at least 1$/],
    [{ source: "key: a", sorce: "x" }, "sorce", /unknown field/, "source"],
  ];
  for (const path of ["/workflows", "/workflows/validate"]) {
    for (const [body, field, message, near] of bodies) {
      const answer = await post(path, body);
      expectProblem(answer, { status: 400, kind: "invalid", path: field, message, near }, path);
    }
    expectProblem(await post(path, { source: `# ${"x".repeat(4_200_000)}` }), {
      status: 413,
      kind: "payload_too_large",
    });
    expectProblem(await post(path, { source: `# ${"x".repeat(2_100_000)}` }), {
      status: 422,
      kind: "unprocessable",
      message: /more than the 2097152 allowed/,
    });
  }
});

Deno.test("an unknown workflow is a 404 with near names", async () => {
  expectProblem(await get("/workflows/weekly_seed"), {
    status: 404,
    kind: "not_found",
    path: "workflow_key",
    near: "weekly_seed_v1",
  });
});
