// Webhooks of other services, over HTTP: from a source that an operator sets to the run that a delivery
// starts, and everything that is refused on the way.
import assert from "node:assert/strict";
import type { HookScheme } from "../../supabase/functions/_shared/contract/hooks.ts";
import {
  SCHEMES,
  send as sign,
  type SentDelivery,
} from "../../supabase/functions/_shared/hooks/fake_senders.ts";
import { makeSecret } from "../../supabase/functions/_shared/hooks/secrets.ts";
import { type Answer, expectProblem, type Json, openHttpStack, send } from "../http/http_stack.ts";
import { createPerson } from "../http/signed_in.ts";

const it = await openHttpStack();
Deno.test.afterAll(() => it.stop());

const GITHUB: HookScheme = { preset: "github", settings: {} };
const STANDARD: HookScheme = { preset: "standard", settings: {} };
const SLACK: HookScheme = { preset: "slack", settings: {} };

const publish = (key: string, eventType: string) =>
  it.ask("POST", "/orchestrator/workflows", {
    body: {
      source: JSON.stringify({
        key,
        trigger: { type: "event", event_types: [eventType] },
        steps: [{ id: "tell", call: "/functions/v1/agent-proxy/notify" }],
      }),
    },
  });

/** Sets a source with a secret of ours; answers the secret. */
async function setSource(name: string, scheme: HookScheme, more: Json = {}): Promise<string> {
  const secret = makeSecret(scheme.preset);
  const body = { ...scheme, event_type: "hooked", user_id: "u", secret, ...more };
  const answer = await it.ask("PUT", `/orchestrator/hooks/${name}`, { body });
  assert.equal(answer.status, 200, answer.text);
  return secret;
}

/** As a stranger would: without a key of the project. */
const deliver = (name: string, { body, headers }: SentDelivery): Promise<Answer> =>
  send(`${it.stack.url}/functions/v1/orchestrator/hooks/${name}`, "POST", { body, headers });

const countEvents = () => it.count("intent_events");

/** The log lines of refusals since `from` characters. */
const listRefusals = (from: number) =>
  it.stack.logs("orchestrator").slice(from).split("\n")
    .filter((line) => line.includes('"hook.refused"')).map((line) => JSON.parse(line));
const measureLog = () => it.stack.logs("orchestrator").length;

for (const scheme of SCHEMES) {
  const { preset } = scheme;
  const name = preset;

  Deno.test(`${preset}: a delivery starts a run, once however often it comes`, async () => {
    await publish(`on_${preset}`, `${preset}.paid`);
    const secret = await setSource(name, scheme, {
      event_type: "${{ source }}.${{ body.kind }}",
      user_id: "${{ body.customer }}",
    });
    const body = JSON.stringify({
      id: `evt_${preset}`,
      event_id: `Ev_${preset}`,
      kind: "paid",
      customer: 42,
    });
    const sent = sign(scheme, { body, id: "d-1", secrets: [secret] });
    const answer = await deliver(name, sent);
    assert.equal(answer.status, 202, answer.text);
    const { event_id } = answer.body;
    assert.deepEqual(answer.body, { event_id });

    const [run] = await it.sql`
      select workflow_run_id, user_id, payload from workflow_runs
      where trigger_event_id = ${event_id as string} and workflow_key = ${`on_${preset}`}`;
    assert.equal(run.user_id, "42");
    assert.deepEqual(run.payload.body, JSON.parse(body));
    assert.equal(run.payload.source, name);
    assert.equal(run.payload.headers["content-type"], "application/json");
    assert.ok(!JSON.stringify(run.payload).includes(secret));
    await it.ask("POST", "/orchestrator/worker?wait=true");
    const [{ status }] = await it.sql`
      select status from workflow_runs where workflow_run_id = ${run.workflow_run_id}`;
    assert.equal(status, "success");

    const before = [await countEvents(), await it.count("workflow_runs")];
    const again = await Promise.all(
      [1, 2, 3, 4].map((retry) =>
        deliver(name, { ...sent, headers: { ...sent.headers, "x-retry-num": `${retry}` } })
      ),
    );
    for (const { status, body } of again) {
      assert.deepEqual([status, body], [202, { event_id, duplicate: true }]);
    }
    assert.deepEqual([await countEvents(), await it.count("workflow_runs")], before);
  });
}

