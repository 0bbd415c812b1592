// Trigger keys: who makes and ends them, what a bad one is told, and what is left of them in tables, logs
// and the audit.
import assert from "node:assert/strict";
import { waitFor } from "../harness/stack.ts";
import { expectProblem, type Json, openHttpStack, send } from "../http/http_stack.ts";
import { createPerson } from "../http/signed_in.ts";
import { ROOT, runScript } from "../lifecycle/command.ts";
import { createCaller, type Key } from "./trigger_caller.ts";

const it = await openHttpStack();
Deno.test.afterAll(() => it.stop());

const { publish, makeKey, start, look } = createCaller(it);
await publish("open_v1");

const DAY_MS = 86_400_000;
const listKeys = async () => (await it.ask("GET", "/orchestrator/keys")).body.keys as Json[];
const findKey = async ({ key_id }: Key) =>
  (await listKeys()).find((listed) => listed.key_id === key_id)!;
const revoke = ({ key_id }: Key) => it.ask("DELETE", `/orchestrator/keys/${key_id}`);

/** Runs it while the database is some time ahead. */
async function later<T>(ms: number, run: () => Promise<T>): Promise<T> {
  await it.sql`update orchestrator.clock set shift = ${`${ms} ms`}::interval`;
  try {
    return await run();
  } finally {
    await it.sql`update orchestrator.clock set shift = '0'`;
  }
}

/** The events of refused requests in the function's log. */
function readRefusals(): Json[] {
  return it.stack.logs("orchestrator").split("\n").filter((line) =>
    line.includes("trigger.refused")
  )
    .map((line) => JSON.parse(line) as Json);
}

Deno.test("a key is told once, to whoever made it; its hash is never told", async () => {
  const made = await makeKey({ networks: ["127.0.0.1/8"], rate_per_minute: 5 });
  assert.match(made.key, /^wok_[0-9a-f]{12}_[A-Za-z0-9_-]{43}$/);
  const { created_at, expires_at, ...listed } = await findKey(made);
  assert.deepEqual(listed, {
    key_id: made.key_id,
    name: "crm",
    workflow_keys: ["*"],
    user_id: "crm",
    may_name_user: false,
    rate_per_minute: 5,
    networks: ["127.0.0.0/8"],
    created_by: "default",
    revoked_at: null,
    last_used_at: null,
    status: "active",
  });
  assert.equal(Date.parse(String(expires_at)) - Date.parse(String(created_at)), 90 * DAY_MS);
  const [{ hash }] = await it.sql`
    select hash from orchestrator_trigger_keys where key_id = ${made.key_id}`;
  const all = (await it.ask("GET", "/orchestrator/keys")).text;
  assert.ok(!all.includes(hash) && !all.includes(made.key));
});

Deno.test("a wrong wish for a key is refused with its field", async () => {
  const wrong: [more: Json, path: string][] = [
    [{ name: "" }, "name"],
    [{ workflow_keys: [] }, "workflow_keys"],
    [{ workflow_keys: ["Open V1"] }, "workflow_keys[0]"],
    [{ user_id: "" }, "user_id"],
    [{ rate_per_minute: 0 }, "rate_per_minute"],
    [{ networks: [] }, "networks"],
    [{ networks: ["10.0.0.0/33"] }, "networks[0]"],
    [{ networks: ["home"] }, "networks[0]"],
    [{ expires_in: "0s" }, "expires_in"],
    [{ expires_in: "366d" }, "expires_in"],
    [{ expires_in: 90 }, "expires_in"],
    [{ hash: "0".repeat(64) }, "hash"],
  ];
  const before = await listKeys();
  for (const [more, path] of wrong) {
    const body = { name: "n", workflow_keys: ["*"], user_id: "u", ...more };
    const answer = await it.ask("POST", "/orchestrator/keys", { body });
    expectProblem(answer, { status: 400, kind: "invalid", path }, JSON.stringify(more));
  }
  assert.deepEqual(await listKeys(), before);
});

