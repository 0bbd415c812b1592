// What GET /openapi.json says of answers, held against the answers of every route: of the good ones and
// of the refusals.
import assert from "node:assert/strict";
import { waitFor } from "../harness/stack.ts";
import { type Answer, type Json, openHttpStack, send } from "../http/http_stack.ts";
import { createPerson } from "../http/signed_in.ts";
import {
  checkAnswer,
  findOperation,
  listFaults,
  listOperations,
  type OpenapiDocument,
} from "./described_surface.ts";
import { Receiver } from "./notification_receiver.ts";
import { createCaller } from "./trigger_caller.ts";

const NOBODY = "00000000-0000-4000-8000-000000000000";
const POLICY = { pattern: "agent:clo", capacity: 5, refill_rate: 1 };

const SOURCE = `
key: shown
inputs: {type: object, properties: {names: {type: array, default: [ada]}}}
trigger: {type: cron_or_event, event_types: [shown.asked], cron: "0 7 * * *"}
steps:
  - id: each
    for_each: inputs.names
    call: /functions/v1/own/greet
    with: {name: "\${{ item }}"}
  - {id: report, call: /functions/v1/own/later, mode: async}
  - {id: ask, wait: {event: shown.approved}, if: "run.user_id != ''"}
  - {id: other, wait: {event: shown.approved}}
`;

const METRICS_TOKEN = crypto.randomUUID();
const receiver = new Receiver();
const it = await openHttpStack({
  env: {
    ORCHESTRATOR_METRICS_TOKEN: METRICS_TOKEN,
    ORCHESTRATOR_ALLOWED_WEBHOOK_HOSTS: receiver.host,
  },
});
Deno.test.afterAll(async () => {
  await receiver.close();
  await it.stop();
});

const { body } = await it.ask("GET", "/orchestrator/openapi.json");
const document = body as unknown as OpenapiDocument;

it.agents.answer("own/greet", ({ body }) => {
  const { name } = (body as Json).inputs as Json;
  const isHere = name !== "nobody";
  return Response.json(
    isHere ? { ok: true, output: `Hello ${name}` } : { ok: false, error: "who" },
  );
});
it.agents.answer("own/later", () => Response.json({ ok: true }, { status: 202 }));

const answeredWell = new Set<string>();

/** Asks, holds the answer against the document, and wants this status. */
async function expect(status: number, method: string, path: string, body?: unknown): Promise<Json> {
  return look(status, method, path, await it.ask(method, `/orchestrator${path}`, { body }));
}

function look(status: number, method: string, path: string, answer: Answer): Json {
  const found = findOperation(document, method, path);
  assert.equal(answer.status, status, `${method} ${path}: ${answer.text}`);
  checkAnswer(document, found, answer);
  if (status < 300) answeredWell.add(found.route);
  return answer.body;
}

/** Starts a run of the workflow above and lets it come to where it waits. */
async function start(names: string[]): Promise<{ id: string; jobs: Record<string, number> }> {
  const request = { user_id: "ada", workflow_key: "shown", payload: { names } };
  const { workflow_run_id: id } = await expect(202, "POST", "/dispatch", request);
  await expect(200, "POST", "/worker?wait=true");
  const run = await expect(200, "GET", `/runs/${id}`);
  const jobs = (run.jobs as Json[]).map((job) => [job.step_id, job.job_id]);
  return { id: id as string, jobs: Object.fromEntries(jobs) };
}

/** The path of a callback as the agent got it. */
function readCallback(runId: string): string {
  const call = it.agents.of(runId).find(({ stepId }) => stepId === "report");
  const { pathname } = new URL((call!.body as { callback_url: string }).callback_url);
  return pathname.slice(pathname.indexOf("/callbacks"));
}

await expect(201, "POST", "/workflows", { source: SOURCE });