Deno.test("deliveries of the same id that come together make one event", async () => {
  const secret = await setSource("together", GITHUB);
  const sent = sign(GITHUB, { body: "{}", id: "same", secrets: [secret] });
  const before = await countEvents();
  const answers = await Promise.all(Array.from({ length: 8 }, () => deliver("together", sent)));
  assert.deepEqual(answers.map(({ status }) => status), Array(8).fill(202));
  assert.equal(new Set(answers.map(({ body }) => body.event_id)).size, 1);
  assert.equal(answers.filter(({ body }) => body.duplicate !== true).length, 1);
  assert.equal(await countEvents(), before + 1);
});

Deno.test("a wrong signature, no signature and an unknown source look the same, and are logged once", async () => {
  await setSource("strict", GITHUB);
  await setSource("asleep", GITHUB, { enabled: false });
  const body = '{"private": "thing"}';
  const forged = sign(GITHUB, { body, secrets: ["another secret"] });
  const bare = { body, headers: {} };
  const [before, from] = [await countEvents(), measureLog()];
  const seen = new Set<string>();
  const names = ["strict", "nobody", "asleep", "No%20Name", "-", "x".repeat(300)];
  for (const name of names) {
    for (const sent of [forged, bare]) {
      const answer = await deliver(name, sent);
      expectProblem(answer, { status: 401, kind: "unauthorized" }, name);
      const { request_id: _id, ...rest } = answer.body;
      seen.add(JSON.stringify(rest));
    }
  }
  assert.equal(seen.size, 1, [...seen].join("\n"));
  assert.equal(await countEvents(), before);
  const refusals = listRefusals(from);
  assert.equal(refusals.length, 2 * names.length);
  assert.deepEqual(
    refusals.slice(0, 3).map((line) => [line.source, line.error.cause.message]),
    [
      ["strict", "its signature does not verify"],
      ["strict", "it has no signature"],
      ["nobody", "no such source"],
    ],
  );
  assert.doesNotMatch(it.stack.logs("orchestrator").slice(from), /private/);
});

Deno.test("an old timestamp is refused with the reason, to whoever has the secret alone", async () => {
  const secret = await setSource("late", STANDARD, { tolerance_seconds: 60 });
  const timestamp = Math.floor(Date.now() / 1_000) - 90;
  const [before, from] = [await countEvents(), measureLog()];
  const late = await deliver("late", sign(STANDARD, { body: "{}", timestamp, secrets: [secret] }));
  expectProblem(late, { status: 401, kind: "unauthorized", message: /9\d s ago, at most 60 s/ });
  const other = makeSecret("standard");
  const forged = await deliver("late", sign(STANDARD, { body: "{}", timestamp, secrets: [other] }));
  assert.match(forged.text, /no such source, or its signature/);
  assert.equal(await countEvents(), before);
  assert.equal(listRefusals(from).length, 2);
});

Deno.test("a body of 10 MiB is refused while it comes in, before anything is asked of it", async () => {
  const secret = await setSource("large", GITHUB);
  const body = JSON.stringify({ text: "x".repeat(10 * 2 ** 20) });
  const [before, from] = [await countEvents(), measureLog()];
  const announced = await deliver("large", sign(GITHUB, { body, secrets: [secret] }));
  expectProblem(announced, { status: 413, kind: "payload_too_large" });
  // Without a length, in parts: nobody reads it to its end.
  const endless = new ReadableStream({
    pull: (controller) => controller.enqueue(new Uint8Array(65_536)),
  });
  const answer = await fetch(`${it.stack.url}/functions/v1/orchestrator/hooks/large`, {
    method: "POST",
    body: endless,
  }).catch((error: Error) => error);
  // A server that stops reading may close before its answer is read.
  if (answer instanceof Response) assert.equal((await answer.body?.cancel(), answer.status), 413);
  assert.equal(await countEvents(), before);
  const refusals = listRefusals(from);
  assert.ok(
    refusals.length >= 1 && refusals.every(({ error }) => /larger than/.test(error.message)),
  );
  // And the next one comes through.
  const small = await deliver("large", sign(GITHUB, { body: "{}", secrets: [secret] }));
  assert.equal(small.status, 202, small.text);
});

