// Everything that a project with this orchestrator does in a bad week, with agents, senders and receivers that
// give away whatever they know.
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { type HookPreset } from "../../supabase/functions/_shared/contract/hooks.ts";
import { send as sign } from "../../supabase/functions/_shared/hooks/fake_senders.ts";
import { makeSecret } from "../../supabase/functions/_shared/hooks/secrets.ts";
import { ROUTE_ACCESS } from "../../supabase/functions/orchestrator/routes/access.ts";
import { waitFor } from "../harness/stack.ts";
import { type Json, send } from "../http/http_stack.ts";
import type { CanaryStack } from "./canary_stack.ts";

const isEnded = (status: unknown) => status !== "running";

/** What agents say of the call that they got, each in its own way. */
const TALKS: Record<string, (headers: Record<string, string>, body: Json) => Response> = {
  output: (headers, body) => Response.json({ ok: true, output: { headers, body } }),
  large: (headers) => Response.json({ ok: true, output: [headers, "x".repeat(300_000), headers] }),
  bare: (headers) => Response.json({ ok: true, ...headers }),
  keys: (headers) =>
    Response.json({ ok: true, output: { [headers.apikey]: { [headers.authorization]: 1 } } }),
  encoded: (headers) => {
    const bytes = Buffer.from(JSON.stringify(headers));
    return Response.json({
      ok: true,
      output: {
        base64: bytes.toString("base64"),
        hex: bytes.toString("hex"),
        query: `${new URLSearchParams(headers)}`,
      },
    });
  },
  error: (headers, body) =>
    Response.json({ ok: false, error: `bad: ${JSON.stringify([headers, body])}` }),
  message: (headers) =>
    Response.json({ error: { message: headers.authorization } }, { status: 400 }),
  retry: (headers) =>
    Response.json({
      ok: false,
      retryable: true,
      error: headers.authorization.slice("Bearer ".length),
    }),
  status: (headers) => new Response(`${headers.apikey} ${headers.authorization}`, { status: 401 }),
  html: (headers) =>
    new Response(`<p>${"x".repeat(150)}${headers.authorization} ${headers.apikey}</p>`),
  redirect: (headers) =>
    new Response(null, {
      status: 302,
      headers: {
        location: `https://example.com/?k=${headers.apikey}&a=${
          encodeURIComponent(headers.authorization)
        }`,
      },
    }),
  busy: (headers) =>
    new Response(headers.authorization, { status: 503, headers: { "retry-after": "900" } }),
};

/** Agents that answer later and give away the credential of their answer. */
const LATER: Record<string, (callbackUrl: string) => unknown> = {
  later_output: (url) => ({ ok: true, output: { told: url } }),
  later_error: (url) => ({ ok: false, error: `posting to ${url}` }),
  later_garbage: (url) => `no JSON ${url}`,
};

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

async function setUpAgents(s: CanaryStack): Promise<void> {
  const headersOf = (headers: Headers) => Object.fromEntries(headers);
  for (const [name, talk] of Object.entries(TALKS)) {
    s.agents.answer(`own/${name}`, ({ headers, body }) => talk(headersOf(headers), body as Json));
  }
  for (const name of Object.keys(LATER)) {
    s.agents.answer(`own/${name}`, ({ body }) => {
      const { callback_url } = body as { callback_url: string };
      s.search.add({ name: `callback token of ${name}`, value: callback_url.split(".").at(-1)! });
      return Response.json({ ok: true, output: callback_url }, { status: 202 });
    });
  }
  const step = (id: string) => ({ id, call: `/functions/v1/own/${id}`, timeout_ms: 5_000 });
  const workflows = [
    {
      key: "talk",
      public: true,
      inputs: { type: "object" },
      trigger: { type: "event", event_types: ["talk.asked"] },
      steps: [
        ...Object.keys(TALKS).map((id) => ({ ...step(id), retry: { max_attempts: 2 } })),
        ...Object.keys(LATER).map((id) => ({ ...step(id), mode: "async" })),
        { id: "kit", call: "/functions/v1/agent-proxy/echo", mode: "async" },
        { id: "ask", wait: { event: "talk.approved" } },
        {
          id: "expression",
          call: "/functions/v1/own/output",
          with: { all: "${{ inputs.headers.nothing }}" },
        },
      ],
    },
    {
      key: "fine",
      trigger: { type: "manual" },
      steps: [{ id: "only", call: "/functions/v1/agent-proxy/echo" }],
    },
  ];
  for (const workflow of workflows) {
    await s.must("POST", "/workflows", { source: JSON.stringify(workflow) });
  }
}