Deno.test("operators make and revoke keys, viewers look; the audit has neither key nor hash", async () => {
  const [viewer, operator] = [
    await createPerson(it, "viewer"),
    await createPerson(it, "operator"),
  ];
  const body = { name: "of ada", workflow_keys: ["open_v1"], user_id: "u" };
  assert.equal((await viewer.ask("GET", "/keys")).status, 200);
  assert.equal((await viewer.ask("POST", "/keys", body)).status, 403);
  const answer = await operator.ask("POST", "/keys", body);
  assert.deepEqual([answer.status, answer.headers.get("cache-control")], [201, "no-store"]);
  const made = answer.body as unknown as Key;
  assert.equal((await findKey(made)).created_by, operator.email);
  assert.equal((await viewer.ask("DELETE", `/keys/${made.key_id}`)).status, 403);
  assert.equal((await operator.ask("DELETE", `/keys/${made.key_id}`)).body.status, "revoked");
  const rows = await it.ask("GET", `/orchestrator/audit?target=${made.key_id}`);
  const audit = rows.body.rows as Json[];
  assert.deepEqual(
    audit.map(({ action, actor_name, result }) => [action, actor_name, result]),
    [
      ["key.revoke", operator.email, "revoked"],
      ["key.make", operator.email, "made"],
    ],
  );
  const statuses = audit.map(({ before, after }) =>
    [before, after].map((it) => (it as Json)?.status)
  );
  assert.deepEqual(statuses, [["active", "revoked"], [undefined, "active"]]);
  const [{ hash }] = await it.sql`
    select hash from orchestrator_trigger_keys where key_id = ${made.key_id}`;
  assert.ok(!rows.text.includes(hash) && !rows.text.includes(made.key.slice(20)));
});

Deno.test("what is no key of this project is a 401 that tells nothing", async () => {
  const key = await makeKey();
  const before = await it.count("workflow_runs");
  const [head, tail] = [key.key.slice(0, -1), key.key.slice(-1)];
  const wrong = { ...key, key: head + (tail === "A" ? "B" : "A") };
  const unknown = { ...key, key: key.key.replace(key.key_id, "0".repeat(12)) };
  await revoke(key);
  const details = new Set<unknown>();
  for (const bad of [wrong, unknown]) {
    const answer = await start(bad, "open_v1");
    expectProblem(answer, {
      status: 401,
      kind: "unauthorized",
      message: /not one of this project/,
    });
    details.add(answer.body.detail);
    assert.equal((await look(bad, crypto.randomUUID())).status, 401);
  }
  assert.equal(details.size, 1, "a wrong secret of a revoked key is told no more");
  const { secret, serviceRoleJwt, publishable } = it.stack.keys;
  for (
    const credential of [undefined, secret, serviceRoleJwt, publishable, "wok_", `${key.key}x`]
  ) {
    const headers: Record<string, string> = credential === undefined
      ? {}
      : { authorization: `Bearer ${credential}`, apikey: credential };
    const url = `${it.stack.url}/functions/v1/orchestrator/triggers/open_v1`;
    const answer = await send(url, "POST", { headers, body: {} });
    expectProblem(answer, { status: 401, kind: "unauthorized", message: /no trigger key/ });
  }
  const service = await send(`${it.stack.url}/functions/v1/orchestrator/runs`, "GET", {
    headers: { apikey: key.key },
  });
  assert.equal(service.status, 401, "a trigger key opens nothing else");
  assert.equal(await it.count("workflow_runs"), before);
});

Deno.test("a key that expired by the database's clock is refused with the reason", async () => {
  const key = await makeKey({ expires_in: "1h" });
  const run = await start(key, "open_v1");
  assert.equal(run.status, 202, run.text);
  await later(3_601_000, async () => {
    const message = new RegExp(`the trigger key ${key.key_id} expired at 20`);
    const expected = { status: 401, kind: "unauthorized", message };
    expectProblem(await start(key, "open_v1"), expected);
    expectProblem(await look(key, run.body.workflow_run_id), expected);
    assert.equal((await findKey(key)).status, "expired");
  });
  assert.equal((await look(key, run.body.workflow_run_id)).status, 200);
});

Deno.test("a revoked key starts and sees no more, also a request that waits", async () => {
  const gate = it.agents.hold("own/held");
  await publish("held_v1", {}, "own/held");
  const key = await makeKey();
  const waiting = start(key, "held_v1", { query: "?wait=25s" });
  const id = await waitFor("the run to begin", async () => {
    const [run] = await it.sql`
      select workflow_run_id from workflow_runs where trigger_key_id = ${key.key_id}`;
    return run?.workflow_run_id;
  });
  assert.equal((await revoke(key)).status, 200);
  const message = new RegExp(`the trigger key ${key.key_id} was revoked at 20`);
  const expected = { status: 401, kind: "unauthorized", message };
  expectProblem(await waiting, expected);
  expectProblem(await start(key, "open_v1"), expected);
  expectProblem(await look(key, id), expected);
  gate.open();
  const { revoked_at } = await findKey(key);
  assert.equal((await revoke(key)).body.revoked_at, revoked_at, "revoked once");
  for (const unknown of ["0".repeat(12), key.key]) {
    const answer = await it.ask("DELETE", `/orchestrator/keys/${unknown}`);
    expectProblem(answer, { status: 404, kind: "not_found" });
    assert.ok(!answer.text.includes(unknown));
  }
});

