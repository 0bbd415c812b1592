// Everything that somebody could send as a credential, good and bad, and where: what each is worth is said
// here, and what that opens follows from the level of the route alone.
import assert from "node:assert/strict";
import { createCallbackTokens } from "../../supabase/functions/_shared/callback/token.ts";
import type { AccessLevel } from "../../supabase/functions/_shared/http/access.ts";
import { createCaller } from "../operations/trigger_caller.ts";
import { forgeTokens } from "./forged_tokens.ts";
import type { HttpStack } from "./http_stack.ts";
import {
  KNOWN_SOURCE,
  type OwnCredential,
  PUBLIC_WORKFLOW,
  type SampleCall,
} from "./sample_calls.ts";
import { createPerson } from "./signed_in.ts";

type Headers = Record<string, string>;

export interface Credential {
  /** As a test's name says it. */
  what: string;
  standing: "nobody" | Exclude<AccessLevel, "open">;
  headers?: Headers;
  /** With its question mark. */
  query?: string;
  /** Members that a body gets besides its own. */
  members?: Record<string, string>;
  /** In the place of a callback's token. */
  token?: string;
  opens?: OwnCredential;
}

const RANKS = ["nobody", "user", "viewer", "operator", "service"];

/** What becomes of a request: let in, whatever the route then answers, or refused with this status. */
type Verdict = "let in" | 401 | 403;

/** What a route makes of a credential. */
export function judge(
  { level, opensWith }: SampleCall,
  { standing, opens }: Credential,
): Verdict {
  if (level === "open") return opensWith === "none" || opensWith === opens ? "let in" : 401;
  if (RANKS.indexOf(standing) >= RANKS.indexOf(level)) return "let in";
  return standing === "nobody" ? 401 : 403;
}

const bearer = (key: string): Headers => ({ authorization: `Bearer ${key}` });
const ES256 = { alg: "ES256" } as const;

/** Makes them all; `scraperToken` is the one that the stack was started with. */
export async function makeCredentials(it: HttpStack, scraperToken: string): Promise<Credential[]> {
  const { publishable: apikey, secret } = it.stack.keys;
  const operator = await createPerson(it, "operator");
  const operatorToken = operator.headers.authorization.slice("Bearer ".length);
  const own = await makeOwnCredentials(it, scraperToken);
  const forged = await forgeTokens(it);
  return [
    ...listWrongKeys(it),
    ...forged.map(([what, token]): Credential => ({
      what,
      standing: "nobody",
      headers: { apikey, ...bearer(token) },
    })),
    ...await listPeople(it),
    { what: "an operator's token", standing: "operator", headers: operator.headers },
    { what: "an operator's token as key", standing: "nobody", headers: { apikey: operatorToken } },
    ...await listServiceCredentials(it),
    ...own,
    misplace("the secret key", secret),
    misplace("an operator's token", operatorToken),
    ...own.filter(({ headers }) => headers?.authorization !== undefined)
      .map(({ what, headers }) => misplace(what, headers!.authorization.slice("Bearer ".length))),
  ];
}

function listWrongKeys({ stack }: HttpStack): Credential[] {
  const { publishable, secret, anonJwt } = stack.keys;
  const middle = Math.floor(secret.length / 2);
  const changed = `${secret.slice(0, middle)}${secret[middle] === "A" ? "B" : "A"}${
    secret.slice(middle + 1)
  }`;
  const wrong = `sb_secret_${crypto.randomUUID()}`;
  const cases: [what: string, headers: Headers][] = [
    ["no key", {}],
    ["an empty key", { apikey: "", ...bearer("") }],
    ["the publishable key", { apikey: publishable }],
    ["the publishable key as bearer", bearer(publishable)],
    ["the legacy anon JWT", { apikey: anonJwt, ...bearer(anonJwt) }],
    ["another project's secret key", { apikey: wrong }],
    ["another project's secret key as bearer", { apikey: publishable, ...bearer(wrong) }],
    ["the secret key with another character", { apikey: changed }],
    ["the secret key with another character as bearer", bearer(changed)],
    ["the beginning of the secret key", { apikey: secret.slice(0, -1) }],
    ["the secret key with more behind it", { apikey: `${secret}A` }],
    ["the secret key twice", { apikey: `${secret}${secret}` }],
    ["the secret key without a scheme", { authorization: secret }],
    ["the secret key in another scheme", { authorization: `Basic ${btoa(`${secret}:${secret}`)}` }],
  ];
  return cases.map(([what, headers]) => ({ what, standing: "nobody", headers }));
}

