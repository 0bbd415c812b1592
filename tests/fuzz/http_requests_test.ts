// Whatever is sent to a route, it answers in time, as the document says, and never with a mistake of its own:
// a refusal is problem details that name the field. FUZZ_RUNS draws more.
import assert from "node:assert/strict";
import fc from "fast-check";
import { draw } from "../harness/fuzz.ts";
import { type Answer, type Json, openHttpStack } from "../http/http_stack.ts";
import {
  checkAnswer,
  listOperations,
  type OpenapiDocument,
} from "../operations/described_surface.ts";
import { Receiver } from "../operations/notification_receiver.ts";
import { createCaller } from "../operations/trigger_caller.ts";
import { type DrawnRequest, drawRequests } from "./requests.ts";
import type { Known } from "./schema_values.ts";

/** Longer than any answer takes on a machine that is busy otherwise. */
const TIME_LIMIT_MS = 20_000;

const SOURCE = `
key: shown
public: true
inputs: {type: object, properties: {names: {type: array, default: [ada]}}}
trigger: {type: cron_or_event, event_types: [shown.asked], cron: "0 7 * * *"}
steps:
  - id: each
    for_each: inputs.names
    call: /functions/v1/agent-proxy/echo
  - {id: report, call: /functions/v1/own/later, mode: async}
  - {id: ask, wait: {event: shown.approved}, if: "run.user_id != ''"}
`;

const METRICS_TOKEN = crypto.randomUUID();
const HOOK_SECRET = crypto.randomUUID();
const receiver = new Receiver();
const it = await openHttpStack({
  settings: { progress_stream_ms: 1_000 },
  env: {
    ORCHESTRATOR_METRICS_TOKEN: METRICS_TOKEN,
    ORCHESTRATOR_ALLOWED_WEBHOOK_HOSTS: receiver.host,
  },
});
Deno.test.afterAll(async () => {
  await receiver.close();
  await it.stop();
});

const ask = async (method: string, path: string, body?: unknown): Promise<Json> =>
  (await it.ask(method, `/orchestrator${path}`, { body })).body;

it.agents.answer("own/later", () => Response.json({ ok: true }, { status: 202 }));
const trigger = await createCaller(it).makeKey({ rate_per_minute: 6_000 });
const document = await ask("GET", "/openapi.json") as unknown as OpenapiDocument;
const findKnown = await arrange();