Deno.test("a key that is revoked between the check and the start starts nothing", async () => {
  const key = await makeKey();
  const begin = (idempotency_key: string | null) =>
    it.sql`select start_triggered_run(${key.key_id}, 'open_v1', 'u', '{}', ${idempotency_key}) as it`
      .then(([row]) => row.it.result as string);
  assert.equal(await begin("k"), "created");
  await revoke(key);
  assert.deepEqual([await begin("k"), await begin(null)], ["unknown_workflow", "unknown_workflow"]);
});

Deno.test("a key with networks is refused from elsewhere, whatever a request says of itself", async () => {
  const near = await makeKey({ networks: ["10.0.0.0/8", "127.0.0.1"] });
  assert.equal((await start(near, "open_v1")).status, 202);
  const far = await makeKey({ networks: ["10.0.0.0/8", "2001:db8::/32"] });
  const claims = ["cf-connecting-ip", "x-forwarded-for", "x-real-ip", "forwarded"];
  const headers = Object.fromEntries(claims.map((name) => [name, "10.1.2.3"]));
  for (const answer of [await start(far, "open_v1"), await start(far, "open_v1", { headers })]) {
    const message = new RegExp(
      `the trigger key ${far.key_id} may not be used from 127\\.0\\.0\\.1`,
    );
    expectProblem(answer, { status: 403, kind: "forbidden", message });
  }
});

Deno.test("a key has a rate of its own, refilled as time passes; a refusal tells when", async () => {
  const key = await makeKey({ rate_per_minute: 2 });
  const statuses: number[] = [];
  for (let count = 0; count < 2; count++) statuses.push((await start(key, "open_v1")).status);
  const refused = await start(key, "open_v1");
  expectProblem(refused, {
    status: 429,
    kind: "rate_limited",
    message: /takes 2 requests a minute/,
  });
  const seconds = Number(refused.headers.get("retry-after"));
  assert.ok(seconds > 20 && seconds <= 30, `${seconds} s`);
  await later(seconds * 1_000, async () => {
    statuses.push((await start(key, "open_v1")).status, (await start(key, "open_v1")).status);
  });
  assert.deepEqual(statuses, [202, 202, 202, 429]);
  assert.equal((await start(await makeKey(), "open_v1")).status, 202, "another key has its own");
});

Deno.test("last_used_at is written once a minute", async () => {
  const key = await makeKey();
  const use = async () => {
    assert.equal((await start(key, "open_v1")).status, 202);
    return (await findKey(key)).last_used_at;
  };
  const first = await use();
  assert.notEqual(first, null);
  assert.equal(await use(), first);
  assert.notEqual(await later(61_000, use), first);
});

Deno.test("a refusal is logged once a minute, with the reason and never with the key", async () => {
  const key = await makeKey({ networks: ["10.0.0.0/8"] });
  for (let count = 0; count < 3; count++) await start(key, "open_v1");
  const own = await waitFor("the event", () => {
    const found = readRefusals().filter(({ key_id }) => key_id === key.key_id);
    return found.length > 0 && found;
  });
  assert.deepEqual(
    own.map(({ level, reason, address }) => [level, reason, address]),
    [["warn", "network", "127.0.0.1"]],
  );
  const reasons = readRefusals().map(({ reason }) => reason);
  for (const reason of ["unknown_key", "no_key"]) {
    assert.equal(reasons.filter((it) => it === reason).length, 1, reason);
  }
  assert.doesNotMatch(it.stack.logs("orchestrator"), /wok_/);
});

Deno.test("no table has a key, and the hash is in its own table alone", async () => {
  const key = await makeKey();
  await start(key, "open_v1", { headers: { "idempotency-key": "k" } });
  const [{ hash }] = await it.sql`
    select hash from orchestrator_trigger_keys where key_id = ${key.key_id}`;
  const tables = await it.sql<{ name: string }[]>`
    select format('%I.%I', schemaname, tablename) as name from pg_tables
    where schemaname not in ('pg_catalog', 'information_schema')`;
  const found: string[] = [];
  for (const { name } of tables) {
    const [{ keys, hashes }] = await it.sql`
      select
        count(*) filter (where strpos(t::text, ${key.key.slice(17, 37)}) > 0)::int as keys,
        count(*) filter (where strpos(t::text, ${hash}) > 0)::int as hashes
      from ${it.sql.unsafe(name)} as t`;
    if (keys > 0) found.push(`${name}: the key`);
    if (hashes > 0) found.push(`${name}: the hash`);
  }
  assert.deepEqual(found, ["public.orchestrator_trigger_keys: the hash"]);
});

