// The callbacks of agents that answer later, over HTTP: the token is the credential, and good once.
import assert from "node:assert/strict";
import { openStack, waitFor, waitForRun } from "../harness/stack.ts";
import { publish, writeWorkflow } from "../harness/definition.ts";

const s = await openStack({ settings: { worker_linger_ms: 200 }, loops: { cron: false } });
const ended = waitForRun(s);
Deno.test.afterAll(() => s.close());

s.agents.answer("own/later", () => Response.json({ ok: true }, { status: 202 }));
await publish(
  s.db.rpc,
  writeWorkflow("later", [
    { id: "report", call: "/functions/v1/own/later", mode: "async" } as never,
    { id: "next", call: "/functions/v1/agent-proxy/echo", depends_on: ["report"] },
  ]),
);

/** Starts a run whose first step waits for its callback; answers the run and the two URLs. */
async function begin(): Promise<{ runId: string; url: string; heartbeatUrl: string }> {
  const [runId] = await s.enqueue("later");
  await s.post("orchestrator/worker");
  const call = await waitFor("the agent to be called", () => s.agents.of(runId)[0]);
  await waitFor("the job to be parked", async () => {
    const [{ status }] = await s.db.admin`
      select status from job_queue where workflow_run_id = ${runId} and step_id = 'report'`;
    return status === "parked";
  });
  const body = call.body as { callback_url: string; callback_heartbeat_url: string };
  // The URLs lead to the base URL of the functions, which is the agents' double here.
  const local = (url: string) => s.stack.url + new URL(url).pathname;
  return {
    runId,
    url: local(body.callback_url),
    heartbeatUrl: local(body.callback_heartbeat_url),
  };
}

async function post(url: string, body: unknown = {}): Promise<[number, string]> {
  const response = await fetch(url, { method: "POST", body: JSON.stringify(body) });
  return [response.status, await response.text()];
}

Deno.test("a callback needs no key but its token, and the run goes on with its output", async () => {
  const { runId, url, heartbeatUrl } = await begin();
  assert.equal((await post(heartbeatUrl))[0], 200);
  const [status, text] = await post(url, { ok: true, output: { pages: 3 } });
  assert.equal(status, 200, text);
  assert.equal((await ended(runId))[0].status, "success");
  const next = s.agents.of(runId).find(({ stepId }) => stepId === "next");
  assert.deepEqual((next?.body as { inputs: unknown }).inputs, { report: { pages: 3 } });
});

Deno.test("a callback with a wrong token is a 401, with a used one a 409", async () => {
  const { runId, url, heartbeatUrl } = await begin();
  const forged = url.slice(0, -1) + (url.endsWith("A") ? "B" : "A");
  assert.equal((await post(forged, { ok: true }))[0], 401);
  assert.equal((await post(`${forged}/heartbeat`))[0], 401);
  assert.equal((await post(url, { ok: true }))[0], 200);
  await ended(runId);
  assert.equal((await post(url, { ok: true, output: "again" }))[0], 409);
  assert.equal((await post(heartbeatUrl))[0], 409);
});

Deno.test("a callback of an attempt that was given up is a 409, and of a cancelled run too", async () => {
  const { runId, url } = await begin();
  await s.db.rpc.cancelRun({ workflowRunId: runId });
  const [status, text] = await post(url, { ok: true });
  assert.equal(status, 409, text);

  const second = await begin();
  await s.db.admin`
    update job_queue set next_run_at = orchestrator.now() - interval '1 second'
    where workflow_run_id = ${second.runId} and step_id = 'report'`;
  await s.post("orchestrator/worker");
  await waitFor("the attempt to be given up", async () => {
    const [{ status }] = await s.db.admin`
      select status from job_queue where workflow_run_id = ${second.runId} and step_id = 'report'`;
    return status === "failed" || s.agents.of(second.runId).length > 1;
  });
  assert.equal((await post(second.url, { ok: true }))[0], 409);
});

Deno.test("a callback that fails is tried again or final, by the agent contract", async () => {
  const { runId, url } = await begin();
  assert.equal((await post(url, { ok: false, error: "no data" }))[0], 200);
  const [{ status }] = await ended(runId);
  assert.equal(status, "failed");
  const [job] = await s.db.admin`
    select error_class, error_text from job_queue where workflow_run_id = ${runId} and status = 'dead'`;
  assert.deepEqual({ ...job }, { error_class: "agent_error", error_text: "no data" });
});