Deno.test("after a rotation both secrets are taken until the overlap has passed", async () => {
  const first = await setSource("turning", STANDARD);
  const ask = async (secret: string) =>
    (await deliver("turning", sign(STANDARD, { body: "{}", secrets: [secret] }))).status;
  const rotate = (body: unknown) => it.ask("POST", "/orchestrator/hooks/turning/rotate", { body });

  const rotated = await rotate({ overlap_seconds: 600 });
  assert.equal(rotated.status, 200, rotated.text);
  const second = rotated.body.secret as string;
  assert.match(second, /^whsec_/);
  assert.deepEqual([await ask(first), await ask(second)], [202, 202]);
  const both = sign(STANDARD, { body: "{}", secrets: [makeSecret("standard"), second] });
  assert.equal((await deliver("turning", both)).status, 202);

  await it.sql`update orchestrator.clock set shift = shift + interval '601 s'`;
  try {
    assert.deepEqual([await ask(first), await ask(second)], [401, 202]);
  } finally {
    await it.sql`update orchestrator.clock set shift = shift - interval '601 s'`;
  }

  const third = makeSecret("standard");
  const given = await rotate({ secret: third, overlap_seconds: 0 });
  assert.equal("secret" in given.body, false, "a secret that was given is not told");
  assert.deepEqual([await ask(first), await ask(second), await ask(third)], [401, 401, 202]);
  assert.equal((await it.ask("POST", "/orchestrator/hooks/turning/rotate")).status, 200);
  assert.equal(await ask(third), 202, "without a body the overlap is a day");
  // A secret that is set takes the place of both.
  await setSource("turning", STANDARD, { secret: first });
  assert.deepEqual([await ask(first), await ask(third)], [202, 401]);
});

Deno.test("a disabled source says so to whoever has the secret, and takes nothing", async () => {
  const secret = await setSource("paused", GITHUB, { enabled: false });
  const before = await countEvents();
  const answer = await deliver("paused", sign(GITHUB, { body: "{}", secrets: [secret] }));
  expectProblem(answer, { status: 403, kind: "forbidden", message: /paused is disabled/ });
  assert.equal(await countEvents(), before);
});

Deno.test("Slack's challenge is answered if it is signed, GitHub's ping is no event", async () => {
  const slackSecret = await setSource("slack-url", SLACK);
  const body = JSON.stringify({ type: "url_verification", token: "t", challenge: "3eZbrw1aB" });
  const before = await countEvents();
  const answer = await deliver("slack-url", sign(SLACK, { body, secrets: [slackSecret] }));
  assert.deepEqual([answer.status, answer.body], [200, { challenge: "3eZbrw1aB" }]);
  assert.equal((await deliver("slack-url", { body, headers: {} })).status, 401);
  const githubSecret = await setSource("pinged", GITHUB);
  const ping = sign(GITHUB, { body: '{"zen":"Keep it"}', secrets: [githubSecret] });
  ping.headers["x-github-event"] = "ping";
  const pinged = await deliver("pinged", ping);
  assert.deepEqual([pinged.status, pinged.body], [202, { ping: true }]);
  assert.equal(await countEvents(), before);
});

