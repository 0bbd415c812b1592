// POST /worker and the function cron-orchestrator: called by curl, and by pg_cron with the statements
// of the founding document.
import assert from "node:assert/strict";
import { waitFor } from "../harness/stack.ts";
import { openHttpStack, runCurl } from "./http_stack.ts";

const it = await openHttpStack({ loops: { cron: false, net: true } });
Deno.test.afterAll(() => it.stop());

const start = async () => {
  await it.sql`
    select dispatch_workflows(
      '[{"user_id": "u", "workflow_key": "daily_instructor_v1"}]', p_ring => false)`;
};
const countSuccess = async () =>
  (await it.sql`select count(*)::int as n from workflow_runs where status = 'success'`)[0].n;

const SEED_CURL = `curl -X POST https://your-project.supabase.co/functions/v1/orchestrator/worker \\
  -H "Authorization: Bearer your-service-role-key"`;

Deno.test("the founding document's curl wakes a worker, which does what is due", async () => {
  for (const key of [it.stack.keys.serviceRoleJwt, it.stack.keys.secret]) {
    const before = await countSuccess();
    await start();
    const answer = await runCurl(SEED_CURL, it.stack, key);
    assert.equal(answer.status, 202, answer.text);
    assert.equal(answer.body.accepted, true);
    await waitFor("the run to succeed", async () => await countSuccess() > before);
  }
});

Deno.test("with ?wait=true the answer comes when nothing is due any more, with the counts", async () => {
  await start();
  const { status, body } = await it.ask("POST", "/orchestrator/worker?wait=true");
  assert.equal(status, 200);
  assert.deepEqual([body.accepted, body.end], [true, "empty"]);
  const { jobs, success, retry, dead, lost } = body;
  assert.deepEqual({ jobs, success, retry, dead, lost }, {
    jobs: 3,
    success: 3,
    retry: 0,
    dead: 0,
    lost: 0,
  });
});

Deno.test("a worker with nothing to do says so", async () => {
  const { status, body } = await it.ask("POST", "/orchestrator/worker?wait=true");
  assert.deepEqual([status, body.jobs, body.end], [200, 0, "empty"]);
});

Deno.test("the founding document's pg_cron statements work with a service key", async () => {
  const { serviceRoleJwt } = it.stack.keys;
  const before = await countSuccess();
  await start();
  for (const path of ["orchestrator/worker", "cron-orchestrator"]) {
    const seed =
      `SELECT net.http_post(url:='https://your-project.supabase.co/functions/v1/${path}', headers:='{"Authorization": "Bearer your-service-role-key"}'::jsonb);`;
    await it.sql.unsafe(
      seed.replace("https://your-project.supabase.co", it.stack.url)
        .replace("your-service-role-key", serviceRoleJwt),
    );
  }
  const answers = await waitFor("the answers of both functions", async () => {
    const rows = await it.sql`select status_code from net._http_response order by status_code`;
    return rows.length === 2 && rows.map((row) => row.status_code);
  });
  assert.deepEqual(answers, [200, 202]);
  await waitFor("the run to succeed", async () => await countSuccess() > before);
});

Deno.test("cron-orchestrator plans the schedules and fires the slot that is due, once", async () => {
  const { status, body } = await it.ask("POST", "/cron-orchestrator");
  assert.equal(status, 200);
  assert.deepEqual([body.rejected, body.failed], [0, 0]);
  await it.sql`
    update workflow_schedules set next_run_at = orchestrator.now() - interval '10 seconds'
    where workflow_key = 'weekly_seed_v1'`;
  const first = await it.ask("POST", "/cron-orchestrator");
  const second = await it.ask("POST", "/cron-orchestrator");
  assert.deepEqual([first.body.fired, first.body.runs], [1, 1]);
  assert.deepEqual([second.body.fired, second.body.runs], [0, 0]);
  await it.ask("POST", "/orchestrator/worker?wait=true");
  const runs = await it.sql`
    select trigger_type, status from workflow_runs where workflow_key = 'weekly_seed_v1'`;
  assert.deepEqual(runs.map((run) => ({ ...run })), [{ trigger_type: "cron", status: "success" }]);
});

Deno.test("a wrong method is a 405", async () => {
  for (const path of ["/cron-orchestrator", "/orchestrator/worker"]) {
    const { status, headers } = await it.ask("GET", path);
    assert.deepEqual([status, headers.get("allow")], [405, "POST"]);
  }
});
