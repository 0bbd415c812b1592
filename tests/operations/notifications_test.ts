// What happened is told to webhooks: signed, once, again where it did not get through, and never in the
// way of a run.
import assert from "node:assert/strict";
import { Webhook } from "standardwebhooks";
import { NOTIFICATION_TYPES } from "../../supabase/functions/_shared/contract/notifications.ts";
import { compileDeliveryWorkflow } from "../../supabase/functions/_shared/notify/delivery_workflow.ts";
import { RETRY_WAITS_MS } from "../../supabase/functions/_shared/notify/verdict.ts";
import { readSettings } from "../../supabase/functions/_shared/contract/settings.ts";
import { waitFor } from "../harness/stack.ts";
import { expectProblem, type Json } from "../http/http_stack.ts";
import { createPerson } from "../http/signed_in.ts";
import type { Received } from "./notification_receiver.ts";
import { openNotificationStack } from "./notification_stack.ts";

const it = await openNotificationStack(2);
Deno.test.afterAll(() => it.stop());
const [here, there] = it.receivers;

const ALL = { kind: "webhook", url: here.url, types: [...NOTIFICATION_TYPES] };
const only = (...types: string[]) => ({ ...ALL, types });

/** A test of its own destinations. */
function test(name: string, run: () => Promise<void>): void {
  Deno.test(name, async () => {
    await it.clear();
    await run();
  });
}

async function receive(count: number, by = here): Promise<Received[]> {
  return await waitFor(
    `${count} messages`,
    () => by.received.length >= count && by.received,
    async () => JSON.stringify(await it.sql`select * from orchestrator.deliveries`),
  );
}

async function waitForDelivery(name: string, status: string, attempts = 1) {
  return await waitFor(`a ${status} delivery to ${name}`, async () => {
    const [last] = await it.listDeliveries(name);
    return last !== undefined && last.status === status && last.attempts >= attempts && last;
  }, async () => JSON.stringify(await it.listDeliveries(name)));
}

/** The attempt is over, and the next one waits for its time. */
async function waitForBackoff(name: string, attempts: number): Promise<number> {
  return await waitFor(`attempt ${attempts} to be settled`, async () => {
    const [row] = await it.sql`
      select round(extract(epoch from q.next_run_at - orchestrator.now()))::int as wait_s
      from orchestrator.deliveries d join job_queue q using (workflow_run_id)
      where d.destination = ${name} and q.status = 'failed' and q.attempts = ${attempts}`;
    return row !== undefined && row.wait_s as number;
  }, async () => JSON.stringify(await it.sql`select * from job_queue where agent = 'deliveries'`));
}

async function readDestination(name: string): Promise<Json> {
  return (await it.ask("GET", `/orchestrator/destinations/${name}`)).body;
}

test("a webhook gets one signed, thin message without the project's credentials", async () => {
  const { secret } = await it.save("ops", only("run.failed"));
  const runId = await it.run("bad");
  await it.run("good");
  const [{ method, headers, text, body }] = await receive(1);
  assert.equal(method, "POST");
  new Webhook(secret as string).verify(text, headers);
  assert.throws(() => new Webhook(secret as string).verify(`${text} `, headers));
  assert.deepEqual(Object.keys(body), ["type", "timestamp", "data"]);
  assert.equal(body.type, "run.failed");
  const data = body.data as Json;
  assert.deepEqual([data.workflow_run_id, data.workflow_key, data.status], [
    runId,
    "bad",
    "failed",
  ]);
  assert.deepEqual(data.failed_step, {
    step_id: "only",
    error_class: "agent_error",
    error_text: "the <b>card</b> was declined",
  });
  assert.ok(!/secret_payload|secret_output/.test(text), text);
  assert.ok(!("authorization" in headers) && !("apikey" in headers), JSON.stringify(headers));
  await waitForDelivery("ops", "delivered");
  assert.equal(here.received.length, 1);
});

test("each type is told to who listens to it, and to its workflows", async () => {
  await it.save("all", ALL);
  await it.save("good-only", { ...ALL, url: there.url, workflow_keys: ["good"] });
  await it.run("bad");
  await it.run("good");
  await it.post("/workflows", {
    source: JSON.stringify({
      key: "asks",
      trigger: { type: "manual" },
      steps: [{ id: "gate", wait: { event: "asks.approved" } }],
    }),
  });
  const { workflow_run_id } = await it.post("/dispatch", { user_id: "ada", workflow_key: "asks" });
  await receive(4);
  await it.post(`/runs/${workflow_run_id}/cancel`, { reason: "nobody answered" });
  const seen = await receive(5);
  assert.deepEqual(seen.map(({ body }) => body.type).sort(), [
    "approval.requested",
    "job.dead",
    "run.cancelled",
    "run.failed",
    "run.succeeded",
  ]);
  const approval = seen.find(({ body }) => body.type === "approval.requested")!.body.data as Json;
  assert.deepEqual([approval.step_id, approval.event_type], ["gate", "asks.approved"]);
  assert.deepEqual(there.received.map(({ body }) => body.type), ["run.succeeded"]);
});

