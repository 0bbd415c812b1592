// `deno task workflows:simulate` as a developer runs it: what it prints, and with which exit code.
import assert from "node:assert/strict";
import { readScript } from "../../scripts/simulate/read_script.ts";
import { ROOT, runScript } from "../lifecycle/command.ts";

const WORKFLOW = `${ROOT}/workflows/daily_instructor_v1.yml`;

function run(...args: string[]) {
  return runScript(ROOT, "simulate/main.ts", args);
}

async function withFile<T>(text: string, use: (path: string) => Promise<T>): Promise<T> {
  const path = await Deno.makeTempFile({ suffix: ".yml" });
  try {
    await Deno.writeTextFile(path, text);
    return await use(path);
  } finally {
    await Deno.remove(path);
  }
}

Deno.test("a run that succeeds is told line by line, drawn, and ends with exit code 0", async () => {
  const { code, stdout, stderr } = await run(WORKFLOW, "--input", '{"mood":"good"}');
  assert.equal(stderr, "");
  assert.equal(code, 0);
  assert.match(stdout, /^0s {2}daily_instructor_v1 started by dispatch with \{"mood":"good"\}$/m);
  assert.match(stdout, /gather_signals +called GET \/functions\/v1\/agent-proxy\/snapshot$/m);
  assert.match(stdout, /notify +answered \{\}$/m);
  assert.match(stdout, /✓ create_plan +█/);
  assert.match(stdout, /daily_instructor_v1 ended after 0s: success\n$/);
});

Deno.test("a run that fails tells the class and the next attempt, and ends with exit code 1", async () => {
  const script = `
agents:
  create_plan: [{ fail: http_503, retry_after: 90s }, { fail: http_400, error: "no goals" }]
`;
  const { code, stdout } = await withFile(script, (path) => run(WORKFLOW, "--agents", path));
  assert.equal(code, 1);
  assert.match(
    stdout,
    /create_plan +failed: http_5xx, scripted failure; attempt 2 of 5 in 1m 30s$/m,
  );
  assert.match(stdout, /^1m 30s {2}create_plan +called .* \(attempt 2\)$/m);
  assert.match(stdout, /create_plan +failed for good: http_4xx, no goals \(after 2 attempts\)$/m);
  assert.match(stdout, /notify +skipped: a step before it failed$/m);
  assert.match(stdout, /ended after 1m 30s: failed\n {2}create_plan failed: http_4xx, no goals\n$/);
});

Deno.test("with --json the result is one JSON document", async () => {
  const { code, stdout } = await run(WORKFLOW, "--json", "--event", "streak_ping");
  assert.equal(code, 0);
  const result = JSON.parse(stdout);
  assert.equal(result.status, "success");
  assert.equal(result.runs[0].started_by, "event");
  assert.deepEqual(Object.keys(result.steps), ["gather_signals", "create_plan", "notify"]);
  assert.equal(result.calls.length, 3);
});

Deno.test("mistakes of the options, the workflow and the script end with exit code 2", async () => {
  const expected: [args: string[], told: RegExp][] = [
    [[], /expected one workflow file, got 0; see --help/],
    [["nowhere.yml"], /cannot read .*nowhere\.yml: there is no such file/],
    [[WORKFLOW, "--inptu", "{}"], /Unknown option '--inptu'/],
    [[WORKFLOW, "--input", "{mood}"], /--input must be JSON/],
    [[WORKFLOW, "--until", "5"], /until must be a time with its unit, .* got "5"/],
    [[WORKFLOW, "--event", "nothing.known"], /starts no run of daily_instructor_v1/],
  ];
  for (const [args, told] of expected) {
    const { code, stdout, stderr } = await run(...args);
    assert.match(stderr, told);
    assert.equal(stdout, "");
    assert.equal(code, 2, args.join(" "));
  }
  const broken = await withFile("key: a_v1\nsteps: []\n", (path) => run(path));
  assert.equal(broken.code, 2);
  assert.match(broken.stderr, /:1:1: trigger is missing/);
  const script = await withFile("agents: { notfiy: { output: 1 } }\n", (path) => {
    return run(WORKFLOW, "--agents", path);
  });
  assert.equal(script.code, 2);
  assert.match(
    script.stderr,
    /:1:11: agents\.notfiy names no step .*\n.*\n.*\n {2}did you mean notify/,
  );
});

Deno.test("--help tells every option, and its example of a script is one", async () => {
  const { code, stdout } = await run("--help");
  assert.equal(code, 0);
  for (const option of ["input", "event", "cron", "agents", "until", "at", "user", "json"]) {
    assert.match(stdout, new RegExp(`^  --${option}\\b`, "m"));
  }
  const example = stdout.slice(stdout.indexOf("  agents:\n"), stdout.indexOf("\nfail is "));
  const read = readScript(example.replaceAll(/^ {2}/gm, ""), "help");
  assert.ok(read.ok, JSON.stringify(read));
  assert.deepEqual(Object.keys(read.script), ["agents", "events", "approvals"]);
});