/** Something of every kind, so that requests have what they can be about. */
async function arrange(): Promise<(route: string) => Known> {
  await ask("POST", "/workflows", { source: SOURCE });
  const start = { user_id: "ada", workflow_key: "shown", payload: { names: ["ada", "bob"] } };
  const { runs } = await ask("POST", "/dispatch", [start, start, start]);
  await ask("POST", "/worker?wait=true");
  const runIds = (runs as Json[]).map((run) => run.workflow_run_id);
  const { jobs } = await ask("GET", `/runs/${runIds[0]}`);
  const { schedules } = await ask("GET", "/schedules");
  const webhook = { kind: "webhook", url: receiver.url, types: ["alert.firing"] };
  await ask("PUT", "/destinations/ops", webhook);
  const hook = { preset: "api_key", event_type: "shop.paid", user_id: "${{ body.user }}" };
  await ask("PUT", "/hooks/shop", { ...hook, secret: HOOK_SECRET });
  const report = it.agents.calls.find(({ stepId }) => stepId === "report");
  const { callback_url } = report!.body as { callback_url: string };
  const jobIds = (jobs as Json[]).map((job) => job.job_id);
  const scheduleIds = (schedules as Json[]).map((it) => it.schedule_id);
  const common = {
    workflow_run_id: runIds,
    workflow_key: ["shown"],
    key: ["shown"],
    step: ["each", "ask", "report"],
    step_id: ["each", "ask", "report"],
    source: ["shop", "fuzzed"],
    name: ["ops", "fuzzed"],
    token: [callback_url.split("/").at(-1)],
    version: [1, 2],
    wait: ["0s", "1ms", "50ms"],
    user_id: ["ada", "bob"],
    url: [receiver.url],
    call: ["/functions/v1/agent-proxy/echo", "/functions/v1/agent-proxy/nothing"],
    pattern: ["agent:clo", "user:*"],
    networks: [null, ["203.0.113.0/24"], ["2001:db8::/32", "10.0.0.0/8"]],
  };
  const ofRuns = { id: runIds, newest: runIds, cursor: [null, runIds[0]], before: runIds };
  const ofJobs = { id: jobIds, newest: jobIds, cursor: [null, jobIds[0]], before: jobIds };
  const step = { id: "more", call: common.call[0], depends_on: ["each"] };
  const byRoute: Record<string, Record<string, unknown[]>> = {
    "/runs": ofRuns,
    "/jobs": ofJobs,
    "/schedules": { id: scheduleIds },
    "/keys": { id: [trigger.key_id], workflow_keys: [["shown"], ["*"]] },
    "/triggers": { id: runIds },
    "/rate_limit": { key: ["user:ada:agent:clo"] },
    "/workflows": { source: [SOURCE, SOURCE.replace("shown", "fuzzed")] },
    "/alerts": { name: ((await ask("GET", "/alerts")).rules as Json[]).map(({ name }) => name) },
  };
  return (route) => {
    const place = Object.keys(byRoute).find((name) => route.split(" ")[1].startsWith(name));
    return {
      ...common,
      ...place === undefined ? {} : byRoute[place],
      "POST /runs/{id}/steps": [{ steps: [step], author: "a planner" }],
    };
  };
}

/** What a route asks for: a service key, or its own credential. */
function listCredentials(route: string): Record<string, string> {
  const { secret } = it.stack.keys;
  if (route.includes("/triggers")) return { authorization: `Bearer ${trigger.key}` };
  if (route.includes("/metrics")) return { authorization: `Bearer ${METRICS_TOKEN}` };
  // One that the sender of a webhook has, so that its body is looked at.
  if (route === "POST /hooks/{source}") return { "x-api-key": HOOK_SECRET };
  return { apikey: secret };
}

async function sendDrawn(route: string, request: DrawnRequest): Promise<Answer> {
  const { method, path, headers, body } = request;
  const response = await fetch(`${it.stack.url}/functions/v1/orchestrator${path}`, {
    method,
    headers: { ...headers, ...listCredentials(route) },
    body,
    signal: AbortSignal.timeout(TIME_LIMIT_MS),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, text, body: {} };
}

/** A refusal of JSON names each field, and tells nothing of what went on inside. */
function checkRefusal({ isJson }: DrawnRequest, { status, text }: Answer): void {
  const { kind, problems = [] } = JSON.parse(text);
  if (status !== 400 || !isJson) return;
  assert.equal(kind, "invalid", text);
  assert.ok(problems.length > 0, `no problem is named: ${text}`);
  assert.doesNotMatch(
    text,
    /a value cannot be stored/,
    "the database refused what was let through",
  );
}

for (const found of listOperations(document)) {
  const { route, operation: { parameters, requestBody } } = found;
  const isNarrow = parameters === undefined && requestBody === undefined;

  Deno.test(`${route} answers in time and as described, whatever it is sent`, async () => {
    const requests = drawRequests(document, found, findKnown(route));
    await fc.assert(
      fc.asyncProperty(requests, async (request) => {
        const answer = await sendDrawn(route, request);
        assert.ok(
          answer.status < 500 || route === "GET /health",
          `${answer.status} ${answer.text}`,
        );
        checkAnswer(document, found, answer);
        if (answer.status >= 400 && route !== "GET /health") checkRefusal(request, answer);
      }),
      draw(isNarrow ? 2 : 12),
    );
  });
}