test("after a rotation both secrets sign for a day, then the new one alone", async () => {
  const { secret: old } = await it.save("ops", only("run.succeeded"));
  assert.equal("secret" in await it.save("ops", only("run.succeeded")), false, "shown once");
  const { secret } = await it.post("/destinations/ops/rotate");
  assert.notEqual(secret, old);
  await it.run("good");
  const [first] = await receive(1);
  for (const known of [old, secret]) new Webhook(known as string).verify(first.text, first.headers);
  await it.passTime(25 * 3_600_000);
  await it.run("good");
  const [, second] = await receive(2);
  new Webhook(secret as string).verify(second.text, second.headers);
  assert.throws(() => new Webhook(old as string).verify(second.text, second.headers));
});

test("what did not get through is sent again, by the schedule and under its id", async () => {
  await it.save("ops", only("run.succeeded"));
  here.reply = () => new Response("<html>busy</html>", { status: 500 });
  await it.run("good");
  const wait = await waitForBackoff("ops", 1);
  assert.ok(wait >= 4 && wait <= 6, `${wait} s`);
  here.reply = () => new Response(null, { status: 429, headers: { "retry-after": "1000" } });
  await it.passTime(6_000);
  await it.wake();
  const asked = await waitForBackoff("ops", 2);
  assert.ok(asked >= 995 && asked <= 1_000, `Retry-After counts where it is longer: ${asked} s`);
  here.reply = () => new Response();
  await it.passTime(1_001_000);
  await it.wake();
  const { attempts, status_code } = await waitForDelivery("ops", "delivered", 3);
  assert.deepEqual([attempts, status_code, here.received.length], [3, 200, 3]);
  assert.equal(new Set(here.received.map(({ headers }) => headers["webhook-id"])).size, 1);
  assert.equal(new Set(here.received.map(({ text }) => text)).size, 1);
});

test("a redirect is a failure and is not followed", async () => {
  await it.save("ops", only("run.succeeded"));
  here.reply = () => new Response(null, { status: 302, headers: { location: there.url } });
  await it.run("good");
  await waitForBackoff("ops", 1);
  const [{ error_text }] = await it.listDeliveries("ops");
  assert.equal(error_text, "status 302: redirects are not followed");
  assert.equal(there.received.length, 0);
});

test("410 disables at once: the others are told, what comes is held, and a replay brings it", async () => {
  await it.save("ops", only("run.succeeded"));
  await it.save("boss", { ...only("destination.disabled"), url: there.url });
  here.reply = () => new Response("gone for good", { status: 410 });
  await it.run("good");
  await waitForDelivery("ops", "dead");
  const [told] = await receive(1, there);
  assert.deepEqual(told.body.data, {
    destination: "ops",
    reason: "it answered status 410: gone for good",
  });
  const disabled = await readDestination("ops");
  assert.equal(disabled.disabled_reason, "it answered status 410: gone for good");

  await it.run("good");
  await it.wake();
  expectProblem(await it.ask("POST", "/orchestrator/destinations/ops/test"), {
    status: 409,
    kind: "conflict",
    message: /it is disabled: enable it first/,
  });
  assert.equal((await readDestination("ops")).waiting, 1);
  here.clear();
  assert.equal((await it.post("/destinations/ops/enable")).held, 1);
  await it.wake();
  assert.equal(here.received.length, 0, "held until somebody asks");
  const range = { from: "2000-01-01T00:00:00Z", to: "2100-01-01T00:00:00Z" };
  const replayed = await it.post("/destinations/ops/replay", range);
  assert.deepEqual([replayed.replayed, replayed.is_complete], [2, true]);
  await receive(2);
  await waitFor("nothing to wait", async () => (await readDestination("ops")).waiting === 0);
  await waitForDelivery("ops", "delivered");
  assert.equal((await it.post("/destinations/ops/replay", range)).replayed, 0);
});