Deno.test("what the filter does not take is answered and makes no event", async () => {
  const filter =
    "headers['x-github-event'] == 'push' && body.?ref.orValue('') == 'refs/heads/main'";
  const secret = await setSource("filtering", GITHUB, { filter });
  const ask = (ref: string, id: string) =>
    deliver("filtering", sign(GITHUB, { body: JSON.stringify({ ref }), id, secrets: [secret] }));
  const before = await countEvents();
  const other = await ask("refs/heads/other", "a");
  assert.deepEqual([other.status, other.body], [202, { filtered: true }]);
  assert.equal(await countEvents(), before);
  assert.equal(typeof (await ask("refs/heads/main", "b")).body.event_id, "string");
  assert.equal(await countEvents(), before + 1);
});

Deno.test("a delivery that an expression has no value for is a 422, and is taken once that is mended", async () => {
  const user_id = "${{ body.account.id }}";
  const secret = await setSource("faulty", GITHUB, { user_id });
  const sent = sign(GITHUB, { body: '{"account":null}', id: "kept", secrets: [secret] });
  const [before, from] = [await countEvents(), measureLog()];
  const refused = await deliver("faulty", sent);
  expectProblem(refused, { status: 422, kind: "unprocessable", path: "user_id" });
  assert.equal(await countEvents(), before);
  const [refusal, ...more] = listRefusals(from);
  assert.deepEqual([refusal.source, more.length], ["faulty", 0]);
  assert.match(refusal.error.message, /user_id/);
  await setSource("faulty", GITHUB, {
    user_id: "${{ body.?account.?id.orValue('none') }}",
    secret,
  });
  const taken = await deliver("faulty", sent);
  assert.equal(typeof taken.body.event_id, "string", taken.text);
  const [event] = await it.sql`
    select user_id from intent_events where event_id = ${taken.body.event_id as string}`;
  assert.equal(event.user_id, "none");
});

Deno.test("a rate limit policy for a source slows its sender; the default policy does not", async () => {
  const secret = await setSource("busy", GITHUB);
  const ask = (id: string) => deliver("busy", sign(GITHUB, { body: "{}", id, secrets: [secret] }));
  await it
    .sql`update rate_limit_policies set capacity = 1, refill_rate = 0.001 where pattern = 'default'`;
  assert.deepEqual([(await ask("1")).status, (await ask("2")).status], [202, 202]);
  await it.sql`
    insert into rate_limit_policies (pattern, capacity, refill_rate) values ('hook:*', 1, 0.01)`;
  assert.equal((await ask("3")).status, 202);
  const before = await countEvents();
  const refused = await ask("4");
  expectProblem(refused, { status: 429, kind: "rate_limited", message: /busy sends too much/ });
  assert.ok(Number(refused.headers.get("retry-after")) > 50);
  assert.equal(await countEvents(), before);
  // A stranger cannot use up what the sender may send.
  await it.sql`update rate_limits set tokens = 1 where rl_key = 'hook:busy'`;
  await deliver("busy", { body: "{}", headers: {} });
  assert.equal((await ask("5")).status, 202);
  await it.sql`delete from rate_limit_policies where pattern = 'hook:*'`;
});

Deno.test("while the database is away a delivery is a 503, so that its sender comes again", async () => {
  const secret = await setSource("patient", GITHUB);
  const sent = sign(GITHUB, { body: "{}", id: "patient", secrets: [secret] });
  it.stack.setAway("database", true);
  try {
    assert.equal((await deliver("patient", sent)).status, 503);
  } finally {
    it.stack.setAway("database", false);
  }
  const answer = await deliver("patient", sent);
  assert.equal("duplicate" in answer.body, false, answer.text);
  assert.equal(answer.status, 202);
});

