// No key of the project is in a log or in a stored row, also after everything went wrong that can, and
// although an agent gave its caller's key away.
import assert from "node:assert/strict";
import { FAILURES } from "../../supabase/functions/agent-proxy/failures.ts";
import { waitFor } from "../harness/stack.ts";
import { openHttpStack } from "./http_stack.ts";

const it = await openHttpStack({ loops: { cron: false, net: true } });
Deno.test.afterAll(() => it.stop());

const { secret, serviceRoleJwt } = it.stack.keys;

/** The parts that make a key a secret: a cut or reformatted key must not slip through. */
async function listNeedles(): Promise<string[]> {
  const { jwtSecret } = JSON.parse(await Deno.readTextFile(`${it.stack.dataDir}/keys.json`));
  const signature = serviceRoleJwt.split(".")[2];
  return [secret.slice("sb_secret_".length, 24), signature.slice(0, 16), jwtSecret.slice(0, 16)];
}

// All but the one that takes as long as its timeout.
const QUICK_FAILURES = FAILURES.filter((failure) => failure !== "timeout");

/** Agents that answer with the credentials that they were called with. */
function letAgentsTalk(): string[] {
  const tell = (headers: Headers) =>
    `${headers.get("authorization")} ${headers.get("apikey")} and more`;
  it.agents.answer("own/error", ({ headers }) =>
    Response.json({ ok: false, error: `bad credentials: ${tell(headers)}` }));
  it.agents.answer("own/status", ({ headers }) =>
    new Response(`401 ${tell(headers)}`, { status: 401 }));
  it.agents.answer("own/html", ({ headers }) => new Response(`<p>${tell(headers)}</p>`));
  it.agents.answer("own/redirect", ({ headers }) =>
    new Response(null, {
      status: 302,
      headers: { location: `https://example.com/?key=${headers.get("apikey")}` },
    }));
  return ["own/error", "own/status", "own/html", "own/redirect"];
}

async function makeTrouble(): Promise<void> {
  const talkers = letAgentsTalk();
  const steps = [
    ...QUICK_FAILURES.map((id) => ({ id, call: "/functions/v1/agent-proxy/notify" })),
    ...talkers.map((path) => ({ id: path.replace("/", "_"), call: `/functions/v1/${path}` })),
  ];
  const source = JSON.stringify({
    key: "troubled",
    trigger: { type: "event", event_types: ["trouble"] },
    steps,
  });
  const agents = Object.fromEntries(QUICK_FAILURES.map((id) => [id, { fail_with: id }]));
  const published = await it.ask("POST", "/orchestrator/workflows", { body: { source } });
  assert.equal(published.status, 201, published.text);
  // Through SQL, so that Postgres rings; then a tick, which calls cron-orchestrator.
  await it.sql`
    insert into intent_events (user_id, type, payload)
    values ('u', 'trouble', ${it.sql.json({ agents })})`;
  await it.sql`select orchestrator.tick_cron()`;
  await waitFor("every step's first attempt", async () => {
    const [{ n }] = await it.sql`select count(distinct job_id)::int as n from job_attempts`;
    return n === steps.length;
  });
}

async function makeBadRequests(): Promise<void> {
  const wrong = { authorization: `Bearer ${serviceRoleJwt}x`, apikey: `${secret}x` };
  await it.ask("POST", "/orchestrator/dispatch", { headers: wrong, body: {} });
  await it.ask("GET", `/orchestrator/runs/${secret}?apikey=${secret}`);
  it.stack.setAway("database", true);
  for (const path of [`/orchestrator/workflows/${secret}`, `/orchestrator/jobs/1?k=${secret}`]) {
    assert.equal((await it.ask("GET", path)).status, 503);
  }
  it.stack.setAway("database", false);
}

Deno.test("no key is in a log or a stored row", async () => {
  await makeTrouble();
  await makeBadRequests();
  // The one place where a key is meant to be: pg_net takes the headers out of its queue's row, and the
  // row goes when the request is sent.
  await waitFor(
    "pg_net to send everything",
    async () =>
      await it.count("net.http_request_queue") === 0 && await it.count("net._http_response") >= 2,
  );

  const needles = await listNeedles();
  assert.ok(
    needles.every((needle) => needle.length >= 14),
    "the parts are long enough to be secret",
  );
  const found: string[] = [];
  const tables = await it.sql<{ name: string }[]>`
    select format('%I.%I', schemaname, tablename) as name from pg_tables
    where schemaname not in ('pg_catalog', 'information_schema')`;
  assert.ok(tables.length > 20, `only ${tables.length} tables`);
  for (const { name } of tables) {
    if (await isIn(name, needles)) found.push(name);
  }
  const folder = `${it.stack.dataDir}/logs`;
  const logs = [...Deno.readDirSync(folder)].map(({ name }) => name);
  for (const name of ["orchestrator.log", "cron-orchestrator.log", "agent-proxy.log"]) {
    assert.ok(logs.includes(name), `${name} of ${logs}`);
  }
  for (const name of logs) {
    const text = await Deno.readTextFile(`${folder}/${name}`);
    if (needles.some((needle) => text.includes(needle))) found.push(name);
  }
  assert.deepEqual(found, []);
});

Deno.test("the search finds a key where one is", async () => {
  assert.equal(await isIn("vault.decrypted_secrets", await listNeedles()), true);
});

Deno.test("what an agent said is kept, without the key in it", async () => {
  const rows = await it.sql<{ step_id: string; error_text: string }[]>`
    select q.step_id, a.error_text from job_attempts a join job_queue q using (job_id)
    where q.step_id like 'own_%' order by 1`;
  assert.deepEqual(rows.map((row) => ({ ...row })), [
    { step_id: "own_error", error_text: "bad credentials: Bearer [redacted] [redacted] and more" },
    {
      step_id: "own_html",
      error_text:
        "expected JSON with a boolean ok, got <p>Bearer [redacted] [redacted] and more</p>",
    },
    {
      step_id: "own_redirect",
      error_text: "redirects are not followed, got 302 to https://example.com/?key=[redacted]",
    },
    { step_id: "own_status", error_text: "status 401: 401 Bearer [redacted] [redacted] and more" },
  ]);
});

async function isIn(table: string, needles: string[]): Promise<boolean> {
  const patterns = needles.map((needle) => `%${needle.replace(/[\\%_]/g, "\\$&")}%`);
  const [{ n }] = await it.sql`
    select count(*)::int as n from ${
    it.sql.unsafe(table)
  } as t where t::text like any (${patterns})`;
  return n > 0;
}