Deno.test("what starts runs, and calls beside them, answers as the document says", async () => {
  const one = { user_id: "ada", workflow_key: "shown", idempotency_key: "once" };
  await expect(202, "POST", "/dispatch", one);
  await expect(202, "POST", "/dispatch", one);
  await expect(409, "POST", "/dispatch", { ...one, user_id: "bob" });
  await expect(404, "POST", "/dispatch", { user_id: "ada", workflow_key: "show" });
  const misfit = { ...one, idempotency_key: null, payload: { names: "ada" } };
  await expect(422, "POST", "/dispatch", misfit);
  const { runs } = await expect(202, "POST", "/dispatch", [
    one,
    misfit,
    { ...one, user_id: "bob" },
    { user_id: "ada", workflow_key: "show" },
  ]);
  const results = (runs as Json[]).map(({ result }) => result);
  assert.deepEqual(results, ["existing", "invalid", "conflict", "unknown_workflow"]);
  const event = { user_id: "ada", type: "shown.asked", idempotency_key: "asked" };
  await expect(201, "POST", "/events", event);
  await expect(200, "POST", "/events", event);
  await expect(409, "POST", "/events", { ...event, user_id: "bob" });
  await expect(200, "POST", "/rate_limit", { key: "mine" });
  await expect(200, "POST", "/rate_limit", { key: "mine", tokens: 100 });
  await expect(400, "POST", "/rate_limit", { key: "mine", tokens: 1_000 });
  await expect(200, "POST", "/http", { call: "/functions/v1/agent-proxy/echo" });
  await expect(200, "POST", "/http", { call: "/functions/v1/agent-proxy/nothing" });
  await expect(400, "POST", "/http", { call: "https://example.com/" });
  await expect(202, "POST", "/worker");
  await expect(200, "POST", "/worker?wait=true");
});

Deno.test("runs and their steps answer as the document says", async () => {
  const { id } = await start(["ada", "nobody"]);
  await expect(200, "GET", "/runs?limit=2&status=running");
  await expect(400, "GET", "/runs?limit=0");
  await expect(404, "GET", `/runs/${NOBODY}`);
  await expect(400, "GET", "/runs/1");
  await expect(200, "GET", `/runs/${id}/plan`);
  const { items } = await expect(200, "GET", `/runs/${id}/steps/each/items`);
  assert.equal((items as Json[]).length, 2);
  await expect(404, "GET", `/runs/${id}/steps/nope/items`);
  const more = { id: "more", call: "/functions/v1/agent-proxy/echo" };
  await expect(202, "POST", `/runs/${id}/steps`, { steps: [more], author: "a planner" });
  await expect(422, "POST", `/runs/${id}/steps`, { steps: [more], author: "a planner" });
  await expect(200, "POST", `/runs/${id}/steps/ask/approve`, { actor: "grace", reason: "good" });
  await expect(409, "POST", `/runs/${id}/steps/ask/approve`);
  await expect(200, "POST", `/runs/${id}/steps/other/reject`);
  await expect(409, "POST", `/runs/${id}/restart`, { mode: "failed" });
  await expect(200, "POST", `/runs/${id}/cancel`, { reason: "enough" });
  await expect(409, "POST", `/runs/${id}/cancel`);
  await expect(200, "GET", `/runs/${id}`);
  await expect(202, "POST", `/runs/${id}/restart`, { mode: "whole" });
  const { newest } = await expect(200, "GET", "/runs/count?workflow_key=shown&action=cancel");
  const filter = { workflow_key: "shown" };
  await expect(200, "POST", "/runs/bulk", { action: "cancel", filter, newest });
});

Deno.test("jobs and callbacks answer as the document says", async () => {
  const { id, jobs } = await start(["nobody"]);
  await expect(200, "GET", "/jobs?limit=5");
  await expect(200, "GET", "/jobs?status=dead");
  await expect(200, "GET", `/jobs/${jobs.each}`);
  await expect(404, "GET", "/jobs/987654");
  await expect(200, "GET", `/jobs/${jobs.each}/request`);
  await expect(200, "GET", `/jobs/${jobs.report}/request`);
  await expect(200, "POST", `/jobs/${jobs.ask}/approve`, { payload: { limit: 5 } });
  await expect(200, "POST", `/jobs/${jobs.other}/reject`, {});
  await expect(409, "POST", `/jobs/${jobs.other}/reject`);
  const path = readCallback(id);
  // The token alone is the credential.
  const call = (path: string, body?: unknown) =>
    send(`${it.stack.url}/functions/v1/orchestrator${path}`, "POST", { body });
  look(200, "POST", `${path}/heartbeat`, await call(`${path}/heartbeat`));
  look(200, "POST", path, await call(path, { ok: true, output: { pages: 3 } }));
  look(409, "POST", path, await call(path, { ok: true }));
  look(401, "POST", "/callbacks/x", await call("/callbacks/x", { ok: true }));
  await expect(200, "POST", "/worker?wait=true");
  const { newest } = await expect(200, "GET", "/jobs/count?status=dead");
  await expect(202, "POST", `/jobs/${jobs.other}/reset`);
  await expect(409, "POST", `/jobs/${jobs.ask}/retry`);
  const filter = { status: "dead" };
  await expect(200, "POST", "/jobs/bulk", { action: "retry", filter, newest });
  const again = await start(["nobody"]);
  await expect(202, "POST", `/jobs/${again.jobs.each}/retry`);
});