async function useDestinations(s: CanaryStack): Promise<void> {
  const token = s.plant("Slack URL", { "slack: path": "it is the address of this very channel" });
  // Both say what they know before they say no.
  s.slack.reply = ({ path }) => new Response(`no such hook ${s.slack.url}${path}`, { status: 500 });
  s.webhook.reply = ({ headers }) => Response.json(headers, { status: 400 });
  const types = ["run.succeeded", "run.failed", "run.cancelled", "job.dead", "approval.requested"];
  await s.must("PUT", "/destinations/chat", {
    kind: "slack",
    url: `http://${s.slack.host}/services/${token}`,
    types,
  });
  const told = "answer of PUT /destinations/app";
  const { secret } = await s.must("PUT", "/destinations/app", {
    kind: "webhook",
    url: s.webhook.url,
    types,
  });
  s.search.add({
    name: "webhook's signing secret",
    value: (secret as string).slice("whsec_".length),
    allowed: { [told]: "the one time that it is told" },
  });
  const rotated = await s.must("POST", "/destinations/app/rotate");
  s.search.add({
    name: "webhook's next signing secret",
    value: (rotated.secret as string).slice("whsec_".length),
    allowed: { "answer of POST /destinations/app/rotate": "the one time that it is told" },
  });
  for (const name of ["chat", "app"]) await s.must("POST", `/destinations/${name}/test`);
}

async function useHooks(s: CanaryStack): Promise<void> {
  const presets: HookPreset[] = ["standard", "github", "stripe", "slack", "hmac", "api_key"];
  const cookie = s.plant("cookie");
  const verification = s.plant("Slack's verification token");
  for (const preset of presets) {
    const settings = preset === "hmac"
      ? { header: "x-own-signature", prefix: "", signed: "{body}" }
      : preset === "api_key"
      ? { header: "x-own-credential", prefix: "Key " }
      : {};
    const scheme = { preset, settings } as Parameters<typeof sign>[0];
    const secret = preset === "standard"
      ? makeSecret(preset)
      : s.plant(`secret of ${preset}`, {}, (random) => `${random}"\\+/=%20 ${random}`);
    if (preset === "standard") s.search.add({ name: "secret of standard", value: secret.slice(6) });
    await s.must("PUT", `/hooks/${preset}`, {
      ...scheme,
      secret,
      event_type: preset === "github" ? "talk.asked" : "${{ body.kind }}",
      user_id: "hooked",
    });
    const url = `${s.stack.url}/functions/v1/orchestrator/hooks/${preset}`;
    const body = JSON.stringify({
      kind: "told",
      token: preset === "slack" ? verification : undefined,
    });
    const algorithm = preset === "hmac" ? { algorithm: "sha256", encoding: "hex" } : {};
    const signed = sign({ preset, settings: { ...settings, ...algorithm } } as typeof scheme, {
      body,
      secrets: [secret],
    });
    const headers = { ...signed.headers, cookie, "x-auth-token": cookie };
    const good = await send(url, "POST", { body, headers });
    assert.equal(good.status, 202, `${preset}: ${good.text}`);
    const bad = await send(url, "POST", {
      body: `${body} `,
      headers: { ...headers, authorization: `Bearer ${cookie}` },
    });
    assert.equal(bad.status, preset === "api_key" ? 202 : 401, bad.text);
  }
  await s.must("POST", "/hooks/github/rotate", {
    secret: s.plant("next secret of github", {}, (random) => `${random} ${random}`),
  });
}

async function useTriggers(s: CanaryStack): Promise<void> {
  const made = await s.must("POST", "/keys", { name: "crm", workflow_keys: ["*"], user_id: "crm" });
  const key = made.key as string;
  s.search.add({
    name: "trigger key",
    value: key.split("_").slice(2).join("_"),
    allowed: { "answer of POST /keys": "the one time that it is told" },
  });
  const headers = { apikey: null, authorization: `Bearer ${key}` };
  const started = await s.ask("POST", "/triggers/talk?wait=1s", { headers, body: { payload: {} } });
  assert.ok(started.status < 300, started.text);
  await s.ask("GET", `/triggers/runs/${started.body.workflow_run_id}`, { headers });
  await s.ask("POST", "/triggers/none", { headers, body: {} });
  await s.ask("POST", "/triggers/talk", {
    headers: { ...headers, authorization: `Bearer ${key}x` },
    body: {},
  });
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

/** Posts what the agents answer late, and once more with a token that was cut. */
async function callBack(s: CanaryStack): Promise<void> {
  for (const [name, answer] of Object.entries(LATER)) {
    const calls = s.agents.calls.filter(({ path }) => path === `/functions/v1/own/${name}`);
    assert.ok(calls.length > 0, `${name} was called`);
    for (const { body } of calls) {
      const { callback_url } = body as { callback_url: string };
      const url = callback_url.replace(s.agents.url, s.stack.url);
      const text = answer(callback_url);
      const options = { body: typeof text === "string" ? text : JSON.stringify(text) };
      await send(`${url}/heartbeat`, "POST", { body: "" });
      for (const target of [`${url}x`, url, url]) await send(target, "POST", options);
    }
  }
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
    if (!isEnded(status)) await asOperator(`/runs/${id}/cancel`, { reason: "enough" });
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
    "/destinations/:name": ["chat", "app"],
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
