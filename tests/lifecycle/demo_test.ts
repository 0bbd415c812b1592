// `deno task demo`: shows three runs that really ran, and says by its exit code whether they succeeded.
import assert from "node:assert/strict";
import { waitFor } from "../harness/stack.ts";
import { copyProject, findProcesses } from "./command.ts";

const copy = await copyProject();
Deno.test.afterAll(() => copy.remove());

const STEPS = [
  ["1. daily_instructor_v1 by event", ["gather_signals", "create_plan", "notify"]],
  ["2. daily_instructor_v1 by api", ["gather_signals", "create_plan", "notify"]],
  [
    "3. weekly_seed_v1 +by cron",
    ["clo_begin_week", "ta_generate_week", "socratic_seed", "brand_ingest"],
  ],
] as const;

const QUERIES = [
  "SELECT * FROM job_queue WHERE status IN ('queued', 'leased', 'running');",
  "SELECT * FROM job_queue WHERE status = 'failed';",
  "SELECT * FROM job_attempts WHERE success = false;",
  "ROUND(COUNT(*) FILTER (WHERE status = 'success')::decimal / COUNT(*) * 100, 2) as success_rate",
];

Deno.test("the demo ends with 0 and shows every step, the attempts of create_plan and the monitoring queries", async () => {
  const { code, stdout, stderr } = await copy.run("demo.ts", "--port", "0");
  assert.equal(code, 0, stdout + stderr);
  for (const [run, steps] of STEPS) {
    for (const step of steps) {
      assert.match(stdout, new RegExp(`^${run} +✓ success +${step} +agent `, "m"), stdout);
    }
  }
  for (const attempt of [1, 2]) {
    const failed = new RegExp(`^1\\. .* failed +create_plan .*attempt ${attempt} of 5`, "m");
    assert.match(stdout, failed, stdout);
  }
  assert.match(stdout, /^1\. .* success +create_plan .*attempt 3 of 5/m, stdout);
  assert.match(stdout, /INSERT INTO intent_events/);
  assert.match(stdout, /curl -X POST .*\/functions\/v1\/orchestrator\/dispatch/);
  for (const query of QUERIES) assert.ok(stdout.includes(query), query);
  assert.match(stdout, /^weekly_seed_v1 +1 +1 +100\.00$/m, stdout);
  assert.match(stdout, /^daily_instructor_v1 +2 +2 +100\.00$/m, stdout);
  await waitFor("nothing to be left", () => findProcesses(copy.root).length === 0);
});

Deno.test("the demo ends with 1 when an agent refuses its work, and shows where", async () => {
  const path = `${copy.root}/supabase/functions/agent-proxy/agents/notify.ts`;
  const source = await Deno.readTextFile(path);
  const broken = `
    import { type Agent, fail } from "../../_shared/agent_kit/mod.ts";
    export const notify: Agent = {
      method: "POST", path: "/notify", run: () => fail("nobody is at home", { status: 400 }),
    };`;
  await Deno.writeTextFile(path, broken);
  const { code, stdout, stderr } = await copy.run("demo.ts", "--port", "0");
  await Deno.writeTextFile(path, source);
  assert.equal(code, 1, stdout + stderr);
  assert.match(stdout, /✗ dead +notify/, stdout);
  assert.match(stdout, /nobody is at home/);
  assert.match(stdout, /not every run ended in success/);
  await waitFor("nothing to be left", () => findProcesses(copy.root).length === 0);
});

Deno.test("--help tells what the demo does, and a wrong argument is named", async () => {
  const help = await copy.run("demo.ts", "--help");
  assert.equal(help.code, 0);
  assert.match(help.stdout, /--keep[\s\S]*--port N/);
  const { code, stderr } = await copy.run("demo.ts", "--kep");
  assert.equal(code, 1);
  assert.match(stderr, /--kep/);
});