Deno.test("workflows, schedules and policies answer as the document says", async () => {
  await expect(200, "GET", "/workflows");
  await expect(200, "GET", "/workflows/shown");
  await expect(404, "GET", "/workflows/show");
  await expect(200, "GET", "/workflows/shown/versions/1");
  await expect(404, "GET", "/workflows/shown/versions/9");
  await expect(200, "POST", "/workflows/validate", { source: SOURCE });
  await expect(422, "POST", "/workflows/validate", { source: "key: x" });
  await expect(200, "POST", "/workflows/sync");
  const { schedules } = await expect(200, "GET", "/schedules?workflow_key=shown");
  const { schedule_id } = (schedules as Json[])[0];
  for (const [action, status] of [["pause", 200], ["resume", 200], ["run", 202]] as const) {
    await expect(status, "POST", `/schedules/${schedule_id}/${action}`);
  }
  await expect(404, "POST", "/schedules/987654/run");
  await expect(200, "PUT", "/rate_limits/policies", POLICY);
  await expect(400, "PUT", "/rate_limits/policies", { ...POLICY, capacity: -1 });
  await expect(200, "GET", "/rate_limits?limit=3");
  await expect(200, "DELETE", "/rate_limits/policies?pattern=agent:clo");
  await expect(404, "DELETE", "/rate_limits/policies?pattern=agent:clo");
  await expect(409, "DELETE", "/rate_limits/policies?pattern=default");
});

Deno.test("webhooks and their sources answer as the document says", async () => {
  const hook = { preset: "api_key", event_type: "shop.paid", user_id: "ada" };
  const { secret } = await expect(200, "PUT", "/hooks/shop", hook);
  await expect(400, "PUT", "/hooks/shop", { ...hook, filter: "1 +" });
  await expect(200, "GET", "/hooks");
  await expect(200, "GET", "/hooks/shop");
  const url = `${it.stack.url}/functions/v1/orchestrator/hooks/shop`;
  const deliver = (key: unknown) =>
    send(url, "POST", { body: { paid: 5 }, headers: { "x-api-key": String(key) } });
  look(202, "POST", "/hooks/shop", await deliver(secret));
  look(401, "POST", "/hooks/shop", await deliver("another"));
  await expect(200, "POST", "/hooks/shop/rotate");
  await expect(200, "DELETE", "/hooks/shop");
  await expect(404, "GET", "/hooks/shop");
});

Deno.test("trigger keys and what they start answer as the document says", async () => {
  const { publish, makeKey, start, look: lookAt } = createCaller(it);
  await publish("open");
  await publish("broken", {}, "agent-proxy/nothing");
  const made = await expect(201, "POST", "/keys", {
    name: "crm",
    workflow_keys: ["*"],
    user_id: "crm",
    networks: ["203.0.113.0/24"],
  });
  await expect(400, "POST", "/keys", { name: "crm", workflow_keys: [], user_id: "crm" });
  await expect(200, "GET", "/keys");
  const elsewhere = await start({ key_id: String(made.key_id), key: String(made.key) }, "open");
  look(403, "POST", "/triggers/open", elsewhere);
  const key = await makeKey({ rate_per_minute: 9 });
  const headers = { "idempotency-key": "once" };
  const begun = look(202, "POST", "/triggers/open", await start(key, "open", { headers }));
  const path = `/triggers/runs/${begun.workflow_run_id}`;
  const wait = { headers, query: "?wait=25s" };
  const done = look(200, "POST", "/triggers/open", await start(key, "open", wait));
  assert.deepEqual([done.result, Object.keys(done.outputs as Json)], ["existing", ["say"]]);
  look(200, "GET", path, await lookAt(key, begun.workflow_run_id));
  const failed = await start(key, "broken", { query: "?wait=25s" });
  assert.ok("error" in look(200, "POST", "/triggers/broken", failed));
  const other = { headers, body: { payload: { lead_id: "another" } } };
  look(409, "POST", "/triggers/open", await start(key, "open", other));
  look(422, "POST", "/triggers/open", await start(key, "open", { body: {} }));
  look(400, "POST", "/triggers/open", await start(key, "open", { body: { no_such_field: 1 } }));
  look(400, "POST", "/triggers/open", await start(key, "open", { query: "?wait=1m" }));
  look(404, "POST", "/triggers/shown", await start(key, "shown"));
  look(404, "GET", path, await lookAt(key, NOBODY));
  for (let times = 8; times <= 9; times++) await start(key, "shown");
  look(429, "POST", "/triggers/open", await start(key, "open"));
  const gone = await expect(200, "DELETE", `/keys/${key.key_id}`);
  assert.equal(gone.status, "revoked");
  look(401, "POST", "/triggers/open", await start(key, "open"));
  look(401, "GET", path, await lookAt(key, begun.workflow_run_id));
  await expect(404, "DELETE", `/keys/${"0".repeat(12)}`);
});

