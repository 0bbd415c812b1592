// Tokens that look like good ones and are not: expired, early, foreign, unsigned, signed with what everybody
// can read, or meant for somebody else.
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { sign as signForeign } from "hono/jwt";
import type { HttpStack } from "./http_stack.ts";
import { createPerson } from "./signed_in.ts";

type Claims = Record<string, unknown>;

const ES256 = { alg: "ES256" } as const;
const CURVE = { name: "ECDSA", namedCurve: "P-256" };
const encode = (part: unknown) => Buffer.from(JSON.stringify(part)).toString("base64url");
const decode = (part: string) => JSON.parse(Buffer.from(part, "base64url").toString());

/** Each with what it is, as a test's name says it; their claims are an operator's, or the service's. */
export async function forgeTokens(it: HttpStack): Promise<[what: string, token: string][]> {
  const { stack } = it;
  const sign = stack.signJwt;
  const { userId, email, headers: { authorization } } = await createPerson(it, "operator");
  const user = { role: "authenticated", aud: "authenticated", sub: userId, email };
  const service = { role: "service_role" };
  const now = Math.floor(Date.now() / 1_000);
  const [head, claims, signature] = authorization.slice("Bearer ".length).split(".");
  const moved = encode({ ...decode(claims), role: "service_role" });
  // Not so soon that a slow run would see it begin.
  const early = { nbf: now + 3_600, exp: now + 7_200 };
  const elsewhere = { iss: "https://elsewhere.supabase.co/auth/v1", exp: now + 3_600 };
  return [
    ["an expired JWT of an operator", await sign(user, { ...ES256, expiresInSeconds: -1 })],
    ["an expired JWT of the service", await sign(service, { ...ES256, expiresInSeconds: -1 })],
    ["an expired legacy JWT of the service", await sign(service, { expiresInSeconds: -1 })],
    ["a JWT that is not valid yet", await sign({ ...user, ...early }, ES256)],
    [
      "a JWT of the service that is not valid yet",
      await sign({ ...service, ...early }, ES256),
    ],
    ["a JWT of a foreign issuer", await signElsewhere({ ...user, ...elsewhere })],
    ["a JWT of a foreign issuer's service", await signElsewhere({ ...service, ...elsewhere })],
    [
      "a JWT with the right key id and another signature",
      await sign(user, {
        ...ES256,
        key: "foreign",
      }),
    ],
    [
      "a service JWT with the right key id and another signature",
      await sign(service, {
        ...ES256,
        key: "foreign",
      }),
    ],
    ["a legacy JWT of another secret", await sign(service, { key: "foreign" })],
    ["a legacy JWT of a user", await sign(user)],
    ["a legacy JWT of the service that nobody has configured", await sign(service)],
    ["a JWT with alg none", `${encode({ ...decode(head), alg: "none" })}.${claims}.`],
    [
      "a JWT with alg None and its signature",
      `${encode({ ...decode(head), alg: "None" })}.${claims}.${signature}`,
    ],
    ["a JWT without its signature", `${head}.${claims}.`],
    ["a JWT whose claims were changed", `${head}.${moved}.${signature}`],
    ["a JWT for another audience", await sign({ ...user, aud: "https://elsewhere.test" }, ES256)],
    ["a service JWT for another audience", await sign({ ...service, aud: "elsewhere" }, ES256)],
    ["a JWT of the role anon", await sign({ ...user, role: "anon" }, ES256)],
    ["a JWT of a role of the database", await sign({ ...user, role: "postgres" }, ES256)],
    ...await confuseAlgorithms(it, decode(head).kid, { ...service, exp: now + 3_600 }),
  ];
}

async function signElsewhere(claims: Claims): Promise<string> {
  const { privateKey } = await crypto.subtle.generateKey(CURVE, true, ["sign", "verify"]);
  const key = await crypto.subtle.exportKey("jwk", privateKey);
  return await signForeign(claims, { ...key, kid: crypto.randomUUID(), alg: "ES256" }, "ES256");
}

/** The public key, which anybody can read, as the shared secret of an HMAC, in each way of writing it. */
async function confuseAlgorithms(
  { stack }: HttpStack,
  kid: string,
  claims: Claims,
): Promise<[what: string, token: string][]> {
  const response = await fetch(`${stack.url}/auth/v1/.well-known/jwks.json`);
  const jwks: { keys: (JsonWebKey & { kid: string })[] } = await response.json();
  const key = jwks.keys.find((one) => one.kid === kid);
  assert.ok(key !== undefined, "the key that tokens are signed with is public");
  const imported = await crypto.subtle.importKey("jwk", key, CURVE, true, ["verify"]);
  const spki = Buffer.from(await crypto.subtle.exportKey("spki", imported));
  const pem = spki.toString("base64").match(/.{1,64}/g)!.join("\n");
  const secrets: [what: string, secret: Uint8Array<ArrayBuffer>][] = [
    ["the public key set", Buffer.from(JSON.stringify(jwks))],
    ["the public key", Buffer.from(JSON.stringify(key))],
    [
      "the public key as PEM",
      Buffer.from(`-----BEGIN PUBLIC KEY-----\n${pem}\n-----END PUBLIC KEY-----\n`),
    ],
    ["the public key's bytes", spki],
  ];
  return await Promise.all(secrets.map(async ([what, secret]): Promise<[string, string]> => {
    const hmac = { name: "HMAC", hash: "SHA-256" };
    const signed = `${encode({ alg: "HS256", kid, typ: "JWT" })}.${encode(claims)}`;
    const signer = await crypto.subtle.importKey("raw", secret, hmac, false, ["sign"]);
    const signature = await crypto.subtle.sign("HMAC", signer, Buffer.from(signed));
    return [
      `a JWT signed with ${what} as a secret`,
      `${signed}.${Buffer.from(signature).toString("base64url")}`,
    ];
  }));
}