async function listPeople(it: HttpStack): Promise<Credential[]> {
  const stranger = await createPerson(it, null);
  const anonymous = await createPerson(it, "operator", { is_anonymous: true });
  const claimant = await createPerson(it, null, {
    user_role: "operator",
    app_metadata: { role: "operator" },
  });
  const viewer = await createPerson(it, "viewer");
  const former = await createPerson(it, "operator");
  const gone = await createPerson(it, "operator");
  for (const { ask } of [former, gone]) assert.equal((await ask("GET", "/runs")).status, 200);
  await it.sql`delete from orchestrator_operators where user_id = ${former.userId}`;
  await it.sql`delete from auth.users where id = ${gone.userId}`;
  return [
    { what: "the token of a user without a role", standing: "user", headers: stranger.headers },
    { what: "the token of an anonymous user", standing: "user", headers: anonymous.headers },
    { what: "a token that names a role itself", standing: "user", headers: claimant.headers },
    { what: "the token of who was an operator", standing: "user", headers: former.headers },
    { what: "the token of a deleted operator", standing: "user", headers: gone.headers },
    { what: "a viewer's token", standing: "viewer", headers: viewer.headers },
  ];
}

async function listServiceCredentials({ stack }: HttpStack): Promise<Credential[]> {
  const { publishable, secret, serviceRoleJwt } = stack.keys;
  const signed = await stack.signJwt({ role: "service_role" }, ES256);
  const cases: [what: string, headers: Headers][] = [
    ["the secret key", { apikey: secret }],
    ["the secret key as bearer", bearer(secret)],
    ["the legacy service_role JWT", { apikey: serviceRoleJwt }],
    ["the legacy service_role JWT as bearer", { apikey: publishable, ...bearer(serviceRoleJwt) }],
    ["a service_role JWT of the project's signing key", bearer(signed)],
    ["the secret key beside a service JWT", { apikey: secret, ...bearer(serviceRoleJwt) }],
  ];
  return cases.map(([what, headers]) => ({ what, standing: "service", headers }));
}

/** What open routes take, each of them nothing but its own. */
async function makeOwnCredentials(it: HttpStack, scraperToken: string): Promise<Credential[]> {
  const { publish, makeKey } = createCaller(it);
  await publish(PUBLIC_WORKFLOW, { steps: [{ id: "a", sleep: "1h" }] });
  const { key } = await makeKey();
  const senderKey = crypto.randomUUID();
  const saved = await it.ask("PUT", `/orchestrator/hooks/${KNOWN_SOURCE}`, {
    body: {
      preset: "api_key",
      settings: { header: "authorization", prefix: "Bearer " },
      event_type: "sneaked",
      user_id: "u",
      secret: senderKey,
    },
  });
  assert.equal(saved.status, 200, saved.text);
  const claims = { jobId: 987_654, generation: 1, attempt: 1, expiresAt: Date.now() + 3_600_000 };
  const token = await createCallbackTokens(it.stack.keys.secret).sign(claims);
  return [
    { what: "a trigger key", standing: "nobody", headers: bearer(key), opens: "trigger key" },
    {
      what: "a trigger key as key",
      standing: "nobody",
      headers: { apikey: key },
      opens: "trigger key",
    },
    {
      what: "a scraper's token",
      standing: "nobody",
      headers: bearer(scraperToken),
      opens: "scraper",
    },
    { what: "a scraper's token as key", standing: "nobody", headers: { apikey: scraperToken } },
    {
      what: "a sender's key",
      standing: "nobody",
      headers: bearer(senderKey),
      opens: "sender's key",
    },
    { what: "a callback's token", standing: "nobody", token, opens: "callback token" },
  ];
}

/** The same credential in every place where none is looked for, all at once. */
function misplace(what: string, key: string): Credential {
  const names = ["apikey", "Authorization", "access_token", "token", "key"];
  const cookies = ["sb-access-token", "sb-127-auth-token", ...names];
  return {
    what: `${what} in the query, in cookies, in the body and in other headers`,
    standing: "nobody",
    query: `?${names.map((name) => `${name}=${encodeURIComponent(key)}`).join("&")}`,
    members: Object.fromEntries(names.map((name) => [name, key])),
    headers: {
      cookie: cookies.map((name) => `${name}=${key}`).join("; "),
      ...{ "x-api-key": key, "x-apikey": key, "x-supabase-auth": key },
      ...{ "x-forwarded-authorization": `Bearer ${key}`, "x-amz-security-token": key },
      ...{ "proxy-authorization": `Bearer ${key}`, "sec-websocket-protocol": key },
    },
  };
}