const PROJECT = { SUPABASE_URL: it.stack.url, SUPABASE_SECRET_KEY: it.stack.keys.secret };
const run = (args: string[], env: Record<string, string> = PROJECT) =>
  runScript(ROOT, "keys.ts", args, env);

Deno.test("deno task keys makes a key that works, lists it and revokes it", async () => {
  const options = ["--workflow", "open_v1", "--user", "shop", "--expires", "2d", "--rate", "7"];
  const made = await run(["make", "the shop", ...options, "--network", "127.0.0.0/8"]);
  assert.equal(made.code, 0, made.stderr);
  const [told, shown, ...rest] = made.stdout.trim().split("\n");
  const whole = shown.replace("shown only now: ", "");
  const key_id = whole.split("_")[1];
  assert.match(told, new RegExp(`^made the key ${key_id} \\(the shop\\), good until 20`));
  assert.deepEqual(rest, []);
  const key = { key_id, key: whole };
  const answer = await start(key, "open_v1");
  assert.equal(answer.status, 202, answer.text);

  const list = await run(["list"]);
  assert.equal(list.code, 0, list.stderr);
  assert.match(
    list.stdout,
    new RegExp(`^${key_id} +the shop +active +open_v1 +shop +7 +127\\.0\\.0\\.0/8 +20`, "m"),
  );
  assert.ok(!list.stdout.includes(whole));

  const revoked = await run(["revoke", key_id]);
  assert.match(revoked.stdout, new RegExp(`^the key ${key_id} \\(the shop\\) is revoked since 20`));
  assert.equal((await start(key, "open_v1")).status, 401);
  const { body } = await it.ask("GET", `/orchestrator/audit?target=${key_id}`);
  assert.deepEqual(
    (body.rows as Json[]).map(({ action, actor_id }) => [action, actor_id]),
    [["key.revoke", "keys"], ["key.make", "keys"]],
  );
});

Deno.test("deno task keys tells of workflows that the key cannot start yet", async () => {
  const named = ["open_v1", "nobody_v1", "daily_instructor_v1"].flatMap((it) => ["--workflow", it]);
  const { code, stdout, stderr } = await run(["make", "early", "--user", "u", ...named]);
  assert.equal(code, 0, stderr);
  assert.deepEqual(stdout.trim().split("\n").slice(2), [
    "there is no workflow nobody_v1 yet",
    "daily_instructor_v1 is not public: its file must say `public: true`",
  ]);
});

Deno.test("a wrong call of deno task keys ends with 2 and the help, an unknown key with 1", async () => {
  const calls: [args: string[], message: RegExp][] = [
    [[], /^expected make, list or revoke, got ""/],
    [["make"], /^NAME: /],
    [["make", "n", "--user", "u"], /^--workflow: /],
    [["make", "n", "--workflow", "*"], /^--user: /],
    [["make", "n", "--workflow", "*", "--user", "u", "--rate", "many"], /^--rate: /],
    [["make", "n", "--workflow", "*", "--user", "u", "--expires", "soon"], /^--expires: .*90d/],
    [["make", "n", "--workflow", "*", "--user", "u", "--network", "x"], /^--network: .*203\.0/],
    [["list", "x"], /^unknown argument: x/],
    [["revoke", "wok_something"], /^KEY_ID must be the key_id/],
    [["revoke"], /^KEY_ID must be the key_id/],
  ];
  for (const [args, message] of calls) {
    const { code, stdout, stderr } = await run(args);
    assert.deepEqual([code, stdout], [2, ""], args.join(" "));
    assert.match(stderr, message);
    assert.match(stderr, /deno task keys make NAME/);
    assert.ok(!stderr.includes("something"));
  }
  assert.equal((await run(["--help"], {})).code, 0);
  const unknown = await run(["revoke", "0".repeat(12)]);
  assert.deepEqual([unknown.code, unknown.stderr], [1, `there is no key ${"0".repeat(12)}\n`]);
  const wrongKey = await run(["list", "--key", "sb_secret_wrong"]);
  assert.equal(wrongKey.code, 1);
  assert.match(wrongKey.stderr, /the key is a secret key or the service_role key of this project/);
});