Deno.test("destinations and what is sent to them answer as the document says", async () => {
  const path = "/destinations/ops";
  const webhook = { kind: "webhook", url: receiver.url, types: ["alert.firing"] };
  const listDeliveries = async () => {
    const { deliveries } = await expect(200, "GET", `${path}/deliveries?limit=5`);
    return deliveries as Json[];
  };
  const waitForDelivered = (count: number) =>
    waitFor(`${count} deliveries`, async () => {
      await expect(200, "POST", "/worker?wait=true");
      const deliveries = await listDeliveries();
      return deliveries.length === count &&
        deliveries.every(({ status }) => status === "delivered");
    }, async () => JSON.stringify(await listDeliveries()));

  assert.ok("secret" in await expect(200, "PUT", path, webhook));
  const changed = { ...webhook, workflow_keys: ["shown"], description: "Who is on call" };
  assert.equal((await expect(200, "PUT", path, changed)).result, "changed");
  await expect(400, "PUT", path, { ...webhook, url: "http://localhost/" });
  await expect(409, "PUT", path, { ...webhook, kind: "slack", url: undefined });
  const { last_delivery: none } = await expect(200, "GET", path);
  assert.equal(none, null);
  const { delivery_id } = await expect(202, "POST", `${path}/test`);
  await waitForDelivered(1);
  await expect(200, "GET", "/destinations");
  await expect(200, "GET", path);
  await expect(202, "POST", `${path}/replay`, { delivery_id });
  await waitForDelivered(2);
  await expect(409, "POST", `${path}/replay`, { delivery_id: NOBODY });
  await it.sql`
    update orchestrator_destinations set disabled_at = now(), disabled_reason = 'it is gone'`;
  await expect(200, "GET", path);
  await expect(409, "POST", `${path}/test`);
  await expect(200, "POST", `${path}/enable`);
  await expect(200, "POST", `${path}/rotate`);
  const { previous_secret_until } = await expect(200, "GET", path);
  assert.notEqual(previous_secret_until, null);
  await expect(200, "PUT", "/destinations/talk", {
    kind: "slack",
    url: "https://hooks.slack.com/services/T0/B0/x",
    types: ["run.failed"],
    workflow_keys: ["nothing_of_that_name"],
  });
  await expect(200, "GET", "/destinations");
  await expect(409, "POST", "/destinations/talk/rotate");
  await expect(200, "DELETE", "/destinations/talk");
  await expect(200, "DELETE", path);
  await expect(404, "GET", path);
  assert.equal((await listDeliveries()).length, 2, "what was sent is still told");
  await expect(404, "GET", "/destinations/nobody/deliveries");
});

Deno.test("the step that sends a delivery answers as the document says", async () => {
  const { id } = await start(["ada"]);
  const asked = { payload: { delivery_id: NOBODY }, callback_url: `${it.stack.url}/callbacks/x` };
  const { problems } = await expect(400, "POST", "/deliveries", asked);
  assert.deepEqual((problems as Json[]).map(({ path }) => path), ["callback_url"]);
  const callback_url = `${it.stack.url}${readCallback(id)}`;
  await expect(202, "POST", "/deliveries", { ...asked, callback_url });
  await waitFor("the delivery to be settled", async () => {
    const { jobs } = await expect(200, "GET", `/runs/${id}`);
    return (jobs as Json[]).some(({ step_id, status }) =>
      step_id === "report" && status === "dead"
    );
  });
});