test("the schedule used up disables, with the last answer as its reason", async () => {
  await it.save("ops", only("run.succeeded"));
  here.reply = () => new Response("out of order", { status: 503 });
  await it.run("good");
  for (const [index, planned] of RETRY_WAITS_MS.entries()) {
    const waitMs = await waitForBackoff("ops", index + 1) * 1_000;
    assert.ok(waitMs >= planned - 2_000 && waitMs <= planned * 1.1 + 1_000, `${index}: ${waitMs}`);
    await it.passTime(waitMs + 1_000);
    await it.wake();
  }
  const { attempts } = await waitForDelivery("ops", "dead", 10);
  assert.equal(attempts, 10);
  assert.match(
    (await readDestination("ops")).disabled_reason as string,
    /^10 attempts to send a message failed, the last one with: status 503: out of order$/,
  );
  const [{ status }] = await it.sql`
    select status from job_queue where agent = 'deliveries' order by job_id desc limit 1`;
  assert.equal(status, "dead");
});

test("a function that ends while it sends is followed by another that sends again", async () => {
  await it.save("ops", only("run.succeeded"));
  here.hang();
  await it.run("good");
  await receive(1);
  await it.stack.restartFunction("orchestrator");
  here.reply = () => new Response();
  // The job hears nothing for as long as it waits for an answer, and then backs off a little.
  await waitFor("the second attempt", async () => {
    await it.passTime(61_000);
    await it.wake();
    return here.received.length > 1;
  });
  await waitForDelivery("ops", "delivered", 2);
  assert.equal(new Set(here.received.map(({ headers }) => headers["webhook-id"])).size, 1);
});

test("receivers that hang or are down hold up no run", async () => {
  await it.save("hangs", only("run.succeeded"));
  await it.save("down", { ...only("run.succeeded"), url: it.downUrl });
  here.hang();
  // More than one worker has places for, which is 10.
  for (let index = 0; index < 15; index++) await it.run("good");
  await receive(15);
  const startedAt = performance.now();
  await it.run("good");
  const tookMs = performance.now() - startedAt;
  assert.ok(tookMs < 5_000, `a run took ${tookMs} ms`);
  const { error_text } = await waitFor("an attempt at the one that is down", async () => {
    const tried = (await it.listDeliveries("down")).filter((row) => row.error_text !== null);
    return tried.length > 0 && tried.every(({ status }) => status === "pending") && tried[0];
  });
  assert.match(error_text!, /refused/i);
});

test("a run ends as it would although its notification cannot be written", async () => {
  await it.save("ops", ALL);
  await it
    .sql`alter table orchestrator.notifications add constraint broken check (type = 'none') not valid`;
  try {
    await it.run("good");
    await it.run("bad");
    assert.equal(await it.count("orchestrator.notifications"), 0);
  } finally {
    await it.sql`alter table orchestrator.notifications drop constraint broken`;
  }
});

test("nothing is told of what was rolled back", async () => {
  await it.save("ops", only("alert.firing"));
  await it.sql.begin(async (sql) => {
    await sql`select orchestrator.notify('alert.firing', null, null, null, '{"alert": "A"}')`;
    throw new Error("rolled back");
  }).catch(() => {});
  await it.sql`select orchestrator.notify('alert.firing', null, null, null, '{"alert": "B"}')`;
  await waitForDelivery("ops", "delivered");
  assert.deepEqual(here.received.map(({ body }) => body.data), [{ alert: "B" }]);
});

test("a signal that was lost costs until the next tick", async () => {
  await it.save("ops", only("alert.firing"));
  await it.sql.begin(async (sql) => {
    await sql`select orchestrator.notify('alert.firing', null, null, null, '{}')`;
    await sql`delete from orchestrator.signals`;
  });
  assert.equal((await it.listDeliveries("ops")).length, 0);
  await it.wake();
  await waitForDelivery("ops", "delivered");
});

test("two dispatchers at once make one delivery of each notification", async () => {
  await it.save("ops", only("alert.firing"));
  await it.sql.begin(async (sql) => {
    await sql`
      select orchestrator.notify('alert.firing', null, null, null, jsonb_build_object('alert', n))
      from generate_series(1, 60) as n`;
    await sql`delete from orchestrator.signals`;
  });
  const made = await Promise.all(
    Array.from({ length: 6 }, async () => {
      const [{ n }] = await it.sql`select orchestrator.dispatch_notifications() as n`;
      return n as number;
    }),
  );
  assert.equal(made.reduce((sum, n) => sum + n), 60, `${made}`);
  await it.post("/worker");
  await receive(60);
  await waitFor("all to be settled", async () => {
    const rows = await it
      .sql`select count(*)::int as n from orchestrator.deliveries where status = 'delivered'`;
    return rows[0].n === 60;
  });
  assert.equal(new Set(here.received.map(({ headers }) => headers["webhook-id"])).size, 60);
});

