// Everything that a project with this orchestrator does in a bad week.
import assert from "node:assert/strict";
import { ROUTE_ACCESS } from "../../supabase/functions/orchestrator/routes/access.ts";
import { waitFor } from "../harness/stack.ts";
import { send } from "../http/http_stack.ts";
import { callBack, setUpAgents } from "./canary_agents.ts";
import { useDestinations, useHooks, useTriggers } from "./canary_outsiders.ts";
import type { CanaryStack } from "./canary_stack.ts";

export async function exercise(s: CanaryStack): Promise<void> {
  await setUpAgents(s);
  await useDestinations(s);
  await useHooks(s);
  await useTriggers(s);
  await runWorkflows(s);
  await act(s);
  await refuse(s);
  await lookAtEverything(s);
}

async function runWorkflows(s: CanaryStack): Promise<void> {
  const given = s.plant("credential in a payload", {
    "table public.workflow_runs.payload": "a payload is its caller's data, kept as it came",
    "table public.workflow_runs.inputs": "the same, with its defaults filled in",
    "table public.intent_events.payload": "the same, of an event",
    "table public.agent_replies.body": "the example agent answers with what it was sent",
    "table public.job_queue.output": "an agent may answer with a payload",
    "answer of GET /runs/": "who may look at a run sees its payload and its outputs",
    "answer of GET /jobs/": "the same, of a job",
    "answer of GET /runs?": "the same, in the list",
    "answer of GET /jobs?": "the same, in the list",
    "file of the bucket": "outputs and payloads in Storage are those of the tables",
  });
  const payload = { headers: { authorization: `Bearer ${given}`, apikey: given } };
  for (const workflow_key of ["talk", "fine"]) {
    await s.must("POST", "/dispatch", { user_id: "ada", workflow_key, payload });
  }
  await s.must("POST", "/events", { user_id: "ada", type: "talk.asked", payload });
  // Through SQL, so that Postgres rings.
  await s.db.admin`insert into intent_events (user_id, type) values ('bob', 'talk.asked')`;
  await s.db.admin`select orchestrator.tick_cron()`;
  await s.must("POST", "/worker?wait=true");
  await callBack(s);
  await waitFor("what is under way to settle", async () => {
    await s.ask("POST", "/worker?wait=true");
    const [{ n }] = await s.db.admin`
      select count(*)::int as n from job_queue
      where status in ('leased', 'running') or status = 'queued' and next_run_at <= orchestrator.now()`;
    return n === 0;
  });
}

async function act(s: CanaryStack): Promise<void> {
  const rows = await s.db.admin`
    select job_id, workflow_run_id, step_id, status from job_queue q
    where step_id in ('error', 'status', 'html', 'ask') order by job_id`;
  const find = (step: string) => rows.find(({ step_id }) => step_id === step)!;
  const asOperator = async (path: string, body: unknown = {}) => {
    const answer = await s.ask("POST", path, { body, headers: { ...s.operator.headers } });
    assert.ok(answer.status < 300, `${path}: ${answer.text}`);
  };
  await asOperator(`/jobs/${find("error").job_id}/retry`);
  await asOperator(`/jobs/${find("status").job_id}/reset`);
  await asOperator(`/jobs/${find("ask").job_id}/approve`, { reason: "fine" });
  await s.must("POST", "/worker?wait=true");
  const runs = await s.db.admin`select workflow_run_id as id, status from workflow_runs order by 1`;
  for (const { id, status } of runs) {
    if (status === "running") await asOperator(`/runs/${id}/cancel`, { reason: "enough" });
  }
  await asOperator(`/runs/${runs[0].id}/restart`, { mode: "whole" });
  await s.must("POST", "/worker?wait=true");
  const { output } = await s.must("POST", "/http", { call: "/functions/v1/own/output" });
  assert.ok(JSON.stringify(output).includes("x-idempotency-key"), "the agent told its headers");
  await s.ask("POST", "/http", { body: { call: "/functions/v1/own/error" } });
}