Deno.test("a source is set, listed, changed and deleted, and a secret that was made is told once", async () => {
  const operator = await createPerson(it, "operator");
  const viewer = await createPerson(it, "viewer");
  const body = { preset: "api_key", event_type: "lead", user_id: "sales" };
  const made = await operator.ask("PUT", "/hooks/leads", body);
  assert.deepEqual([made.status, made.body.result], [200, "created"], made.text);
  const key = made.body.secret as string;
  assert.match(key, /^[\w-]{43}$/);
  assert.deepEqual(made.body.settings, { header: "x-api-key", prefix: "" });
  assert.deepEqual([made.body.tolerance_seconds, made.body.enabled], [300, true]);
  const ask = (headers: Record<string, string>) => deliver("leads", { body: '{"n":1}', headers });
  assert.equal((await ask({ "x-api-key": key })).status, 202);

  const changed = await operator.ask("PUT", "/hooks/leads", { ...body, event_type: "lead.new" });
  assert.deepEqual([changed.status, changed.body.result, "secret" in changed.body], [
    200,
    "saved",
    false,
  ]);
  assert.equal((await ask({ "x-api-key": key })).status, 202, "a change keeps the secret");
  const shown = await viewer.ask("GET", "/hooks/leads");
  assert.deepEqual(Object.keys(shown.body).sort(), [
    ...["created_at", "enabled", "event_type", "filter", "preset", "previous_valid_until"],
    ...["settings", "source", "tolerance_seconds", "updated_at", "user_id"],
  ]);
  const { hooks } = (await viewer.ask("GET", "/hooks")).body as { hooks: Json[] };
  assert.deepEqual(hooks.find((hook) => hook.source === "leads"), shown.body);

  // Another preset needs a secret of its own form.
  const standard = await operator.ask("PUT", "/hooks/leads", { ...body, preset: "standard" });
  assert.match(standard.body.secret as string, /^whsec_/);
  assert.equal((await ask({ "x-api-key": key })).status, 401);

  const deleted = await operator.ask("DELETE", "/hooks/leads");
  assert.deepEqual(deleted.body, { source: "leads", result: "deleted" });
  for (
    const [method, path] of [
      ["GET", "/hooks/leads"],
      ["DELETE", "/hooks/leads"],
      ["POST", "/hooks/leads/rotate"],
    ]
  ) {
    const message = /there is no source leads/;
    expectProblem(await operator.ask(method, path), { status: 404, kind: "not_found", message });
  }
  const left = await it.sql`select name from vault.secrets where name like '%hook/leads/%'`;
  assert.deepEqual([...left], []);
  const audit = await it.sql`
    select action, actor_name, result, args, before, after from orchestrator_audit
    where target = 'leads' order by audit_id`;
  assert.deepEqual(audit.map(({ action, actor_name, result }) => [action, actor_name, result]), [
    ["hook.set", operator.email, "created"],
    ["hook.set", operator.email, "saved"],
    ["hook.set", operator.email, "saved"],
    ["hook.delete", operator.email, "deleted"],
    ["hook.delete", operator.email, "not_found"],
  ]);
  assert.equal(audit[1].before.event_type, "lead");
  assert.equal(audit[1].after.event_type, "lead.new");
  assert.ok(audit.every(({ args }) => !("secret" in args) && !("spare_secret" in args)));
});