test("a test message goes the way of all others, and is delivered again on demand under its id", async () => {
  const { secret } = await it.save("ops", only("run.failed"));
  const sent = await it.post("/destinations/ops/test");
  const [first] = await receive(1);
  new Webhook(secret as string).verify(first.text, first.headers);
  assert.deepEqual([first.body.type, first.body.data], ["test", { destination: "ops" }]);
  const { workflow_run_id, delivery_id } = await waitForDelivery("ops", "delivered");
  assert.deepEqual([workflow_run_id, delivery_id], [sent.workflow_run_id, sent.delivery_id]);
  await waitFor("the run to end", async () => {
    const { body } = await it.ask("GET", `/orchestrator/runs/${workflow_run_id}`);
    return body.status === "success";
  });
  await it.post("/destinations/ops/replay", { delivery_id });
  const [, second] = await receive(2);
  assert.equal(second.headers["webhook-id"], first.headers["webhook-id"]);
});

test("a URL into a private network is refused when it is saved, and when it is called", async () => {
  for (
    const url of [
      "http://hooks.example.com/",
      "https://hooks.example.com:5432/",
      "https://user:pw@hooks.example.com/",
      "https://127.0.0.1/",
      "https://2130706433/",
      "https://0x7f.1/",
      "https://[::ffff:7f00:1]/",
      "https://169.254.169.254/latest/meta-data",
      "https://localhost./",
      "https://metadata.google.internal/",
    ]
  ) {
    const body = { ...ALL, url };
    const answer = await it.ask("PUT", "/orchestrator/destinations/ops", { body });
    expectProblem(answer, { status: 400, kind: "invalid", path: "url" }, url);
  }
  await it.save("ops", only("run.succeeded"));
  // As if the name had been pointed there since.
  await it.sql`update orchestrator_destinations set url = 'https://10.0.0.1/'`;
  await it.run("good");
  const { error_text } = await waitForDelivery("ops", "dead", 1);
  assert.equal(error_text, "url must not lead to 10.0.0.1, which is not a public address");
});

test("operators change destinations, viewers look, and no secret is in a row or an answer", async () => {
  const operator = await createPerson(it, "operator");
  const viewer = await createPerson(it, "viewer");
  assert.equal((await viewer.ask("PUT", "/destinations/ops", ALL)).status, 403);
  const saved = await operator.ask("PUT", "/destinations/ops", ALL);
  const slackUrl = `${there.url}/T000/B000/needle`;
  await operator.ask("PUT", "/destinations/chat", {
    kind: "slack",
    url: slackUrl,
    types: ALL.types,
  });
  const rotated = await operator.ask("POST", "/destinations/ops/rotate");
  const needles = [saved.body.secret, rotated.body.secret, "needle"] as string[];
  assert.ok(needles.every((needle) => needle?.length >= 6));

  const looked = await viewer.ask("GET", "/destinations");
  assert.deepEqual((looked.body.destinations as Json[]).map(({ name, url }) => [name, url]), [
    ["chat", null],
    ["ops", here.url],
  ]);
  const rows = await it.sql`
    select action, target, actor_name, result, args, before, after from orchestrator_audit
    where action like 'destination.%' and actor_name = ${operator.email} order by audit_id`;
  assert.deepEqual(rows.map(({ action, target, result }) => [action, target, result]), [
    ["destination.set", "ops", "created"],
    ["destination.set", "chat", "created"],
    ["destination.rotate", "ops", "rotated"],
  ]);
  const shown = JSON.stringify(rows) + looked.text + it.stack.logs("orchestrator") +
    JSON.stringify(await it.sql`select * from orchestrator_destinations`) +
    JSON.stringify(await it.sql`select payload from workflow_runs`);
  for (const needle of needles) assert.ok(!shown.includes(needle), needle);
  assert.equal((await operator.ask("DELETE", "/destinations/ops")).status, 200);
  const [{ n }] = await it
    .sql`select count(*)::int as n from vault.secrets where name like '%destination/ops%'`;
  assert.equal(n, 0);
  expectProblem(await it.ask("GET", "/orchestrator/destinations/ops"), {
    status: 404,
    kind: "not_found",
  });
});

test("the words of the contract are those of the database, and the workflow's key is", async () => {
  const [{ definition }] = await it.sql`
    select pg_get_constraintdef(oid) as definition from pg_constraint
    where conname = 'destinations_listen_to_known_types'`;
  const words = [...(definition as string).matchAll(/'([a-z.]+)'/g)].map(([, word]) => word);
  assert.deepEqual(words, [...NOTIFICATION_TYPES]);
  const [{ key }] = await it.sql`select orchestrator.delivery_workflow_key() as key`;
  assert.equal(compileDeliveryWorkflow(readSettings(() => undefined, {})).key, key);
});