/** Credentials in wrong places, wrong ones, and a platform that is away while they are used. */
async function refuse(s: CanaryStack): Promise<void> {
  const { secret, serviceRoleJwt } = s.stack.keys;
  const query = `apikey=${secret}&token=${s.metricsToken}&jwt=${serviceRoleJwt}`;
  const url = (path: string) => `${s.stack.url}/functions/v1/${path}`;
  const knock = (
    method: string,
    path: string,
    headers: Record<string, string> = {},
    body?: unknown,
  ) => send(url(path), method, { headers, body });
  await knock("GET", `orchestrator/runs?${query}`);
  await knock("GET", `orchestrator/metrics?${query}`);
  await knock("GET", "orchestrator/metrics", { authorization: `Bearer ${s.metricsToken}x` });
  await knock("POST", "orchestrator/dispatch", { apikey: `${secret}x` }, {});
  await knock("POST", "orchestrator/dispatch", { authorization: `Bearer ${serviceRoleJwt}x` }, {});
  await knock("POST", "cron-orchestrator", { authorization: `Bearer ${s.metricsToken}` });
  await knock("POST", `agent-proxy/notify?${query}`, { apikey: "nobody" });
  const apikey = { apikey: secret };
  for (const part of ["database", "storage"] as const) {
    s.stack.setAway(part, true);
    for (const credential of [secret, serviceRoleJwt, s.metricsToken]) {
      await knock("GET", `orchestrator/workflows/${credential}?${query}`, apikey);
      await knock("POST", `orchestrator/triggers/${credential}`, apikey, {});
      await knock("POST", `orchestrator/hooks/${credential}`, apikey, {});
      await knock("POST", `orchestrator/callbacks/${credential}`, apikey, {});
    }
    await knock("POST", "orchestrator/workflows/sync", apikey);
    await knock("POST", "cron-orchestrator", apikey);
    await knock("POST", "agent-proxy/echo", { ...apikey, "idempotency-key": "k" }, {});
    s.stack.setAway(part, false);
  }
}

/** Every route that shows something, for every run and job. */
export async function lookAtEverything(s: CanaryStack): Promise<void> {
  // Of each step and status one job is enough, and of each workflow a run.
  const rows = await s.db.admin`
    select distinct on (step_id, status) job_id, workflow_run_id from job_queue
    order by step_id, status, job_id`;
  const jobs = rows.map(({ job_id }) => job_id);
  const runs = [...new Set(rows.map(({ workflow_run_id }) => workflow_run_id))];
  const values: Record<string, string[]> = {
    "/runs/:id": runs,
    "/jobs/:id": jobs,
    "/workflows/:key": ["talk", "fine"],
    "/hooks/:source": ["github", "api_key"],
    "/destinations/:name": ["chat", "down", "app"],
    ":step": ["output", "error"],
    ":version": ["1"],
  };
  let paths = Object.keys(ROUTE_ACCESS).filter((route) => route.startsWith("GET "))
    .map((route) => route.slice("GET ".length))
    .filter((path) => !path.startsWith("/triggers/"));
  for (const [parameter, list] of Object.entries(values)) {
    paths = paths.flatMap((path) => {
      if (!path.includes(parameter)) return [path];
      const name = parameter.slice(parameter.indexOf(":"));
      return list.map((value) => path.replace(name, value));
    });
  }
  assert.deepEqual(paths.filter((path) => path.includes(":")), [], "every parameter has values");
  const isStream = (path: string) => path.endsWith("/events");
  const streams = paths.filter(isStream).slice(0, 2);
  for (const path of [...paths.filter((it) => !isStream(it)), ...streams]) {
    const headers: Record<string, string | null> = path === "/metrics"
      ? { authorization: `Bearer ${s.metricsToken}`, apikey: null }
      : {};
    const { status, text } = await s.ask("GET", path, { headers });
    // A service key is no user, and not every step has items.
    assert.ok(status === 200 || /^.me$|items$/.test(path), `${path}: ${status} ${text}`);
  }
}
