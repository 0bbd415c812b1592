// The keys that sign agent tokens: published before they sign and after, replaced without a gap or at once,
// and never told. No token is in a log or a stored row either.
import assert from "node:assert/strict";
import { decode } from "hono/jwt";
import { keepSigningKey } from "../../supabase/functions/_shared/agent_token/signing_key.ts";
import { createTokenCalls, readToken, TOKEN_AGENTS } from "./agent_token_calls.ts";
import { openHttpStack, send } from "./http_stack.ts";

const it = await openHttpStack({ env: TOKEN_AGENTS });
Deno.test.afterAll(() => it.stop());

const { publish, run, capture, replay, readJob } = createTokenCalls(it);
const { secret } = it.stack.keys;
await publish("takes_token", [{ id: "a", call: "/functions/v1/agent-proxy/echo" }]);

const KEYS_URL = `${it.stack.url}/functions/v1/orchestrator/.well-known/jwks.json`;

async function listKeyIds(): Promise<string[]> {
  const { body } = await send(KEYS_URL, "GET");
  return (body.keys as { kid: string }[]).map(({ kid }) => kid);
}

/** Minutes go by for the database, and longer than anybody keeps a key or a set of keys. */
async function passMinutes(minutes: number): Promise<void> {
  await it.sql`update orchestrator.clock set shift = shift + ${`${minutes} minutes`}::interval`;
  await Promise.all(["orchestrator", "agent-proxy"].map((name) => it.stack.restartFunction(name)));
}

const readKeyId = (token: string) => (decode(token).header as { kid?: string }).kid;

/** The id of the key that signs, of a call that its agent took. */
async function findSigner(): Promise<string | undefined> {
  const runId = await run("takes_token");
  const { status, error_text } = await readJob(runId);
  assert.equal(status, "success", String(error_text));
  return readKeyId(readToken(it.agents.of(runId)[0]));
}

Deno.test("everybody may read the public keys, and of the private one there is nothing but in Vault", async () => {
  const answer = await send(KEYS_URL, "GET");
  assert.equal(answer.status, 200);
  assert.equal(answer.headers.get("cache-control"), "public, max-age=300");
  const keys = answer.body.keys as Record<string, string>[];
  assert.equal(keys.length, 1);
  const { x: _x, kid: _kid, ...rest } = keys[0];
  assert.deepEqual(rest, { kty: "OKP", crv: "Ed25519", alg: "EdDSA", use: "sig" });
  const [row] = await it
    .sql`select public_key ? 'd' as is_private from orchestrator.agent_token_keys`;
  assert.equal(row.is_private, false);
});

Deno.test("no token and no signing key is in a log or a stored row, also when an agent says what it was sent", async () => {
  it.agents.answer("own/token", ({ headers }) =>
    Response.json({
      ok: false,
      error: `bad credentials: ${headers.get("authorization")} and more`,
    }));
  await publish("tells", [{ id: "a", call: "/functions/v1/own/token" }]);
  const told = await run("tells");
  assert.match(String((await readJob(told)).error_text), /^bad credentials: .* and more$/);
  const captured = await capture("agent-proxy/notify");
  const refused = await replay(captured, { path: "agent-proxy/echo" });
  assert.equal(refused.status, 401);
  await run("takes_token");

  const tokens = it.agents.calls.filter(({ headers }) => !headers.has("apikey")).map(readToken)
    .filter((token) => token !== "");
  assert.ok(tokens.length >= 3);
  const [{ key }] = await it.sql<{ key: string }[]>`
    select decrypted_secret::jsonb ->> 'd' as key from vault.decrypted_secrets
    where name like 'orchestrator/agent_token_key/%'`;
  // Signatures make tokens what they are; a token that was cut must not slip through.
  const needles = [key.slice(0, 16), ...tokens.map((token) => token.split(".")[2].slice(0, 16))];
  const found: string[] = [];
  const look = (place: string, text: string) => {
    if (needles.some((needle) => text.includes(needle))) found.push(place);
  };
  const tables = await it.sql<{ name: string }[]>`
    select format('%I.%I', schemaname, tablename) as name from pg_tables
    where schemaname not in ('pg_catalog', 'information_schema')`;
  for (const { name } of tables) {
    const [{ text }] = await it.sql.unsafe(
      `select string_agg(t::text, ' ') as text from ${name} t`,
    );
    look(name, text ?? "");
  }
  const folder = `${it.stack.dataDir}/logs`;
  for (const { name } of Deno.readDirSync(folder)) {
    look(name, await Deno.readTextFile(`${folder}/${name}`));
  }
  assert.deepEqual(found, []);
});

Deno.test("the request of a job shows where its token goes, and no token", async () => {
  const job = await readJob(await run("takes_token"));
  const { body } = await it.ask("GET", `/orchestrator/jobs/${job.job_id}/request`);
  const { authorization, apikey } = body.headers as Record<string, string>;
  assert.deepEqual([authorization, apikey], ["Bearer [redacted]", undefined]);
  assert.match(String(body.curl), /-H "authorization: Bearer \$SUPABASE_SERVICE_ROLE_KEY"/);
});

Deno.test("a rotation refuses no call: the next key is known before it signs, and the last one is good for a while", async () => {
  const first = await findSigner();
  const { key_id: second } = await keepSigningKey(it.db.rpc, "rotate");
  const early = await capture("agent-proxy/notify");
  assert.equal(readKeyId(readToken(early)), first);
  await passMinutes(16);
  assert.equal(await findSigner(), second);
  assert.deepEqual(await listKeyIds(), [first, second]);
  assert.equal((await replay(early)).status, 200, "what the last key signed is still good");
  await passMinutes(15);
  assert.deepEqual(await listKeyIds(), [second]);
  const late = await replay(early);
  assert.equal(late.status, 401, late.text);
});

Deno.test("without a key an agent that takes tokens is not called, least of all with the service key", async () => {
  await it.sql`delete from orchestrator.agent_token_keys`;
  await it.stack.restartFunction("orchestrator");
  const runId = await run("takes_token");
  const { status, error_class, error_text } = await readJob(runId);
  assert.deepEqual([status, error_class], ["dead", "internal"]);
  assert.match(String(error_text), /no key signs agent tokens: `deno task setup` makes one/);
  assert.deepEqual(it.agents.of(runId), []);
  assert.ok(it.agents.calls.every(({ headers }) => headers.get("apikey") !== secret));
});