Deno.test("a source that could never work is refused with the field and the reason", async () => {
  const good = { preset: "standard", event_type: "a", user_id: "u" };
  const hmac = { ...good, preset: "hmac" };
  const refused: [body: unknown, path: string, message: RegExp, near?: string][] = [
    [{ ...good, preset: "gitlab" }, "preset", /standard/],
    [{ ...good, event_type: undefined }, "event_type", /is missing/],
    [{ ...good, user_id: "" }, "user_id", /at least 1/],
    [{ ...good, filter: "body.a =" }, "filter", /no valid expression/],
    [{ ...good, filter: "event.a" }, "filter", /the names here are body, headers, source/],
    [{ ...good, event_type: "${{ bdy.a }}" }, "event_type", /unknown name "bdy"/, "body"],
    [{ ...good, tolerance_seconds: 0 }, "tolerance_seconds", /1/],
    [{ ...good, secret: "whsec_dG9vIHNob3J0" }, "secret", /24 to 64 bytes/],
    [{ ...good, secret: `whsec_${"AAAA ".repeat(8)}AAAA` }, "secret", /padded base64/],
    [{ ...good, secret: "short" }, "secret", /8/],
    [{ ...good, preset: "github" }, "secret", /is missing: give the one that the sender shows/],
    [{ ...good, settings: { header: "x" } }, "settings.header", /unknown field/],
    [{ ...good, tolerance: 5 }, "tolerance", /unknown field/],
    [hmac, "settings", /is missing/],
    [{ ...hmac, settings: { header: "x y" } }, "settings.header", /a header's name/],
    [{ ...hmac, settings: { header: "x", algorithm: "md5" } }, "settings.algorithm", /sha256/],
    [
      { ...hmac, settings: { header: "x", timestamp_header: "y", signed: "{body}" } },
      "settings.signed",
      /\{timestamp\} in it if there is/,
    ],
    [{ ...hmac, settings: { header: "x", signed: "a" } }, "settings.signed", /\{body\} in it once/],
  ];
  for (const [body, path, message, near] of refused) {
    const answer = await it.ask("PUT", "/orchestrator/hooks/refused", { body });
    const expected = { status: 400, kind: "invalid", path, message, near };
    expectProblem(answer, expected, JSON.stringify(body));
    assert.doesNotMatch(answer.text, /dG9vIHNob3J0|"short"/);
  }
  for (const name of ["Upper", "a%20b", "-a", "x".repeat(64)]) {
    const answer = await it.ask("PUT", `/orchestrator/hooks/${name}`, { body: good });
    expectProblem(answer, { status: 400, kind: "invalid", path: "source" }, name);
  }
  assert.equal((await it.ask("GET", "/orchestrator/hooks/refused")).status, 404);
  await setSource("shown", GITHUB);
  const rotated = await it.ask("POST", "/orchestrator/hooks/shown/rotate", { body: {} });
  expectProblem(rotated, { status: 400, kind: "invalid", path: "secret", message: /is missing/ });
});

// Last, over everything that the tests before have left.
Deno.test("no secret is in a table, a log or an answer; Vault has them, and of an API key its digest", async () => {
  const secrets = new Map<string, string>();
  for (const scheme of SCHEMES) {
    secrets.set(`kept-${scheme.preset}`, await setSource(`kept-${scheme.preset}`, scheme));
  }
  const rotated = await it.ask("POST", "/orchestrator/hooks/kept-hmac/rotate", { body: {} });
  const needles = [...secrets.values(), rotated.body.secret as string]
    .map((secret) => secret.replace("whsec_", "").slice(0, 24));
  for (const scheme of SCHEMES) {
    const name = `kept-${scheme.preset}`;
    const secret = secrets.get(name)!;
    await deliver(name, sign(scheme, { body: '{"a":1}', secrets: [secret] }));
    await deliver(name, sign(scheme, { body: "{", secrets: [secret] }));
  }
  const texts = [
    it.stack.logs("orchestrator"),
    (await it.ask("GET", "/orchestrator/hooks")).text,
    (await it.ask("GET", "/orchestrator/audit?limit=200")).text,
  ];
  const tables = await it.sql<{ name: string }[]>`
    select format('%I.%I', schemaname, tablename) as name from pg_tables
    where schemaname not in ('pg_catalog', 'information_schema')`;
  for (const { name } of tables) {
    const rows = await it.sql`select t::text as row from ${it.sql.unsafe(name)} as t`;
    texts.push(...rows.map(({ row }) => row));
  }
  const everything = texts.join("\n");
  assert.ok(everything.includes("kept-github"), "the search looks where sources are");
  assert.deepEqual(needles.filter((needle) => everything.includes(needle)), []);

  const vault = await it.sql<{ name: string; decrypted_secret: string }[]>`
    select name, decrypted_secret from vault.decrypted_secrets where name like 'orchestrator/hook/kept-%'`;
  const kept = new Map(vault.map((row) => [row.name, row.decrypted_secret]));
  assert.equal(kept.get("orchestrator/hook/kept-github/current"), secrets.get("kept-github"));
  assert.equal(kept.get("orchestrator/hook/kept-hmac/previous"), secrets.get("kept-hmac"));
  assert.match(kept.get("orchestrator/hook/kept-api_key/current")!, /^[0-9a-f]{64}$/);
});