Deno.test("how far a run is answers as the document says, as JSON, as events and without news", async () => {
  const { id } = await start(["ada"]);
  const path = `/runs/${id}/events`;
  const watch = (headers: Record<string, string> = {}) =>
    it.ask("GET", `/orchestrator${path}`, { headers });
  const json = await watch({ accept: "application/json" });
  assert.equal(look(200, "GET", path, json).status, "running");
  await expect(200, "POST", `/runs/${id}/cancel`);
  const events = await watch();
  look(200, "GET", path, events);
  const data = [...events.text.matchAll(/^data: (.*)$/gm)].map(([, text]) => JSON.parse(text));
  const [{ is_whole, ...progress }, end] = data;
  const { Progress } = document.components.schemas;
  assert.deepEqual(listFaults(document, Progress, progress), []);
  assert.deepEqual([is_whole, end], [true, { workflow_run_id: id, status: "cancelled" }]);
  const [last] = [...events.text.matchAll(/^id: (.*)$/gm)].slice(-1);
  look(204, "GET", path, await watch({ "last-event-id": last[1] }));
  await expect(404, "GET", `/runs/${NOBODY}/events`);
});

Deno.test("the state of everything answers as the document says, well or not", async () => {
  await expect(200, "GET", "/health");
  await it.sql`update orchestrator.ticks set ticked_at = ticked_at - interval '1 hour'`;
  await expect(503, "GET", "/health");
  await expect(200, "GET", "/overview?window=24h");
  await expect(200, "GET", "/audit?limit=200");
  await expect(404, "GET", "/me");
  await expect(200, "GET", "/openapi.json");
  const { keys } = await expect(200, "GET", "/.well-known/jwks.json");
  assert.equal((keys as Json[]).length, 1);
  const viewer = await createPerson(it, "viewer");
  look(200, "GET", "/me", await viewer.ask("GET", "/me"));
  look(403, "POST", "/events", await viewer.ask("POST", "/events"));
  const url = `${it.stack.url}/functions/v1/orchestrator/jobs`;
  look(401, "GET", "/jobs", await send(url, "GET"));
});

Deno.test("alerts, their rules and metrics answer as the document says", async () => {
  await it.sql`update orchestrator.ticks set ticked_at = ticked_at - interval '1 hour'`;
  await it.sql`select orchestrator.tick_worker()`;
  const { alerts } = await expect(200, "GET", "/alerts");
  assert.notEqual((alerts as Json[]).length, 0);
  await expect(200, "PUT", "/alerts/rules/OrchestratorScheduleLate", { threshold: 600 });
  await expect(400, "PUT", "/alerts/rules/OrchestratorScheduleLate", { threshold: -1 });
  await expect(404, "PUT", "/alerts/rules/nobody", {});
  const scrape = (accept: string, token: string) =>
    send(`${it.stack.url}/functions/v1/orchestrator/metrics`, "GET", {
      headers: { authorization: `Bearer ${token}`, accept },
    });
  for (const type of ["text/plain", "application/openmetrics-text"]) {
    const answer = look(200, "GET", "/metrics", await scrape(type, METRICS_TOKEN));
    assert.deepEqual(answer, {}, "it is no JSON");
  }
  look(401, "GET", "/metrics", await scrape("text/plain", "another"));
});

Deno.test("an unknown field is refused wherever the document refuses it", async () => {
  const { id, jobs } = await start(["ada"]);
  const params = { step: "ask", key: "shown", version: 1, token: "x", source: "shop", name: "ops" };
  for (const { route, operation } of listOperations(document)) {
    const media = operation.requestBody?.content["application/json"];
    if (media === undefined || !isClosed(media.schema)) continue;
    // Only its own key gets as far as the body.
    if ("triggerKey" in (operation.security[0] ?? {})) continue;
    const [method, template] = route.split(" ");
    const ids: Record<string, unknown> = {
      ...params,
      id: template.startsWith("/runs") ? id : jobs.ask,
    };
    const path = template.replace(/\{(\w+)\}/g, (_, name) => String(ids[name]));
    const { detail } = await expect(400, method, path, { no_such_field: 1 });
    assert.ok(typeof detail === "string", route);
  }
});

Deno.test("every route has answered well", () => {
  const missing = listOperations(document).map(({ route }) => route)
    .filter((route) => !answeredWell.has(route));
  assert.deepEqual(missing, []);
});

/** Whether the schema of a body takes listed fields alone. */
function isClosed(schema: object): boolean {
  const { $ref, additionalProperties, anyOf, oneOf = anyOf } = schema as Record<string, unknown>;
  if (typeof $ref === "string") {
    return isClosed(document.components.schemas[$ref.split("/").at(-1)!]);
  }
  return additionalProperties === false || (Array.isArray(oneOf) && oneOf.some(isClosed));
}
